"""ipsec-agent-emulation: faults of the management plane, and other scenarios, over NETCONF."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.support.chapter import Emulation, chapter
from tests.support.netconf_wire import NAMESPACES, Wire, error, text, texts
from tests.support.scenarios import SMALL, small

EM = "urn:ipsec-agent:emulation"
STATE = f'<emulation xmlns="{EM}"/>'
GET_CONFIG = "<get-config><source><running/></source></get-config>"
SUBSCRIBE = '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'


def operation(rpc: str, **parameters: object) -> str:
    """Return the operation of an RPC of the module."""
    leaves = (f"<{leaf}>{value}</{leaf}>" for leaf, value in parameters.items())
    return f'<{rpc} xmlns="{EM}">{"".join(leaves)}</{rpc}>'.replace("error_tag", "error-tag")


def inject(wire: Wire, **parameters: object) -> str:
    """Inject a fault, and return its number."""
    return text(wire.rpc(operation("inject-fault", **parameters)), "em:id")


def is_refused(wire: Wire) -> bool:
    """Whether a get-config is."""
    return wire.rpc(GET_CONFIG).find("nc:rpc-error", NAMESPACES) is not None


def shown(wire: Wire, id_: str) -> dict[str, str]:
    """Return what is shown of a fault."""
    entries = wire.get(STATE).findall(f".//em:fault[em:id='{id_}']", NAMESPACES)
    return {etree.QName(leaf).localname: leaf.text or "" for leaf in entries[0]} if entries else {}


def test_a_fault_strikes_as_it_was_told_and_is_shown_with_its_hits() -> None:
    wire = Emulation().connect()
    id_ = inject(wire, operation="get-config", user="admin", kind="error", error_tag="too-big", count=2)
    assert error(wire.rpc(GET_CONFIG))["error-tag"] == "too-big"
    assert shown(wire, id_) == {
        "id": id_,
        "operation": "get-config",
        "user": "admin",
        "kind": "error",
        "probability": "1.0",
        "seconds": "1.0",
        "error-tag": "too-big",
        "remaining": "1",
        "hits": "1",
    }
    assert [is_refused(wire), is_refused(wire)] == [True, False]
    assert shown(wire, id_)["remaining"] == "0"


def test_a_fault_without_a_count_goes_on_until_it_is_cleared() -> None:
    wire = Emulation().connect()
    id_ = inject(wire, operation="get-config", kind="error")
    assert all(is_refused(wire) for _ in range(5))
    assert "remaining" not in shown(wire, id_)
    wire.rpc(operation("clear-faults", id=id_))
    assert not is_refused(wire)
    assert shown(wire, id_) == {}


def test_a_fault_for_everything_leaves_the_way_to_take_it_back() -> None:
    wire = Emulation().connect()
    inject(wire, kind="error")
    assert is_refused(wire)
    assert wire.rpc(operation("clear-faults")).find("nc:ok", NAMESPACES) is not None
    assert not is_refused(wire)


def test_a_fault_of_one_user_is_nothing_to_another() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    inject(wire, user="operator", kind="error")
    assert not is_refused(wire)
    assert is_refused(emulation.connect("operator"))


def test_chance_is_that_of_the_seed() -> None:
    def struck(seed: str) -> list[bool]:
        wire = Emulation(chapter(seed=seed)).connect()
        inject(wire, operation="get-config", kind="error", probability="0.5")
        return [is_refused(wire) for _ in range(20)]

    assert struck("a") == struck("a") != struck("b")
    assert 3 < sum(struck("a")) < 17


@pytest.mark.parametrize(
    ("parameters", "tag"),
    [
        ({}, "missing-element"),
        ({"kind": "explode"}, "invalid-value"),
        ({"kind": "close", "probability": "1.5"}, "invalid-value"),
        ({"kind": "close", "count": "0"}, "invalid-value"),
        ({"kind": "error", "error_tag": "bad-mood"}, "invalid-value"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(parameters: dict[str, str], tag: str) -> None:
    wire = Emulation().connect()
    assert error(wire.rpc(operation("inject-fault", **parameters)))["error-tag"] == tag
    assert texts(wire.get(STATE), ".//em:fault/em:id") == []


def test_a_fault_that_there_is_not_cannot_be_cleared() -> None:
    refused = error(Emulation().connect().rpc(operation("clear-faults", id=7)))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("invalid-value", "unknown-fault")
    assert refused["error-path"] == "/em:clear-faults/em:id"


@pytest.mark.parametrize("name", ["inject-fault", "clear-faults", "load-scenario", "set-link", "reboot-peer"])
def test_nobody_but_an_administrator_lays_hands_on_it(name: str) -> None:
    assert error(Emulation().connect("operator").rpc(operation(name)))["error-tag"] == "access-denied"


def test_another_scenario_makes_it_another_device_at_another_time() -> None:
    emulation = Emulation()
    emulation.gateway.world.set_factor(0)
    wire = emulation.connect()
    reply = wire.rpc(operation("load-scenario", name="flapping-peer"))
    assert text(reply, "em:now") == "2026-01-05T08:00:15+00:00"
    data = emulation.connect().get(STATE)
    assert texts(data, ".//em:peer/em:address")[:1] == ["198.51.100.1"]
    assert text(data, ".//em:now") == "2026-01-05T08:00:15+00:00"
    assert text(data, ".//em:scale") == "0.0", "the pace stays"
    assert emulation.gateway.now == emulation.gateway.world.now


def test_every_session_ends_with_the_device_that_was_and_the_one_that_asked_after_its_reply() -> None:
    emulation = Emulation()
    asking, other, watcher = emulation.connect(), emulation.connect(), emulation.connect()
    watcher.rpc(SUBSCRIBE)
    other.rpc("<lock><target><running/></target></lock>")
    assert texts(asking.rpc(operation("load-scenario", name="pic-failure")), "em:now")
    assert asking.is_finished
    assert other.session.is_finished
    assert watcher.session.is_finished
    again = emulation.connect()
    assert again.session.caller.session_id == 4, "no id comes again"  # type: ignore[attr-defined]
    assert again.rpc("<lock><target><running/></target></lock>").find("nc:ok", NAMESPACES) is not None


def test_the_notifications_of_the_new_device_are_told_from_its_beginning() -> None:
    emulation = Emulation()
    emulation.connect().rpc(operation("load-scenario", name="pic-failure"))
    wire = emulation.connect()
    wire.rpc(SUBSCRIBE)
    emulation.advance(60)
    kinds = []
    while (message := wire.receive()) is not None:
        kinds.append(etree.QName(message[1]).localname)
    assert "interface-switched" in kinds, "its timeline goes on"


def test_a_scenario_can_be_loaded_from_one_that_was() -> None:
    emulation = Emulation()
    for name in ("demo", "pic-failure", "chapter"):
        emulation.connect().rpc(operation("load-scenario", name=name))
    assert emulation.gateway.device.name == "host"
    assert text(emulation.connect().get(STATE), ".//em:now").startswith("2003-03-10T12:00:08")


def test_a_document_is_loaded_like_a_file() -> None:
    emulation = Emulation()
    document = f"<![CDATA[{small(peer='fault: wrong-key')}]]>"
    reply = emulation.connect().rpc(operation("load-scenario", document=document))
    assert texts(reply, "em:now")
    data = emulation.connect().get(STATE)
    assert text(data, ".//em:peer[em:address='4.4.4.4']/em:fault") == "wrong-key"


@pytest.mark.parametrize(
    ("parameters", "leaf", "complaint"),
    [
        ({"name": "nonsense"}, "name", "there is no scenario"),
        ({"name": "/etc/passwd"}, "name", "there is no scenario"),
        ({"document": "name: x"}, "document", "document:1:1: a scenario needs 'start'"),
        ({"document": SMALL.replace("chapter.xml", "none.xml")}, "document", "a file beside the scenario"),
        ({"document": SMALL.replace("address: 3.3.3.3", "address: 4.4.4.4")}, "document", "4.4.4.4"),
        ({"document": small("timeline: [{at: 1, rpc: fly}]")}, "document", "there is no RPC"),
    ],
)
def test_a_scenario_that_cannot_be_loaded_changes_nothing(
    parameters: dict[str, str], leaf: str, complaint: str
) -> None:
    emulation = Emulation()
    wire = emulation.connect()
    world, sas = emulation.gateway.world, list(emulation.gateway.device.ike_sas)
    refused = error(wire.rpc(operation("load-scenario", **parameters)))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("invalid-value", "bad-scenario")
    assert refused["error-path"] == f"/em:load-scenario/em:{leaf}"
    assert complaint in refused["error-message"]
    assert emulation.gateway.world is world
    assert list(emulation.gateway.device.ike_sas) == sas
    assert wire.rpc("<lock><target><running/></target></lock>").find("nc:ok", NAMESPACES) is not None


def test_a_commit_that_waits_forbids_another_scenario() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    wire.rpc("<commit><confirmed/></commit>")
    refused = error(wire.rpc(operation("load-scenario", name="demo")))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("operation-failed", "unconfirmed-commit")
    wire.rpc("<cancel-commit/>")
    assert texts(wire.rpc(operation("load-scenario", name="demo")), "em:now")


def test_real_peers_forbid_another_scenario() -> None:
    emulation = Emulation()
    emulation.gateway.world.fix_pace()
    refused = error(emulation.connect().rpc(operation("load-scenario", name="demo")))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("operation-failed", "pace-fixed")


@pytest.mark.parametrize("parameters", [{}, {"name": "demo", "document": "name: x"}])
def test_one_of_name_and_document_is_given(parameters: dict[str, str]) -> None:
    refused = error(Emulation().connect().rpc(operation("load-scenario", **parameters)))
    assert refused["error-tag"] == ("bad-element" if parameters else "missing-element")


def test_faults_are_gone_with_the_device_that_they_were_injected_into() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    inject(wire, kind="error")
    wire.rpc(operation("load-scenario", name="chapter"))
    assert not is_refused(emulation.connect())
