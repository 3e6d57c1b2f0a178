"""Key material beyond what the recordings prove: weak keys, expansion, padding."""

import pytest

from agent.core.config import EncryptionAlgorithm, HashAlgorithm
from agent.core.crypto.hashes import hmac
from agent.core.identifiers import MessageId
from agent.core.ike.keymat import Phase1Keys, derive, encryption_key, is_weak
from tests.support.vectors import recording

MD5, SHA1 = HashAlgorithm.MD5, HashAlgorithm.SHA1
DES, TRIPLE_DES = EncryptionAlgorithm.DES_CBC, EncryptionAlgorithm.TRIPLE_DES_CBC

WEAK = bytes.fromhex("0101010101010101")
SEMI_WEAK = bytes.fromhex("01fe01fe01fe01fe")
STRONG = bytes.fromhex("0123456789abcdef")


@pytest.mark.parametrize("key", [WEAK, SEMI_WEAK, bytes(8), b"\xff" * 8, bytes.fromhex("1f1f1f1f0e0e0e0e")])
def test_weak_keys_are_known_whatever_their_parity(key: bytes) -> None:
    assert is_weak(key)
    assert is_weak(bytes(octet ^ 1 for octet in key))


def test_a_key_with_one_other_bit_is_not_weak() -> None:
    assert not is_weak(STRONG)
    assert not is_weak(bytes.fromhex("0101010101010103"))


def test_des_passes_over_a_weak_key() -> None:
    assert encryption_key(MD5, DES, STRONG + WEAK) == STRONG
    assert encryption_key(MD5, DES, WEAK + STRONG) == STRONG


def test_des_goes_on_into_the_expansion_when_every_key_is_weak() -> None:
    skeyid_e = WEAK + SEMI_WEAK
    assert encryption_key(MD5, DES, skeyid_e) == hmac(MD5, skeyid_e, b"\0")[:8]


@pytest.mark.parametrize(("algorithm", "octets"), [(MD5, 16), (SHA1, 20)])
def test_triple_des_takes_the_feedback_of_a_skeyid_e_that_is_too_short(algorithm: HashAlgorithm, octets: int) -> None:
    skeyid_e = bytes(range(octets))
    first = hmac(algorithm, skeyid_e, b"\0")
    second = hmac(algorithm, skeyid_e, first)
    assert encryption_key(algorithm, TRIPLE_DES, skeyid_e) == (first + second)[:24]


def test_triple_des_has_no_rule_against_weak_keys() -> None:
    assert encryption_key(SHA1, TRIPLE_DES, WEAK * 3) == WEAK * 3


def test_each_exchange_has_a_vector_of_its_own() -> None:
    keys = _keys()
    vectors = {keys.exchange_iv(block, MessageId(number)) for block in (b"12345678", b"87654321") for number in (1, 2)}
    assert len(vectors) == 4


def test_no_key_is_in_a_representation() -> None:
    keys = _keys()
    assert repr(keys.skeyid_a) not in repr(keys)
    assert repr(keys.encryption_key) not in repr(keys)


def _keys() -> Phase1Keys:
    each = recording("main_3des-md5-g2_esp-3des-md5")
    return derive(MD5, TRIPLE_DES, each.seed())
