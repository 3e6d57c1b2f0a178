"""The whole configuration: an edit reaches the gateway in one piece, or not at all."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.bindings.interfaces import build_interfaces
from agent.core.device import Device
from agent.core.peer import Peer
from agent.datastore.edit import parse_configuration
from agent.datastore.nodes import Access
from agent.datastore.schema import ModuleRequest
from agent.datastore.tree import find, lineage
from tests.support.chapter import Emulation, registry
from tests.support.netconf_wire import NAMESPACES, Wire, texts
from tests.support.schemas import load_texts

UNIT = (
    '<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>es-1/3/0</name>'
    '<unit xmlns="urn:ipsec-agent:interfaces" {operation}><id>{id}</id>{content}</unit></interface></interfaces>'
)
ASSOCIATION = (
    '<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association {operation}><name>{name}</name>{content}'
    "</security-association></ipsec>"
)
DELETE = 'nc:operation="delete"'
ETHERNET = """module ethernet {
  yang-version 1.1;
  namespace "urn:ethernet";
  prefix eth;
  import ietf-interfaces { prefix if; }
  organization "test"; contact "test"; description "test";
  revision 2026-01-01 { description "First."; }
  identity ethernet { base if:interface-type; }
}
"""


def edit(wire: Wire, content: str, default: str = "merge") -> etree._Element:
    """Edit the running configuration and return the reply."""
    config = f'<config xmlns:nc="{NAMESPACES["nc"]}">{content}</config>'
    operation = f"<default-operation>{default}</default-operation>"
    return wire.rpc(f"<edit-config><target><running/></target>{operation}{config}</edit-config>")


def edited(wire: Wire, content: str, default: str = "merge") -> None:
    """Edit the running configuration, which must be accepted."""
    reply = edit(wire, content, default)
    assert reply.find("nc:ok", NAMESPACES) is not None, etree.tostring(reply)


def removal(unit: int, name: str) -> str:
    """Return the edit that removes a unit and the security association that it names."""
    return UNIT.format(operation=DELETE, id=unit, content="") + ASSOCIATION.format(
        operation=DELETE, name=name, content=""
    )


def left(device: Device) -> list[object]:
    """Return the IKE SAs and the dynamic pairs that exist at either end."""
    gateways: list[Device | Peer] = [device, *device.peers.values()]
    pairs = [
        one.sas for gateway in gateways for one in gateway.security_associations.values() if one.name != "sa-manual"
    ]
    return [*(sa for gateway in gateways for sa in gateway.ike_sas.values()), *(sa for sas in pairs for sa in sas)]


def test_a_configuration_that_was_read_can_be_written_back_and_changes_nothing() -> None:
    emulation = Emulation()
    wire, device = emulation.connect(), emulation.gateway.device
    before, spis = device.config, left(device)
    read = b"".join(etree.tostring(element, with_tail=False) for element in wire.get_config())
    edited(wire, read.decode(), "replace")
    emulation.advance(60)
    assert device.config == before
    assert left(device) == spis


def test_an_association_that_is_removed_leaves_nothing_behind_at_either_end() -> None:
    emulation = Emulation()
    device = emulation.gateway.device
    assert left(device)
    edited(emulation.connect(), removal(0, "sa-dynamic"))
    emulation.advance(5)
    assert left(device) == []
    assert list(device.security_associations) == ["sa-manual"]


def test_an_association_that_is_added_is_negotiated_at_once() -> None:
    emulation = Emulation()
    wire, device = emulation.connect(), emulation.gateway.device
    (removed,) = [one for one in wire.get_config().iter("{*}security-association") if one[0].text == "sa-dynamic"]
    content = "".join(etree.tostring(part, encoding="unicode", with_tail=False) for part in list(removed)[1:])
    edited(wire, removal(0, "sa-dynamic"))
    emulation.advance(5)
    added = ASSOCIATION.format(operation="", name="another", content=content)
    family = "<family-inet><ipsec-sa>another</ipsec-sa></family-inet>"
    tunnel = "<tunnel><source>4.4.4.5</source><destination>4.4.4.4</destination></tunnel>"
    edited(wire, added + UNIT.format(operation="", id=7, content=family + tunnel))
    emulation.advance(5)
    another = device.security_associations["another"]
    assert [sa.is_installed for sa in another.sas.values()] == [True, True]
    assert another.interface == "es-1/3/0.7"


@pytest.mark.parametrize(
    "content",
    [
        ASSOCIATION.format(operation=DELETE, name="sa-dynamic", content=""),
        f'<ike xmlns="urn:ipsec-agent:ike"><policy {DELETE}><peer-address>4.4.4.4</peer-address></policy></ike>',
        UNIT.format(operation="", id=1, content="<family-inet><ipsec-sa>sa-dynamic</ipsec-sa></family-inet>"),
        UNIT.format(operation="", id=0, content=f"<tunnel {DELETE}/>"),
        UNIT.format(operation="", id=0, content="<tunnel><destination>4.4.4.6</destination></tunnel>"),
        UNIT.format(operation="", id=0, content="<tunnel><source>4.4.4.4</source></tunnel>"),
        ASSOCIATION.format(operation="", name="sa-dynamic", content="<mode>transport</mode>"),
        ASSOCIATION.format(
            operation="",
            name="sa-manual",
            content="<manual><direction><direction>inbound</direction><authentication><key><ascii-text>too short"
            "</ascii-text></key></authentication></direction></manual>",
        ),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_whole(content: str) -> None:
    emulation = Emulation()
    wire, device = emulation.connect(), emulation.gateway.device
    config, running, present = device.config, etree.tostring(wire.get_config()), left(device)
    tags = texts(edit(wire, content), "nc:rpc-error/nc:error-tag")
    assert tags
    assert set(tags) <= {"operation-failed", "data-missing"}
    emulation.advance(5)
    assert device.config is config
    assert etree.tostring(wire.get_config()) == running
    assert left(device) == present


def test_a_changed_pre_shared_key_is_kept_for_the_next_phase_1() -> None:
    emulation = Emulation()
    wire, device = emulation.connect(), emulation.gateway.device
    present = left(device)
    key = "<pre-shared-key><ascii-text>another one</ascii-text></pre-shared-key>"
    policy = f"<policy><peer-address>4.4.4.4</peer-address>{key}</policy>"
    edited(wire, f'<ike xmlns="urn:ipsec-agent:ike">{policy}</ike>')
    emulation.advance(5)
    assert left(device) == present
    device.clear_ike_sas()
    emulation.advance(5)
    assert not any(sa.is_matured for sa in device.ike_sas.values())


def test_every_secret_is_denied_to_all_who_are_not_told_otherwise() -> None:
    secrets = registry().secrets
    assert len(secrets) == 6
    for leaf in secrets:
        assert any(node.access is Access.DENY_ALL for node in lineage(leaf)), leaf.path


def test_an_interface_of_another_type_is_valid_and_means_nothing_to_the_gateway(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    names = ("ipsec-agent-ike", "ipsec-agent-ipsec", "ipsec-agent-interfaces")
    schema = load_texts(tmp_path_factory.mktemp("yang"), ETHERNET, modules=tuple(map(ModuleRequest, names)))
    xml = (
        '<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>ge-0/0/0</name>'
        '<type xmlns:eth="urn:ethernet">eth:ethernet</type></interface></interfaces>'
    )
    assert schema.validate(xml.encode()) == ()
    branch = find(
        schema, parse_configuration(schema, etree.fromstring(f"<config>{xml}</config>")), "/ietf-interfaces:interfaces"
    )
    assert branch is not None
    assert build_interfaces(branch, lambda node, value: value) == ()
