"""Hashes and HMACs against published vectors."""

import hmac as library

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.config import HashAlgorithm
from agent.core.crypto.hashes import HASH_OCTETS, digest, hmac, is_same, keyed_hmac

RFC_2202 = [
    (HashAlgorithm.MD5, b"\x0b" * 16, b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d"),
    (HashAlgorithm.MD5, b"Jefe", b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
    (HashAlgorithm.SHA1, b"\x0b" * 20, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (HashAlgorithm.SHA1, b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
]


@pytest.mark.parametrize(("algorithm", "key", "data", "expected"), RFC_2202)
def test_the_hmac_gives_the_vectors_of_rfc_2202(
    algorithm: HashAlgorithm, key: bytes, data: bytes, expected: str
) -> None:
    assert hmac(algorithm, key, data).hex() == expected


@given(algorithm=st.sampled_from(HashAlgorithm), key=st.binary(max_size=80), data=st.binary(max_size=200))
@example(algorithm=HashAlgorithm.MD5, key=bytes(64), data=b"")
@example(algorithm=HashAlgorithm.SHA1, key=bytes(65), data=b"")
def test_the_hmac_is_the_librarys_for_every_key_and_text(algorithm: HashAlgorithm, key: bytes, data: bytes) -> None:
    assert hmac(algorithm, key, data) == library.digest(key, data, algorithm.value)


@pytest.mark.parametrize(("algorithm", "key", "data", "expected"), RFC_2202)
def test_so_does_the_hmac_that_is_prepared_for_its_key_time_after_time(
    algorithm: HashAlgorithm, key: bytes, data: bytes, expected: str
) -> None:
    prepared = keyed_hmac(algorithm, key)
    assert prepared(b"something else") != prepared(data)
    assert prepared(data).hex() == expected


@pytest.mark.parametrize("length", [0, 1, 63, 64])
def test_a_prepared_hmac_takes_keys_of_up_to_a_block(length: int) -> None:
    key = bytes(range(length))
    assert keyed_hmac(HashAlgorithm.SHA1, key)(b"data") == hmac(HashAlgorithm.SHA1, key, b"data")
    with pytest.raises(ValueError, match="key"):
        keyed_hmac(HashAlgorithm.SHA1, bytes(65))


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (HashAlgorithm.MD5, "900150983cd24fb0d6963f7d28e17f72"),
        (HashAlgorithm.SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ],
)
def test_the_hash_of_abc_is_the_one_of_its_standard(algorithm: HashAlgorithm, expected: str) -> None:
    assert digest(algorithm, b"abc").hex() == expected
    assert len(digest(algorithm, b"abc")) == HASH_OCTETS[algorithm]


def test_hashes_are_the_same_only_when_every_octet_is() -> None:
    assert is_same(b"abc", b"abc")
    assert not is_same(b"abc", b"abd")
    assert not is_same(b"abc", b"ab")
