"""The private values of Diffie-Hellman in phase 1, each for one negotiation, or for some where the settings say so.

One value for several negotiations saves the work of its public value, and costs forward secrecy: who learns it can read
all that was negotiated with it. So it is bounded in number and in time, and forgotten when either is over. It is for
phase 1 alone: with perfect forward secrecy the keys of phase 2 are those of a value that no other keys come from
(RFC 2409 sec. 3.3). What else reuse demands is so in any case: nonces that are fresh (RFC 2409 sec. 5 has them in every
exchange), and public values of peers that are checked (RFC 6989 sec. 2.1).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.core.config import DhGroup, IkeSettings
from agent.core.crypto import diffie_hellman
from agent.core.world import Timer, World


@dataclass(frozen=True, slots=True)
class KeyExchangeValue:
    """A private value, and the public one that the peer is told."""

    exponent: bytes = field(repr=False)
    public: bytes


@dataclass(slots=True)
class _Held:
    value: KeyExchangeValue
    uses_left: int
    timer: Timer


class Exponents:
    """The private values of one gateway. `draw` returns so many octets of entropy, for a purpose."""

    def __init__(self, world: World, settings: IkeSettings, draw: Callable[[str, int], bytes]) -> None:
        self._world = world
        self._settings = settings
        self._draw = draw
        self._held: dict[DhGroup, _Held] = {}

    def take(self, group: DhGroup) -> KeyExchangeValue:
        """Return the value for a negotiation of phase 1."""
        held = self._held.get(group)
        if held is None:
            return self._make(group)
        held.uses_left -= 1
        if held.uses_left == 0:
            held.timer.cancel()
            del self._held[group]
        return held.value

    def _make(self, group: DhGroup) -> KeyExchangeValue:
        exponent = self._draw("exponent", self._settings.exponent_octets)
        value = KeyExchangeValue(exponent, diffie_hellman.public_value(group, exponent))
        others = self._settings.exponent_uses - 1
        if others > 0:
            forget = self._world.call_later(self._settings.exponent_lifetime_us, lambda: self._held.pop(group))
            self._held[group] = _Held(value, others, forget)
        return value
