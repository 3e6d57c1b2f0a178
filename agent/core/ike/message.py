"""The ISAKMP header and whole messages (RFC 2408 sec. 3.1).

A header can always be read by itself; the payloads of an encrypted message only after its body has been decrypted.
Reserved flags, another version and a length that is not the datagram's are refused as `MalformedMessage`, with the
notify type for it.
"""

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple, TypeVar

from agent.core.identifiers import Cookie, MessageId
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.numbers import ExchangeType, NotifyType, PayloadType
from agent.core.ike.payloads import Payload, decode_chain, encode_payloads
from agent.core.ike.security_association import REMEMBERED

ZERO_COOKIE: Final = Cookie(bytes(8))
"""Stands for the responder's cookie while it is not known."""
PHASE_1: Final = MessageId(0)
"""The message id of every phase 1 message."""

ENCRYPTION_FLAG: Final = 0x01
COMMIT_FLAG: Final = 0x02
AUTHENTICATION_ONLY_FLAG: Final = 0x04
_ALL_FLAGS: Final = ENCRYPTION_FLAG | COMMIT_FLAG | AUTHENTICATION_ONLY_FLAG

_HEADER: Final = Struct(">8s8sBBBBII")
HEADER_OCTETS: Final = _HEADER.size
_VERSION_1_0: Final = 0x10
_MAIN_MODE: Final = ExchangeType.MAIN
_OFFER: Final = PayloadType.SECURITY_ASSOCIATION

P = TypeVar("P", bound=Payload)


class CookiePair(NamedTuple):
    """The two cookies that name an IKE SA; the responder's is zero until it is known."""

    initiator: Cookie
    responder: Cookie

    @property
    def spi(self) -> bytes:
        """Both cookies as one SPI: how notifications and deletes name an IKE SA (RFC 2408 sec. 3.14)."""
        return self.initiator + self.responder


class Header(NamedTuple):
    """An ISAKMP header but for the version, which is always 1.0, and the length, which the body determines."""

    initiator_cookie: Cookie
    responder_cookie: Cookie
    first_payload: int
    exchange_type: int
    flags: int
    message_id: MessageId

    @property
    def is_encrypted(self) -> bool:
        """Whether everything behind the header is encrypted."""
        return bool(self.flags & ENCRYPTION_FLAG)

    def encode(self, body: bytes) -> bytes:
        """Return the datagram: this header and a body as it goes on the wire."""
        cookies = CookiePair(self.initiator_cookie, self.responder_cookie)
        return encode(cookies, self.first_payload, self.exchange_type, self.flags, self.message_id, body)

    @classmethod
    def decode(cls, datagram: bytes) -> "Header":
        """Read the header of a datagram. Raises MalformedMessage."""
        if len(datagram) < HEADER_OCTETS:
            raise MalformedMessage(NotifyType.UNEQUAL_PAYLOAD_LENGTHS, f"a datagram of {len(datagram)} octets")
        initiator, responder, first, version, exchange, flags, message_id, length = _HEADER.unpack_from(datagram)
        if version >> 4 != _VERSION_1_0 >> 4:
            raise MalformedMessage(NotifyType.INVALID_MAJOR_VERSION, f"version {version >> 4}.{version & 15}")
        if version != _VERSION_1_0:
            raise MalformedMessage(NotifyType.INVALID_MINOR_VERSION, f"version 1.{version & 15}")
        if flags & ~_ALL_FLAGS:
            raise MalformedMessage(NotifyType.INVALID_FLAGS, f"flags {flags:#04x}")
        if length != len(datagram):
            raise MalformedMessage(NotifyType.UNEQUAL_PAYLOAD_LENGTHS, f"length {length} of {len(datagram)} octets")
        return cls(initiator, responder, first, exchange, flags, message_id)


def encode(
    cookies: CookiePair, first_payload: int, exchange_type: int, flags: int, message_id: MessageId, body: bytes
) -> bytes:
    """Return the datagram of a message whose body is known as it goes on the wire."""
    length = HEADER_OCTETS + len(body)
    initiator, responder = cookies.initiator, cookies.responder
    return (
        _HEADER.pack(initiator, responder, first_payload, _VERSION_1_0, exchange_type, flags, message_id, length) + body
    )


class Message(NamedTuple):
    """A header and the payloads behind it, in the clear.

    `rest` is all behind the first payload as it stood on the wire: what a hash that stands first covers.
    """

    header: Header
    payloads: tuple[Payload, ...]
    rest: bytes = b""

    def has(self, payload_class: type[Payload]) -> bool:
        """Whether there is a payload of a class."""
        return payload_class in map(type, self.payloads)

    def find(self, payload_class: type[P]) -> tuple[P, ...]:
        """Return the payloads of one class, in their order."""
        return tuple([each for each in self.payloads if type(each) is payload_class])

    def only(self, payload_class: type[P]) -> P:
        """Return the one payload of its class. Raises MalformedMessage when there is none or a second."""
        found: P | None = None
        for each in self.payloads:
            if type(each) is payload_class:
                if found is not None:
                    raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, f"several payloads {payload_class.__name__}")
                found = each
        if found is None:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, f"no payload {payload_class.__name__}")
        return found

    def encode(self) -> bytes:
        """Return the datagram of a message that is not encrypted."""
        return self.header.encode(encode_payloads(self.payloads))

    @classmethod
    def decode(cls, datagram: bytes) -> "Message":
        """Read a message that is not encrypted. Raises MalformedMessage."""
        header = Header.decode(datagram)
        if header.is_encrypted:
            raise MalformedMessage(NotifyType.INVALID_FLAGS, "an encrypted message where none was expected")
        return cls.decode_payloads(header, datagram)

    @classmethod
    def decode_payloads(cls, header: Header, datagram: bytes) -> "Message":
        """Read what is behind the header of a message that is not encrypted. Raises MalformedMessage."""
        body = datagram[HEADER_OCTETS:]
        if header.exchange_type == _MAIN_MODE and header.first_payload == _OFFER:
            return cls(header, *_decode_offer(body))
        return cls(header, *decode_chain(header.first_payload, body, is_padded=False))


@lru_cache(REMEMBERED)
def _decode_offer(body: bytes) -> tuple[tuple[Payload, ...], bytes]:
    """Read the payloads of message 1 or 2 of Main mode, which most peers send alike. Raises MalformedMessage."""
    return decode_chain(_OFFER, body, is_padded=False)
