"""Cookies, which name an IKE SA and tell the ends from strangers (RFC 2408 sec. 2.5.3).

A cookie is a keyed hash over both endpoints, the peer's cookie, the time and a number: nobody but its maker can make
it, it fits no other path, and no two are the same. The secret is drawn once and never leaves.
"""

from typing import Final, Protocol

from agent.core.config import HashAlgorithm
from agent.core.crypto import hashes
from agent.core.identifiers import Cookie, Endpoint
from agent.core.ike.message import ZERO_COOKIE
from agent.core.ike.natt import Path
from agent.core.ike.phase1 import Draw
from agent.core.world import World

COOKIE_OCTETS: Final = 8
_SECRET_OCTETS: Final = 20


class CookieMaker(Protocol):
    """Makes the cookies of one engine."""

    def make(self, path: Path, peer_cookie: Cookie) -> Cookie:
        """Return a new cookie for a path; the peer's is zero where this end begins."""
        ...


class KeyedCookies:
    """Makes cookies that only this engine can make."""

    __slots__ = ("_draw", "_made", "_secret", "_world")

    def __init__(self, world: World, draw: Draw) -> None:
        self._world = world
        self._draw = draw
        self._secret = b""
        self._made = 0

    def make(self, path: Path, peer_cookie: Cookie) -> Cookie:
        """Return a new cookie for a path."""
        if not self._secret:
            self._secret = self._draw("cookie-secret", _SECRET_OCTETS)
        self._made += 1
        moment = self._world.now.to_bytes(8) + self._made.to_bytes(8)
        ends = _encode(path.local) + _encode(path.remote)
        value = hashes.hmac(HashAlgorithm.SHA1, self._secret, ends + peer_cookie + moment)[:COOKIE_OCTETS]
        # One of 2^64 is zero, which would mean that there is none.
        return Cookie(value) if value != ZERO_COOKIE else self.make(path, peer_cookie)


def _encode(endpoint: Endpoint) -> bytes:
    return endpoint.address.packed + endpoint.port.to_bytes(2)
