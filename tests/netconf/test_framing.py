"""Framing of RFC 6242: what is a message, what ends a session, and where the switch to chunks happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.netconf.framing import ChunkedFramer, EndOfMessageFramer, FramingError, MessageTooBig


def chunked(data: bytes, maximum_bytes: int = 1000) -> ChunkedFramer:
    """Return a framer that has received `data`."""
    framer = ChunkedFramer(maximum_bytes)
    framer.receive(data)
    return framer


def test_a_message_of_one_chunk_is_given_out() -> None:
    framer = chunked(b"\n#5\nhello\n##\n")
    assert framer.next_message() == b"hello"
    assert framer.next_message() is None


def test_a_message_of_several_chunks_is_joined() -> None:
    assert chunked(b"\n#2\nhe\n#3\nllo\n##\n").next_message() == b"hello"


def test_a_character_split_over_two_chunks_is_joined_as_bytes() -> None:
    encoded = "é".encode()
    assert chunked(b"\n#1\n" + encoded[:1] + b"\n#1\n" + encoded[1:] + b"\n##\n").next_message() == encoded


def test_the_end_of_message_mark_inside_a_chunk_is_data() -> None:
    assert chunked(b"\n#6\n]]>]]>\n##\n").next_message() == b"]]>]]>"


@pytest.mark.parametrize(
    "header",
    [
        b"\n#0\n",
        b"\n#010\n",
        b"\n#+5\n",
        b"\n# 5\n",
        b"\n#5 \n",
        b"\n#x\n",
        b"#5\n",
        b"\n#4294967296\n",
        b"\n#99999999999\n",
    ],
)
def test_what_is_no_chunk_header_is_refused(header: bytes) -> None:
    with pytest.raises((FramingError, MessageTooBig)):
        chunked(header + b"hello\n##\n").next_message()


def test_the_largest_chunk_size_of_the_rfc_is_a_header() -> None:
    framer = ChunkedFramer(5_000_000_000)
    framer.receive(b"\n#4294967295\n")
    assert framer.next_message() is None


def test_an_end_of_chunks_without_a_chunk_is_refused() -> None:
    with pytest.raises(FramingError):
        chunked(b"\n##\n").next_message()


def test_the_end_of_message_mark_as_a_frame_is_refused_in_chunks() -> None:
    with pytest.raises(FramingError):
        chunked(b"<rpc/>]]>]]>").next_message()


def test_a_message_over_the_limit_is_refused_before_it_has_arrived() -> None:
    with pytest.raises(MessageTooBig):
        chunked(b"\n#1001\n").next_message()


def test_a_message_of_one_chunk_over_the_limit_is_refused_when_all_of_it_is_there() -> None:
    assert chunked(b"\n#5\nhello\n##\n", maximum_bytes=5).next_message() == b"hello"
    with pytest.raises(MessageTooBig):
        chunked(b"\n#5\nhello\n##\n", maximum_bytes=4).next_message()


def test_many_chunks_over_the_limit_are_refused() -> None:
    with pytest.raises(MessageTooBig):
        chunked(b"\n#600\n" + b"x" * 600 + b"\n#600\n").next_message()


def test_a_partial_header_is_waited_for() -> None:
    framer = ChunkedFramer()
    for octet in b"\n#12":
        framer.receive(bytes([octet]))
        assert framer.next_message() is None


@given(st.binary(min_size=1, max_size=200), st.lists(st.integers(min_value=1, max_value=9), max_size=30))
def test_any_message_survives_any_fragmentation(message: bytes, cuts: list[int]) -> None:
    framer = ChunkedFramer()
    wire = framer.encode(message) + framer.end
    position = 0
    for cut in cuts:
        framer.receive(wire[position : position + cut])
        position += cut
        if position < len(wire):
            assert framer.next_message() is None
            continue
        break
    framer.receive(wire[position:])
    assert framer.next_message() == message
    assert framer.waiting_bytes == 0


def test_the_end_mark_split_over_reads_ends_a_message() -> None:
    framer = EndOfMessageFramer()
    for part in (b"hello]]", b">]", b"]>"):
        assert framer.next_message() is None
        framer.receive(part)
    assert framer.next_message() == b"hello"


def test_two_messages_in_one_read_come_one_by_one() -> None:
    framer = EndOfMessageFramer()
    framer.receive(b"one]]>]]>two]]>]]>")
    assert [framer.next_message(), framer.next_message(), framer.next_message()] == [b"one", b"two", None]


def test_what_follows_the_hello_is_left_for_the_next_framer() -> None:
    framer = EndOfMessageFramer()
    framer.receive(b"hello]]>]]>\n#3\nrpc\n##\n")
    assert framer.next_message() == b"hello"
    assert framer.remainder() == b"\n#3\nrpc\n##\n"


def test_a_message_without_an_end_is_refused_at_the_limit() -> None:
    framer = EndOfMessageFramer(10)
    framer.receive(b"x" * 11)
    with pytest.raises(MessageTooBig):
        framer.next_message()
