"""Diffie-Hellman over the First and the Second Oakley Group (RFC 2409 sec. 6.1 and 6.2).

Exponents are the caller's, from its own entropy. 256 bits are plenty: the discrete logarithm of an exponent of n bits
costs about 2^(n/2) steps, and RFC 3526 sec. 8 asks for 240 bits at most even for the stronger 1536-bit group. A full
exponent would cost three times as much and add nothing.

The generator is always the same, so a public value is put together from its known powers: a multiplication for six
bits of the exponent, where the peer's value takes six squarings more (Brickell, Gordon, McCurley, Wilson, 1992). Longer
digits would make fewer of them, but the table would not stay in the processor's cache.
"""

from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase, ascii_uppercase, digits
from types import MappingProxyType
from typing import Final

from gmpy2 import mpz, powmod

from agent.core.config import DhGroup


class InvalidPublicValue(ValueError):
    """A public value that no honest peer sends: of the wrong length, or one that would fix the shared secret."""


@dataclass(frozen=True, slots=True)
class _Group:
    prime: mpz
    generator: mpz
    octets: int


_LONGEST_OCTETS: Final = 33
"""Exponents up to this length have their powers looked up. A table is made when it is needed: 0.4 MB, in 1 ms."""
_DIGITS: Final = _LONGEST_OCTETS * 8 // 6
_LETTERS: Final = (ascii_uppercase + ascii_lowercase + digits + "+/").encode()
_DIGIT_OF_LETTER: Final = bytes.maketrans(_LETTERS, bytes(range(64)))
"""What each letter of base64 stands for (RFC 4648 sec. 4)."""

_GROUP1_PRIME: Final = (
    "FFFFFFFF FFFFFFFF C90FDAA2 2168C234 C4C6628B 80DC1CD1 29024E08 8A67CC74"
    "020BBEA6 3B139B22 514A0879 8E3404DD EF9519B3 CD3A431B 302B0A6D F25F1437"
    "4FE1356D 6D51C245 E485B576 625E7EC6 F44C42E9 A63A3620 FFFFFFFF FFFFFFFF"
)
_GROUP2_PRIME: Final = (
    "FFFFFFFF FFFFFFFF C90FDAA2 2168C234 C4C6628B 80DC1CD1 29024E08 8A67CC74"
    "020BBEA6 3B139B22 514A0879 8E3404DD EF9519B3 CD3A431B 302B0A6D F25F1437"
    "4FE1356D 6D51C245 E485B576 625E7EC6 F44C42E9 A637ED6B 0BFF5CB6 F406B7ED"
    "EE386BFB 5A899FA5 AE9F2411 7C4B1FE6 49286651 ECE65381 FFFFFFFF FFFFFFFF"
)


def _group(prime: str) -> _Group:
    digits = prime.replace(" ", "")
    return _Group(mpz(digits, 16), mpz(2), len(digits) // 2)


_GROUPS: Final[Mapping[DhGroup, _Group]] = MappingProxyType(
    {DhGroup.GROUP1: _group(_GROUP1_PRIME), DhGroup.GROUP2: _group(_GROUP2_PRIME)}
)


@cache
def _powers(group: DhGroup) -> tuple[tuple[mpz, ...], ...]:
    """Return the powers of the generator that each digit of an exponent can stand for, the first digit's first."""
    prime, base = _GROUPS[group].prime, _GROUPS[group].generator
    rows = []
    for _ in range(_DIGITS):
        row = [mpz(1)]
        for _ in range(63):
            row.append(row[-1] * base % prime)
        rows.append(tuple(row))
        base = row[-1] * base % prime
    return tuple(reversed(rows))


def _power_of_generator(group: DhGroup, exponent: bytes) -> mpz:
    parameters = _GROUPS[group]
    prime = parameters.prime
    if len(exponent) > _LONGEST_OCTETS:
        return powmod(parameters.generator, int.from_bytes(exponent), prime)
    # Digits of six bits are what base64 writes, each as a letter.
    written = b2a_base64(exponent.rjust(_LONGEST_OCTETS, b"\0"), newline=False).translate(_DIGIT_OF_LETTER)
    value = mpz(1)
    for row, digit in zip(_powers(group), written, strict=True):
        value = value * row[digit] % prime
    return value


def public_value(group: DhGroup, exponent: bytes) -> bytes:
    """Return g^x mod p, as long as the prime. Raises InvalidPublicValue when the exponent makes it trivial."""
    parameters = _GROUPS[group]
    value = _power_of_generator(group, exponent)
    if not 1 < value < parameters.prime - 1:
        raise InvalidPublicValue("the exponent gives a trivial public value")
    return int(value).to_bytes(parameters.octets)


def shared_secret(group: DhGroup, exponent: bytes, peer_value: bytes) -> bytes:
    """Return g^xy mod p, as long as the prime.

    Raises InvalidPublicValue unless the peer's value is as long as the prime and 1 < y < p - 1: the others lie in
    subgroups of one or two elements.
    """
    parameters = _GROUPS[group]
    value = int.from_bytes(peer_value)
    if len(peer_value) != parameters.octets or not 1 < value < parameters.prime - 1:
        raise InvalidPublicValue("the peer's public value is not acceptable")
    return int(powmod(value, int.from_bytes(exponent), parameters.prime)).to_bytes(parameters.octets)
