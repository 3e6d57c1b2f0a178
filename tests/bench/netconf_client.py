"""A NETCONF client that costs as little as it can: asyncssh and chunked framing (RFC 6242), replies not parsed."""

from __future__ import annotations

import asyncio

import asyncssh

END_OF_HELLO = b"]]>]]>"
END_OF_CHUNKS = b"\n##\n"
HELLO = (
    b'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>'
    b"<capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>" + END_OF_HELLO
)


def request(message_id: int, operation: bytes) -> bytes:
    """One rpc as one chunk."""
    rpc = b'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="%d">%b</rpc>' % (message_id, operation)
    return b"\n#%d\n%b\n##\n" % (len(rpc), rpc)


class NetconfClient:
    """One session; ``exchange`` sends requests and waits for as many replies."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        writer: asyncssh.SSHWriter[bytes],
        reader: asyncssh.SSHReader[bytes],
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, port: int) -> NetconfClient:
        """Log in and exchange hellos."""
        connection = await asyncssh.connect(
            "127.0.0.1",
            port,
            username="admin",
            password="admin",
            known_hosts=None,
            config=None,
            client_keys=None,
            agent_path=None,
        )
        writer, reader, _ = await connection.open_session(subsystem="netconf", encoding=None)
        await reader.readuntil(END_OF_HELLO)
        writer.write(HELLO)
        return cls(connection, writer, reader)

    async def exchange(self, operation: bytes, count: int = 1) -> bytes:
        """Send the operation ``count`` times at once and return the last reply."""
        self._writer.write(b"".join(request(number, operation) for number in range(1, count + 1)))
        reply = b""
        for _ in range(count):
            reply = await self._read_message()
        return reply

    async def _read_message(self) -> bytes:
        """Read up to the end of chunks; a message may be larger than the reader's buffer."""
        parts = []
        while True:
            try:
                parts.append(await self._reader.readuntil(END_OF_CHUNKS))
                return b"".join(parts)
            except asyncio.IncompleteReadError as error:
                if not error.partial:
                    raise
                parts.append(error.partial)

    async def close(self) -> None:
        """Disconnect."""
        self._connection.close()
        await self._connection.wait_closed()
