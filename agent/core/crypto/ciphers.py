"""DES and triple DES in CBC mode (RFC 2405, 2451), raw: padding is the caller's.

DES is run as triple DES with one key three times, which is the same function (RFC 2451 sec. 2.1): the library has no
single DES any more, and keys of eight octets are on their way out of it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from agent.core.config import EncryptionAlgorithm

BLOCK_OCTETS: Final = 8
"""Block, and so initialization vector, of both ciphers."""

KEY_OCTETS: Final[Mapping[EncryptionAlgorithm, int]] = MappingProxyType(
    {EncryptionAlgorithm.DES_CBC: 8, EncryptionAlgorithm.TRIPLE_DES_CBC: 24}
)

_TRIPLE_DES_KEY_OCTETS: Final = 24
_NO_VECTOR: Final = bytes(BLOCK_OCTETS)
_number = int.from_bytes


class BlockCipher:
    """CBC under one key, for text after text, each of whole blocks and with an initialization vector of its own.

    One context for each direction serves them all, since making one for each text costs more than the cipher itself.
    To encrypt, it adds the last block that went through it to the first block of the next text, where the vector
    belongs, so that the first block is given both. To decrypt, it is given the vector as the block in front of the
    text, which comes out as nothing of use. Raises ValueError for a key of the wrong length.
    """

    __slots__ = ("_cipher", "_decrypt", "_encrypt", "_last")

    def __init__(self, algorithm: EncryptionAlgorithm, key: bytes) -> None:
        self._cipher = Cipher(_keyed(algorithm, key), CBC(_NO_VECTOR))
        self._encrypt: Callable[[bytes], bytes] | None = None
        self._decrypt: Callable[[bytes], bytes] | None = None
        self._last = _NO_VECTOR

    def encrypt(self, iv: bytes, plaintext: bytes) -> bytes:
        """Encrypt whole blocks. Raises ValueError for an IV or a text of the wrong length."""
        _require_blocks(iv, plaintext)
        if self._encrypt is None:
            self._encrypt = self._cipher.encryptor().update
        first = _number(iv) ^ _number(self._last) ^ _number(plaintext[:BLOCK_OCTETS])
        ciphertext = self._encrypt(first.to_bytes(BLOCK_OCTETS) + plaintext[BLOCK_OCTETS:])
        self._last = ciphertext[-BLOCK_OCTETS:]
        return ciphertext

    def decrypt(self, iv: bytes, ciphertext: bytes) -> bytes:
        """Decrypt whole blocks. Raises ValueError for an IV or a text of the wrong length."""
        _require_blocks(iv, ciphertext)
        if self._decrypt is None:
            self._decrypt = self._cipher.decryptor().update
        return self._decrypt(iv + ciphertext)[BLOCK_OCTETS:]


def chained_encryptor(algorithm: EncryptionAlgorithm, key: bytes) -> Callable[[bytes], bytes]:
    """Return what encrypts text after text under one key, each of whole blocks, as if they were one.

    The first block of a text, where it is one that nobody can predict, comes out as the initialization vector of
    the blocks behind it, itself not predictable (NIST SP 800-38A, appendix C): that saves a context for each text.
    Raises ValueError for a key of the wrong length; a text that is not whole blocks must not be given.
    """
    return Cipher(_keyed(algorithm, key), CBC(bytes(BLOCK_OCTETS))).encryptor().update


def chained_decryptor(algorithm: EncryptionAlgorithm, key: bytes) -> Callable[[bytes], bytes]:
    """Return what decrypts text after text under one key, each an initialization vector and whole blocks.

    The first block of what it returns means nothing: it depends on the text before. Raises ValueError for a key of
    the wrong length; a text that is not whole blocks must not be given.
    """
    return Cipher(_keyed(algorithm, key), CBC(bytes(BLOCK_OCTETS))).decryptor().update


def _require_blocks(iv: bytes, text: bytes) -> None:
    if len(iv) != BLOCK_OCTETS:
        raise ValueError(f"an initialization vector of {len(iv)} octets")
    if len(text) % BLOCK_OCTETS or not text:
        raise ValueError(f"{len(text)} octets are not whole blocks")


def _keyed(algorithm: EncryptionAlgorithm, key: bytes) -> TripleDES:
    tripled = key * 3 if algorithm is EncryptionAlgorithm.DES_CBC else key
    if len(tripled) != _TRIPLE_DES_KEY_OCTETS:
        raise ValueError(f"a key of {len(key)} octets for {algorithm.value}")
    return TripleDES(tripled)
