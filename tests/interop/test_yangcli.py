"""yangcli of yuma123, with a parser for YANG and an SSH library of its own, against the running program.

It fetches every module that the hello announces before it does anything, and checks each reply against them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from lxml import etree

from tests.interop.test_ncclient import connect
from tests.support.manager_work import has_proposal, proposal, removal
from tests.support.served import Served

LIBRARY: Final = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
pytestmark = [
    pytest.mark.skipif(shutil.which("yangcli") is None, reason="the system package yangcli is missing"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


@dataclass(frozen=True)
class Yangcli:
    """Runs scripts of commands, each in a session of its own."""

    server: Served
    folder: Path
    options: tuple[str, ...] = ()

    def run(self, *commands: str, user: str = "admin") -> str:
        """Return what is printed; a script ends at the first command that is refused."""
        script = self.folder / "script"
        script.write_text("\n".join((*commands, "")))
        to = (f"--server={self.server.host}", f"--ncport={self.server.port}", f"--user={user}", f"--password={user}")
        done = subprocess.run(
            ["yangcli", *to, *self.options, "--batch-mode", f"--run-script={script}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self.folder)},
        )
        return done.stdout + done.stderr

    def file(self, config: str) -> str:
        """Write what is in a config element to a file and return it as a value of a parameter."""
        path = self.folder / "edit.xml"
        path.write_bytes(etree.tostring(etree.fromstring(config)[0]))
        return f"@{path}"


@pytest.fixture
def yangcli(chapter: Served, tmp_path: Path) -> Yangcli:
    return Yangcli(chapter, tmp_path)


def test_our_modules_are_fetched_and_compile(yangcli: Yangcli) -> None:
    shown = yangcli.run("show modules")
    for module in ("ike", "ipsec", "interfaces", "redundancy", "certificates", "emulation"):
        assert f"ipsec-agent-{module}@" in shown
        assert f"Auto-load for module 'ipsec-agent-{module}' failed" not in shown
    assert "Protocol version set to: RFC 6241 (base:1.1)" in shown


def test_what_modules_import_can_be_had_so_that_they_compile(yangcli: Yangcli, chapter: Served) -> None:
    """yangcli fetches no imports by itself; ietf-subscribed-notifications has more of YANG 1.1 than it can read."""
    refused = "Auto-load for module '{}' failed".format
    shown = yangcli.run("show modules")
    assert refused("ietf-nmda-compare") in shown
    modules = fetch_imports(chapter, yangcli.folder / "modules")
    shown = replace(yangcli, options=(f"--modpath={modules}",)).run("show modules")
    for module in ("ietf-nmda-compare@2021-12-10", "ietf-origin@2018-02-14"):
        assert module in shown
        assert refused(module.partition("@")[0]) not in shown


def fetch_imports(server: Served, folder: Path) -> Path:
    """Put every module that the library says is only imported into a folder, from get-schema."""
    folder.mkdir()
    library = f'<yang-library xmlns="{LIBRARY}"><module-set><import-only-module/></module-set></yang-library>'
    with connect(server) as session:
        data = etree.fromstring(session.get(filter=("subtree", library)).data_xml.encode())
        for entry in data.iter(f"{{{LIBRARY}}}import-only-module"):
            name, revision = (entry.findtext(f"{{{LIBRARY}}}{leaf}") for leaf in ("name", "revision"))
            text = session.get_schema(name, version=revision).data
            (folder / f"{name}@{revision}.yang").write_text(text)
    return folder


def test_an_expression_with_prefixes_selects(yangcli: Yangcli) -> None:
    shown = yangcli.run("xget /nacm:nacm/nacm:denied-operations", "xget-config source=running select=/nacm:nacm")
    assert "denied-operations" in shown
    assert "rule-list operator" in shown


def test_a_name_without_a_prefix_is_in_no_namespace(yangcli: Yangcli) -> None:
    shown = yangcli.run("xget /nacm/denied-operations")
    assert "RPC Data Reply" in shown
    assert "denied-operations" not in shown.partition("RPC Data Reply")[2]


def test_state_and_configuration_are_got(yangcli: Yangcli) -> None:
    shown = yangcli.run(
        "sget /ike/security-associations", "sget-config source=running /ike", "get-config source=candidate"
    )
    assert shown.count("RPC Data Reply") == 3
    assert "remote-address 4.4.4.4" in shown
    assert "proposal ike-proposal {" in shown


def test_a_candidate_is_edited_validated_and_committed(yangcli: Yangcli, chapter: Served) -> None:
    shown = yangcli.run(
        "lock target=candidate",
        f"edit-config target=candidate config={yangcli.file(proposal('yangcli'))}",
        "validate source=candidate",
        "commit",
        "unlock target=candidate",
    )
    assert shown.count("RPC OK Reply") == 5
    with connect(chapter) as other:
        assert has_proposal(other, "yangcli")
        yangcli.run("delete /ike/proposal[name='yangcli']", "commit")
        assert not has_proposal(other, "yangcli")


def test_what_is_discarded_was_never_there(yangcli: Yangcli, chapter: Served) -> None:
    added = yangcli.file(proposal("yangcli-discarded"))
    shown = yangcli.run(f"edit-config target=candidate config={added}", "discard-changes", "commit")
    assert shown.count("RPC OK Reply") == 3
    with connect(chapter) as other:
        assert not has_proposal(other, "yangcli-discarded")


def test_running_is_copied_to_startup_and_that_deleted(yangcli: Yangcli, chapter: Served) -> None:
    assert "RPC OK Reply" in yangcli.run("copy-config source=running target=startup")
    with connect(chapter) as other:
        assert has_proposal(other, "ike-proposal", "startup")
        assert "RPC OK Reply" in yangcli.run("delete-config target=startup")
        assert not has_proposal(other, "ike-proposal", "startup")


def test_a_schema_is_fetched_by_name(yangcli: Yangcli) -> None:
    assert "module ipsec-agent-ike {" in yangcli.run("get-schema identifier=ipsec-agent-ike format=yang")


def test_a_subscriber_is_told_what_happens_in_its_session(yangcli: Yangcli) -> None:
    path = yangcli.folder / "removal.xml"
    path.write_bytes(etree.tostring(etree.fromstring(removal("yangcli-told"))[0]))
    shown = yangcli.run(
        "create-subscription",
        f"edit-config target=running config={yangcli.file(proposal('yangcli-told'))}",
        f"edit-config target=running config=@{path}",
        "get-config source=running",
    )
    assert "Incoming notification:" in shown
    assert "netconf-config-change" in shown


def test_an_operation_of_ours_is_called_and_its_error_shown(yangcli: Yangcli) -> None:
    assert "cleared" in yangcli.run("clear-ike-security-associations")
    shown = yangcli.run("clear-ike-security-associations peer-address=9.9.9.9")
    assert "error-app-tag unknown-peer" in shown


def test_a_session_is_killed(yangcli: Yangcli, chapter: Served) -> None:
    victim = connect(chapter)
    assert "RPC OK Reply" in yangcli.run(f"kill-session session-id={victim.session_id}")
    assert "error-tag invalid-value" in yangcli.run(f"kill-session session-id={victim.session_id}")


def test_a_session_is_closed_in_order(yangcli: Yangcli) -> None:
    shown = yangcli.run("close-session")
    assert "shut by remote peer" in shown
    assert "RPC OK Reply" in shown or "<ok/>" in shown, "as it is printed when the end comes with it"


def test_who_may_not_is_told_so(yangcli: Yangcli) -> None:
    assert "error-tag access-denied" in yangcli.run("lock target=running", user="operator")
