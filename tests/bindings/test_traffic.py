"""send-traffic: packets through the tunnels of the chapter, and what every counter shows of them."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.bindings.traffic import AT_ONCE
from tests.bindings.test_emulation import answer, envelope, operation
from tests.support.chapter import Emulation
from tests.support.netconf_wire import Wire, error, text

IPSEC, INTERFACES = (
    '<ipsec xmlns="urn:ipsec-agent:ipsec"/>',
    '<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"/>',
)
SA = "sa-dynamic"


def counts(reply: etree._Element) -> tuple[int, int]:
    """Return how many were delivered and dropped."""
    return int(text(reply, "em:delivered")), int(text(reply, "em:dropped"))


def shown(wire: Wire, filter_: str, path: str) -> int:
    """Return a counter."""
    found = wire.get(filter_).find(path)
    assert found is not None, path
    assert found.text is not None
    return int(found.text)


def of_association(direction: str, leaf: str) -> str:
    """Return the path of a counter of the tunnel."""
    return f".//{{*}}security-association[{{*}}name='{SA}']/{{*}}statistics/{{*}}{direction}/{{*}}{leaf}"


def of_pic(leaf: str) -> str:
    """Return the path of a counter of the PIC."""
    return f".//{{*}}interface[{{*}}name='es-1/3/0']//{{*}}{leaf}"


def test_a_few_packets_are_answered_at_once_and_shown_everywhere() -> None:
    wire = Emulation().connect()
    assert counts(
        wire.rpc(operation("send-traffic", **{"security-association": SA, "packets": "7", "packet-size": "500"}))
    ) == (7, 0)
    assert shown(wire, IPSEC, of_association("outbound", "packets")) == 7
    assert shown(wire, IPSEC, of_association("outbound", "bytes")) == 3500
    assert shown(wire, IPSEC, of_association("inbound", "packets")) == 0
    assert shown(wire, INTERFACES, of_pic("out-unicast-pkts")) == 7
    assert shown(wire, INTERFACES, of_pic("out-octets")) == 3500


def test_what_is_refused_is_shown_by_its_reason() -> None:
    wire = Emulation().connect()
    inbound = {"security-association": SA, "direction": "inbound", "packets": "5"}
    assert counts(wire.rpc(operation("send-traffic", **inbound, variant="corrupted"))) == (0, 5)
    assert shown(wire, IPSEC, of_association("inbound", "authentication-failures")) == 5
    assert shown(wire, INTERFACES, of_pic("authentication-failures")) == 5
    assert shown(wire, INTERFACES, of_pic("in-errors")) == 5
    assert shown(wire, INTERFACES, of_pic("in-unicast-pkts")) == 0


def dropped(wire: Wire, reason: str) -> int:
    """Return how many packets the whole gateway has dropped for a reason."""
    return shown(wire, IPSEC, f".//{{*}}ipsec/{{*}}statistics/{{*}}dropped[{{*}}reason='{reason}']/{{*}}packets")


def test_what_came_is_told_apart_from_what_was_to_leave() -> None:
    wire = Emulation().connect()
    assert dropped(wire, "no-sa") == 0
    wire.rpc(operation("set-peer", address="4.4.4.4", reachable="false"))
    wire.rpc('<clear-ipsec-security-associations xmlns="urn:ipsec-agent:ipsec"/>')
    assert counts(wire.rpc(operation("send-traffic", **{"security-association": SA, "packets": "6"}))) == (0, 6)
    assert shown(wire, INTERFACES, of_pic("out-discards")) == 6
    assert shown(wire, INTERFACES, of_pic("in-discards")) == shown(wire, INTERFACES, of_pic("in-errors")) == 0
    assert dropped(wire, "no-sa") == 6


def test_what_no_pic_has_is_shown_of_the_gateway() -> None:
    emulation = Emulation()
    wire, device = emulation.connect(), emulation.gateway.device
    device.send_packet(b"no packet")
    device.protection.open(bytes(20))
    assert shown(wire, IPSEC, ".//{*}ipsec/{*}statistics/{*}unroutable-packets") == 1
    assert shown(wire, IPSEC, ".//{*}ipsec/{*}statistics/{*}reassembly-failures") == 0
    assert dropped(wire, "malformed") == 1
    assert shown(wire, INTERFACES, of_pic("malformed-drops")) == 0


@pytest.mark.parametrize("scale", ["0", "1"])
def test_many_packets_hold_nobody_up_and_take_no_time_of_the_device(scale: str) -> None:
    emulation = Emulation()
    wire, other, world = emulation.connect(), emulation.connect(), emulation.gateway.world
    wire.rpc(operation("set-time-scale", factor=scale))
    before, packets = world.now, 10 * AT_ONCE
    wire.send(envelope("send-traffic", **{"security-association": SA, "packets": str(packets)}))
    assert wire.receive() is None, "not before all are there"
    assert shown(other, IPSEC, of_association("outbound", "packets")) == AT_ONCE, "others go on"
    assert world.goal == before
    assert not world.advance(before, lambda: False), "it can be interrupted"
    assert shown(other, IPSEC, of_association("outbound", "packets")) == 2 * AT_ONCE
    assert wire.receive() is None
    world.advance(before)
    assert counts(answer(wire)) == (packets, 0)
    assert world.now == before


def test_many_packets_are_answered_where_time_keeps_to_its_pace() -> None:
    emulation = Emulation()
    emulation.gateway.world.fix_pace()
    wire = emulation.connect()
    wire.send(envelope("send-traffic", **{"security-association": SA, "packets": "100"}))
    assert wire.receive() is None
    emulation.advance(0.000001)
    assert counts(answer(wire)) == (100, 0)


@pytest.mark.parametrize(
    ("leaves", "tag", "app_tag"),
    [
        ({"security-association": "none"}, "invalid-value", "unknown-security-association"),
        ({"security-association": SA, "packets": "0"}, "invalid-value", None),
        ({"security-association": SA, "packet-size": "63"}, "invalid-value", None),
        ({"security-association": SA, "variant": "late"}, "invalid-value", None),
        ({}, "missing-element", None),
    ],
)
def test_what_cannot_be_sent_is_refused(leaves: dict[str, str], tag: str, app_tag: str | None) -> None:
    wire = Emulation().connect()
    refused = error(wire.rpc(operation("send-traffic", **leaves)))
    assert (refused["error-tag"], refused.get("error-app-tag")) == (tag, app_tag)
    assert shown(wire, IPSEC, of_association("outbound", "packets")) == 0
