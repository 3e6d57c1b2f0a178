"""Secrets as they are kept and shown: sealed under a key of the device (AES-SIV, RFC 5297).

Sealing is deterministic, so that the same secret reads the same each time and a configuration that is read and written
back is unchanged.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX: Final = "$sealed$"
KEY_OCTETS: Final = 32


class SealBroken(ValueError):
    """A sealed value that was not sealed with this key for this purpose."""


class Seal:
    """Seals and opens text under one key; what is sealed for one purpose does not open for another."""

    def __init__(self, key: bytes) -> None:
        """`key` has KEY_OCTETS octets."""
        self._cipher = AESSIV(key)

    def seal(self, plain: str, purpose: str) -> str:
        """Return the sealed form of a plain text."""
        sealed = self._cipher.encrypt(plain.encode(), [purpose.encode()]) if plain else b""
        return PREFIX + urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, sealed: str, purpose: str) -> str:
        """Return the plain text of a sealed value; SealBroken when it is none of ours."""
        coded = sealed.removeprefix(PREFIX)
        try:
            octets = urlsafe_b64decode(coded + "=" * (-len(coded) % 4))
            return self._cipher.decrypt(octets, [purpose.encode()]).decode()
        except (ValueError, InvalidTag) as error:
            raise SealBroken("this sealed value was made by another device") from error


def is_sealed(text: str) -> bool:
    """Tell a sealed value from a plain one."""
    return text.startswith(PREFIX)
