"""DES and triple DES in CBC mode (RFC 2405, 2451), raw: padding is the caller's.

DES is run as triple DES with one key three times, which is the same function (RFC 2451 sec. 2.1): the library has no
single DES any more, and keys of eight octets are on their way out of it.
"""

from collections.abc import Mapping
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


def encrypt(algorithm: EncryptionAlgorithm, key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Encrypt whole blocks. Raises ValueError for a key, an IV or a text of the wrong length."""
    encryptor = Cipher(_keyed(algorithm, key), CBC(iv)).encryptor()
    return encryptor.update(plaintext) + encryptor.finalize()


def decrypt(algorithm: EncryptionAlgorithm, key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Decrypt whole blocks. Raises ValueError for a key, an IV or a text of the wrong length."""
    decryptor = Cipher(_keyed(algorithm, key), CBC(iv)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def _keyed(algorithm: EncryptionAlgorithm, key: bytes) -> TripleDES:
    if len(key) != KEY_OCTETS[algorithm]:
        raise ValueError(f"a key of {len(key)} octets for {algorithm.value}")
    return TripleDES(key * 3 if algorithm is EncryptionAlgorithm.DES_CBC else key)
