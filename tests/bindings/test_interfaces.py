"""ipsec-agent-interfaces: what is configured reaches the gateway, and how its interfaces are is what is shown."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import pytest
from lxml import etree

from agent.bindings.interfaces import build_interfaces
from agent.core.config import EsInterface, InterfaceFamily, Unit, UnitTunnel
from agent.datastore.edit import parse_configuration
from agent.datastore.tree import find
from tests.support.chapter import Emulation, configured, registry
from tests.support.netconf_wire import text, texts
from tests.support.tunnels import LOCAL, REMOTE, interface, interfaces, tunnels, unit

INTERFACES = '<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"/>'
PIC = "if:interfaces/if:interface[if:name='es-1/3/0']"
UNIT = PIC + "/esif:unit[esif:id='{}']"


def built(xml: str) -> tuple[EsInterface, ...]:
    """Return what the binding builds of a configuration."""
    root = parse_configuration(registry().schema, etree.fromstring(f"<config>{xml}</config>"))
    branch = find(registry().schema, root, "/ietf-interfaces:interfaces")
    assert branch is not None
    return build_interfaces(branch, lambda node, value: value)


def test_a_unit_has_its_family_and_its_tunnel() -> None:
    (pic,) = built(tunnels())
    assert (pic.name, pic.enabled, pic.backup_interface) == ("es-0/0/0", True, None)
    tunnel = UnitTunnel(ip_address(LOCAL), ip_address(REMOTE), None)
    assert pic.units == (
        Unit(0, InterfaceFamily(True, "dynamic", ()), None, tunnel),
        Unit(1, InterfaceFamily(True, "manual", ()), None, tunnel),
    )


def test_families_have_their_addresses_with_their_host_bits() -> None:
    content = """<unit xmlns="urn:ipsec-agent:interfaces"><id>4294967295</id>
<family-inet><enabled>false</enabled><address>10.0.0.1/8</address><address>192.0.2.1/32</address></family-inet>
<family-inet6><address>2001:db8::1/64</address></family-inet6></unit>"""
    ((carrier,),) = (pic.units for pic in built(interfaces(interface("es-0/0/0", content))))
    assert carrier.tunnel is None
    assert carrier.inet == InterfaceFamily(False, None, (ip_interface("10.0.0.1/8"), ip_interface("192.0.2.1/32")))
    assert carrier.inet6 == InterfaceFamily(True, None, (ip_interface("2001:db8::1/64"),))


def test_a_pic_has_its_backup_and_a_tunnel_its_own() -> None:
    options = (
        '<es-options xmlns="urn:ipsec-agent:interfaces"><backup-interface>es-0/0/1</backup-interface></es-options>'
    )
    tunnel = unit(0, "manual").replace("</tunnel>", "<backup-destination>203.0.113.3</backup-destination></tunnel>")
    first, second = built(
        interfaces(interface("es-0/0/0", options + tunnel), interface("es-0/0/1", "<enabled>false</enabled>"))
    )
    assert (first.backup_interface, second.backup_interface) == ("es-0/0/1", None)
    assert first.units[0].tunnel == UnitTunnel(ip_address(LOCAL), ip_address(REMOTE), ip_address("203.0.113.3"))
    assert (first.enabled, second.enabled, second.units) == (True, False, ())


def test_the_interfaces_of_the_chapter_are_up() -> None:
    data = Emulation().connect().get(INTERFACES)
    assert text(data, f"{PIC}/if:oper-status") == "up"
    for number in (0, 1):
        assert text(data, UNIT.format(number) + "/esif:family-inet/esif:oper-status") == "up"
    assert texts(data, ".//esif:family-inet6") == []


def test_a_family_that_is_not_enabled_is_down_and_the_interface_is_not() -> None:
    family = "<family-inet>\n          <ipsec-sa>sa-dynamic"
    disabled = family.replace("<ipsec-sa>", "<enabled>false</enabled><ipsec-sa>")
    data = Emulation(configured((family, disabled))).connect().get(INTERFACES)
    assert text(data, UNIT.format(0) + "/esif:family-inet/esif:oper-status") == "down"
    assert text(data, UNIT.format(1) + "/esif:family-inet/esif:oper-status") == "up"
    assert text(data, f"{PIC}/if:oper-status") == "up"


def test_the_families_of_an_interface_that_is_not_enabled_are_down_with_it() -> None:
    pic = "esif:es-pic</type>"
    data = Emulation(configured((pic, f"{pic}<enabled>false</enabled>"))).connect().get(INTERFACES)
    assert text(data, f"{PIC}/if:oper-status") == "down"
    assert texts(data, ".//esif:oper-status") == ["down", "down"]


@pytest.mark.parametrize("counter", ["in-octets", "in-unicast-pkts", "out-octets", "out-unicast-pkts"])
def test_an_interface_without_traffic_has_counted_nothing(counter: str) -> None:
    data = Emulation().connect().get(INTERFACES)
    assert text(data, f"{PIC}/if:statistics/if:{counter}") == "0"
