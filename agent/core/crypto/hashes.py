"""Hashes and their HMAC (RFC 1321, 3174, 2104): MD5 and SHA-1 because the IKE of RFC 2409 has no others."""

from collections.abc import Callable, Mapping
from hashlib import md5, sha1
from hmac import compare_digest
from types import MappingProxyType
from typing import Final

from agent.core.config import HashAlgorithm

_HMAC_BLOCK_OCTETS: Final = 64
_INNER_PAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD: Final = bytes(octet ^ 0x5C for octet in range(256))

_FUNCTIONS: Final = MappingProxyType({HashAlgorithm.MD5: md5, HashAlgorithm.SHA1: sha1})

HASH_OCTETS: Final[Mapping[HashAlgorithm, int]] = MappingProxyType({HashAlgorithm.MD5: 16, HashAlgorithm.SHA1: 20})


def digest(algorithm: HashAlgorithm, data: bytes) -> bytes:
    """Return the hash of the data."""
    function = _FUNCTIONS[algorithm]
    return function(data, usedforsecurity=False).digest()


def hmac(algorithm: HashAlgorithm, key: bytes, data: bytes) -> bytes:
    """Return the HMAC of the data: the pseudo-random function of RFC 2409.

    The library's own looks up its parts anew in each call, which costs more than the two hashes (OpenSSL 3).
    """
    function = _FUNCTIONS[algorithm]
    if len(key) > _HMAC_BLOCK_OCTETS:
        key = function(key, usedforsecurity=False).digest()
    block = key.ljust(_HMAC_BLOCK_OCTETS, b"\0")
    inner = function(block.translate(_INNER_PAD) + data, usedforsecurity=False).digest()
    return function(block.translate(_OUTER_PAD) + inner, usedforsecurity=False).digest()


def keyed_hmac(algorithm: HashAlgorithm, key: bytes) -> Callable[[bytes], bytes]:
    """Return what computes the HMAC of one text after the other under one key (RFC 2104 sec. 4).

    What depends on the key alone is computed once. Raises ValueError for a key that is longer than a block.
    """
    if len(key) > _HMAC_BLOCK_OCTETS:
        raise ValueError(f"a key of {len(key)} octets for {algorithm.value}")
    function = _FUNCTIONS[algorithm]
    block = key.ljust(_HMAC_BLOCK_OCTETS, b"\0")
    begin_inner = function(block.translate(_INNER_PAD), usedforsecurity=False).copy
    begin_outer = function(block.translate(_OUTER_PAD), usedforsecurity=False).copy

    def compute(data: bytes) -> bytes:
        inner, outer = begin_inner(), begin_outer()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    return compute


def is_same(left: bytes, right: bytes) -> bool:
    """Compare two hashes in a time that does not depend on where they differ."""
    return compare_digest(left, right)
