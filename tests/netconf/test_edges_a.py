"""Edge behaviours, A: the start of a session and the choice of the version (RFC 6241 section 8.1), over raw bytes."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.netconf.limits import SessionLimits
from tests.support.netconf_wire import BASE, BASE_1_0, BASE_1_1, END_OF_MESSAGE, HELLO, Wire, chunk, envelope
from tests.support.shop import ShopServer, buy


def hello(*capabilities: str, more: str = "", namespace: str = BASE) -> bytes:
    """Return a client's hello as it goes on the wire."""
    listed = "".join(f"<capability>{capability}</capability>" for capability in capabilities)
    text = f'<hello xmlns="{namespace}"><capabilities>{listed}</capabilities>{more}</hello>'
    return text.encode() + END_OF_MESSAGE


def opened(*messages: bytes) -> tuple[ShopServer, Wire]:
    """Return a server and a client that has read the server's hello and sent bytes of its own."""
    server = ShopServer()
    wire = server.open()
    wire.receive()
    wire.session.receive(b"".join(messages))
    return server, wire


def ends_without_a_word(server: ShopServer, wire: Wire) -> bool:
    """Tell whether the session is over, nothing was said, nothing carried out, and the hello counted as bad."""
    said, bad = wire.session.transmit(65536), server.server.counters.in_bad_hellos
    return (said, wire.session.is_finished, bad, server.shop.bought) == (b"", True, 1, [])


def test_a1_the_servers_hello_waits_for_nobody() -> None:
    assert ShopServer().open().session.transmit(65536).endswith(b"</hello>" + END_OF_MESSAGE)


def test_a2_a_clients_hello_with_a_session_id_ends_the_session() -> None:
    assert ends_without_a_word(*opened(hello(BASE_1_1, more="<session-id>4</session-id>")))


@pytest.mark.parametrize(
    ("offered", "framed"),
    [((BASE_1_0,), False), ((BASE_1_1,), True), ((BASE_1_0, BASE_1_1), True)],
)
def test_a3_the_newest_common_version_decides_the_framing(offered: tuple[str, ...], framed: bool) -> None:
    server, wire = opened(hello(*offered))
    wire.session.transmit(65536)
    request = envelope(buy("tea"))
    wire.session.receive(chunk(request) if framed else request.encode() + END_OF_MESSAGE)
    reply = wire.session.transmit(65536)
    assert reply.startswith(b"\n#" if framed else b"<rpc-reply")
    assert reply.endswith(b"\n##\n" if framed else END_OF_MESSAGE)
    assert len(server.shop.bought) == 1


def test_a4_without_a_common_version_nothing_is_carried_out() -> None:
    assert ends_without_a_word(*opened(hello("urn:ietf:params:netconf:base:1.2"), chunk(envelope(buy("tea")))))


def test_a5_the_query_of_a_base_capability_is_ignored() -> None:
    server, wire = opened(hello(f"{BASE_1_1}?module=x&amp;revision=1"), chunk(envelope(buy("tea"))))
    assert wire.session.transmit(65536).startswith(b"\n#")
    assert len(server.shop.bought) == 1


def test_a6_white_space_around_a_capability_is_ignored() -> None:
    server, wire = opened(hello(f"\n      {BASE_1_1}\n\t"), chunk(envelope(buy("tea"))))
    assert wire.session.transmit(65536).startswith(b"\n#")
    assert len(server.shop.bought) == 1


@pytest.mark.parametrize("declaration", ['<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8'?>\n", "\n"])
def test_a7_any_prefix_and_any_declaration_of_utf_8_will_do(declaration: str) -> None:
    text = (
        f'{declaration}<nc:hello xmlns:nc="{BASE}"><nc:capabilities><nc:capability>{BASE_1_1}</nc:capability>'
        "</nc:capabilities></nc:hello>"
    )
    server, wire = opened(text.encode() + END_OF_MESSAGE, chunk(envelope(buy("tea"))))
    assert wire.session.transmit(65536).startswith(b"\n#")
    assert len(server.shop.bought) == 1


@pytest.mark.parametrize("namespace", ["", "urn:ietf:params:xml:ns:netconf:base:1.1"])
def test_a8_a_hello_of_another_namespace_ends_the_session(namespace: str) -> None:
    assert ends_without_a_word(*opened(hello(BASE_1_1, namespace=namespace)))


def test_a9_a_request_before_the_hello_ends_the_session_and_is_not_carried_out() -> None:
    """Without an rpc-error: the versions are not settled, so there is no framing to send one in."""
    assert ends_without_a_word(*opened(envelope(buy("tea")).encode() + END_OF_MESSAGE))


def test_a10_hello_and_first_request_in_one_read_are_both_handled() -> None:
    server, wire = opened(HELLO.encode() + chunk(envelope(buy("tea"), "first")))
    assert b'message-id="first"' in wire.session.transmit(65536)
    assert len(server.shop.bought) == 1


def test_a11_the_servers_hello_has_no_message_id() -> None:
    received = ShopServer().open().receive()
    assert received is not None
    assert dict(received.attrib.items()) == {}


def test_a12_without_a_hello_in_time_the_session_ends_and_its_place_is_free() -> None:
    server = ShopServer(limits=SessionLimits(hello_seconds=30.0))
    session = server.open().session
    session.advance(29.9)
    assert len(server.server.sessions) == 1
    session.advance(30.0)
    assert session.is_finished
    assert len(server.server.sessions) == 0


def test_a13_an_unknown_element_in_a_hello_is_ignored() -> None:
    """So that a hello can grow."""
    server, wire = opened(hello(BASE_1_1, more='<future xmlns="urn:x">1</future>'), chunk(envelope(buy("tea"))))
    assert wire.session.transmit(65536).startswith(b"\n#")
    assert len(server.shop.bought) == 1


IDS: Final = f"{{{BASE}}}session-id"


def test_a14_session_ids_go_up_from_one_and_are_not_used_again() -> None:
    server = ShopServer()
    found = []
    for _ in range(3):
        wire = server.open()
        received = wire.receive()
        assert isinstance(received, etree._Element)
        found.append(received.findtext(IDS))
        wire.session.lost()
    assert found == ["1", "2", "3"]
