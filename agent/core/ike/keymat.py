"""Key material of phase 1 (RFC 2409 sec. 5 and App. B): SKEYID and its kin, the cipher's key, initialization vectors.

The pseudo-random function is the HMAC of the negotiated hash. Padding is zeros and never absent, so between one octet
and a block: lawful (RFC 2409 App. B asks for zeros, and leaves the amount open), and what the recorded peer does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from agent.core.config import EncryptionAlgorithm, HashAlgorithm
from agent.core.crypto import ciphers, hashes
from agent.core.identifiers import MessageId
from agent.core.ike.message import CookiePair

_PARITY_MASK: Final = int.from_bytes(b"\xfe" * 8)

_WEAK_AND_SEMI_WEAK: Final = frozenset(
    int(key, 16) & _PARITY_MASK
    for key in (
        "0101010101010101",
        "1F1F1F1F0E0E0E0E",
        "E0E0E0E0F1F1F1F1",
        "FEFEFEFEFEFEFEFE",
        "01FE01FE01FE01FE",
        "1FE01FE00EF10EF1",
        "01E001E001F101F1",
        "1FFE1FFE0EFE0EFE",
        "011F011F010E010E",
        "E0FEE0FEF1FEF1FE",
        "FE01FE01FE01FE01",
        "E01FE01FF10EF10E",
        "E001E001F101F101",
        "FE1FFE1FFE0EFE0E",
        "1F011F010E010E01",
        "FEE0FEE0FEF1FEF1",
    )
)
"""The weak and semi-weak DES keys that RFC 2409 App. A lists, parity bits masked."""


@dataclass(frozen=True, slots=True)
class Phase1Keys:
    """The keys of an IKE SA; `iv` is the initialization vector of the first encrypted phase 1 message."""

    hash_algorithm: HashAlgorithm
    encryption_algorithm: EncryptionAlgorithm
    skeyid: bytes = field(repr=False)
    skeyid_d: bytes = field(repr=False)
    skeyid_a: bytes = field(repr=False)
    skeyid_e: bytes = field(repr=False)
    encryption_key: bytes = field(repr=False)
    iv: bytes

    def cipher(self) -> ciphers.BlockCipher:
        """Return what encrypts and decrypts what follows headers, padded to whole blocks."""
        return ciphers.BlockCipher(self.encryption_algorithm, self.encryption_key)

    def phase2_prf(self) -> Callable[[bytes], bytes]:
        """Return what the keys of phase 2 are made with: the pseudo-random function under SKEYID_d."""
        return hashes.keyed_hmac(self.hash_algorithm, self.skeyid_d)

    def exchange_iv(self, last_phase1_block: bytes, message_id: MessageId) -> bytes:
        """Return the initialization vector of the first message of a later exchange."""
        seed = last_phase1_block + message_id.to_bytes(4)
        return hashes.digest(self.hash_algorithm, seed)[: ciphers.BLOCK_OCTETS]


@dataclass(frozen=True, slots=True)
class KeySeed:
    """What the keys are derived from, by the names of RFC 2409; the nonces are without their headers."""

    pre_shared_key: bytes = field(repr=False)
    ni: bytes
    nr: bytes
    gxi: bytes
    gxr: bytes
    gxy: bytes = field(repr=False)
    cookies: CookiePair


def derive(hash_algorithm: HashAlgorithm, encryption_algorithm: EncryptionAlgorithm, seed: KeySeed) -> Phase1Keys:
    """Derive the keys of an IKE SA that is authenticated with a pre-shared key."""
    skeyid = hashes.hmac(hash_algorithm, seed.pre_shared_key, seed.ni + seed.nr)
    prf = hashes.keyed_hmac(hash_algorithm, skeyid)
    shared = seed.gxy + seed.cookies.spi
    skeyid_d = prf(shared + b"\0")
    skeyid_a = prf(skeyid_d + shared + b"\1")
    skeyid_e = prf(skeyid_a + shared + b"\2")
    iv = hashes.digest(hash_algorithm, seed.gxi + seed.gxr)[: ciphers.BLOCK_OCTETS]
    key = encryption_key(hash_algorithm, encryption_algorithm, skeyid_e)
    return Phase1Keys(hash_algorithm, encryption_algorithm, skeyid, skeyid_d, skeyid_a, skeyid_e, key, iv)


def encryption_key(hash_algorithm: HashAlgorithm, encryption_algorithm: EncryptionAlgorithm, skeyid_e: bytes) -> bytes:
    """Cut or expand SKEYID_e to the cipher's key (RFC 2409 App. B).

    DES takes the first eight octets that are not a weak or semi-weak key; the other cipher has no such rule.
    """
    if encryption_algorithm is EncryptionAlgorithm.DES_CBC:
        first = skeyid_e[: ciphers.BLOCK_OCTETS]
        if not is_weak(first):  # As nearly always: the rest is for one in 2^52.
            return first
        return next(key for key in _eights(_expansion(hash_algorithm, skeyid_e)) if not is_weak(key))
    length = ciphers.KEY_OCTETS[encryption_algorithm]
    if len(skeyid_e) >= length:
        return skeyid_e[:length]
    material = b""
    for block in _feedback(hash_algorithm, skeyid_e):
        material += block
        if len(material) >= length:
            break
    return material[:length]


def is_weak(key: bytes) -> bool:
    """Say whether these eight octets are a weak or semi-weak DES key, whatever their parity bits."""
    return int.from_bytes(key) & _PARITY_MASK in _WEAK_AND_SEMI_WEAK


def _feedback(hash_algorithm: HashAlgorithm, skeyid_e: bytes) -> Iterator[bytes]:
    """Yield K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1) and so on."""
    block = b"\0"
    while True:
        block = hashes.hmac(hash_algorithm, skeyid_e, block)
        yield block


def _expansion(hash_algorithm: HashAlgorithm, skeyid_e: bytes) -> Iterator[bytes]:
    """Yield SKEYID_e, then its expansion, which is reached only if every key in front was weak."""
    yield skeyid_e
    yield from _feedback(hash_algorithm, skeyid_e)


def _eights(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block) - ciphers.BLOCK_OCTETS + 1, ciphers.BLOCK_OCTETS):
            yield block[start : start + ciphers.BLOCK_OCTETS]
