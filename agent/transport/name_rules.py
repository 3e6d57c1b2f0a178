"""The rules by which client certificates are given names of users (RFC 7407 section 4): ietf-x509-cert-to-name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

HASHES: Final = MappingProxyType({1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"})
"""The hash algorithms by the octet that a fingerprint begins with (RFC 5246 section 7.4.1.4.1)."""


class MapType(Enum):
    """How a name is derived: the identities of ietf-x509-cert-to-name."""

    SPECIFIED = "specified"
    SAN_RFC822_NAME = "san-rfc822-name"
    SAN_DNS_NAME = "san-dns-name"
    SAN_IP_ADDRESS = "san-ip-address"
    SAN_ANY = "san-any"
    COMMON_NAME = "common-name"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash of a whole certificate (tls-fingerprint of RFC 7407)."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Read octets in hexadecimal, parted by colons, of which the first is the algorithm's. ValueError if not so."""
        octets = bytes.fromhex(text.replace(":", " "))
        algorithm = HASHES.get(octets[0]) if octets else None
        if algorithm is None:
            raise ValueError(f"{text!r} does not begin with the number of a hash algorithm, 01 to 06 (04 is SHA-256)")
        if len(octets) - 1 != hashlib.new(algorithm, usedforsecurity=False).digest_size:
            raise ValueError(f"{text!r} is not as long as a fingerprint by {algorithm}")
        return cls(algorithm, octets[1:])

    def is_of(self, der: bytes) -> bool:
        """Whether it is this certificate's."""
        return hashlib.new(self.algorithm, der, usedforsecurity=False).digest() == self.digest


@dataclass(frozen=True, slots=True)
class NameRule:
    """One entry of the list cert-to-name."""

    fingerprint: Fingerprint
    map_type: MapType
    name: str = ""
    """With `specified` alone."""
