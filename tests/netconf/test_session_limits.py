"""How long a session may last in all, and how long its hello may take, in management time."""

from __future__ import annotations

from agent.netconf.limits import SessionLimits
from tests.support.netconf_wire import HELLO, envelope
from tests.support.shop import ShopServer, buy


def test_a_session_lasts_only_so_long_however_busy_it_is() -> None:
    server = ShopServer(limits=SessionLimits(total_seconds=3600.0))
    wire = server.connect()
    assert wire.session.next_deadline() == 3600.0
    server.management_now = 3599.0
    wire.rpc(buy("tea"))
    wire.session.advance(3599.9)
    assert not wire.session.is_finished
    wire.session.advance(3600.0)
    assert wire.session.is_finished
    assert server.server.sessions == {}


def test_the_end_that_comes_first_is_the_end() -> None:
    server = ShopServer(limits=SessionLimits(idle_seconds=600.0, total_seconds=900.0))
    wire = server.connect()
    assert wire.session.next_deadline() == 600.0
    server.management_now = 500.0
    wire.rpc(buy("tea"))
    assert wire.session.next_deadline() == 900.0


def test_a_session_that_waits_for_its_answer_ends_in_time_too() -> None:
    wire = ShopServer(limits=SessionLimits(total_seconds=900.0)).connect()
    wire.send(envelope('<wait xmlns="urn:toy"/>'))
    assert wire.receive() is None
    assert wire.session.next_deadline() == 900.0
    wire.session.advance(900.0)
    assert wire.session.is_finished


def test_a_hello_that_comes_in_drops_has_no_more_time_than_any_other() -> None:
    server = ShopServer(limits=SessionLimits(hello_seconds=60.0))
    session = server.open().session
    for second, octet in enumerate(HELLO.encode()[:59]):
        server.management_now = float(second)
        session.receive(bytes([octet]))
        session.advance(float(second))
        assert session.next_deadline() == 60.0
    session.advance(60.0)
    assert session.is_finished
