"""Actions: operations on one instance (RFC 7950 section 7.15), and who may invoke them (RFC 8341 section 3.1.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from lxml import etree

from agent.core.world import World
from agent.datastore.edit import parse_configuration
from agent.datastore.errors import InstancePath, invalid_value
from agent.datastore.parsing import unsealed
from agent.datastore.registry import (
    ActionBinding,
    AuditFailed,
    Bindings,
    Caller,
    Output,
    Pending,
    Registry,
    StateList,
    compile_bindings,
)
from agent.datastore.schema import load_schema
from agent.datastore.stores import Stores
from agent.datastore.tree import Branch
from agent.netconf.limits import SessionLimits
from agent.netconf.monitoring import ACCESS_CONTROL
from agent.netconf.server import Client, Clocks, Server
from tests.support.access import NAMESPACE as NACM
from tests.support.access import nacm, rule
from tests.support.editor import OPEN_DOORS, is_ok, tags_of
from tests.support.netconf_wire import Wire, envelope, error
from tests.support.schemas import write_module
from tests.support.shop import STANDARD, STARTED_AT

FARM: Final = """module farm {
  yang-version 1.1; namespace "urn:farm"; prefix f;
  import ietf-netconf-acm { prefix nacm; }
  revision 2026-01-01;
  container farm {
    action open { }
    list barn {
      key "name";
      leaf name { type string; }
      leaf colour { type string; }
      action clean {
        input { leaf soap { type uint8 { range "1..9"; } mandatory true; } }
        output { leaf cleaned { type string; } }
      }
      action burn { nacm:default-deny-all; }
      action wait { output { leaf cleaned { type string; } } }
    }
    list cow {
      config false; key "number";
      leaf number { type uint8; }
      action milk { output { leaf litres { type uint8; } } }
    }
    container field { presence "there is one"; action plough { } }
  }
}
"""
CONFIG: Final = '<farm xmlns="urn:farm"><barn><name>red</name></barn></farm>'


class Farm:
    """The subject of the bindings."""

    def __init__(self) -> None:
        self.cleaned: list[tuple[str, str, str]] = []
        self.pending = Pending()


def clean(farm: Farm, caller: Caller, instance: InstancePath, parameters: Branch) -> Output:
    """Clean a barn."""
    soap = str(parameters.leaf("soap"))
    if soap == "9":
        raise invalid_value("too much", path=instance)
    farm.cleaned.append((caller.user, instance[-1].keys[0], soap))
    return {"cleaned": instance[-1].keys[0]}


BINDINGS: Final = Bindings(
    module="farm",
    states=(
        StateList[Farm, int](
            "/farm:farm/cow",
            lambda farm: (1, 2),
            lambda farm, key: int(key[0]) if key[0] in ("1", "2") else None,
            {"number": lambda cow: cow},
        ),
    ),
    actions=(
        ActionBinding[Farm]("/farm:farm/barn/clean", clean),
        ActionBinding[Farm]("/farm:farm/barn/wait", lambda farm, caller, instance, parameters: farm.pending),
        ActionBinding[Farm](
            "/farm:farm/cow/milk", lambda farm, caller, instance, parameters: {"litres": int(instance[-1].keys[0])}
        ),
    ),
    deviations=(
        "/farm:farm/open",
        "/farm:farm/barn/name",
        "/farm:farm/barn/colour",
        "/farm:farm/barn/burn",
        "/farm:farm/field/plough",
    ),
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = write_module(tmp_path_factory.mktemp("farm"), FARM)
    return compile_bindings(load_schema((path,), STANDARD), (BINDINGS, ACCESS_CONTROL))


class Stand:
    """A server of a farm."""

    def __init__(self, registry: Registry, config: str = OPEN_DOORS + CONFIG) -> None:
        self.farm = Farm()
        world = World(now=STARTED_AT, seed=0)
        clocks = Clocks(lambda: world.now, lambda: 0.0)
        self.server = Server(registry, Stores(clocks.device), clocks, SessionLimits())
        self.server.attach("farm", self.farm)
        root = parse_configuration(registry.schema, etree.fromstring(f"<config>{config}</config>"), unsealed)
        self.server.transactions.commit(root)
        self.wire = Wire(
            self.server.open_session(Client("ann", "192.0.2.1", "netconf-ssh"), lambda: None), registry.schema
        )
        self.wire.hello()

    def invoke(self, content: str) -> etree._Element:
        """Invoke an action of the farm."""
        return self.wire.rpc(action(f'<farm xmlns="urn:farm">{content}</farm>'))


def action(content: str) -> str:
    """Return an action."""
    return f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{content}</action>'


def clean_barn(name: str = "red", parameters: str = "<soap>3</soap>") -> str:
    """Return what leads to the action of a barn."""
    return f"<barn><name>{name}</name><clean>{parameters}</clean></barn>"


def test_an_action_is_carried_out_on_its_instance(registry: Registry) -> None:
    stand = Stand(registry)
    reply = stand.invoke(clean_barn())
    assert [(child.tag, child.text) for child in reply] == [("{urn:farm}cleaned", "red")]
    assert stand.farm.cleaned == [("ann", "red", "3")]


def test_an_action_of_state_is_carried_out(registry: Registry) -> None:
    reply = Stand(registry).invoke("<cow><number>2</number><milk/></cow>")
    assert [(child.tag, child.text) for child in reply] == [("{urn:farm}litres", "2")]


def test_an_action_can_be_answered_later(registry: Registry) -> None:
    stand = Stand(registry)
    content = '<farm xmlns="urn:farm"><barn><name>red</name><wait/></barn></farm>'
    stand.wire.send(envelope(action(content)))
    assert stand.wire.receive() is None
    stand.farm.pending.complete({"cleaned": "late"})
    reply = stand.wire.receive()
    assert reply is not None
    assert [child.text for child in reply] == ["late"]


def test_what_its_handler_refuses_is_told_with_the_instance(registry: Registry) -> None:
    refused = error(Stand(registry).invoke(clean_barn(parameters="<soap>9</soap>")))
    assert (refused["error-tag"], refused["error-path"]) == ("invalid-value", "/f:farm/f:barn[f:name='red']")


@pytest.mark.parametrize(
    ("content", "tag", "path"),
    [
        (clean_barn("blue"), "data-missing", "/f:farm/f:barn[f:name='blue']"),
        ("<cow><number>7</number><milk/></cow>", "data-missing", "/f:farm/f:cow[f:number='7']"),
        ("<field><plough/></field>", "data-missing", "/f:farm/f:field"),
        (clean_barn(parameters=""), "missing-element", "/f:farm/f:barn[f:name='red']/f:clean"),
        (clean_barn(parameters="<soap>10</soap>"), "invalid-value", "/f:farm/f:barn[f:name='red']/f:clean/f:soap"),
        (clean_barn(parameters="<salt/>"), "unknown-element", "/f:farm/f:barn[f:name='red']/f:clean"),
        ("<barn><clean><soap>3</soap></clean></barn>", "missing-element", "/f:farm/f:barn"),
        ("<barn><name>red</name><colour>x</colour><clean/></barn>", "unknown-element", "/f:farm/f:barn[f:name='red']"),
        ("<barn><name>red</name></barn>", "missing-element", "/f:farm/f:barn[f:name='red']"),
        ("<barn><name>red</name><clean/><burn/></barn>", "bad-element", "/f:farm/f:barn[f:name='red']"),
        ("<barn><name>red</name>text<clean/></barn>", "bad-element", "/f:farm/f:barn[f:name='red']"),
        ("<nothing/>", "unknown-element", "/f:farm"),
        ("", "missing-element", "/f:farm"),
        ("<open/>", "operation-not-supported", ""),
        ("<barn><name>red</name><burn/></barn>", "operation-not-supported", ""),
    ],
)
def test_what_leads_to_no_action_is_refused(registry: Registry, content: str, tag: str, path: str) -> None:
    stand = Stand(registry)
    reply = stand.invoke(content)
    refused = reply[0]
    found = {etree.QName(part).localname: part.text for part in refused}
    assert (found["error-tag"], found.get("error-path", "")) == (tag, path)
    assert stand.farm.cleaned == []


def test_an_element_action_needs_the_namespace_of_yang(registry: Registry) -> None:
    wire = Stand(registry).wire
    assert tags_of(wire.rpc(f'<action><farm xmlns="urn:farm">{clean_barn()}</farm></action>')) == ["unknown-element"]
    assert tags_of(wire.rpc(action(""))) == ["missing-element"]
    assert tags_of(wire.rpc(action('<farm xmlns="urn:other"/>'))) == ["unknown-namespace"]


# Access.


def test_an_action_takes_the_right_to_execute_its_node(registry: Registry) -> None:
    denied = nacm(rule("deny", "<path xmlns:f='urn:farm'>/f:farm/f:barn/f:clean</path>", "exec"))
    stand = Stand(registry, denied + CONFIG)
    assert tags_of(stand.invoke(clean_barn())) == ["access-denied"]
    assert stand.server.access_counters.operations == 1
    assert stand.farm.cleaned == []


def test_an_action_that_its_module_denies_is_denied(registry: Registry) -> None:
    stand = Stand(registry, CONFIG)
    assert tags_of(stand.invoke("<barn><name>red</name><burn/></barn>")) == ["access-denied"]
    assert not is_ok(stand.invoke("<barn><name>red</name><burn/></barn>"))


def test_the_default_for_operations_is_that_for_actions(registry: Registry) -> None:
    closed = f'<nacm xmlns="{NACM}"><exec-default>deny</exec-default></nacm>'
    assert tags_of(Stand(registry, closed + CONFIG).invoke(clean_barn())) == ["access-denied"]


def test_who_cannot_see_an_instance_does_not_learn_whether_there_is_one(registry: Registry) -> None:
    hidden = nacm(rule("deny", "<path xmlns:f='urn:farm'>/f:farm/f:barn</path>", "read"))
    stand = Stand(registry, hidden + CONFIG)
    refusals = [etree.tostring(stand.invoke(clean_barn(name))[0]) for name in ("red", "blue")]
    assert refusals[0] == refusals[1]
    assert b"access-denied" in refusals[0]


def test_the_audit_names_an_action_that_nothing_is_bound_to(tmp_path: Path) -> None:
    schema = load_schema((write_module(tmp_path, FARM),), STANDARD)
    with pytest.raises(AuditFailed, match="/farm:farm/barn/clean: an action without a binding"):
        compile_bindings(schema, (Bindings(module="farm", deviations=("/farm:farm/cow", "/farm:farm/field")),))
