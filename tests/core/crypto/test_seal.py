"""Sealed secrets: the same each time, opened by their own key and for their own purpose alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.crypto.seal import KEY_OCTETS, PREFIX, Seal, SealBroken, is_sealed

SEAL = Seal(bytes(range(KEY_OCTETS)))


@given(st.text(min_size=1))
def test_what_is_sealed_opens_to_the_same_text(plain: str) -> None:
    sealed = SEAL.seal(plain, "key")
    assert is_sealed(sealed)
    assert SEAL.open(sealed, "key") == plain


def test_sealing_is_the_same_each_time_and_shows_nothing() -> None:
    assert SEAL.seal("secret", "key") == SEAL.seal("secret", "key")
    assert "secret" not in SEAL.seal("secret", "key")


@pytest.mark.parametrize(
    "sealed",
    [
        Seal(bytes(KEY_OCTETS)).seal("secret", "key"),
        SEAL.seal("secret", "another purpose"),
        SEAL.seal("secret", "key")[:-1],
        PREFIX,
        f"{PREFIX}!",
        f"{PREFIX}é",
    ],
)
def test_what_was_not_sealed_with_this_key_for_this_purpose_is_refused(sealed: str) -> None:
    with pytest.raises(SealBroken):
        SEAL.open(sealed, "key")
