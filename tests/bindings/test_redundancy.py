"""ipsec-agent-redundancy: what stands in for what is shown, switched by hand and told of."""

from __future__ import annotations

from enum import Enum

import pytest
from lxml import etree

from agent.bindings.redundancy import REDUNDANCY
from agent.core.events import RedundancyState, SwitchReason
from agent.core.pic import PicCommand
from agent.datastore.date_and_time import date_and_time
from agent.datastore.output import render_notification
from tests.support.devices import FAR, NEAR, Lab
from tests.support.netconf_wire import NAMESPACES, Wire, error
from tests.support.redundancy import BACKUP, ONE_PEER, PRIMARY, SA, lab, peer_states, pic_states, with_manual
from tests.support.redundancy_server import NAMESPACE, connect, registry

NOTIFICATIONS = "urn:ietf:params:xml:ns:netconf:notification:1.0"


def shown(wire: Wire, entry: str = "") -> list[tuple[str, dict[str, str]]]:
    """Return the entries of the module's state, each by the name of its list and the leaves it has."""
    data = wire.get(f'<redundancy xmlns="{NAMESPACE}">{entry}</redundancy>')
    entries = data.findall(f"{{{NAMESPACE}}}redundancy/*")
    return [
        (etree.QName(each).localname, {etree.QName(leaf).localname: leaf.text or "" for leaf in each})
        for each in entries
    ]


def request(wire: Wire, name: str, **parameters: str) -> etree._Element:
    """Call an operation of the module."""
    leaves = "".join(
        f"<{leaf}>{value}</{leaf}>" for leaf, value in ((leaf.replace("_", "-"), v) for leaf, v in parameters.items())
    )
    return wire.rpc(f'<{name} xmlns="{NAMESPACE}">{leaves}</{name}>')


def switched(reply: etree._Element) -> list[str]:
    """Return what an operation says that it has switched."""
    assert reply.find("nc:rpc-error", NAMESPACES) is None, etree.tostring(reply)
    return [leaf.text or "" for leaf in reply.findall(f"{{{NAMESPACE}}}switched")]


def started() -> tuple[Lab, Wire]:
    """Return a device with two PICs and two peers that is up, and a client."""
    each = lab()
    wire = connect(each)
    each.start()
    return each, wire


INTERFACE = {
    "primary-interface": PRIMARY,
    "backup-interface": BACKUP,
    "primary-state": "active",
    "backup-state": "standby",
    "failure-counter": "0",
    "mirrored-sas": "2",
    "lost-packets": "0",
}
TUNNEL = {
    "security-association": SA,
    "local-address": "4.4.4.5",
    "primary-remote-address": "4.4.4.4",
    "backup-remote-address": "3.3.3.3",
    "primary-state": "active",
    "backup-state": "standby",
    "failure-counter": "0",
}


def test_a_pair_and_a_tunnel_are_shown_with_nothing_of_a_switch_that_was_not() -> None:
    _, wire = started()
    assert shown(wire) == [("interface", INTERFACE), ("tunnel", TUNNEL)]


def test_everything_together_is_valid_for_libyang() -> None:
    each, wire = started()
    each.device.switch_interfaces()
    each.device.switch_tunnels()
    assert wire.get().find(f"{{{NAMESPACE}}}redundancy") is not None


def test_before_anything_has_booted_or_answered_all_are_offline_or_stand_by() -> None:
    each = lab(pic_boot_us=5_000_000)
    wire = connect(each)
    each.start(seconds=1)
    (_, interface), (_, tunnel) = shown(wire)
    assert (interface["primary-state"], interface["backup-state"]) == ("offline", "offline")
    assert (tunnel["primary-state"], tunnel["backup-state"]) == ("standby", "standby")
    assert interface["mirrored-sas"] == "0"


def test_an_entry_is_found_by_its_key() -> None:
    _, wire = started()
    by_name = f"<interface><primary-interface>{PRIMARY}</primary-interface></interface>"
    assert shown(wire, by_name) == [("interface", INTERFACE)]
    assert shown(wire, by_name.replace(PRIMARY, BACKUP)) == []
    by_name = f"<tunnel><security-association>{SA}</security-association></tunnel>"
    assert shown(wire, by_name) == [("tunnel", TUNNEL)]
    assert shown(wire, by_name.replace(SA, "nonsense")) == []


def test_what_has_no_backup_is_not_shown() -> None:
    each = lab(with_manual(ONE_PEER))
    wire = connect(each)
    each.start()
    assert shown(wire) == []


@pytest.mark.parametrize("parameters", [{"interface": PRIMARY}, {"interface": BACKUP}, {}])
def test_a_switch_of_interfaces_answers_with_the_primary_one_and_is_shown(parameters: dict[str, str]) -> None:
    each, wire = started()
    before = dict(each.association().sas)
    assert switched(request(wire, "switch-interface", **parameters)) == [PRIMARY]
    ((_, interface), _) = shown(wire)
    assert (interface["primary-state"], interface["backup-state"]) == ("standby", "active")
    assert (interface["failure-counter"], interface["last-switch-reason"]) == ("1", "manual")
    assert interface["last-switch-at"] == date_and_time(each.world.now)
    assert dict(each.association().sas) == before


@pytest.mark.parametrize("parameters", [{"security_association": SA}, {}])
def test_a_switch_of_tunnels_answers_with_the_association_and_is_shown(parameters: dict[str, str]) -> None:
    each, wire = started()
    assert switched(request(wire, "switch-tunnel", **parameters)) == [SA]
    each.run(seconds=1)
    (_, (_, tunnel)) = shown(wire)
    assert (tunnel["primary-state"], tunnel["backup-state"]) == ("standby", "active")
    assert (tunnel["failure-counter"], tunnel["last-switch-reason"]) == ("1", "manual")
    assert tunnel["last-switch-at"] == date_and_time(each.world.now - 1_000_000)


def test_a_failure_is_shown_with_its_reason() -> None:
    each, wire = started()
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    ((_, interface), _) = shown(wire)
    assert (interface["primary-state"], interface["backup-state"]) == ("offline", "active")
    assert (interface["failure-counter"], interface["last-switch-reason"]) == ("1", "failure")


# Refusals

INTERFACE_PATH = "/red:switch-interface/red:interface"
TUNNEL_PATH = "/red:switch-tunnel/red:security-association"


@pytest.mark.parametrize(
    ("operation", "leaf", "app_tag", "path"),
    [
        ("switch-interface", "interface", "unknown-interface", INTERFACE_PATH),
        ("switch-tunnel", "security_association", "unknown-security-association", TUNNEL_PATH),
    ],
)
def test_what_is_not_there_is_an_invalid_value_at_its_leaf(operation: str, leaf: str, app_tag: str, path: str) -> None:
    each, wire = started()
    before = pic_states(each), peer_states(each), each.story
    refused = error(request(wire, operation, **{leaf: "nonsense"}))
    assert (refused["error-type"], refused["error-tag"]) == ("application", "invalid-value")
    assert (refused["error-app-tag"], refused["error-path"]) == (app_tag, path)
    assert "nonsense" in refused["error-message"]
    assert (pic_states(each), peer_states(each), each.story) == before


@pytest.mark.parametrize("name", [PRIMARY, BACKUP, None])
def test_a_switch_to_an_offline_pic_is_refused_and_not_counted(name: str | None) -> None:
    each, wire = started()
    each.device.set_pic(BACKUP, PicCommand.OFFLINE)
    parameters = {"interface": name} if name is not None else {}
    refused = error(request(wire, "switch-interface", **parameters))
    assert (refused["error-type"], refused["error-tag"]) == ("application", "operation-failed")
    assert refused["error-app-tag"] == "backup-offline"
    assert refused.get("error-path") == (INTERFACE_PATH if name is not None else None)
    assert BACKUP in refused["error-message"]
    ((_, interface), _) = shown(wire)
    assert (interface["primary-state"], interface["failure-counter"]) == ("active", "0")


@pytest.mark.parametrize(
    ("operation", "parameters", "path"),
    [
        ("switch-interface", {"interface": PRIMARY}, INTERFACE_PATH),
        ("switch-interface", {}, None),
        ("switch-tunnel", {"security_association": SA}, TUNNEL_PATH),
        ("switch-tunnel", {"security_association": "manual"}, TUNNEL_PATH),
        ("switch-tunnel", {}, None),
    ],
)
def test_what_has_no_backup_is_not_switched(operation: str, parameters: dict[str, str], path: str | None) -> None:
    each = lab(with_manual(ONE_PEER))
    wire = connect(each)
    each.start()
    before = each.story
    refused = error(request(wire, operation, **parameters))
    assert (refused["error-type"], refused["error-tag"]) == ("application", "operation-failed")
    assert (refused["error-app-tag"], refused.get("error-path")) == ("no-backup", path)
    assert each.story == before


# Notifications


def told(wire: Wire) -> list[str]:
    """Return the notifications of the module that have come, without their namespace."""
    found = []
    while (message := wire.receive()) is not None:
        assert message.tag == f"{{{NOTIFICATIONS}}}notification"
        content = [child for child in message if child.tag.startswith(f"{{{NAMESPACE}}}")]
        found += ["|".join([etree.QName(each).localname, *(leaf.text or "" for leaf in each)]) for each in content]
    return found


def test_a_subscriber_is_told_of_every_switch_and_every_state() -> None:
    each, wire = started()
    wire.rpc(f'<create-subscription xmlns="{NOTIFICATIONS}"/>')
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    each.device.switch_tunnels()
    each.device.set_pic(PRIMARY, PicCommand.ONLINE)
    each.device.switch_interfaces()
    assert told(wire) == [
        "pic-state-changed|es-1/3/0|offline",
        "pic-state-changed|es-1/1/0|active",
        "interface-switched|es-1/3/0|es-1/3/0|es-1/1/0|failure|1",
        "tunnel-switched|to-4.4.4.4|4.4.4.4|3.3.3.3|manual|1",
        "pic-state-changed|es-1/3/0|standby",
        "pic-state-changed|es-1/1/0|standby",
        "pic-state-changed|es-1/3/0|active",
        "interface-switched|es-1/3/0|es-1/1/0|es-1/3/0|manual|2",
    ]


def test_an_event_is_rendered_as_its_notification() -> None:
    each, _ = started()
    each.device.switch_interfaces()
    each.device.switch_tunnels()
    events = [each.pic_events[-1], next(event for event in each.events if type(event).__name__ == "TunnelSwitched")]
    rendered = []
    for event in events:
        node, binding = registry().notifications[type(event)]
        rendered.append(render_notification(node, binding.values(event)))
    assert rendered == [
        f'<interface-switched xmlns="{NAMESPACE}"><primary-interface>{PRIMARY}</primary-interface>'
        f"<from>{PRIMARY}</from><to>{BACKUP}</to><reason>manual</reason><failure-counter>1</failure-counter></interface-switched>",
        f'<tunnel-switched xmlns="{NAMESPACE}"><security-association>{SA}</security-association><from>{NEAR}</from>'
        f"<to>{FAR}</to><reason>manual</reason><failure-counter>1</failure-counter></tunnel-switched>",
    ]


def test_every_notification_of_the_module_is_bound() -> None:
    bound = {binding.path for binding in REDUNDANCY.notifications}
    own = {node.path for node in registry().schema.notifications.values() if node.module.name == REDUNDANCY.module}
    assert bound == own
    assert REDUNDANCY.deviations == ()


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("interface-switched/reason", SwitchReason),
        ("tunnel-switched/reason", SwitchReason),
        ("pic-state-changed/state", RedundancyState),
        ("redundancy/interface/primary-state", RedundancyState),
        ("redundancy/interface/last-switch-reason", SwitchReason),
    ],
)
def test_an_enumeration_of_core_and_that_of_the_module_have_the_same_names(path: str, values: type[Enum]) -> None:
    kind = registry().schema.node(f"/ipsec-agent-redundancy:{path}").type
    assert kind is not None
    for value in values:
        assert kind.parse(value.value) == value.value
