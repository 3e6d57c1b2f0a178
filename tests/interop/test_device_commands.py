"""`ipsec-agent show`, `clear`, `request` and `shell` against the running program: replies, exit codes, host keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from agent.app.cli import commands
from tests.support.served import Served
from tests.support.seven_commands import DENIED, SEVEN_COMMANDS, check_seven


@dataclass(frozen=True)
class Program:
    """The command line, with a home of its own in which nothing is known of any host."""

    server: Served
    home: Path

    def run(self, *words: str, user: str = "admin", trust: bool = True, given: str = "") -> tuple[int, str, str]:
        """Run it against the server, and return its exit code, what it prints, and its complaint."""
        done = subprocess.run(
            [sys.executable, "-m", "agent", *self._line(words, user, trust=trust)],
            input=given,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def run_here(self, *words: str, user: str = "admin") -> tuple[int, str, str]:
        """Do the same within this process: many commands take no time."""
        done = CliRunner().invoke(commands, self._line(words, user, trust=True))
        return done.exit_code, done.stdout, done.stderr

    def _line(self, words: Sequence[str], user: str, *, trust: bool) -> list[str]:
        verb, *rest = words
        password = self.home / user
        password.write_text(f"{user}\n")
        options = ["--port", str(self.server.port), "--user", user, "--password-file", str(password)]
        options += ["--state-dir", str(self.server.state_directory)] if trust else []
        return [verb, *options, *rest]


@pytest.fixture
def program(chapter: Served, tmp_path: Path) -> Program:
    return Program(chapter, tmp_path)


def test_the_seven_commands_do_what_they_say(program: Program) -> None:
    results = [program.run_here(*command.split()) for command in SEVEN_COMMANDS]
    assert [(code, errors) for code, _, errors in results] == [(0, "")] * len(results)
    check_seven([output for _, output, _ in results])
    assert "\x1b" not in "".join(output for _, output, _ in results), "colours are for terminals"


def test_an_operator_may_run_them_too(program: Program) -> None:
    check_seven([program.run_here(*command.split(), user="operator")[1] for command in SEVEN_COMMANDS])


def test_a_reply_can_be_had_as_xml(program: Program) -> None:
    _, output, _ = program.run("show", "--format", "xml", "ike", "security-associations")
    assert etree.fromstring(output).findtext(".//{*}ike-sa-remote-address") == "4.4.4.4"


def test_a_reply_can_be_had_as_json(program: Program) -> None:
    _, output, _ = program.run("show", "ipsec", "redundancy", "interface", "--format", "json")
    assert "ipsec-pic-redundancy-information" in json.loads(output)


def test_a_name_with_blanks_is_one_word(program: Program) -> None:
    code, output, errors = program.run("show", "ipsec", "certificates", "crl", "C=us, O=nowhere")
    assert (code, output) == (1, "")
    assert "C=us, O=nowhere" in errors
    assert "syntax error" not in errors


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("show", "nonsense"), "show nonsense\n     ^\nsyntax error, expecting <command>\n"),
        (("clear", "ike", "security-associations", "9.9.9.9"), "error: there is no IKE policy and no IKE security"),
    ],
)
def test_what_the_device_refuses_is_exit_code_1(program: Program, words: tuple[str, ...], complaint: str) -> None:
    code, output, errors = program.run(*words)
    assert (code, output) == (1, "")
    assert errors.startswith(complaint)


@pytest.mark.parametrize("command", sorted({*SEVEN_COMMANDS}))
def test_a_guest_is_denied(program: Program, command: str) -> None:
    assert program.run_here(*command.split(), user="guest") == (1, "", f"error: {DENIED}\n")


@pytest.mark.parametrize("words", [("show",), ("show", "--format", "yaml", "version"), ("shell", "--port", "0")])
def test_wrong_usage_is_exit_code_2(program: Program, words: tuple[str, ...]) -> None:
    code, output, _ = program.run(*words)
    assert (code, output) == (2, "")


def test_options_that_exclude_one_another_are_wrong_usage(program: Program) -> None:
    key = str(program.server.state_directory / "ssh_host_rsa_key.pub")
    code, _, errors = program.run("show", "--insecure", "--host-key", key, "version")
    assert code == 2
    assert "--host-key and --insecure" in errors


def test_a_host_key_that_nothing_vouches_for_is_refused(program: Program) -> None:
    code, output, errors = program.run("show", "version", trust=False)
    assert (code, output) == (1, "")
    assert "nothing vouches for the host key" in errors


def test_another_host_key_than_the_one_that_is_named_is_refused(program: Program, tmp_path: Path) -> None:
    import asyncssh

    other = tmp_path / "other.pub"
    other.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
    assert program.run("show", "--host-key", str(other), "version")[0] == 1


@pytest.mark.parametrize("way", ["--host-key", "--insecure", "known_hosts", "state home"])
def test_a_host_key_is_known_in_other_ways_too(program: Program, way: str) -> None:
    key = program.server.state_directory / "ssh_host_ed25519_key.pub"
    options = {"--host-key": ["--host-key", str(key)], "--insecure": ["--insecure"]}.get(way, [])
    if way == "known_hosts":
        (program.home / ".ssh").mkdir()
        line = f"[{program.server.host}]:{program.server.port} {key.read_text()}"
        (program.home / ".ssh" / "known_hosts").write_text(line)
    if way == "state home":
        kept = program.home / ".local" / "state" / "ipsec-agent" / "chapter"
        kept.mkdir(parents=True)
        (kept / key.name).write_text(key.read_text())
    code, output, errors = program.run("show", *options, "version", trust=False)
    assert (code, errors) == (0, "")
    assert "Model: m20" in output


def test_a_wrong_password_and_a_closed_port_are_exit_code_1(program: Program) -> None:
    code, _, errors = program.run("show", "version", user="nobody")
    assert code == 1
    assert "does not let 'nobody' in" in errors
    code, _, errors = program.run("show", "--port", "1", "version")
    assert code == 1
    assert "127.0.0.1:1" in errors


def test_the_shell_takes_a_script(program: Program) -> None:
    code, output, errors = program.run("shell", given="show version | match Model\nshow nonsense\n")
    assert (code, output) == (1, "Model: m20\n")
    assert "syntax error" in errors
