"""PEM: what is written is read back, and what is no single block is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.crypto.pem import MalformedPem, decode_pem, render_pem


@given(st.binary(max_size=200))
def test_what_is_rendered_is_decoded_again(der: bytes) -> None:
    text = render_pem(der, "THING")
    assert decode_pem(text.encode(), "THING") == der
    assert all(len(line) <= 64 for line in text.splitlines())


def test_data_that_begin_as_der_are_left_as_they_are() -> None:
    assert decode_pem(b"\x30\x03\x02\x01\x05", "THING") == b"\x30\x03\x02\x01\x05"


@given(st.binary(max_size=100) | st.text(alphabet="-BEGIND THMO=\n", max_size=100).map(str.encode))
def test_anything_else_is_refused_or_a_block(data: bytes) -> None:
    try:
        decoded = decode_pem(data, "THING")
    except MalformedPem:
        return
    assert data.startswith(b"\x30") or b"-----BEGIN THING-----" in data
    assert isinstance(decoded, bytes)


def test_a_block_that_ends_as_another_is_refused() -> None:
    with pytest.raises(MalformedPem, match="there are 0 whole blocks"):
        decode_pem(b"-----BEGIN THING-----\nAAAA\n-----END OTHER-----\n", "THING")
