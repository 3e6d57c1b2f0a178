"""The generic payload header (RFC 2408 sec.

3.2), series of like payloads that it makes, and the error of every decoder.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final

from agent.core.ike.numbers import NotifyType, PayloadType

GENERIC_HEADER: Final = Struct(">BBH")
"""Next payload, RESERVED, length of the payload with this header."""
GENERIC_HEADER_OCTETS: Final = GENERIC_HEADER.size


class MalformedMessage(Exception):
    """A message that breaks the rules of its format; `notify` is the ISAKMP code for how."""

    def __init__(self, notify: NotifyType, detail: str) -> None:
        super().__init__(f"{notify.name}: {detail}")
        self.notify = notify


def read_generic_header(body: bytes, offset: int) -> tuple[int, int]:
    """Return the type that follows and the offset at which the payload ends."""
    octets = len(body)
    if octets < offset + GENERIC_HEADER_OCTETS:
        raise MalformedMessage(NotifyType.UNEQUAL_PAYLOAD_LENGTHS, "the message ends within a generic header")
    next_type, reserved, length = GENERIC_HEADER.unpack_from(body, offset)
    if reserved:
        raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "RESERVED of a payload is not zero")
    end: int = offset + length
    if length < GENERIC_HEADER_OCTETS or end > octets:
        raise MalformedMessage(NotifyType.UNEQUAL_PAYLOAD_LENGTHS, f"a payload length of {length}")
    return next_type, end


def encode_series(kind: PayloadType, bodies: list[bytes]) -> bytes:
    """Return proposals or transforms one after the other, each saying whether another follows."""
    series = b""
    next_type = PayloadType.NONE
    for body in reversed(bodies):
        series = GENERIC_HEADER.pack(next_type, 0, GENERIC_HEADER_OCTETS + len(body)) + body + series
        next_type = kind
    return series


def split_series(kind: PayloadType, body: bytes, offset: int) -> Iterator[bytes]:
    """Yield the bodies of the proposals or transforms that fill the rest of a body: one at least."""
    next_type: int = kind
    while next_type == kind:
        next_type, end = read_generic_header(body, offset)
        yield body[offset + GENERIC_HEADER_OCTETS : end]
        offset = end
    if next_type != PayloadType.NONE or offset != len(body):
        raise MalformedMessage(NotifyType.BAD_PROPOSAL_SYNTAX, f"after a {kind.name.lower()} comes something else")
