"""The SA payload and what is nested in it: proposals, transforms, attributes (RFC 2408 sec. 3.3 to 3.6, RFC 2407 sec.
4.6.1).

What was decoded encodes to the same octets, the forms of the attributes included: phase 1 takes hashes over it, and a
chosen transform goes back as it came. Gateways offer each other the same again and again, so transforms are remembered
by their octets, and so are SA payloads: what is decoded twice is one object.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import ClassVar, Final, NamedTuple

from agent.core.ike.generic import MalformedMessage, encode_series, split_series
from agent.core.ike.numbers import DOI_IPSEC, SITUATION_IDENTITY_ONLY, NotifyType, PayloadType

_TWO_SHORTS: Final = Struct(">HH")
_TWO_LONGS: Final = Struct(">II")
_FOUR_OCTETS: Final = Struct(">BBBB")
_TRANSFORM: Final = Struct(">BBH")
_BASIC_FORM: Final = 0x8000
_BASIC_MAXIMUM: Final = 0xFFFF
REMEMBERED: Final = 256
"""How many transforms, and how many payloads, are remembered: more than policies differ, and few enough to be filled
by a stranger without harm."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A data attribute (RFC 2408 sec. 3.3): basic (two octets, type/value) or variable (type/length/value)."""

    kind: int
    value: bytes
    is_basic: bool

    @property
    def number(self) -> int:
        """The value as an unsigned number."""
        return int.from_bytes(self.value)

    @classmethod
    def of(cls, kind: int, number: int) -> "Attribute":
        """Return a numeric attribute: basic when the number fits into two octets, else variable with four."""
        is_basic = number <= _BASIC_MAXIMUM
        return cls(kind, number.to_bytes(2 if is_basic else 4), is_basic)

    def encode(self) -> bytes:
        """Return the attribute as it stands in a transform."""
        if self.is_basic:
            return (self.kind | _BASIC_FORM).to_bytes(2) + self.value
        return _TWO_SHORTS.pack(self.kind, len(self.value)) + self.value


@dataclass(frozen=True, slots=True)
class Transform:
    """One set of algorithms within a proposal (RFC 2408 sec. 3.6). `octets` is what it came as, if it was decoded."""

    number: int
    identifier: int
    attributes: tuple[Attribute, ...]
    octets: bytes = field(default=b"", init=False, compare=False, repr=False)

    def __hash__(self) -> int:
        # Of the attributes only their number: where it matters, equal transforms are one object.
        return hash((self.number, self.identifier, len(self.attributes)))

    def encode(self) -> bytes:
        """Return the body that follows the generic header."""
        if self.octets:
            return self.octets
        return _TRANSFORM.pack(self.number, self.identifier, 0) + b"".join(each.encode() for each in self.attributes)

    @classmethod
    @lru_cache(REMEMBERED)
    def decode(cls, body: bytes) -> "Transform":
        """Read the body that follows the generic header. Raises MalformedMessage."""
        if len(body) < _TRANSFORM.size:
            raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, "a transform ends within its fixed part")
        number, identifier, reserved = _TRANSFORM.unpack_from(body)
        if reserved:
            raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, "RESERVED2 of a transform is not zero")
        transform = cls(number, identifier, tuple(decode_attributes(body, _TRANSFORM.size)))
        object.__setattr__(transform, "octets", body)
        return transform

    @classmethod
    def of(cls, number: int, identifier: int, attributes: tuple[Attribute, ...]) -> "Transform":
        """Return a transform that is remembered."""
        return cls.decode(cls(number, identifier, attributes).encode())


class Proposal(NamedTuple):
    """One protocol and the transforms offered for it (RFC 2408 sec. 3.5)."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]

    def encode(self) -> bytes:
        """Return the body that follows the generic header."""
        fixed = _FOUR_OCTETS.pack(self.number, self.protocol, len(self.spi), len(self.transforms))
        return fixed + self.spi + encode_series(PayloadType.TRANSFORM, [each.encode() for each in self.transforms])

    @classmethod
    def decode(cls, body: bytes) -> "Proposal":
        """Read the body that follows the generic header. Raises MalformedMessage."""
        if len(body) < _FOUR_OCTETS.size:
            raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, "a proposal ends within its fixed part")
        number, protocol, spi_octets, count = _FOUR_OCTETS.unpack_from(body)
        start = _FOUR_OCTETS.size + spi_octets
        if len(body) < start:
            raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, "a proposal ends within its SPI")
        transforms = tuple(Transform.decode(each) for each in split_series(PayloadType.TRANSFORM, body, start))
        if len(transforms) != count:
            raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, f"{len(transforms)} transforms instead of {count}")
        return cls(number, protocol, body[_FOUR_OCTETS.size : start], transforms)


@dataclass(frozen=True, slots=True)
class SecurityAssociation:
    """The SA payload: what is negotiated, under the IPsec DOI and the situation 'identity only' (RFC 2407 sec.

    4.6.1). `octets` is what it came as, if it was decoded.
    """

    kind: ClassVar[int] = PayloadType.SECURITY_ASSOCIATION
    proposals: tuple[Proposal, ...]
    octets: bytes = field(default=b"", init=False, compare=False, repr=False)

    def encode(self) -> bytes:
        """Return the payload's body: what RFC 2409 calls SA_b."""
        if self.octets:
            return self.octets
        series = encode_series(PayloadType.PROPOSAL, [each.encode() for each in self.proposals])
        return _TWO_LONGS.pack(DOI_IPSEC, SITUATION_IDENTITY_ONLY) + series

    @classmethod
    @lru_cache(REMEMBERED)
    def decode(cls, body: bytes) -> "SecurityAssociation":
        """Read the payload's body. Raises MalformedMessage."""
        if len(body) < _TWO_LONGS.size:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "an SA payload ends within its fixed part")
        doi, situation = _TWO_LONGS.unpack_from(body)
        if doi != DOI_IPSEC:
            raise MalformedMessage(NotifyType.DOI_NOT_SUPPORTED, f"DOI {doi}")
        if situation != SITUATION_IDENTITY_ONLY:
            raise MalformedMessage(NotifyType.SITUATION_NOT_SUPPORTED, f"situation {situation:#x}")
        series = split_series(PayloadType.PROPOSAL, body, _TWO_LONGS.size)
        payload = cls(tuple(Proposal.decode(each) for each in series))
        object.__setattr__(payload, "octets", body)
        return payload


def decode_attributes(body: bytes, offset: int = 0) -> Iterator[Attribute]:
    """Yield the attributes that fill the rest of a body. Raises MalformedMessage."""
    while offset < len(body):
        if len(body) < offset + _TWO_SHORTS.size:
            raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, "a list of attributes ends within one")
        kind, length = _TWO_SHORTS.unpack_from(body, offset)
        start = offset + _TWO_SHORTS.size
        if kind & _BASIC_FORM:
            yield Attribute(kind & ~_BASIC_FORM, body[offset + 2 : start], is_basic=True)
            offset = start
        elif start + length > len(body):
            raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, f"an attribute length of {length}")
        else:
            yield Attribute(kind, body[start : start + length], is_basic=False)
            offset = start + length
