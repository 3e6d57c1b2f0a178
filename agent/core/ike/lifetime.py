"""Lifetimes on the wire: pairs of attributes, a life type and its duration (RFC 2407 sec. 4.5, RFC 2409 App. A).

Both ends use the shortest lifetime that either names. A responder whose own is shorter than the one offered says so
with RESPONDER-LIFETIME (RFC 2407 sec. 4.5.4 and 4.6.3.1), so that the initiator replaces the SA in time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.core.ike.generic import MalformedMessage
from agent.core.ike.numbers import NotifyType, ProtocolId
from agent.core.ike.payloads import Notification
from agent.core.ike.security_association import Attribute, decode_attributes

_SECONDS: Final = 1
_KILOBYTES: Final = 2
_LONGEST_NUMBER: Final = 4


@dataclass(frozen=True, slots=True)
class LifeAttributes:
    """What the two attributes are numbered in a phase."""

    life_type: int
    life_duration: int


PHASE_1_LIFE: Final = LifeAttributes(11, 12)
PHASE_2_LIFE: Final = LifeAttributes(1, 2)


class Lifetimes(NamedTuple):
    """How long an SA lasts; None where nothing is said, or nothing limits it."""

    seconds: int | None = None
    kilobytes: int | None = None

    def shortened_by(self, other: "Lifetimes") -> "Lifetimes":
        """Return the shorter of each."""
        return Lifetimes(_shorter(self.seconds, other.seconds), _shorter(self.kilobytes, other.kilobytes))

    def attributes(self, numbers: LifeAttributes) -> tuple[Attribute, ...]:
        """Return the attributes that say so, seconds first."""
        said = ((_SECONDS, self.seconds), (_KILOBYTES, self.kilobytes))
        pairs = (
            (Attribute.of(numbers.life_type, life_type), Attribute.of(numbers.life_duration, duration))
            for life_type, duration in said
            if duration is not None
        )
        return tuple(attribute for pair in pairs for attribute in pair)


def _shorter(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def read(
    attributes: Iterable[Attribute], known: frozenset[int], numbers: LifeAttributes
) -> tuple[dict[int, int], Lifetimes] | None:
    """Return the values of the attributes by type, and the lifetimes apart from them.

    None when one is unknown, is given twice or is no number that can be used: whoever ignored it would agree to
    something unknown. A life type stands in front of its duration.
    """
    values: dict[int, int] = {}
    durations: dict[int, int] = {}
    life_type: int | None = None
    for attribute in attributes:
        kind, value = attribute.kind, attribute.number
        if kind not in known or kind in values or len(attribute.value) > _LONGEST_NUMBER:
            return None
        if kind == numbers.life_type:
            if life_type is not None or value not in (_SECONDS, _KILOBYTES) or value in durations:
                return None
            life_type = value
        elif kind == numbers.life_duration:
            if life_type is None or not value:
                return None
            durations[life_type] = value
            life_type = None
        else:
            values[kind] = value
    if life_type is not None:
        return None
    return values, Lifetimes(durations.get(_SECONDS), durations.get(_KILOBYTES))


# RESPONDER-LIFETIME


def responder_lifetime(protocol: ProtocolId, spi: bytes, lifetimes: Lifetimes) -> Notification:
    """Return the notification of the lifetimes of an SA; `spi` is the sender's, or both cookies."""
    numbers = PHASE_1_LIFE if protocol is ProtocolId.ISAKMP else PHASE_2_LIFE
    data = b"".join(attribute.encode() for attribute in lifetimes.attributes(numbers))
    return Notification(protocol, spi, NotifyType.RESPONDER_LIFETIME, data)


def notified(notifications: Iterable[Notification], protocols: Iterable[int]) -> Lifetimes | None:
    """Return the shortest lifetimes that the responder says it uses; None where it says nothing that can be read.

    Those of phase 1 are understood with the numbers of either phase: no RFC says which it has to be.
    """
    said: Lifetimes | None = None
    for each in notifications:
        if each.notify == NotifyType.RESPONDER_LIFETIME and each.protocol in tuple(protocols):
            heard = _heard(each.data)
            if heard is not None:
                said = heard if said is None else said.shortened_by(heard)
    return said


def _heard(data: bytes) -> Lifetimes | None:
    try:
        attributes = tuple(decode_attributes(data))
    except MalformedMessage:
        return None
    for numbers in (PHASE_1_LIFE, PHASE_2_LIFE):
        found = read(attributes, frozenset({numbers.life_type, numbers.life_duration}), numbers)
        if found is not None:
            return found[1]
    return None
