"""OpenSSH's client, as people use it from a shell, against the SSH transport."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.support.sessions import ToySession
from tests.support.ssh_server import Server, Stage

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="the system package openssh-client is missing")


@dataclass(frozen=True)
class Result:
    code: int
    output: bytes
    errors: str


@dataclass(frozen=True)
class OpenSsh:
    """The client with a key that the server knows as ann's, and the server's host keys as known."""

    folder: Path
    host_keys: list[Path]

    async def run(self, server: Server, *arguments: str, given: bytes = b"", key: str = "key") -> Result:
        known = "".join(
            f"[127.0.0.1]:{server.port} {asyncssh.read_private_key(str(path)).export_public_key().decode()}"
            for path in self.host_keys
        )
        (self.folder / "known_hosts").write_text(known)
        options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": str(self.folder / key),
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "StrictHostKeyChecking": "yes",
        }
        process = await asyncio.create_subprocess_exec(
            *("ssh", "-F", "none", "-p", str(server.port)),
            *(text for name, value in options.items() for text in ("-o", f"{name}={value}")),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate(given)
        assert process.returncode is not None
        return Result(process.returncode, output, errors.decode())


@pytest.fixture
def openssh(stage: Stage, tmp_path: Path) -> OpenSsh:
    for name in ("key", "stranger"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(tmp_path / name))
        (tmp_path / name).chmod(0o600)
        if name == "key":
            stage.authenticator.keys["ann"] = [key.export_public_key().decode().strip()]
    return OpenSsh(tmp_path, stage.host_keys)


def test_the_subsystem_answers_what_is_piped_into_it(stage: Stage, openssh: OpenSsh) -> None:
    async def scene(server: Server) -> None:
        result = await openssh.run(server, "-s", "ann@127.0.0.1", "netconf", given=b"<rpc/>" * 50_000)
        assert (result.code, result.output) == (0, b"<rpc/>" * 50_000)

    stage.run(scene)


def test_a_command_stands_for_the_subsystem(stage: Stage, openssh: OpenSsh) -> None:
    async def scene(server: Server) -> None:
        result = await openssh.run(server, "ann@127.0.0.1", "xml-mode", "netconf", "need-trailer", given=b"<rpc/>")
        assert (result.code, result.output) == (0, b"<rpc/>")

    stage.run(scene)


def test_a_session_that_ends_itself_is_exit_code_0(stage: Stage, openssh: OpenSsh) -> None:
    stage.prototype = lambda: ToySession(output=bytearray(b"<hello/>"), finish_on=b"<close-session/>")

    async def scene(server: Server) -> None:
        result = await openssh.run(server, "-s", "ann@127.0.0.1", "netconf", given=b"<close-session/>")
        assert (result.code, result.output) == (0, b"<hello/><close-session/>")

    stage.run(scene)


def test_an_unknown_key_is_refused(stage: Stage, openssh: OpenSsh) -> None:
    async def scene(server: Server) -> None:
        result = await openssh.run(server, "-s", "ann@127.0.0.1", "netconf", key="stranger")
        assert result.code == 255
        assert "Permission denied" in result.errors

    assert stage.run(scene).sessions == []


@pytest.mark.parametrize(
    "arguments", [("ann@127.0.0.1", "id"), ("ann@127.0.0.1",), ("-s", "ann@127.0.0.1", "sftp")], ids=" ".join
)
def test_a_command_a_shell_and_another_subsystem_are_refused(
    stage: Stage, openssh: OpenSsh, arguments: tuple[str, ...]
) -> None:
    async def scene(server: Server) -> None:
        result = await openssh.run(server, *arguments)
        assert result.code != 0
        assert result.output == b""

    assert stage.run(scene).sessions == []
