"""Edge behaviours, B: framing (RFC 6242 sections 4.2 and 4.3), over raw bytes."""

from __future__ import annotations

from typing import Final

import pytest

from agent.netconf.limits import SessionLimits
from tests.support.netconf_wire import BASE_1_0, END_OF_MESSAGE, Wire, chunk, envelope, texts
from tests.support.shop import ShopServer, buy

CLOSE: Final = "<close-session/>"
TRICKY: Final = "]]>]]>"
TRICKY_XML: Final = "]]&gt;]]&gt;"


def connected(**limits: float) -> tuple[ShopServer, Wire]:
    """Return a server and a client of base:1.1."""
    server = ShopServer(limits=SessionLimits(**limits))  # type: ignore[arg-type]
    return server, server.connect()


def ends(server: ShopServer, wire: Wire, octets: bytes) -> bool:
    """Tell whether bytes, and a good request behind them, end the session without a word and without an effect."""
    wire.session.receive(octets + chunk(envelope(buy("tea"))))
    said = wire.session.transmit(65536)
    return (said, wire.session.is_finished, server.shop.bought) == (b"", True, [])


@pytest.mark.parametrize(
    "size", [b"0", b"01", b"+5", b"-5", b" 5", b"5 ", b"5x", b"x", b"", b"4294967296", b"99999999999999999999"]
)
def test_b1_a_chunk_size_that_is_none_ends_the_session(size: bytes) -> None:
    assert ends(*connected(), b"\n#" + size + b"\n<rpc")


def test_b2_a_header_without_its_line_feed_ends_the_session() -> None:
    assert ends(*connected(), b"#5\nhello")


def test_b3_the_end_of_chunks_without_a_chunk_ends_the_session() -> None:
    assert ends(*connected(), b"\n##\n")


def test_b4_the_end_of_message_mark_in_a_chunk_is_data() -> None:
    server, wire = connected()
    comment = f"<!-- {TRICKY} -->"
    wire.session.receive(chunk(comment + envelope(buy(TRICKY_XML))))
    reply = wire.receive()
    assert reply is not None
    assert texts(reply, "toy:bought/toy:article") == [TRICKY, "bag"]
    assert server.shop.bought == [("admin", TRICKY)]


def test_b5_the_end_of_message_mark_splits_messages_and_is_never_sent_in_one() -> None:
    server = ShopServer()
    wire = server.open()
    wire.hello(BASE_1_0)
    one, two = envelope(buy(TRICKY_XML), TRICKY_XML), envelope(buy("soap"), "2")
    wire.session.receive(one.encode() + END_OF_MESSAGE + two.encode() + END_OF_MESSAGE)
    sent = wire.session.transmit(65536)
    assert sent.count(END_OF_MESSAGE) == 2
    assert [article for _, article in server.shop.bought] == [TRICKY, "soap"]


def test_b6_a_message_in_chunks_that_split_characters_and_tags_is_put_together() -> None:
    server, wire = connected()
    message = envelope(buy("t\u00e9\u20ac\U0001f511")).encode()
    wire.session.receive(b"".join(b"\n#1\n" + bytes([octet]) for octet in message) + b"\n##\n")
    wire.receive()
    assert server.shop.bought == [("admin", "t\u00e9\u20ac\U0001f511")]


@pytest.mark.parametrize("step", [1, 2, 5])
def test_b7_a_mark_that_comes_in_pieces_is_a_mark(step: int) -> None:
    server = ShopServer()
    wire = server.open()
    wire.hello(BASE_1_0)
    message = envelope(buy("tea]] >")).encode() + END_OF_MESSAGE
    for at in range(0, len(message), step):
        wire.session.receive(message[at : at + step])
        wire.session.transmit(0)
    wire.receive()
    assert server.shop.bought == [("admin", "tea]] >")]


def test_b8_an_end_of_message_mark_on_a_session_of_chunks_ends_it() -> None:
    assert ends(*connected(), envelope(buy("tea")).encode() + END_OF_MESSAGE)


def test_b9_bytes_after_the_answer_to_close_session_are_ignored() -> None:
    server, wire = connected()
    wire.session.receive(chunk(envelope(CLOSE)) + chunk(envelope(buy("tea"))))
    assert b"<ok/>" in wire.session.transmit(65536)
    wire.session.receive(chunk(envelope(buy("soap"))))
    assert wire.session.transmit(65536) == b""
    assert server.shop.bought == []


@pytest.mark.parametrize("octets", [b"\n#2001\n", b"\n#1500\n" + b" " * 1500 + b"\n#600\n"])
def test_b10_a_message_over_the_limit_ends_the_session_before_it_has_arrived(octets: bytes) -> None:
    """Without too-big: the rest of the message is not waited for, so nothing can be said in order."""
    assert ends(*connected(message_bytes=2000), octets)


def test_b10_a_client_of_base_1_0_cannot_fill_the_memory_either() -> None:
    server = ShopServer(limits=SessionLimits(message_bytes=2000))
    wire = server.open()
    wire.hello(BASE_1_0)
    wire.session.receive(b"<" * 2001)
    assert wire.is_finished


def test_b11_a_client_that_drips_is_no_idle_one_and_ends_when_it_stops() -> None:
    """The idle timer is the one that ends it: a byte counts as life."""
    server, wire = connected(idle_seconds=10.0)
    for octet in b"\n#9\n<rpc ":
        server.management_now += 9.0
        wire.session.receive(bytes([octet]))
        wire.session.transmit(65536)
        wire.session.advance(server.management_now)
        assert not wire.session.is_finished
    wire.session.advance(server.management_now + 10.0)
    assert wire.session.is_finished


def test_b12_a_reply_is_made_as_it_is_taken_and_others_go_on() -> None:
    server, wire = connected()
    server.shop.welcome(5000)
    wire.send(envelope('<get><filter><shop xmlns="urn:toy"><customer/></shop></filter></get>'))
    wire.session.transmit(1)
    assert 0 < server.shop.visited < 5000, "the rest is not made before it is asked for"
    other = server.connect("other")
    assert texts(other.rpc(buy("tea")), "toy:bought/toy:article") == ["tea", "bag"]
