"""Modules nobody here has written, those that pyang brings, are served like ours: serve --yang."""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from lxml import etree

from agent.app.cli import commands
from agent.app.gateway import BadModules, load_registry
from agent.app.startup import Startup
from agent.app.state import StateDirectory
from tests.support.chapter import Emulation
from tests.support.editor import is_ok, tags_of
from tests.support.netconf_wire import Wire, error

IETF: Final = "urn:ietf:params:xml:ns:yang"
INTERFACES: Final = f"""
<interfaces xmlns="{IETF}:ietf-interfaces"><interface><name>eth0</name>
  <type xmlns:ianaift="{IETF}:iana-if-type">ianaift:ethernetCsmacd</type>
  <ipv4 xmlns="{IETF}:ietf-ip"><mtu>1400</mtu>
    <address><ip>192.0.2.1</ip><prefix-length>24</prefix-length></address></ipv4>
</interface></interfaces>"""
CONFIGURATIONS: Final = {
    "interfaces-and-ip": INTERFACES,
    "routing": f"""
<routing xmlns="{IETF}:ietf-routing"><control-plane-protocols><control-plane-protocol>
  <type xmlns:rt="{IETF}:ietf-routing">rt:static</type><name>s0</name>
  <static-routes><ipv4 xmlns="{IETF}:ietf-ipv4-unicast-routing"><route>
    <destination-prefix>198.51.100.0/24</destination-prefix>
    <next-hop><next-hop-address>192.0.2.254</next-hop-address></next-hop>
  </route></ipv4></static-routes></control-plane-protocol></control-plane-protocols></routing>""",
    "system": f"""
<system xmlns="{IETF}:ietf-system"><contact>noc@example.com</contact><hostname>gw</hostname>
  <clock><timezone-utc-offset>60</timezone-utc-offset></clock>
  <dns-resolver><search>example.com</search><server><name>one</name>
    <udp-and-tcp><address>192.0.2.53</address></udp-and-tcp></server></dns-resolver></system>""",
    "alarms": f"""
<alarms xmlns="{IETF}:ietf-alarms"><control><max-alarm-status-changes>10</max-alarm-status-changes>
  <alarm-shelving><shelf><name>night</name><description>quiet</description></shelf></alarm-shelving></control></alarms>""",
    "hardware": f"""
<hardware xmlns="{IETF}:ietf-hardware"><component><name>slot-1</name>
  <class xmlns:iana-hardware="{IETF}:iana-hardware">iana-hardware:module</class>
  <alias>es</alias></component></hardware>""",
    "access-lists": f"""
<acls xmlns="{IETF}:ietf-access-control-list"><acl><name>in</name><type>ipv4-acl-type</type><aces><ace><name>1</name>
  <matches><ipv4><protocol>6</protocol></ipv4></matches><actions><forwarding>accept</forwarding></actions></ace></aces></acl></acls>""",
    "key-chains": f"""
<key-chains xmlns="{IETF}:ietf-key-chain"><key-chain><name>k</name><key><key-id>1</key-id>
  <lifetime><send-accept-lifetime><always/></send-accept-lifetime></lifetime><crypto-algorithm>md5</crypto-algorithm></key></key-chain></key-chains>""",
    "topology": f"""
<networks xmlns="{IETF}:ietf-network"><network><network-id>n</network-id><node><node-id>a</node-id>
  <termination-point xmlns="{IETF}:ietf-network-topology"><tp-id>1</tp-id></termination-point>
</node></network></networks>""",
    "snmp": f"""
<snmp xmlns="{IETF}:ietf-snmp"><engine><enabled>true</enabled><listen><name>all</name>
  <udp><ip>192.0.2.1</ip><port>161</port></udp></listen></engine></snmp>""",
    "nacm": f"""
<nacm xmlns="{IETF}:ietf-netconf-acm"><groups><group><name>more</name>
  <user-name>x</user-name></group></groups></nacm>""",
}
REFUSED: Final = {
    "a choice of which nothing is there, though it is mandatory": (
        f'<interfaces xmlns="{IETF}:ietf-interfaces"><interface><name>eth1</name>'
        f'<type xmlns:ianaift="{IETF}:iana-if-type">ianaift:other</type>'
        f'<ipv4 xmlns="{IETF}:ietf-ip"><neighbor><ip>192.0.2.9</ip></neighbor></ipv4></interface></interfaces>',
        "data-missing",
    ),
    "a mandatory leaf that is missing": (
        f'<interfaces xmlns="{IETF}:ietf-interfaces"><interface><name>eth1</name></interface></interfaces>',
        "data-missing",
    ),
    "a value out of range": (
        f'<system xmlns="{IETF}:ietf-system"><clock><timezone-utc-offset>9999</timezone-utc-offset></clock></system>',
        "invalid-value",
    ),
    "state": (f'<system-state xmlns="{IETF}:ietf-system"><platform/></system-state>', "unknown-element"),
    "what no module has": (f'<system xmlns="{IETF}:ietf-system"><nonsense/></system>', "unknown-element"),
}


@cache
def modules() -> tuple[Path, ...]:
    """Return every module of the IETF that pyang brings; a submodule comes with its module."""
    found = (Path(str(file.locate())).resolve() for file in distribution("pyang").files or ())
    files = sorted(file for file in found if file.suffix == ".yang" and file.parent.name == "ietf")
    iana = [files[0].parent.parent / "iana" / name for name in ("iana-if-type.yang", "iana-hardware.yang")]
    return (*(file for file in files if file.read_text("utf-8").lstrip().startswith("module")), *iana)


@cache
def emulation() -> Emulation:
    """Boot the chapter's gateway with all of them, once."""
    return Emulation(extra=modules())


@pytest.fixture
def wire() -> Wire:
    return emulation().connect()


def edit(content: str, operation: str = "edit-config") -> str:
    """Return an edit of the candidate."""
    return f"<{operation}><target><candidate/></target><config>{content}</config></{operation}>"


def filtered(content: str) -> str:
    """Return a get-config of the top-level element of some content."""
    root = etree.fromstring(content)
    name = etree.QName(root)
    top = f'<{name.localname} xmlns="{name.namespace}"/>'
    return f"<get-config><source><running/></source><filter>{top}</filter></get-config>"


def leaves(element: etree._Element) -> set[tuple[str, str]]:
    """Return tag and value of every leaf; the prefixes of values are as they may be."""
    found = (leaf for leaf in element.iter(etree.Element) if not len(leaf))
    return {(leaf.tag, (leaf.text or "").strip().rpartition(":")[2]) for leaf in found}


def test_all_of_them_are_announced(wire: Wire) -> None:
    served = emulation().registry.schema.modules
    assert {path.stem for path in modules()} <= served.keys()
    assert len(modules()) > 50


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configuration_is_taken_validated_and_given_back(name: str, wire: Wire) -> None:
    content = CONFIGURATIONS[name]
    assert is_ok(wire.rpc(edit(content))), etree.tostring(wire.rpc(edit(content)))
    assert is_ok(wire.rpc("<commit/>"))
    assert leaves(etree.fromstring(content)) <= leaves(wire.rpc(filtered(content)))


@pytest.mark.parametrize("name", REFUSED)
def test_what_their_modules_do_not_allow_is_refused(name: str, wire: Wire) -> None:
    content, tag = REFUSED[name]
    reply = wire.rpc(edit(content))
    if is_ok(reply):
        reply = wire.rpc("<commit/>")
    wire.rpc("<discard-changes/>")
    assert tags_of(reply)[:1] == [tag]


def test_their_state_is_absent_and_no_error(wire: Wire) -> None:
    data = wire.get(
        f'<system-state xmlns="{IETF}:ietf-system"/><alarms xmlns="{IETF}:ietf-alarms"><alarm-list/></alarms>'
    )
    assert len(data) == 0


def test_their_rpcs_are_not_supported_after_their_input_was_judged(wire: Wire) -> None:
    rpc = f'<set-current-datetime xmlns="{IETF}:ietf-system">{{}}</set-current-datetime>'
    time = "<current-datetime>2003-03-10T12:00:00Z</current-datetime>"
    assert tags_of(wire.rpc(rpc.format(time))) == ["operation-not-supported"]
    assert tags_of(wire.rpc(rpc.format("<current-datetime>noon</current-datetime>"))) == ["invalid-value"]


def test_their_actions_are_not_supported_after_instance_and_input_were_judged(wire: Wire) -> None:
    def purge(parameters: str) -> str:
        listed = f"<alarm-list><purge-alarms>{parameters}</purge-alarms></alarm-list>"
        alarms = f'<alarms xmlns="{IETF}:ietf-alarms">{listed}</alarms>'
        return f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{alarms}</action>'

    clearance = "<alarm-clearance-status>any</alarm-clearance-status>"
    assert tags_of(wire.rpc(purge(clearance))) == ["operation-not-supported"]
    assert tags_of(wire.rpc(purge(""))) == ["missing-element"]


def test_an_action_of_an_instance_that_is_not_there_is_refused(wire: Wire) -> None:
    rib = f'<routing xmlns="{IETF}:ietf-routing"><ribs><rib><name>none</name><active-route/></rib></ribs></routing>'
    refused = error(wire.rpc(f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{rib}</action>'))
    assert refused["error-tag"] == "data-missing"
    assert refused["error-path"] == "/rt:routing/rt:ribs/rt:rib[rt:name='none']"


# What survives, and what cannot be served.

TOASTER: Final = """module toaster {
  yang-version 1.1; namespace "urn:toaster"; prefix t;
  revision 2026-01-01;
  container toaster {
    leaf doneness { type uint8 { range "1..10"; } default 5; }
    must "doneness < 9 or ../toaster/confirmed" { error-message "that burns"; error-app-tag "burnt"; }
    leaf confirmed { type empty; }
  }
}
"""
BROWN: Final = '<toaster xmlns="urn:toaster"><doneness>7</doneness></toaster>'
BLACK: Final = '<toaster xmlns="urn:toaster"><doneness>10</doneness></toaster>'
KEEP: Final = "<copy-config><target><startup/></target><source><running/></source></copy-config>"


@pytest.fixture
def toaster(tmp_path: Path) -> Path:
    path = tmp_path / "toaster.yang"
    path.write_text(TOASTER)
    return path


def test_their_configuration_outlives_the_process(tmp_path: Path, toaster: Path) -> None:
    with StateDirectory.open(tmp_path / "state") as state:
        first = Emulation(startup=Startup(state), extra=(toaster,)).connect()
        first.rpc(edit(BROWN))
        assert is_ok(first.rpc("<commit/>"))
        assert is_ok(first.rpc(KEEP))
        again = Emulation(startup=Startup(state), extra=(toaster,)).connect()
        assert ("{urn:toaster}doneness", "7") in leaves(again.rpc(filtered(BROWN)))


def test_their_words_and_app_tags_are_those_of_the_error(toaster: Path) -> None:
    wire = Emulation(extra=(toaster,)).connect()
    wire.rpc(edit(BLACK))
    refused = error(wire.rpc("<commit/>"))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("operation-failed", "burnt")
    assert refused["error-message"] == "that burns"
    assert refused["error-path"] == "/t:toaster"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("module toaster {", "toaster.yang"),
        (TOASTER.replace("uint8", "uint9"), "toaster.yang:5"),
        (TOASTER.replace("1..10", "10..1"), "toaster.yang:5"),
        (TOASTER.replace("prefix t;", "prefix t; import nothing { prefix n; }"), "nothing"),
    ],
)
def test_a_module_that_cannot_be_served_is_told_with_its_line(toaster: Path, text: str, complaint: str) -> None:
    toaster.write_text(text)
    with pytest.raises(BadModules, match=complaint):
        load_registry((toaster,))


def test_the_program_says_so_and_ends_with_the_code_of_wrong_usage(tmp_path: Path, toaster: Path) -> None:
    result = CliRunner().invoke(commands, ["serve", "--yang", str(tmp_path / "none.yang")])
    assert result.exit_code == 2
    assert "none.yang" in result.output
    toaster.write_text("module toaster {")
    options = ["serve", "--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "s"), "--yang", str(toaster)]
    refused = CliRunner().invoke(commands, options)
    assert isinstance(refused.exception, BadModules)
