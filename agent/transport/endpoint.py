"""What a transport needs of the rest of the program, as Protocols.

Invariant: nothing under ``agent/transport`` imports anything of ours but this module. The application hands a
transport its session factory, its authenticator and its device; any object of the right shape will do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a session: what the transport has authenticated."""

    user: str
    source_host: str
    source_port: int
    transport: str
    """The ietf-netconf-monitoring identity of the transport, such as ``netconf-ssh``."""


class Session(Protocol):
    """One session as a sans-IO engine, driven by transports and tests alike.

    No method blocks, and none raises on what the other end sent: a broken peer ends the session.
    """

    def receive(self, data: bytes) -> None:
        """Take bytes from the other end, in any fragmentation."""

    def transmit(self, limit: int) -> bytes:
        """Return about ``limit`` bytes to send now; empty when there is nothing to send at present."""

    def lost(self) -> None:
        """Learn that the channel is gone (end of file, reset); nothing is sent after it."""

    def advance(self, now: float) -> None:
        """Run the management timers (hello, idle) that are due at ``now``, in monotonic seconds."""

    def next_deadline(self) -> float | None:
        """When ``advance`` has work to do, in monotonic seconds; None while no timer runs."""

    @property
    def wants_input(self) -> bool:
        """False asks the transport to stop reading until it is True again: back-pressure inward. At first True."""

    @property
    def is_finished(self) -> bool:
        """True once everything has been handed to ``transmit`` and the channel is to be closed."""


Wake = Callable[[], None]
SessionFactory = Callable[[Peer, Wake], Session]
"""Makes the session of a peer. The second argument is *wake*: the session calls it, from the loop's thread, when
``transmit`` may have something new without input (an operation completed later, a notification)."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The pseudo-terminal that a client asked for; its size is 0 where the client does not know it."""

    kind: str
    """As in the environment variable TERM."""
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class ConsoleRequest:
    """What a client asks for that wants no NETCONF: a command to be run, or a shell."""

    command: str | None
    """None asks for a shell."""
    terminal: Terminal | None


class Console(Session, Protocol):
    """A command that is being run, or a shell: a session whose bytes are what is typed and what is shown.

    On a terminal the client sends every key as it is pressed, and echoes nothing by itself.
    """

    @property
    def exit_status(self) -> int:
        """What the client is told once the session is finished: 0 for success."""

    @property
    def complaint(self) -> bytes:
        """What the client is told beside the output (stderr) once the session is finished."""

    def resized(self, columns: int, rows: int) -> None:
        """Learn that the terminal has another size."""


ConsoleFactory = Callable[[Peer, ConsoleRequest, Wake], Console | None]
"""Makes the console of a peer; None refuses the request."""


class Timed(Protocol):
    """Something that lives in device time; ``agent.core.world.World`` is one."""

    @property
    def now(self) -> int:
        """Device time in microseconds."""

    @property
    def factor(self) -> float:
        """Device seconds for each wall second; 0 never moves."""

    @property
    def goal(self) -> int | None:
        """The device time, in microseconds, to be brought about at full speed whatever the factor; None without one."""

    def next_deadline(self) -> int | None:
        """The device time of the next event in microseconds; None when nothing is scheduled."""

    def advance(self, to: int, keep_going: Callable[[], bool] | None = None) -> bool:
        """Run what is due up to ``to`` (microseconds) and return whether it was reached.

        When ``keep_going`` turns false between two events, stop there and return False.
        """


class Cancellable(Protocol):
    """A call that was arranged and can be called off."""

    def cancel(self) -> None:
        """Call it off."""


class Loop(Protocol):
    """What drivers and pumps need of an event loop; asyncio's are of this shape."""

    def time(self) -> float:
        """Wall time in monotonic seconds."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Cancellable:
        """Arrange a call at a wall time."""

    def call_soon(self, callback: Callable[[], object], /) -> Cancellable:
        """Arrange a call in the loop's next turn."""


class Authenticator(Protocol):
    """Who may log in."""

    @property
    def is_quick(self) -> bool:
        """Whether ``check_password`` takes microseconds; else transports call it outside their loop's thread."""

    def check_password(self, user: str, password: str) -> bool:
        """Whether the password is this user's; takes the same time for an unknown user."""

    def authorized_keys(self, user: str) -> Sequence[str]:
        """The user's public keys as OpenSSH ``authorized_keys`` lines; empty for an unknown user."""


IpAddress = IPv4Address | IPv6Address


class UdpEndpoint(Protocol):
    """An address and a UDP port; ``agent.core.identifiers.Endpoint`` is one."""

    @property
    def address(self) -> IpAddress:
        """The address."""

    @property
    def port(self) -> int:
        """The port."""
