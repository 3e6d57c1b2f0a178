"""The Encapsulating Security Payload (RFC 2406): SPI, sequence number, IV, ciphertext with padding, ICV.

Ciphers are DES and triple DES in CBC mode (RFC 2405, 2451) and NULL (RFC 2410). Padding is 1, 2, 3 and so on, as little
as makes whole blocks, and is checked. Contexts are those of one SA and serve all its packets.
"""

from collections.abc import Callable
from hmac import compare_digest
from struct import Struct
from typing import Final

from agent.core.crypto.ciphers import BLOCK_OCTETS, chained_decryptor, chained_encryptor
from agent.core.ipsec.authentication import ICV_OCTETS, Mac, mac
from agent.core.ipsec.refusal import DropReason, Refused
from agent.core.ipsec.sa import IpsecSa, SaProtocol

HEADER_OCTETS: Final = 8
"""SPI and sequence number."""
TRAILER_OCTETS: Final = 2
"""Pad length and next header."""

_HEADER: Final = Struct("!II")
_NULL_ALIGNMENT: Final = 4
"""What the trailer has to end on without a cipher (RFC 2406 sec. 2.4)."""
_PADDING: Final = bytes(range(1, 256))
_TAILS: Final = tuple(_PADDING[:length] + bytes((length,)) for length in range(BLOCK_OCTETS))
"""Padding and pad length, by how much padding there is."""
_OCTETS: Final = tuple(bytes((octet,)) for octet in range(256))


def _mac_of(sa: IpsecSa) -> Mac | None:
    """Return what authenticates; in a bundle that is left to AH."""
    if sa.authentication_algorithm is None or sa.protocol is SaProtocol.AH_ESP:
        return None
    return mac(sa.authentication_algorithm, sa.keys.authentication)


class EspShape:
    """How much longer ESP makes what it protects, in octets."""

    __slots__ = ("alignment", "fixed", "plain")

    def __init__(self, sa: IpsecSa) -> None:
        is_null = sa.encryption_algorithm is None
        is_authenticated = sa.authentication_algorithm is not None and sa.protocol is not SaProtocol.AH_ESP
        self.alignment = _NULL_ALIGNMENT if is_null else BLOCK_OCTETS
        self.plain = HEADER_OCTETS + BLOCK_OCTETS * (not is_null) + ICV_OCTETS * is_authenticated
        """What is added beside the trailer and its padding, which are encrypted."""
        self.fixed = self.plain + TRAILER_OCTETS

    def encrypted(self, octets: int) -> int:
        """Return how much is encrypted of a payload."""
        return octets + TRAILER_OCTETS + -(octets + TRAILER_OCTETS) % self.alignment


class EspSealer:
    """Protects the payloads of one outbound SA. `nonce` draws eight octets that nobody can predict."""

    __slots__ = ("_encrypt", "_mac", "_mask", "_nonce", "_spi")

    def __init__(self, sa: IpsecSa, nonce: Callable[[], bytes]) -> None:
        self._spi = int(sa.spi)
        self._nonce = nonce
        self._mac = _mac_of(sa)
        algorithm = sa.encryption_algorithm
        self._encrypt = None if algorithm is None else chained_encryptor(algorithm, sa.keys.encryption)
        self._mask = (_NULL_ALIGNMENT if algorithm is None else BLOCK_OCTETS) - 1

    def seal(self, number: int, payload: bytes, next_header: int) -> bytes:
        """Return the ESP octets of a payload: everything behind the IP header."""
        tail = _TAILS[-(len(payload) + TRAILER_OCTETS) & self._mask]
        if self._encrypt is None:
            sealed = b"".join((_HEADER.pack(self._spi, number), payload, tail, _OCTETS[next_header]))
        else:
            # The first block of the text becomes the initialization vector, at the place where it belongs.
            text = self._encrypt(b"".join((self._nonce(), payload, tail, _OCTETS[next_header])))
            sealed = _HEADER.pack(self._spi, number) + text
        return sealed if self._mac is None else sealed + self._mac(sealed)[:ICV_OCTETS]


class EspOpener:
    """Takes the protection from the packets of one inbound SA."""

    __slots__ = ("_decrypt", "_icv_octets", "_least", "_mac", "_mask")

    def __init__(self, sa: IpsecSa) -> None:
        self._mac = _mac_of(sa)
        algorithm = sa.encryption_algorithm
        self._decrypt = None if algorithm is None else chained_decryptor(algorithm, sa.keys.encryption)
        shape = EspShape(sa)
        self._icv_octets = ICV_OCTETS if self._mac is not None else 0
        self._least = shape.plain + shape.alignment
        self._mask = shape.alignment - 1

    def open(self, octets: bytes) -> tuple[bytes, int]:
        """Return the payload and its protocol. Raises Refused."""
        if len(octets) < self._least or len(octets) - self._icv_octets & self._mask:
            raise Refused(DropReason.MALFORMED)
        if self._mac is not None:
            sealed = octets[:-ICV_OCTETS]
            if not compare_digest(self._mac(sealed)[:ICV_OCTETS], octets[-ICV_OCTETS:]):
                raise Refused(DropReason.AUTHENTICATION)
            octets = sealed
        text = octets[HEADER_OCTETS:]
        if self._decrypt is not None:
            text = self._decrypt(text)[BLOCK_OCTETS:]
        length = text[-TRAILER_OCTETS]
        end = len(text) - TRAILER_OCTETS - length
        if end < 0 or text[end:-TRAILER_OCTETS] != _PADDING[:length]:
            raise Refused(DropReason.DECRYPTION)
        return text[:end], text[-1]
