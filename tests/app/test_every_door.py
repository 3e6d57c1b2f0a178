"""What a guest and an operator may not, they may not by any door: every RPC, every node, every command is tried.

The doors are NETCONF with its own operations and those of Junos, and the prompt. Over which transport somebody has come
makes no difference: a session does not know it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from agent.app.router import open_shell
from agent.datastore.schema import Access, Kind, SchemaNode
from agent.junos.grammar import COMMANDS
from agent.junos.rpc import JUNOS
from agent.junos.shell import PERMISSION_DENIED, CommandFailed
from agent.netconf.server import Client
from tests.support.chapter import Emulation, registry
from tests.support.netconf_wire import Wire, error

OPERATORS = frozenset(
    {
        "get",
        "get-config",
        "get-data",
        "get-schema",
        "close-session",
        "create-subscription",
        "establish-subscription",
        "modify-subscription",
        "delete-subscription",
        "resync-subscription",
        "clear-ike-security-associations",
        "clear-ipsec-security-associations",
        "switch-interface",
        "switch-tunnel",
    }
)
"""What the shipped scenarios let an operator execute, and nothing else."""
SCHEMA = registry().schema
RPCS = tuple(SCHEMA.rpcs.values())
STORES = ("running", "candidate", "startup", "operational", "intended")


def outcome(wire: Wire, operation: str) -> str:
    """Return the tag of the first error that an operation is answered with; "" for none."""
    reply = wire.rpc(operation)
    tags = reply.findall(".//{*}error-tag")
    return str(tags[0].text) if tags else ""


def element(node: SchemaNode, inside: str = "") -> str:
    """Return a node as an element with its namespace."""
    name = etree.QName(node.tag)
    return f'<{name.localname} xmlns="{name.namespace}">{inside}</{name.localname}>'


def ids(nodes: tuple[SchemaNode, ...]) -> list[str]:
    """Return the names of nodes."""
    return [node.name for node in nodes]


@pytest.fixture(scope="module")
def device() -> Emulation:
    """The gateway of the chapter, for those who may change nothing of it that is looked at."""
    return Emulation()


@pytest.fixture(scope="module")
def blind() -> Emulation:
    """The chapter, where a guest may execute what it likes, and read nothing."""
    device = Emulation()
    rules = (
        '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>guest</name><group>guest</group>'
        '<rule xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first"><name>ask</name>'
        "<module-name>*</module-name><access-operations>exec</access-operations><action>permit</action></rule>"
        "</rule-list></nacm>"
    )
    edit = f"<edit-config><target><running/></target><config>{rules}</config></edit-config>"
    assert outcome(device.connect(), edit) == ""
    return device


# Operations


def test_there_are_operations_of_every_kind() -> None:
    assert {"edit-config", "edit-data", "commit", "kill-session", "load-scenario", "delete-certificate"} <= set(
        ids(RPCS)
    )
    assert len(RPCS) > 40


@pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if rpc.name != "close-session"], ids=lambda rpc: rpc.name)
def test_a_guest_executes_nothing(device: Emulation, rpc: SchemaNode) -> None:
    assert outcome(device.connect("guest"), element(rpc)) == "access-denied"


@pytest.mark.parametrize("rpc", RPCS, ids=ids(RPCS))
def test_an_operator_executes_what_is_listed(device: Emulation, rpc: SchemaNode) -> None:
    assert (outcome(device.connect("operator"), element(rpc)) != "access-denied") == (rpc.name in OPERATORS)


BELL = """module bell {
  yang-version 1.1; namespace "urn:bell"; prefix b;
  import ietf-netconf-acm { prefix nacm; }
  container bell {
    action ring { input { leaf times { type uint8; mandatory true; } } }
    list rope { key name; leaf name { type string; } action pull { input { leaf hard { type boolean; } } } }
    container tower { nacm:default-deny-all; action climb; }
  }
}
"""
ROPE = '<bell xmlns="urn:bell"><rope><name>left</name>{}</rope></bell>'
ACTIONS = {
    "of a container": '<bell xmlns="urn:bell"><ring><times>3</times></ring></bell>',
    "of an entry": ROPE.format("<pull><hard>true</hard></pull>"),
    "of what nobody may see": '<bell xmlns="urn:bell"><tower><climb/></tower></bell>',
    "with input of no use": '<bell xmlns="urn:bell"><ring><times>often</times></ring></bell>',
    "of an entry that there is not": ROPE.format("<pull/>").replace("left", "right"),
}


@pytest.fixture(scope="module")
def belfry(tmp_path_factory: pytest.TempPathFactory) -> Emulation:
    """The chapter with a module that has actions, and an instance of each."""
    module = tmp_path_factory.mktemp("modules") / "bell.yang"
    module.write_text(BELL)
    device = Emulation(extra=(module,))
    rope = ROPE.format("")
    assert (
        outcome(device.connect(), f"<edit-config><target><running/></target><config>{rope}</config></edit-config>")
        == ""
    )
    return device


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
@pytest.mark.parametrize("user", ["guest", "operator"])
def test_nobody_but_an_administrator_invokes_an_action(belfry: Emulation, user: str, action: str) -> None:
    asked = f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{action}</action>'
    assert outcome(belfry.connect(user), asked) == "access-denied"
    assert outcome(belfry.connect(), asked) not in ("", "access-denied"), "nothing here carries it out"


# The RPCs of Junos, and the prompt


@pytest.mark.parametrize("name", JUNOS.rpcs)
def test_a_guest_executes_no_rpc_of_junos(device: Emulation, name: str) -> None:
    refused = outcome(device.connect("guest"), f"<{name}/>")
    if name == "command":
        assert refused == "operation-failed", "an empty line is no command of anybody"
    else:
        assert refused == "access-denied"


CHANGING = tuple(name for name in JUNOS.rpcs if "configuration" in name and not name.startswith("get-"))


def test_there_are_rpcs_of_junos_that_change_the_configuration(device: Emulation) -> None:
    assert {"load-configuration", "commit-configuration"} <= set(CHANGING)


def configurations(device: Emulation) -> list[bytes]:
    """Return what an administrator sees of both datastores that can be edited."""
    wire = device.connect()
    asked = (f"<get-config><source><{store}/></source></get-config>" for store in ("running", "candidate"))
    return [etree.tostring(each) for reply in map(wire.rpc, asked) for each in reply.iterfind("{*}data")]


@pytest.mark.parametrize("name", CHANGING)
def test_an_operator_changes_nothing_by_an_rpc_of_junos(device: Emulation, name: str) -> None:
    before = configurations(device)
    assert outcome(device.connect("operator"), f"<{name}/>") == "access-denied"
    assert configurations(device) == before


def words() -> list[str]:
    """Return the words of every command that asks the device for something, with no arguments."""
    return [" ".join(command.words) for command in COMMANDS if command.rpc is not None]


@pytest.mark.parametrize("line", words())
def test_a_guest_carries_out_no_command(device: Emulation, line: str) -> None:
    shell = open_shell(device.gateway.server, Client("guest", "192.0.2.1", "cli"))
    with pytest.raises(CommandFailed) as failed:
        list(shell.run(line))
    assert (
        PERMISSION_DENIED in str(failed.value) or "syntax error" in str(failed.value) or "missing" in str(failed.value)
    )
    by_rpc = outcome(device.connect("guest"), f"<command>{line}</command>")
    assert by_rpc in ("access-denied", "operation-failed")


# What can be read


def data_nodes() -> Iterator[tuple[SchemaNode, ...]]:
    """Return every node of the data, with those above it."""

    def below(path: tuple[SchemaNode, ...]) -> Iterator[tuple[SchemaNode, ...]]:
        yield path
        for child in path[-1].children.values():
            if child.kind in (Kind.CONTAINER, Kind.LIST, Kind.LEAF, Kind.LEAF_LIST):
                yield from below((*path, child))

    for root in SCHEMA.roots.values():
        yield from below((root,))


PATHS = tuple(data_nodes())


def selected(path: tuple[SchemaNode, ...]) -> str:
    """Return a subtree filter that selects a node."""
    inside = ""
    for node in reversed(path):
        inside = element(node, inside)
    return f'<filter type="subtree">{inside}</filter>'


def test_whoever_may_ask_and_not_read_reads_no_node(blind: Emulation) -> None:
    wire = blind.connect("guest")
    assert len(PATHS) > 300
    for path in PATHS:
        reply = wire.rpc(f"<get>{selected(path)}</get>")
        assert [etree.tostring(each) for each in reply.iterfind("{*}data/*")] == [], path[-1].name


@pytest.mark.parametrize("store", STORES)
def test_whoever_may_ask_and_not_read_reads_no_datastore(blind: Emulation, store: str) -> None:
    wire = blind.connect("guest")
    identity = f'<datastore xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:{store}</datastore>'
    reply = wire.rpc(f'<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda">{identity}</get-data>')
    assert [etree.tostring(each) for each in reply.iterfind("{*}data/*")] == []
    if store not in ("operational", "intended"):
        reply = wire.rpc(f"<get-config><source><{store}/></source></get-config>")
        assert [etree.tostring(each) for each in reply.iterfind("{*}data/*")] == []


def test_whoever_may_ask_and_not_read_is_shown_nothing_by_junos(blind: Emulation) -> None:
    for line in words():
        reply = etree.tostring(blind.connect("guest").rpc(f"<command>{line}</command>")).decode()
        assert not {"4.4.4.4", "sa-dynamic", "es-1/3/0"} & set(reply.split()), line


SECRET = tuple(path for path in PATHS if any(node.access is Access.DENY_ALL for node in path))


def test_an_operator_reads_no_secret_by_any_operation(device: Emulation) -> None:
    assert len(SECRET) >= 4
    wire = device.connect("operator")
    names = {etree.QName(path[-1].tag) for path in SECRET}
    asked = [
        "<get/>",
        "<get-config><source><running/></source></get-config>",
        *(f"<get>{selected(path)}</get>" for path in SECRET),
        *(f"<get-config><source><running/></source>{selected(path)}</get-config>" for path in SECRET),
        '<get><filter type="xpath" select="//*"/></get>',
        *(
            f'<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda">'
            f'<datastore xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:{store}</datastore></get-data>'
            for store in STORES
        ),
    ]
    for operation in asked:
        reply = wire.rpc(operation)
        found = {etree.QName(each) for each in reply.iter(etree.Element)}
        assert not {(name.namespace, name.localname) for name in names} & {
            (name.namespace, name.localname) for name in found
        }, operation


def test_a_filter_tells_an_operator_nothing_of_a_secret(device: Emulation) -> None:
    wire = device.connect("operator")
    sealed = device.connect("admin").get_config().find(".//{urn:ipsec-agent:ike}ascii-text")
    assert sealed is not None
    guesses = ("starts-with(.,'$sealed$')", f"string-length(.)={len(sealed.text or '')}", f".='{sealed.text}'")
    for guess in guesses:
        select = f"/i:ike/i:policy[i:pre-shared-key/i:ascii-text[{guess}]]/i:peer-address"
        reply = wire.rpc(f'<get><filter type="xpath" xmlns:i="urn:ipsec-agent:ike" select="{select}"/></get>')
        assert reply.find(".//{*}peer-address") is None, guess


def test_a_refusal_says_why(device: Emulation) -> None:
    assert error(device.connect("guest").rpc("<get/>"))["error-type"] == "application"
