"""PEM, the text form of certificates and revocation lists (RFC 7468).

Indentation does no harm, nor does text around the block: both come with what is pasted into a document. A text holds
one block; which of several was meant is not guessed.
"""

import re
from base64 import b64decode, b64encode
from typing import Final

_LINE_DIGITS: Final = 64
_BEGIN: Final = b"-----BEGIN "
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_SEQUENCE: Final = b"\x30"


class MalformedPem(ValueError):
    """A text that is no PEM block of what is expected; the message says why."""


def decode_pem(data: bytes, label: str) -> bytes:
    """Return what the one PEM block of a text holds; data that begin as DER does are returned as they are.

    `label` is what the block must say that it holds. Raises MalformedPem.
    """
    if data.startswith(_SEQUENCE) and _BEGIN not in data:
        return data
    blocks = _BLOCK.findall(data)
    if len(blocks) != 1:
        raise MalformedPem(f"one PEM block of a {label} is expected, and there are {len(blocks)} whole blocks")
    ((found, body),) = blocks
    if found.decode() != label:
        raise MalformedPem(f"a PEM block of a {label} is expected, not of a {found.decode()}")
    try:
        return b64decode(b"".join(body.split()), validate=True)
    except ValueError as error:
        raise MalformedPem(f"the PEM block of a {label} is not base64: {error}") from error


def render_pem(der: bytes, label: str) -> str:
    """Return octets as a PEM block, which ends with a newline."""
    text = b64encode(der).decode()
    lines = [text[at : at + _LINE_DIGITS] for at in range(0, len(text), _LINE_DIGITS)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))
