"""What a subscription to changes may select, and what of it may wait, holds at the limit and not over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.netconf.limits import SessionLimits
from agent.netconf.subscribed.delivery import ReceiverLimits
from tests.app.test_limits import connect
from tests.support.chapter import Emulation

SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
PUSH = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
HIGHEST = 1 << 16


def establish(how: str = "") -> str:
    """Return a subscription to the changes of what is configured of IKE."""
    return (
        f'<establish-subscription xmlns="{SUBSCRIBED}"><datastore xmlns="{PUSH}" xmlns:ds="{DATASTORES}">ds:running'
        f'</datastore><datastore-subtree-filter xmlns="{PUSH}"><ike xmlns="urn:ipsec-agent:ike"/>'
        f'</datastore-subtree-filter><on-change xmlns="{PUSH}">{how}</on-change></establish-subscription>'
    )


def least(is_enough: Callable[[int], bool]) -> int:
    """Return the lowest limit that is enough; from there on each is."""
    low, high = 0, HIGHEST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low


@pytest.fixture(scope="module")
def emulation() -> Emulation:
    return Emulation()


def subscribed(emulation: Emulation, limit: int) -> bool:
    """Tell whether somebody may subscribe who may select so many characters."""
    limits = SessionLimits(receiver=ReceiverLimits(selection_characters=limit))
    wire = connect(emulation, limits)
    reply = wire.rpc(establish())
    wire.session.lost()
    return reply.find("{*}id") is not None


def test_what_is_selected_holds_at_the_limit_and_is_counted_over_it(emulation: Emulation) -> None:
    enough = least(lambda limit: subscribed(emulation, limit))
    assert 0 < enough < HIGHEST
    counted = emulation.gateway.server.exceeded_limits
    counted.clear()
    assert subscribed(emulation, enough)
    assert dict(counted) == {}
    assert not subscribed(emulation, enough - 1)
    assert dict(counted) == {"selection-characters": 1}
    assert emulation.gateway.server.publisher.subscriptions == {}


def lost(emulation: Emulation, limit: int) -> int:
    """Return how often something is lost by one who reads nothing while three changes come, within a limit."""
    wire = connect(emulation, SessionLimits(receiver=ReceiverLimits(changes_characters=limit)))
    *_, opened = emulation.gateway.server.sessions.values()
    assert wire.rpc(establish("<sync-on-start>false</sync-on-start>")).find("{*}id") is not None
    admin = emulation.connect()
    for port in (501, 502, 503):
        policy = f"<policy><peer-address>4.4.4.4</peer-address><remote-port>{port}</remote-port></policy>"
        edit = f'<config><ike xmlns="urn:ipsec-agent:ike">{policy}</ike></config>'
        admin.rpc(f"<edit-config><target><running/></target>{edit}</edit-config>")
        emulation.gateway.server.settle()
    dropped = opened.session.counters.dropped_notifications
    for session in (wire.session, admin.session):
        session.lost()
    return dropped


def test_changes_that_wait_hold_at_the_limit_and_are_counted_over_it(emulation: Emulation) -> None:
    enough = least(lambda limit: lost(emulation, limit) == 0)
    assert 0 < enough < HIGHEST
    ended = emulation.gateway.server.counters.ended
    before = ended.dropped_notifications
    assert lost(emulation, enough) == 0
    assert ended.dropped_notifications == before
    assert lost(emulation, enough - 1) == 1
    assert ended.dropped_notifications == before + 1, "what metrics sum up"
