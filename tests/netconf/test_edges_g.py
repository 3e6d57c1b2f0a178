"""Edge behaviours, G: the operational state of security associations, as a client sees it of the chapter's gateway."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from tests.support.chapter import Emulation
from tests.support.netconf_wire import NAMESPACES, Wire, error, text, texts
from tests.support.redundancy import lab
from tests.support.redundancy_server import connect
from tests.support.subscribers import subscribe, told

IPSEC: Final = "urn:ipsec-agent:ipsec"
DYNAMIC: Final = (
    f'<ipsec xmlns="{IPSEC}"><security-association><name>sa-dynamic</name>{{}}</security-association></ipsec>'
)
ASSOCIATION: Final = "ipsec:ipsec/ipsec:security-association"
CLEAR: Final = f'<clear-ipsec-security-associations xmlns="{IPSEC}">{{}}</clear-ipsec-security-associations>'
SET_PEER: Final = (
    '<set-peer xmlns="urn:ipsec-agent:emulation"><address>{}</address><reachable>false</reachable></set-peer>'
)
SOFT: Final = 0.8 * 28_800
"""When the pair of the chapter is replaced, in seconds."""


def spis(wire: Wire) -> set[str]:
    """Return the SPIs of the dynamic association."""
    return set(texts(wire.get(DYNAMIC.format("<sa/>")), f"{ASSOCIATION}/ipsec:sa/ipsec:spi"))


def stories(wire: Wire) -> list[str]:
    """Return the names of the notifications of IPsec that wait."""
    return [etree.QName(one).localname for one in told(wire) if etree.QName(one).namespace == IPSEC]


def test_g1_a_rekey_is_one_event_and_the_new_pair_is_there_before_the_old_one_goes() -> None:
    emulation = Emulation()
    wire, watcher = emulation.connect(), emulation.connect()
    watcher.rpc(subscribe())
    before, seen = spis(wire), []
    emulation.advance(SOFT - 60)
    for _ in range(240):
        emulation.advance(0.5)
        seen.append(frozenset(spis(wire)))
    after = seen[-1]
    assert len(after) == 2
    assert not before & after
    assert min(map(len, seen)) == 2, "never a gap"
    names = [name for name in stories(watcher) if name != "ipsec-sa-expired"]
    assert names == ["ipsec-sa-installed", "ipsec-sa-rekeyed", "ipsec-sa-deleted"]


def test_g2_a_tunnel_that_is_down_stays_listed() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    for peer in ("3.3.3.3", "4.4.4.4"):
        wire.rpc(SET_PEER.format(peer))
    wire.rpc(CLEAR.format(""))
    emulation.advance(300)
    data = wire.get(DYNAMIC.format(""))
    assert texts(data, f"{ASSOCIATION}/ipsec:name") == ["sa-dynamic"]
    assert texts(data, f"{ASSOCIATION}/ipsec:sa/ipsec:state").count("installed") == 0
    assert texts(data, f"{ASSOCIATION}/ipsec:interface-family") == ["up"], "the family is; the tunnel has no pair"


def test_g3_counters_of_a_new_pair_begin_at_zero_and_those_of_the_tunnel_never_go_back() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    association = emulation.gateway.device.security_associations["sa-dynamic"]
    for sa in association.sas.values():
        sa.statistics.packets += 5
    emulation.advance(SOFT + 3600)
    data = wire.get(DYNAMIC.format(""))
    assert text(data, f"{ASSOCIATION}/ipsec:rekeys") == "1"
    assert texts(data, f"{ASSOCIATION}/ipsec:sa/ipsec:statistics/ipsec:packets") == ["0", "0"]
    assert texts(data, f"{ASSOCIATION}/ipsec:statistics/*/ipsec:packets") == ["5", "5"]


@pytest.mark.parametrize("path", ["statistics/inbound", "statistics/outbound", "sa/statistics"])
def test_g4_counters_have_64_bits(path: str) -> None:
    schema = Emulation().registry.schema
    found = [
        node
        for node in schema.node(f"/ipsec-agent-ipsec:ipsec/security-association/{path}").children.values()
        if node.type is not None
    ]
    assert found
    assert {type(node.type).__name__ for node in found} == {"Integer"}
    assert {node.type.base for node in found if node.type} == {"uint64"}


def test_g5_remaining_seconds_and_absolute_times_are_both_there_and_agree() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    first = wire.get(DYNAMIC.format("<sa/>"))
    emulation.advance(1000)
    second = wire.get(DYNAMIC.format("<sa/>"))
    lifetime = f"{ASSOCIATION}/ipsec:sa/ipsec:hard-lifetime/ipsec:remaining-seconds"
    remaining = [int(texts(data, lifetime)[0]) for data in (first, second)]
    expires = [texts(data, f"{ASSOCIATION}/ipsec:sa/ipsec:expires-at")[0] for data in (first, second)]
    assert remaining[0] - remaining[1] == 1000
    assert expires[0] == expires[1]
    assert expires[0].startswith("2003-03-")


def test_g6_an_spi_is_a_decimal_number() -> None:
    assert all(spi.isdecimal() and 256 <= int(spi) < 2**32 for spi in spis(Emulation().connect()))


def test_g7_a_clear_answers_at_once_and_new_spis_follow() -> None:
    emulation = Emulation()
    wire, watcher = emulation.connect(), emulation.connect()
    watcher.rpc(subscribe())
    before = spis(wire)
    assert text(wire.rpc(CLEAR.format("<name>sa-dynamic</name>")), "ipsec:cleared") == "2"
    emulation.advance(10)
    assert len(spis(wire)) == 2
    assert not before & spis(wire)
    assert {"ipsec-sa-deleted", "ipsec-sa-installed"} <= set(stories(watcher))


def test_g8_an_unknown_name_is_an_error_and_nothing_is_cleared() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    before = spis(wire)
    found = error(wire.rpc(CLEAR.format("<name>nonsense</name>")))
    assert (found["error-tag"], found["error-app-tag"]) == ("invalid-value", "unknown-security-association")
    emulation.advance(10)
    assert spis(wire) == before


def test_g9_manual_associations_are_left_alone() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    manual = DYNAMIC.format("<sa/>").replace("sa-dynamic", "sa-manual")
    before = etree.tostring(wire.get(manual))
    wire.rpc(CLEAR.format(""))
    emulation.advance(10)
    assert etree.tostring(wire.get(manual)) == before
    assert error(wire.rpc(CLEAR.format("<name>sa-manual</name>")))["error-app-tag"] == "not-dynamic"


def test_g10_a_switch_to_a_backup_that_is_offline_fails_and_is_not_counted() -> None:
    red = "urn:ipsec-agent:redundancy"
    wire = connect(lab())  # nothing has booted
    found = error(wire.rpc(f'<switch-interface xmlns="{red}"/>'))
    assert (found["error-tag"], found["error-app-tag"]) == ("operation-failed", "backup-offline")
    data = wire.get(f'<redundancy xmlns="{red}"/>')
    counters = data.findall(f".//{{{red}}}interface/{{{red}}}failure-counter", NAMESPACES)
    assert [counter.text for counter in counters] == ["0"]
