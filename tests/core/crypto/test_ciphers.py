"""DES and triple DES in CBC mode against published vectors."""

import warnings

import pytest

from agent.core.config import EncryptionAlgorithm
from agent.core.crypto.ciphers import BlockCipher, chained_decryptor, chained_encryptor

DES, TRIPLE_DES = EncryptionAlgorithm.DES_CBC, EncryptionAlgorithm.TRIPLE_DES_CBC

KEY = bytes.fromhex("0123456789abcdef")
IV = bytes.fromhex("1234567890abcdef")
PLAINTEXT = b"Now is the time for all "
CIPHERTEXT = bytes.fromhex("e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6")
"""The CBC sample of FIPS 81, appendix C."""


def encrypt(algorithm: EncryptionAlgorithm, key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Encrypt one text under a key."""
    return BlockCipher(algorithm, key).encrypt(iv, plaintext)


def decrypt(algorithm: EncryptionAlgorithm, key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Decrypt one text under a key."""
    return BlockCipher(algorithm, key).decrypt(iv, ciphertext)


def test_des_gives_the_sample_of_its_standard() -> None:
    assert encrypt(DES, KEY, IV, PLAINTEXT) == CIPHERTEXT
    assert decrypt(DES, KEY, IV, CIPHERTEXT) == PLAINTEXT


def test_triple_des_with_one_key_three_times_is_des() -> None:
    assert encrypt(TRIPLE_DES, KEY * 3, IV, PLAINTEXT) == CIPHERTEXT


def test_triple_des_uses_all_three_keys() -> None:
    keys = [bytes([number]) * 8 for number in (2, 4, 8, 16)]
    texts = {
        encrypt(TRIPLE_DES, b"".join(chosen), IV, PLAINTEXT)
        for chosen in (keys[:3], keys[1:], [keys[0], keys[2], keys[1]])
    }
    assert len(texts) == 3


def test_the_library_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encrypt(DES, KEY, IV, PLAINTEXT)
        decrypt(TRIPLE_DES, KEY * 3, IV, CIPHERTEXT)


@pytest.mark.parametrize(
    ("algorithm", "key", "iv", "text"),
    [
        (DES, KEY * 3, IV, PLAINTEXT),
        (TRIPLE_DES, KEY, IV, PLAINTEXT),
        (DES, KEY, IV[:7], PLAINTEXT),
        (DES, KEY, IV, PLAINTEXT[:-1]),
    ],
)
def test_a_wrong_length_is_refused(algorithm: EncryptionAlgorithm, key: bytes, iv: bytes, text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        encrypt(algorithm, key, iv, text)
    with pytest.raises(ValueError, match=r"."):
        decrypt(algorithm, key, iv, text)


@pytest.mark.parametrize(("algorithm", "key"), [(DES, KEY), (TRIPLE_DES, bytes(range(24)))])
def test_one_cipher_takes_text_after_text_each_from_its_own_vector(algorithm: EncryptionAlgorithm, key: bytes) -> None:
    cipher = BlockCipher(algorithm, key)
    for iv, text in [(IV, PLAINTEXT), (bytes(8), PLAINTEXT[:8]), (KEY, PLAINTEXT), (IV, PLAINTEXT)]:
        sealed = cipher.encrypt(iv, text)
        assert sealed == encrypt(algorithm, key, iv, text)
        assert cipher.encrypt(sealed[-8:], text) == encrypt(algorithm, key, sealed[-8:], text)
        assert cipher.decrypt(iv, sealed) == text


@pytest.mark.parametrize(("algorithm", "key"), [(DES, KEY), (TRIPLE_DES, bytes(range(24)))])
def test_the_first_block_of_a_chained_text_comes_out_as_the_vector_of_the_others(
    algorithm: EncryptionAlgorithm, key: bytes
) -> None:
    chained = chained_encryptor(algorithm, key)
    for first in (b"nonce 01", b"nonce 02", b"nonce 02"):
        text = chained(first + PLAINTEXT)
        assert encrypt(algorithm, key, text[:8], PLAINTEXT) == text[8:]
        assert first not in text


def test_the_same_first_block_gives_another_vector_each_time() -> None:
    chained = chained_encryptor(DES, KEY)
    assert len({chained(IV)[:8] for _ in range(50)}) == 50


def test_a_chained_text_is_decrypted_whatever_was_before() -> None:
    chained = chained_decryptor(DES, KEY)
    for _ in range(2):
        assert chained(IV + CIPHERTEXT)[8:] == PLAINTEXT
        chained(bytes(16))


def test_a_chain_wants_a_key_of_the_right_length() -> None:
    for chain in (chained_encryptor, chained_decryptor):
        with pytest.raises(ValueError, match="key"):
            chain(TRIPLE_DES, KEY)
