"""Hashes and their HMAC (RFC 1321, 3174, 2104): MD5 and SHA-1 because the IKE of RFC 2409 has no others."""

from collections.abc import Mapping
from hashlib import md5, sha1
from hmac import compare_digest
from hmac import digest as _hmac_digest
from types import MappingProxyType
from typing import Final

from agent.core.config import HashAlgorithm

HASH_OCTETS: Final[Mapping[HashAlgorithm, int]] = MappingProxyType({HashAlgorithm.MD5: 16, HashAlgorithm.SHA1: 20})


def digest(algorithm: HashAlgorithm, data: bytes) -> bytes:
    """Return the hash of the data."""
    function = md5 if algorithm is HashAlgorithm.MD5 else sha1
    return function(data, usedforsecurity=False).digest()


def hmac(algorithm: HashAlgorithm, key: bytes, data: bytes) -> bytes:
    """Return the HMAC of the data: the pseudo-random function of RFC 2409."""
    return _hmac_digest(key, data, algorithm.value)


def is_same(left: bytes, right: bytes) -> bool:
    """Compare two hashes in a time that does not depend on where they differ."""
    return compare_digest(left, right)
