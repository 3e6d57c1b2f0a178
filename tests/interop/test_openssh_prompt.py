"""OpenSSH's client at the prompt of the running program, as people have it: commands, scripts, and NETCONF instead."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.support.served import Served, served
from tests.support.seven_commands import DENIED, SEVEN_COMMANDS, check_seven

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="the system package openssh-client is missing")

SETTINGS = """
[users.admin]
authorized-keys = ["{key}"]
[users.guest]
authorized-keys = ["{key}"]
"""
SCRIPT = "show version | match Model\nshow nonsense\nquit\nshow version\n"
BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
CAPABILITIES = "<capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities>"
MESSAGES = (
    f"<hello {BASE}>{CAPABILITIES}</hello>",
    f'<rpc {BASE} message-id="7"><get-software-information/></rpc>',
    f'<rpc {BASE} message-id="8"><close-session/></rpc>',
)


class OpenSsh:
    """The client, with a key that lets everybody in and host keys that it knows."""

    def __init__(self, server: Served, folder: Path) -> None:
        names = ("ssh_host_ed25519_key.pub", "ssh_host_rsa_key.pub")
        keys = [(server.state_directory / name).read_text() for name in names]
        known = folder / "known_hosts"
        known.write_text("".join(f"[{server.host}]:{server.port} {key}" for key in keys))
        options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": str(folder / "key"),
            "UserKnownHostsFile": str(known),
            "StrictHostKeyChecking": "yes",
        }
        self._command = ["ssh", "-F", "none", "-p", str(server.port)]
        self._command += [text for name, value in options.items() for text in ("-o", f"{name}={value}")]
        self._host = server.host

    def run(
        self, *words: str, user: str = "admin", given: str = "", options: tuple[str, ...] = ()
    ) -> tuple[int, str, str]:
        """Run a command, or without words a shell, and return its exit code, what it prints, and its complaint."""
        done = subprocess.run(
            [*self._command, *options, f"{user}@{self._host}", *words],
            input=given.encode(),
            capture_output=True,
            env={"PATH": os.environ["PATH"]},
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSsh]:
    folder = tmp_path_factory.mktemp("openssh")
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(folder / "key"))
    (folder / "key").chmod(0o600)
    (folder / "settings.toml").write_text(SETTINGS.format(key=key.export_public_key().decode().strip()))
    options = ("--scenario", "chapter", "--settings", str(folder / "settings.toml"))
    with served(folder / "state", *options) as server:
        yield OpenSsh(server, folder)


def test_the_seven_commands_do_what_they_say(openssh: OpenSsh) -> None:
    results = [openssh.run(command) for command in SEVEN_COMMANDS]
    assert [(code, errors) for code, _, errors in results] == [(0, "")] * len(results)
    check_seven([output for _, output, _ in results])


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("show nonsense", "syntax error"),
        ("show ike security-associations 9.9.9.9", "error: there is no IKE policy"),
        ("id", "unknown command"),
        ("sh -c id", "syntax error"),
    ],
)
def test_what_is_refused_is_exit_code_1_and_said_on_stderr(openssh: OpenSsh, command: str, complaint: str) -> None:
    code, output, errors = openssh.run(command)
    assert (code, output) == (1, "")
    assert complaint in errors


def test_a_script_is_carried_out_line_by_line(openssh: OpenSsh) -> None:
    code, output, errors = openssh.run(options=("-T",), given=SCRIPT)
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0] == "Model: m20"
    assert "Hostname: host" not in lines, "nothing is carried out after quit"
    assert not any("admin@host>" in line for line in lines), "there is no prompt without a terminal"


def test_a_command_on_a_terminal_ends_its_lines_for_it(openssh: OpenSsh) -> None:
    code, output, _ = openssh.run("show version | match Model", options=("-tt",))
    assert (code, output) == (0, "Model: m20\r\n")


def test_the_command_of_old_stands_for_the_subsystem(openssh: OpenSsh) -> None:
    given = "".join(f"{message}]]>]]>" for message in MESSAGES)
    code, output, errors = openssh.run("xml-mode", "netconf", "need-trailer", given=given)
    assert (code, errors) == (0, "")
    hello, reply, farewell, rest = output.split("]]>]]>")
    assert "http://xml.juniper.net/netconf/junos/1.0" in hello
    assert "<host-name>host</host-name>" in reply
    assert "ok" in farewell
    assert rest == ""


@pytest.mark.parametrize("words", [("show version",), ()], ids=["exec", "shell"])
def test_a_guest_is_denied(openssh: OpenSsh, words: tuple[str, ...]) -> None:
    code, output, errors = openssh.run(*words, user="guest", given="" if words else "show version\n", options=("-T",))
    assert (output + errors).strip() == f"error: {DENIED}"
    assert code == (1 if words else 0)


def test_another_subsystem_and_forwarding_are_refused(openssh: OpenSsh) -> None:
    code, output, _ = openssh.run("sftp", options=("-s",))
    assert (code, output) != (0, "")
    code, output, _ = openssh.run(options=("-W", "127.0.0.1:22"))
    assert code != 0
    assert output == ""
