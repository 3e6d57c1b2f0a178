"""The startup datastore outlives the device; --reset forgets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from agent.app.errors import StateError
from agent.app.startup import CERTIFICATES, ROLLBACK, STARTUP, KeptCapabilities, KeptCertificates, Rollback, Startup
from agent.app.state import StateDirectory
from tests.support.chapter import Emulation
from tests.support.netconf_wire import error, text, texts

KEEP = "<copy-config><target><startup/></target><source><running/></source></copy-config>"
FORGET = "<delete-config><target><startup/></target></delete-config>"
ADD = (
    "<edit-config><target><running/></target><config><ike xmlns='urn:ipsec-agent:ike'><proposal><name>added</name>"
    "<authentication-algorithm>md5</authentication-algorithm><encryption-algorithm>des-cbc</encryption-algorithm>"
    "<dh-group>group1</dh-group></proposal></ike></config></edit-config>"
)
IKE = '<ike xmlns="urn:ipsec-agent:ike"/>'
NAMES = "ike:ike/ike:proposal/ike:name"


def test_a_kept_configuration_is_what_the_next_boot_begins_with(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state)).connect()
        wire.rpc(ADD)
        wire.rpc(KEEP)
        again = Emulation(startup=Startup(state))
        assert texts(again.connect().get_config(IKE), NAMES) == ["ike-proposal", "added"]
        assert next(iter(again.gateway.device.ike_sas.values())).is_matured, "the sealed key opens again"
        startup = again.connect().rpc(f"<get-config><source><startup/></source><filter>{IKE}</filter></get-config>")
        assert texts(startup, f"nc:data/{NAMES}") == ["ike-proposal", "added"]


def test_what_was_not_kept_is_gone_after_a_restart(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        Emulation(startup=Startup(state)).connect().rpc(ADD)
        assert not (tmp_path / STARTUP).exists()
        assert texts(Emulation(startup=Startup(state)).connect().get_config(IKE), NAMES) == ["ike-proposal"]


def test_no_secret_is_kept_as_it_was_given(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        Emulation(startup=Startup(state)).connect().rpc(KEEP)
        kept = (tmp_path / STARTUP).read_text()
    assert "$sealed$" in kept
    assert "between-" not in kept


def test_a_deleted_startup_leaves_no_file(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state)).connect()
        wire.rpc(KEEP)
        wire.rpc(FORGET)
        assert not (tmp_path / STARTUP).exists()
        assert Startup(state).load() is None


PROPOSAL = "<proposal><name>added</name><authentication-algorithm>md5</authentication-algorithm>"
DAMAGED = {
    "cut off": b'<config><ike xmlns="urn:ipsec-agent:ike"><proposal>',
    "empty": b"",
    "of another program": b'<config><ike xmlns="urn:ipsec-agent:ike"><nonsense/></ike></config>',
    "half of it right": f'<config><ike xmlns="urn:ipsec-agent:ike">{PROPOSAL}</proposal><x/></ike></config>'.encode(),
    "not valid": b'<config><ike xmlns="urn:ipsec-agent:ike"><policy><peer-address>1.1.1.1</peer-address></policy></ike>'
    b"</config>",
    "no text": b"\x00\xff\x00",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_startup_that_is_damaged_is_set_aside_and_nothing_of_it_is_loaded(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with StateDirectory.open(tmp_path) as state:
        state.write(STARTUP, content)
        wire = Emulation(startup=Startup(state)).connect()
        assert texts(wire.get_config(IKE), NAMES) == ["ike-proposal"], "the scenario's"
        assert text(wire.rpc("<get-config><source><startup/></source></get-config>"), "nc:data") == ""
    assert not (tmp_path / STARTUP).exists()
    assert (tmp_path / f"{STARTUP}.damaged").read_bytes() == content
    assert f"{tmp_path / STARTUP}.damaged" in caplog.text


def test_what_was_set_aside_before_is_kept(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        for content in (b"first", b"second", b"third"):
            state.write(STARTUP, content)
            Emulation(startup=Startup(state))
    kept = [(tmp_path / f"{STARTUP}.damaged{suffix}").read_bytes() for suffix in ("", "-2", "-3")]
    assert kept == [b"first", b"second", b"third"]


CONFIRMED = "<commit><confirmed/><persist>later</persist></commit>"
ADD_TO_CANDIDATE = ADD.replace("running", "candidate")


def test_a_commit_that_nobody_has_confirmed_is_undone_by_a_restart(tmp_path: Path) -> None:
    """RFC 6241 section 8.4.1."""
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state), rollback=Rollback(state)).connect()
        wire.rpc(ADD_TO_CANDIDATE)
        wire.rpc(CONFIRMED)
        assert texts(wire.get_config(IKE), NAMES) == ["ike-proposal", "added"]
        again = Emulation(startup=Startup(state), rollback=Rollback(state)).connect()
        assert texts(again.get_config(IKE), NAMES) == ["ike-proposal"]
        assert error(again.rpc("<commit><persist-id>later</persist-id></commit>"))["error-tag"] == "invalid-value"
    assert not (tmp_path / ROLLBACK).exists()


def test_a_restart_goes_back_even_if_startup_was_written_in_between(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state), rollback=Rollback(state)).connect()
        wire.rpc(ADD_TO_CANDIDATE)
        wire.rpc(CONFIRMED)
        wire.rpc(KEEP)
        again = Emulation(startup=Startup(state), rollback=Rollback(state)).connect()
        assert texts(again.get_config(IKE), NAMES) == ["ike-proposal"]
        startup = again.rpc(f"<get-config><source><startup/></source><filter>{IKE}</filter></get-config>")
        assert texts(startup, f"nc:data/{NAMES}") == ["ike-proposal", "added"], "startup is what was written"


def test_a_confirmed_commit_survives_a_restart_once_it_is_confirmed_and_kept(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state), rollback=Rollback(state)).connect()
        wire.rpc(ADD_TO_CANDIDATE)
        wire.rpc(CONFIRMED)
        wire.rpc("<commit><persist-id>later</persist-id></commit>")
        wire.rpc(KEEP)
        again = Emulation(startup=Startup(state), rollback=Rollback(state)).connect()
        assert texts(again.get_config(IKE), NAMES) == ["ike-proposal", "added"]


def test_a_damaged_rollback_is_set_aside_and_startup_holds(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state)).connect()
        wire.rpc(ADD)
        wire.rpc(KEEP)
        state.write(ROLLBACK, b"<config>")
        again = Emulation(startup=Startup(state), rollback=Rollback(state)).connect()
        assert texts(again.get_config(IKE), NAMES) == ["ike-proposal", "added"]
    assert not (tmp_path / ROLLBACK).exists()
    assert (tmp_path / f"{ROLLBACK}.damaged").exists()


class FullDisk(Startup):
    """A state directory that takes nothing more."""

    def keep(self, xml: bytes) -> None:
        """Fail as a full disk does."""
        raise OSError(28, "No space left on device")


def test_a_startup_that_cannot_be_kept_is_refused_and_unchanged(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=FullDisk(state)).connect()
        refused = error(wire.rpc(KEEP))
        assert refused["error-tag"] == "operation-failed"
        assert "No space left" in refused["error-message"]
        reply = wire.rpc("<get-config><source><startup/></source></get-config>")
        assert text(reply, "nc:data") == ""


def test_a_directory_that_is_gone_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with StateDirectory.open(folder) as state:
        (folder / STARTUP).mkdir()
        with pytest.raises(StateError):
            Startup(state).load()


LIST = '<certificates xmlns="urn:ipsec-agent:certificates"><certificate><id/></certificate></certificates>'
IDS = "cert:certificates/cert:certificate/cert:id"


def delete(certificate: int) -> str:
    """Return the operation that deletes a certificate."""
    return f'<delete-certificate xmlns="urn:ipsec-agent:certificates"><id>{certificate}</id></delete-certificate>'


def test_the_certificate_database_is_what_it_was_before_a_restart(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        first = Emulation(certificates=KeptCertificates(state))
        wire = first.connect()
        assert sorted(texts(wire.get(LIST), IDS)) == ["1", "4", "5"]
        wire.rpc(delete(4))
        first.advance(120)
        again = Emulation(certificates=KeptCertificates(state)).connect()
        assert sorted(texts(again.get(LIST), IDS)) == ["1", "5"]


def test_a_damaged_certificate_database_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        state.write(CERTIFICATES, b"{nonsense")
        with pytest.raises(StateError, match=r"certificates: .*--reset"):
            Emulation(certificates=KeptCertificates(state))


REPLAY = (
    '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
    "<startTime>2003-03-01T00:00:00Z</startTime></create-subscription>"
)


def told(state: StateDirectory, *extra: Path) -> list[str]:
    """Return what a device that is started now has told of its capabilities."""
    wire = Emulation(announced=KeptCapabilities(state), extra=extra).connect()
    wire.rpc(REPLAY)
    names = []
    while (message := wire.receive()) is not None:
        names.append(etree.QName(message[1]).localname)
    return [name for name in names if name in ("netconf-capability-change", "yang-library-update")]


def test_a_start_with_other_modules_than_before_is_told_of_in_the_log(tmp_path: Path) -> None:
    module = tmp_path / "toaster.yang"
    module.write_text('module toaster { namespace "urn:toaster"; prefix t; revision 2026-01-01; }')
    with StateDirectory.open(tmp_path / "state") as state:
        assert told(state) == [], "the first start"
        assert told(state) == [], "the same modules"
        assert told(state, module) == ["netconf-capability-change", "yang-library-update"]
        assert told(state, module) == []
