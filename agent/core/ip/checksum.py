"""The Internet checksum (RFC 1071): a sum in one's complement, which is arithmetic modulo 65535."""

from typing import Final

from agent.core.identifiers import Address

MODULUS: Final = 0xFFFF


def complement(total: int) -> int:
    """Return the checksum that goes with a sum of 16-bit words, which may have any size."""
    rest = total % MODULUS
    # Zero has two forms in one's complement, and words that are not all zero add up to the one of ones alone.
    return MODULUS - rest if rest or not total else 0


def checksum(octets: bytes) -> int:
    """Return the checksum of octets in which its own field is zero."""
    return complement(int.from_bytes(octets + b"\0" if len(octets) & 1 else octets))


def is_intact(octets: bytes) -> bool:
    """Whether octets agree with the checksum among them."""
    return int.from_bytes(octets + b"\0" if len(octets) & 1 else octets) % MODULUS == 0


def pseudo_header(source: Address, destination: Address, protocol: int, octets: int) -> bytes:
    """Return what the checksum of an upper protocol covers besides its own octets (RFC 768, RFC 8200 sec. 8.1)."""
    addresses = source.packed + destination.packed
    if source.version == 4:
        return addresses + protocol.to_bytes(2) + octets.to_bytes(2)
    return addresses + octets.to_bytes(4) + protocol.to_bytes(4)
