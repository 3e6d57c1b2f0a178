"""A NETCONF client that costs as little as it can: asyncssh's callbacks and chunked framing, replies not parsed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import asyncssh

END_OF_HELLO = b"]]>]]>"
END_OF_CHUNKS = b"\n##\n"
HELLO = (
    b'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>'
    b"<capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>" + END_OF_HELLO
)
WINDOW_BYTES = 4 << 20
"""What the server may send ahead."""

TIMEOUT_SECONDS = 200
KEY_EXCHANGES = ["curve25519-sha256"]
CIPHERS = ["aes256-gcm@openssh.com"]
HOST_KEYS = ["ssh-ed25519"]
"""What every server under measurement is asked with. Left to themselves, some would agree on chacha20-poly1305, which
costs asyncssh five times as much, and those that have an RSA key beside would sign with that."""


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in: with a password, or with the key in a file.

    `pause` is how long the first request waits behind the hello, in seconds: yuma123 loses what comes along with it.
    """

    user: str = "admin"
    password: str = "admin"
    key: str | None = None
    host: str = "127.0.0.1"
    pause: float = 0.0


ADMIN = Login()


async def connect(port: int, login: Login = ADMIN) -> asyncssh.SSHClientConnection:
    """Log in, with the same algorithms everywhere."""
    return await asyncssh.connect(
        login.host,
        port,
        username=login.user,
        password=None if login.key else login.password,
        known_hosts=None,
        config=None,
        client_keys=[login.key] if login.key else None,
        agent_path=None,
        kex_algs=KEY_EXCHANGES,
        encryption_algs=CIPHERS,
        compression_algs=["none"],
        server_host_key_algs=HOST_KEYS,
    )


def request(message_id: int, operation: bytes) -> bytes:
    """One rpc as one chunk."""
    rpc = b'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="%d">%b</rpc>' % (message_id, operation)
    return b"\n#%d\n%b\n##\n" % (len(rpc), rpc)


@dataclass(slots=True, eq=False)
class _Replies(asyncssh.SSHClientSession[bytes]):
    """What comes in: pieces, until so many ends have been seen."""

    end: bytes = END_OF_HELLO
    wanted: int = 1
    pieces: list[bytes] = field(default_factory=list)
    tail: bytes = b""
    first_at: float = 0.0
    octets: int = 0
    keeps: bool = True
    waiter: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def expect(self, count: int) -> None:
        """Begin to wait for so many messages."""
        self.end, self.wanted, self.pieces, self.tail, self.first_at = END_OF_CHUNKS, count, [], b"", 0.0
        self.octets, self.keeps = 0, True
        self.waiter = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Count the ends of messages."""
        if not self.first_at:
            self.first_at = asyncio.get_running_loop().time()
        self.octets += len(data)
        if self.keeps:
            self.pieces.append(data)
        seen = self.tail + data
        self.wanted -= seen.count(self.end)
        self.tail = seen[-len(self.end) + 1 :]
        if self.wanted <= 0 and not self.waiter.done():
            self.waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits waits in vain."""
        if not self.waiter.done():
            self.waiter.set_exception(exc or ConnectionError("the server has ended the session"))
            self.waiter.exception()


class NetconfClient:
    """One session; ``exchange`` sends requests and waits for as many replies."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        channel: asyncssh.SSHClientChannel[bytes],
        replies: _Replies,
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._replies = replies

    @classmethod
    async def open(cls, port: int, login: Login = ADMIN, *, is_used: bool = True) -> NetconfClient:
        """Log in and exchange hellos, for a session that is used or just there."""
        connection = await connect(port, login)
        replies = _Replies()
        channel, _ = await connection.create_session(
            lambda: replies, subsystem="netconf", encoding=None, window=WINDOW_BYTES
        )
        await replies.waiter
        channel.write(HELLO)
        if is_used and login.pause:
            await asyncio.sleep(login.pause)
        return cls(connection, channel, replies)

    async def exchange(self, operation: bytes, count: int = 1) -> bytes:
        """Send the operation ``count`` times at once and return the replies, framed as they came."""
        return b"".join(await self.exchange_pieces(operation, count))

    async def exchange_pieces(self, operation: bytes, count: int = 1) -> list[bytes]:
        """The same, the replies in pieces."""
        self._replies.expect(count)
        self._channel.write(b"".join(request(number, operation) for number in range(1, count + 1)))
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._replies.waiter
        return self._replies.pieces

    async def discard(self, operation: bytes) -> int:
        """Send an operation and return how many bytes its reply has, which is not kept, however long it takes."""
        self._replies.expect(1)
        self._replies.keeps = False
        self._channel.write(request(1, operation))
        await self._replies.waiter
        return self._replies.octets

    @property
    def first_byte_at(self) -> float:
        """When the first byte of the last replies came, in the time of the loop."""
        return self._replies.first_at

    async def close(self) -> None:
        """Disconnect."""
        self._connection.close()
        await self._connection.wait_closed()
