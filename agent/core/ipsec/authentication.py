"""HMAC-MD5-96 and HMAC-SHA1-96 (RFC 2403, 2404): the first 96 bits of the HMAC are the integrity check value."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from agent.core.config import AUTHENTICATION_KEY_OCTETS, HashAlgorithm, IpsecAuthentication
from agent.core.crypto.hashes import keyed_hmac

ICV_OCTETS: Final = 12

Mac = Callable[[bytes], bytes]
"""Computes the HMAC of some octets."""

_HASHES: Final[Mapping[IpsecAuthentication, HashAlgorithm]] = MappingProxyType(
    {IpsecAuthentication.HMAC_MD5_96: HashAlgorithm.MD5, IpsecAuthentication.HMAC_SHA1_96: HashAlgorithm.SHA1}
)


def mac(algorithm: IpsecAuthentication, key: bytes) -> Mac:
    """Return the HMAC under a key. Raises ValueError for a key of the wrong length."""
    if len(key) != AUTHENTICATION_KEY_OCTETS[algorithm]:
        raise ValueError(f"a key of {len(key)} octets for {algorithm.value}")
    return keyed_hmac(_HASHES[algorithm], key)
