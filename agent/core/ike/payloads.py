"""The payloads of ISAKMP (RFC 2408 sec. 3.7 to 3.16, RFC 2407 sec. 4.6, RFC 3947) and chains of them.

Each class is one payload's body, without the generic header. Decoding loses nothing: what was decoded encodes to the
same octets, because hashes are taken over them. A body that breaks the rules raises `MalformedMessage`, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from struct import Struct
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from agent.core.identifiers import Address
from agent.core.ike.generic import GENERIC_HEADER, GENERIC_HEADER_OCTETS, MalformedMessage, read_generic_header
from agent.core.ike.numbers import DOI_IPSEC, FIRST_STATUS_TYPE, IdentityType, NotifyType, PayloadType
from agent.core.ike.security_association import SecurityAssociation

NONCE_OCTETS: Final = range(8, 257)
"""How long a nonce may be (RFC 2409 sec. 5)."""

_IDENTIFICATION: Final = Struct(">BBH")
_NOTIFICATION: Final = Struct(">IBBH")
_NAT_OA_FIXED: Final = 4
_NAT_OA_OCTETS: Final[Mapping[bytes, int]] = MappingProxyType(
    {bytes([IdentityType.IPV4_ADDR, 0, 0, 0]): 4, bytes([IdentityType.IPV6_ADDR, 0, 0, 0]): 16}
)
"""How long an address is, by what stands in front of it: its type and what is reserved."""


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """A Diffie-Hellman public value (RFC 2408 sec. 3.7)."""

    kind: ClassVar[int] = PayloadType.KEY_EXCHANGE
    value: bytes

    def encode(self) -> bytes:
        """Return the payload's body."""
        return self.value


class Identification(NamedTuple):
    """Who the sender says it is (RFC 2407 sec. 4.6.2)."""

    identity_type: int
    protocol: int
    port: int
    data: bytes

    @property
    def kind(self) -> int:
        """The payload type."""
        return PayloadType.IDENTIFICATION

    def encode(self) -> bytes:
        """Return the payload's body."""
        return _IDENTIFICATION.pack(self.identity_type, self.protocol, self.port) + self.data

    @classmethod
    def decode(cls, body: bytes) -> "Identification":
        """Read the payload's body. Raises MalformedMessage."""
        if len(body) < _IDENTIFICATION.size:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "an identification ends within its fixed part")
        identity_type, protocol, port = _IDENTIFICATION.unpack_from(body)
        return cls(identity_type, protocol, port, body[_IDENTIFICATION.size :])


@dataclass(frozen=True, slots=True)
class Hash:
    """A hash that proves something (RFC 2408 sec. 3.11)."""

    kind: ClassVar[int] = PayloadType.HASH
    value: bytes

    def encode(self) -> bytes:
        """Return the payload's body."""
        return self.value


@dataclass(frozen=True, slots=True)
class Nonce:
    """Octets that make an exchange unlike any other (RFC 2408 sec. 3.13)."""

    kind: ClassVar[int] = PayloadType.NONCE
    value: bytes

    def encode(self) -> bytes:
        """Return the payload's body."""
        return self.value

    @classmethod
    def decode(cls, body: bytes) -> "Nonce":
        """Read the payload's body. Raises MalformedMessage."""
        if len(body) not in NONCE_OCTETS:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, f"a nonce of {len(body)} octets")
        return cls(body)


class Notification(NamedTuple):
    """An error or a status that the sender reports (RFC 2408 sec. 3.14)."""

    protocol: int
    spi: bytes
    notify: int
    data: bytes = b""
    doi: int = DOI_IPSEC

    @property
    def kind(self) -> int:
        """The payload type."""
        return PayloadType.NOTIFICATION

    @property
    def is_error(self) -> bool:
        """Whether this reports an error rather than a status."""
        return self.notify < FIRST_STATUS_TYPE

    def encode(self) -> bytes:
        """Return the payload's body."""
        return _NOTIFICATION.pack(self.doi, self.protocol, len(self.spi), self.notify) + self.spi + self.data

    @classmethod
    def decode(cls, body: bytes) -> "Notification":
        """Read the payload's body. Raises MalformedMessage."""
        if len(body) < _NOTIFICATION.size:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "a notification ends within its fixed part")
        doi, protocol, spi_octets, notify = _NOTIFICATION.unpack_from(body)
        end = _NOTIFICATION.size + spi_octets
        if len(body) < end:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "a notification ends within its SPI")
        return cls(protocol, body[_NOTIFICATION.size : end], notify, body[end:], doi)


@dataclass(frozen=True, slots=True)
class Delete:
    """SAs that the sender has deleted (RFC 2408 sec. 3.15)."""

    kind: ClassVar[int] = PayloadType.DELETE
    protocol: int
    spi_octets: int
    spis: tuple[bytes, ...]
    doi: int = DOI_IPSEC

    def encode(self) -> bytes:
        """Return the payload's body."""
        return _NOTIFICATION.pack(self.doi, self.protocol, self.spi_octets, len(self.spis)) + b"".join(self.spis)

    @classmethod
    def decode(cls, body: bytes) -> "Delete":
        """Read the payload's body. Raises MalformedMessage."""
        if len(body) < _NOTIFICATION.size:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "a delete ends within its fixed part")
        doi, protocol, spi_octets, count = _NOTIFICATION.unpack_from(body)
        if len(body) != _NOTIFICATION.size + spi_octets * count:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "a delete whose SPIs do not fill it")
        starts = (_NOTIFICATION.size + spi_octets * index for index in range(count))
        return cls(protocol, spi_octets, tuple(body[start : start + spi_octets] for start in starts), doi)


@dataclass(frozen=True, slots=True)
class VendorId:
    """A constant by which implementations know what the sender can do (RFC 2408 sec. 3.16)."""

    kind: ClassVar[int] = PayloadType.VENDOR_ID
    value: bytes

    def encode(self) -> bytes:
        """Return the payload's body."""
        return self.value


@dataclass(frozen=True, slots=True)
class NatD:
    """The hash of an address and a port as the sender sees them (RFC 3947 sec. 3.2)."""

    kind: ClassVar[int] = PayloadType.NAT_D
    value: bytes

    def encode(self) -> bytes:
        """Return the payload's body."""
        return self.value


@dataclass(frozen=True, slots=True)
class NatOa:
    """The address of an end as the sender knows it, for checksums in transport mode (RFC 3947 sec. 5.2)."""

    kind: ClassVar[int] = PayloadType.NAT_OA
    address: Address

    def encode(self) -> bytes:
        """Return the payload's body."""
        identity_type = IdentityType.IPV4_ADDR if self.address.version == 4 else IdentityType.IPV6_ADDR
        return bytes([identity_type, 0, 0, 0]) + self.address.packed

    @classmethod
    def decode(cls, body: bytes) -> "NatOa":
        """Read the payload's body. Raises MalformedMessage."""
        octets = _NAT_OA_OCTETS.get(body[:_NAT_OA_FIXED])
        if octets is None or len(body) != _NAT_OA_FIXED + octets:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "an original address that is none")
        return cls(ip_address(body[_NAT_OA_FIXED:]))


@dataclass(frozen=True, slots=True)
class RawPayload:
    """A payload as octets: one of a type that has no class here, or one that must go out as it stands."""

    kind: int
    body: bytes

    def encode(self) -> bytes:
        """Return the payload's body."""
        return self.body


Payload = (
    SecurityAssociation
    | KeyExchange
    | Identification
    | Hash
    | Nonce
    | Notification
    | Delete
    | VendorId
    | NatD
    | NatOa
    | RawPayload
)

_DECODERS: Final[Mapping[int, Callable[[bytes], Payload]]] = MappingProxyType(
    {
        PayloadType.SECURITY_ASSOCIATION: SecurityAssociation.decode,
        PayloadType.KEY_EXCHANGE: KeyExchange,
        PayloadType.IDENTIFICATION: Identification.decode,
        PayloadType.HASH: Hash,
        PayloadType.NONCE: Nonce.decode,
        PayloadType.NOTIFICATION: Notification.decode,
        PayloadType.DELETE: Delete.decode,
        PayloadType.VENDOR_ID: VendorId,
        PayloadType.NAT_D: NatD,
        PayloadType.NAT_OA: NatOa.decode,
    }
)
"""What reads the body of a payload. One whose body is its value, whatever that is, has no more to read."""


def _misplaced(kind: PayloadType, body: bytes) -> Payload:
    raise MalformedMessage(NotifyType.INVALID_PAYLOAD_TYPE, f"payload type {kind} outside of an SA payload")


def _decoder(kind: int) -> Callable[[bytes], Payload]:
    if kind in (PayloadType.PROPOSAL, PayloadType.TRANSFORM):
        return partial(_misplaced, PayloadType(kind))
    return _DECODERS.get(kind) or partial(RawPayload, kind)


_DECODE: Final = tuple(_decoder(kind) for kind in range(256))
"""What reads the body of a payload, for each type that there can be."""


def first_type(payloads: tuple[Payload, ...]) -> int:
    """Return what a header in front of these payloads says about the first."""
    return payloads[0].kind if payloads else PayloadType.NONE


def encode_payloads(payloads: tuple[Payload, ...], next_type: int = PayloadType.NONE) -> bytes:
    """Return the payloads as a chain with generic headers; what stands in front of it names the type of the first.

    `next_type` is that of what will stand behind them.
    """
    chain = b""
    for payload in reversed(payloads):
        body = payload.encode()
        chain = GENERIC_HEADER.pack(next_type, 0, GENERIC_HEADER_OCTETS + len(body)) + body + chain
        next_type = payload.kind
    return chain


def decode_payloads(first_type: int, body: bytes, *, is_padded: bool) -> tuple[Payload, ...]:
    """Read a chain of payloads that starts with one of `first_type`.

    Only where `is_padded`, as in a decrypted message, may octets follow the last payload. Raises MalformedMessage.
    """
    return decode_chain(first_type, body, is_padded=is_padded)[0]


def decode_chain(first_type: int, body: bytes, *, is_padded: bool) -> tuple[tuple[Payload, ...], bytes]:
    """Read a chain like `decode_payloads`, and return with it the octets of all payloads but the first."""
    payloads: list[Payload] = []
    second = 0
    kind, offset = first_type, 0
    while kind:  # Nothing follows a PayloadType.NONE.
        next_type, end = read_generic_header(body, offset)
        payloads.append(_DECODE[kind](body[offset + GENERIC_HEADER_OCTETS : end]))
        second = second or end
        kind, offset = next_type, end
    if offset != len(body) and not is_padded:
        raise MalformedMessage(NotifyType.UNEQUAL_PAYLOAD_LENGTHS, "octets after the last payload")
    return tuple(payloads), body[second:offset]
