"""What stands around payloads: padding, and the cipher that is kept while messages follow one another."""

from agent.core.ike.envelope import padded


def test_padding_is_zeros_and_never_absent() -> None:
    for length in range(17):
        padding = padded(b"x" * length)[length:]
        assert padding == bytes(len(padding))
        assert 1 <= len(padding) <= 8
        assert (length + len(padding)) % 8 == 0
