"""Network address translation: its detection in phase 1 (RFC 3947 sec. 3), and keepalives (RFC 3948 sec. 4).

Both ends announce that they know NAT traversal, then each sends a hash of the other's address and port, and one of its
own, as it sees them. A hash that is not true to what the receiver sees means that a translator is between them. The end
behind it then sends often enough that the translator does not forget it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.core.config import HashAlgorithm
from agent.core.crypto import hashes
from agent.core.identifiers import Endpoint
from agent.core.ike.message import CookiePair
from agent.core.ike.payloads import NatD
from agent.core.world import Timer, World

KEEPALIVE: Final = b"\xff"
"""A datagram that says nothing; unlike an IKE message on its port, it never has a marker in front."""


class Path(NamedTuple):
    """The two endpoints of a datagram as this end sees them."""

    local: Endpoint
    remote: Endpoint


@dataclass(frozen=True, slots=True)
class NatDetection:
    """Which end is behind a translator; neither, when the ends do not both know NAT traversal."""

    is_local_behind_nat: bool = False
    is_remote_behind_nat: bool = False

    @property
    def is_detected(self) -> bool:
        """Whether a translator is on the path, so that the exchange floats to the NAT traversal port."""
        return self.is_local_behind_nat or self.is_remote_behind_nat


NO_NAT: Final = NatDetection()
"""What holds until a translator has been found."""


def nat_d(algorithm: HashAlgorithm, cookies: CookiePair, endpoint: Endpoint) -> NatD:
    """Return the NAT-D payload of an endpoint: HASH(CKY-I | CKY-R | IP | Port)."""
    return NatD(hashes.digest(algorithm, cookies.spi + endpoint.address.packed + endpoint.port.to_bytes(2)))


class View(NamedTuple):
    """The NAT-D payloads of both ends of a path as this end sees them: what it sends, and what it expects."""

    local: NatD
    remote: NatD


def view(algorithm: HashAlgorithm, cookies: CookiePair, path: Path) -> View:
    """Return how a path looks from here."""
    return View(nat_d(algorithm, cookies, path.local), nat_d(algorithm, cookies, path.remote))


def detect(expected: View, received: Sequence[NatD]) -> NatDetection:
    """Compare the peer's NAT-D payloads with the path they came by.

    The first is the hash of our end; one of the others must be that of the peer's.
    """
    if not received:
        return NO_NAT
    destination, *sources = received
    is_local_behind_nat = destination != expected.local
    is_remote_behind_nat = expected.remote not in sources
    if not is_local_behind_nat and not is_remote_behind_nat:
        return NO_NAT
    return NatDetection(is_local_behind_nat, is_remote_behind_nat)


class Keepalive:
    """Calls `send` whenever nothing else has been sent for an interval in microseconds."""

    __slots__ = ("_interval_us", "_send", "_sent_at", "_timer", "_world")

    def __init__(self, world: World, interval_us: int, send: Callable[[], None]) -> None:
        self._world = world
        self._interval_us = interval_us
        self._send = send
        self._sent_at = world.now
        self._timer: Timer = world.call_later(interval_us, self._on_interval)

    def note_sent(self) -> None:
        """See something sent. The timer stays: it finds out by itself that it came too early."""
        self._sent_at = self._world.now

    def close(self) -> None:
        """Send no more."""
        self._timer.cancel()

    def _on_interval(self) -> None:
        if self._world.now - self._sent_at >= self._interval_us:
            self._sent_at = self._world.now
            self._send()
        self._timer = self._world.call_at(self._sent_at + self._interval_us, self._on_interval)
