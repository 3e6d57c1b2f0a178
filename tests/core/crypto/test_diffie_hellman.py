"""Diffie-Hellman over the Oakley groups."""

import gmpy2
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from agent.core.config import DhGroup
from agent.core.crypto.diffie_hellman import InvalidPublicValue, public_value, shared_secret

OCTETS = {DhGroup.GROUP1: 96, DhGroup.GROUP2: 128}


def prime_of(group: DhGroup) -> int:
    """Compute the prime from its definition in RFC 2409 sec. 6, by the digits of pi."""
    bits, added = {DhGroup.GROUP1: (768, 149686), DhGroup.GROUP2: (1024, 129093)}[group]
    with gmpy2.context(precision=2 * bits):
        pi: int = int(gmpy2.floor(gmpy2.const_pi() * gmpy2.mpz(2) ** (bits - 130)))
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((pi + added) << 64)


@pytest.mark.parametrize("group", list(DhGroup))
def test_the_prime_is_the_one_that_pi_defines(group: DhGroup) -> None:
    prime = prime_of(group)
    exponent = (5).to_bytes(1)
    # A power that wraps around the prime once tells the prime: 2^(bits) mod p = 2^bits - p.
    bits = OCTETS[group] * 8
    assert int.from_bytes(public_value(group, bits.to_bytes(2))) == 2**bits - prime
    assert int.from_bytes(public_value(group, exponent)) == 32


@pytest.mark.parametrize("group", list(DhGroup))
def test_both_ends_come_to_the_same_secret(group: DhGroup) -> None:
    one, other = b"\x11" * 32, b"\x22" * 32
    secret = shared_secret(group, one, public_value(group, other))
    assert secret == shared_secret(group, other, public_value(group, one))
    assert len(secret) == OCTETS[group]
    assert secret != shared_secret(group, one, public_value(group, one))


@pytest.mark.parametrize("group", list(DhGroup))
def test_a_public_value_is_padded_to_the_length_of_the_prime(group: DhGroup) -> None:
    assert public_value(group, b"\x03") == b"\x08".rjust(OCTETS[group], b"\0")


@given(group=st.sampled_from(DhGroup), exponent=st.binary(min_size=2, max_size=40))
@example(group=DhGroup.GROUP2, exponent=b"\xff" * 32)
@example(group=DhGroup.GROUP2, exponent=b"\xff" * 33)
@example(group=DhGroup.GROUP1, exponent=b"\x01" + bytes(31))
def test_a_public_value_is_the_generator_to_the_power_of_the_exponent(group: DhGroup, exponent: bytes) -> None:
    assume(int.from_bytes(exponent) > 0)
    assert int.from_bytes(public_value(group, exponent)) == pow(2, int.from_bytes(exponent), prime_of(group))


@pytest.mark.parametrize("group", list(DhGroup))
def test_values_that_would_fix_the_secret_are_refused(group: DhGroup) -> None:
    prime = prime_of(group)
    for value in (0, 1, prime - 1, prime, prime + 1):
        with pytest.raises(InvalidPublicValue):
            shared_secret(group, b"\x11" * 32, value.to_bytes(OCTETS[group]))
    for value in (2, prime - 2):
        assert shared_secret(group, b"\x11" * 32, value.to_bytes(OCTETS[group]))


@pytest.mark.parametrize("group", list(DhGroup))
@pytest.mark.parametrize("change", [-1, 1])
def test_a_value_of_another_length_is_refused(group: DhGroup, change: int) -> None:
    with pytest.raises(InvalidPublicValue):
        shared_secret(group, b"\x11" * 32, (5).to_bytes(OCTETS[group] + change))


def test_an_exponent_that_gives_nothing_away_but_itself_is_refused() -> None:
    with pytest.raises(InvalidPublicValue):
        public_value(DhGroup.GROUP2, bytes(32))
