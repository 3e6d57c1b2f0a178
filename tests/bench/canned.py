"""The limit of what a server in asyncssh can do: each request is answered with the same bytes, and not looked at."""

from __future__ import annotations

import asyncio
import sys

import asyncssh

from tests.bench.netconf_client import ADMIN, END_OF_CHUNKS, END_OF_HELLO, HELLO


class CannedSession(asyncssh.SSHServerSession[bytes]):
    """Counts the ends of messages and answers each."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self._input = b""
        self._has_greeted = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def session_started(self) -> None:
        self._channel.write(HELLO)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._input += data
        if not self._has_greeted:
            _, end, self._input = self._input.partition(END_OF_HELLO)
            self._has_greeted = bool(end)
        *requests, self._input = self._input.split(END_OF_CHUNKS)
        for _ in requests:
            self._channel.write(self._reply)


class CannedServer(asyncssh.SSHServer):
    """Knows one user."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (ADMIN.user, ADMIN.password)

    def session_requested(self) -> CannedSession:
        return CannedSession(self._reply)


async def serve(size: int) -> None:
    """Serve replies of so many bytes until ended."""
    body = b"<rpc-reply>".ljust(size, b" ")
    reply = b"\n#%d\n%b\n##\n" % (len(body), body)
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=lambda: CannedServer(reply), server_host_keys=[key], encoding=None
    )
    print(f"ready ssh 127.0.0.1:{acceptor.get_port()}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
