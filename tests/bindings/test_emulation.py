"""ipsec-agent-emulation: time obeys, peers fall silent, PICs fail, families go down."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address

import pytest
from lxml import etree

from agent.bindings.leaves import decimal
from agent.core.world import SECOND
from tests.support.chapter import Emulation
from tests.support.netconf_wire import NAMESPACES, Wire, error, text, texts

EM = "urn:ipsec-agent:emulation"
STATE = f'<emulation xmlns="{EM}"/>'


def operation(name: str, **parameters: str) -> str:
    """Return the operation of an RPC of the module."""
    leaves = "".join(f"<{leaf}>{value}</{leaf}>" for leaf, value in parameters.items())
    return f'<{name} xmlns="{EM}">{leaves}</{name}>'


def envelope(name: str, **parameters: str) -> str:
    """Return the whole message of an RPC of the module."""
    content = operation(name, **parameters)
    return f'<rpc xmlns="{NAMESPACES["nc"]}" message-id="later">{content}</rpc>'


def drive(emulation: Emulation) -> None:
    """Do what the driver does with a goal: make for it at full speed."""
    goal = emulation.gateway.world.goal
    assert goal is not None
    emulation.gateway.world.advance(goal)


def answer(wire: Wire) -> etree._Element:
    """Return the answer that has come."""
    found = wire.receive()
    assert found is not None
    return found


def test_the_answer_to_advance_time_comes_when_everything_until_then_has_happened() -> None:
    emulation = Emulation()
    wire, other = emulation.connect(), emulation.connect()
    before = emulation.gateway.world.now
    wire.send(envelope("advance-time", seconds="3600.5"))
    assert wire.receive() is None, "not before"
    assert text(other.get(STATE), ".//em:scale") == "1.0", "other sessions go on"
    drive(emulation)
    moment = datetime.fromisoformat(text(answer(wire), "em:now"))
    assert round(moment.timestamp() * SECOND) == before + 3600 * SECOND + SECOND // 2


def test_notifications_of_what_happened_are_there_before_the_answer() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    wire.rpc('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')
    wire.send(envelope("advance-time", seconds="30000"))
    assert wire.receive() is None
    drive(emulation)
    kinds = []
    while (message := wire.receive()) is not None:
        kinds.append(etree.QName(message).localname)
    assert kinds.count("notification") > 4
    assert kinds[-1] == "rpc-reply"


def test_the_next_timer_is_made_for_and_no_further() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    deadline = emulation.gateway.world.next_deadline()
    wire.send(envelope("advance-to-next-timer"))
    assert wire.receive() is None
    drive(emulation)
    assert emulation.gateway.world.now == deadline
    assert texts(answer(wire), "em:now")


@pytest.mark.parametrize("seconds", ["-1", "x", "0.0000001", "1e3"])
def test_a_time_that_cannot_be_is_refused(seconds: str) -> None:
    refused = error(Emulation().connect().rpc(operation("advance-time", seconds=seconds)))
    assert (refused["error-tag"], refused["bad-element"]) == ("invalid-value", "seconds")


def test_time_ends_with_the_year_9999() -> None:
    emulation = Emulation()
    refused = error(emulation.connect().rpc(operation("advance-time", seconds="999999999999")))
    assert refused["error-tag"] == "invalid-value"
    assert emulation.gateway.world.goal is None


def test_the_pace_of_time_is_set_and_shown() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    for factor, shown in (("1000", "1000.0"), ("0", "0.0"), ("0.25", "0.25")):
        assert wire.rpc(operation("set-time-scale", factor=factor)).find("nc:ok", NAMESPACES) is not None
        assert text(wire.get(STATE), ".//em:scale") == shown
        assert emulation.gateway.world.factor == float(factor)


@pytest.mark.parametrize(("number", "canonical"), [(0.0, "0.0"), (1.0, "1.0"), (10.0, "10.0"), (0.125, "0.125")])
def test_a_decimal_is_canonical(number: float, canonical: str) -> None:
    assert decimal(number) == canonical


def test_a_silent_peer_is_shown_and_a_clear_brings_nothing_back_from_it() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    wire.rpc(operation("set-peer", address="4.4.4.4", reachable="false"))
    peer = ".//em:peer[em:address='4.4.4.4']"
    assert text(wire.get(STATE), f"{peer}/em:reachable") == "false"
    emulation.gateway.device.clear_ike_sas(ip_address("4.4.4.4"))
    emulation.advance(20)
    assert not any(
        sa.is_matured for sa in emulation.gateway.device.ike_sas.values() if str(sa.remote.address) == "4.4.4.4"
    )


@pytest.mark.parametrize(
    ("name", "parameters", "tag", "leaf"),
    [
        ("set-peer", {"address": "9.9.9.9", "reachable": "false"}, "unknown-peer", "address"),
        ("set-pic", {"interface": "es-9/9/9", "state": "fault"}, "unknown-interface", "interface"),
        ("set-family", {"interface": "es-9/9/9", "unit": "0", "enabled": "false"}, "unknown-interface", "interface"),
        ("set-family", {"interface": "es-1/3/0", "unit": "99", "enabled": "false"}, "unknown-interface", "unit"),
    ],
)
def test_what_is_not_there_is_refused_by_name(name: str, parameters: dict[str, str], tag: str, leaf: str) -> None:
    refused = error(Emulation().connect().rpc(operation(name, **parameters)))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("invalid-value", tag)
    assert refused["error-path"] == f"/em:{name}/em:{leaf}"


@pytest.mark.parametrize("user", ["operator", "guest"])
@pytest.mark.parametrize("name", ["advance-time", "set-time-scale", "advance-to-next-timer", "set-peer", "set-pic"])
def test_nobody_but_an_administrator_lays_hands_on_it(user: str, name: str) -> None:
    assert error(Emulation().connect(user).rpc(operation(name)))["error-tag"] == "access-denied"


def test_a_family_that_is_taken_down_takes_its_security_association_with_it() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    association = (
        '<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association><name>sa-dynamic</name></security-association>'
        "</ipsec>"
    )
    wire.rpc(operation("set-family", interface="es-1/3/0", unit="0", enabled="false"))
    emulation.advance(5)
    down = wire.get(association)
    assert text(down, ".//ipsec:interface-family") == "down"
    assert texts(down, ".//ipsec:sa") == []
    wire.rpc(operation("set-family", interface="es-1/3/0", unit="0", enabled="true"))
    emulation.advance(5)
    up = wire.get(association)
    assert text(up, ".//ipsec:interface-family") == "up"
    assert len(texts(up, ".//ipsec:sa")) == 2


def subscribe(wire: Wire) -> None:
    """Ask to be told of everything."""
    wire.rpc('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')


def told(wire: Wire, name: str) -> dict[str, str]:
    """Return the leaves of the one notification of a name among those that wait."""
    found = []
    while (message := wire.receive()) is not None:
        if etree.QName(message[1]).localname == name:
            found.append({etree.QName(leaf).localname: leaf.text or "" for leaf in message[1]})
    assert len(found) == 1, f"{len(found)} of {name}"
    return found[0]


def spis(emulation: Emulation) -> list[object]:
    """Return the SPIs of sa-dynamic."""
    return list(emulation.gateway.device.security_associations["sa-dynamic"].sas)


def test_a_pic_that_fails_hands_over_to_the_other_with_every_spi() -> None:
    emulation = Emulation()
    wire, watcher = emulation.connect(), emulation.connect()
    subscribe(watcher)
    before = spis(emulation)
    wire.rpc(operation("set-pic", interface="es-1/3/0", state="fault"))
    emulation.advance(1)
    switched = told(watcher, "interface-switched")
    assert (switched["from"], switched["to"]) == ("es-1/3/0", "es-1/1/0")
    assert (switched["reason"], switched["failure-counter"]) == ("failure", "1")
    assert spis(emulation) == before
    wire.rpc(operation("set-pic", interface="es-1/3/0", state="online"))
    emulation.advance(10)
    data = wire.get('<redundancy xmlns="urn:ipsec-agent:redundancy"/>')
    states = ("red:primary-state", "red:backup-state", "red:failure-counter")
    assert [text(data, f".//red:interface/{leaf}") for leaf in states] == ["standby", "active", "1"], "not preemptive"


def test_a_peer_that_falls_silent_hands_over_to_the_backup() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    before = spis(emulation)
    wire.rpc(operation("set-peer", address="4.4.4.4", reachable="false"))
    watcher = emulation.connect()
    subscribe(watcher)
    emulation.advance(30)
    switched = told(watcher, "tunnel-switched")
    assert (switched["from"], switched["to"], switched["reason"]) == ("4.4.4.4", "3.3.3.3", "failure")
    after = spis(emulation)
    assert len(after) == 2
    assert not set(before) & set(after)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("advance-time", {"seconds": "1"}), ("advance-to-next-timer", {}), ("set-time-scale", {"factor": "2"})],
)
def test_time_is_left_alone_while_real_peers_take_part(name: str, parameters: dict[str, str]) -> None:
    emulation = Emulation()
    emulation.gateway.world.fix_pace()
    refused = error(emulation.connect().rpc(operation(name, **parameters)))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("operation-failed", "pace-fixed")
    assert (emulation.gateway.world.goal, emulation.gateway.world.factor) == (None, 1.0)


def test_time_that_passes_their_validity_makes_the_certificates_of_the_chapter_untrusted() -> None:
    emulation = Emulation()
    wire, watcher = emulation.connect(), emulation.connect()
    database = '<certificates xmlns="urn:ipsec-agent:certificates"><certificate/></certificates>'
    trusted = ".//cert:certificate[cert:id='{}']/cert:trusted"
    assert [text(wire.get(database), trusted.format(number)) for number in (1, 4, 5)] == ["true", "true", "true"]
    watcher.rpc(
        '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><filter>'
        '<certificate-expired xmlns="urn:ipsec-agent:certificates"/></filter></create-subscription>'
    )
    for interface in ("es-1/3/0", "es-1/1/0"):  # without PICs no tunnel has anything to do in these weeks
        wire.rpc(operation("set-pic", interface=interface, state="offline"))
    wire.send(envelope("advance-time", seconds=str(21 * 86400)))
    assert wire.receive() is None
    drive(emulation)
    assert texts(answer(wire), "em:now")
    data = wire.get(database)
    assert [text(data, trusted.format(number)) for number in (1, 4, 5)] == ["true", "false", "false"]
    kinds = []
    while (message := watcher.receive()) is not None:
        kinds.append(etree.QName(message[1]).localname)
    assert kinds.count("certificate-expired") == 2


def link(wire: Wire, source: str, destination: str) -> dict[str, str]:
    """Return what is shown of one direction of a path."""
    match = f"em:link[em:source='{source}'][em:destination='{destination}']"
    entries = wire.get(STATE).findall(f".//{match}", NAMESPACES)
    return {etree.QName(leaf).localname: leaf.text or "" for leaf in entries[0]} if entries else {}


def test_a_link_is_set_in_both_directions_and_shown() -> None:
    wire = Emulation().connect()
    assert link(wire, "4.4.4.5", "4.4.4.4") == {}
    wire.rpc(operation("set-link", source="4.4.4.5", destination="4.4.4.4", loss="0.25", delay="70000"))
    expected = {
        "source": "4.4.4.4",
        "destination": "4.4.4.5",
        "delay": "70000",
        "jitter": "0",
        "loss": "0.25",
        "duplication": "0.0",
        "reordering": "0.0",
        "partitioned": "false",
    }
    assert link(wire, "4.4.4.4", "4.4.4.5") == expected
    assert link(wire, "4.4.4.5", "4.4.4.4")["loss"] == "0.25"


def test_what_is_not_said_of_a_link_stays_and_one_way_is_one_way() -> None:
    wire = Emulation().connect()
    wire.rpc(operation("set-link", source="4.4.4.5", destination="4.4.4.4", jitter="5"))
    one_way = {"one-way": "true", "partitioned": "true"}
    wire.rpc(operation("set-link", source="4.4.4.5", destination="4.4.4.4", **one_way))
    there, back = link(wire, "4.4.4.5", "4.4.4.4"), link(wire, "4.4.4.4", "4.4.4.5")
    assert (there["jitter"], there["partitioned"]) == ("5", "true")
    assert (back["jitter"], back["partitioned"]) == ("5", "false")


def test_a_path_that_is_cut_in_one_direction_makes_the_peer_unreachable() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    one_way = {"one-way": "true", "partitioned": "true"}
    wire.rpc(operation("set-link", source="4.4.4.4", destination="4.4.4.5", **one_way))
    emulation.advance(30)
    assert emulation.gateway.device.tunnel_redundancy["sa-dynamic"].failure_counter == 1


def test_a_peer_is_made_to_be_wrong_and_what_is_not_said_of_it_stays() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    wire.rpc(operation("set-peer", address="4.4.4.4", fault="wrong-key"))
    wire.rpc(operation("set-peer", address="4.4.4.4", **{"answer-delay": "20"}))
    peer = ".//em:peer[em:address='4.4.4.4']"
    data = wire.get(STATE)
    assert (text(data, f"{peer}/em:fault"), text(data, f"{peer}/em:reachable")) == ("wrong-key", "true")
    wire.rpc('<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"/>')
    emulation.advance(10)
    assert text(wire.get(STATE), f"{peer}/em:established") == "0"


def test_a_peer_that_reboots_is_shown_as_booting_and_has_nothing_left() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    wire.rpc(operation("reboot-peer", address="4.4.4.4", seconds="20"))
    peer = ".//em:peer[em:address='4.4.4.4']"
    data = wire.get(STATE)
    assert (text(data, f"{peer}/em:booting"), text(data, f"{peer}/em:established")) == ("true", "0")
    emulation.advance(21)
    assert text(wire.get(STATE), f"{peer}/em:booting") == "false"


def test_a_peer_that_is_not_emulated_cannot_reboot() -> None:
    refused = error(Emulation().connect().rpc(operation("reboot-peer", address="9.9.9.9")))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("invalid-value", "unknown-peer")
