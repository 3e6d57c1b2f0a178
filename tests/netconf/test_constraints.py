"""What a module demands of its data, one constraint after the other, over edit-config and commit (RFC 7950 section 8).

Every refusal has the tags of section 15, the module's own words and app-tag where it has any, and the exact path.
"""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.core.world import World
from agent.datastore.edit import parse_configuration
from agent.datastore.registry import Registry, compile_bindings
from agent.datastore.schema import load_schema
from agent.datastore.stores import Stores
from agent.netconf.limits import SessionLimits
from agent.netconf.monitoring import ACCESS_CONTROL
from agent.netconf.server import Client, Clocks, Server
from tests.support.candidates import COMMIT, DISCARD
from tests.support.editor import OPEN_DOORS, is_ok, option
from tests.support.edits import op
from tests.support.netconf_wire import BASE, NAMESPACES, Wire
from tests.support.schemas import write_module
from tests.support.shop import STANDARD, STARTED_AT

OFFICE: Final = """module office {
  yang-version 1.1; namespace "urn:office"; prefix o;
  revision 2026-01-01;
  container office {
    list server {
      key "name"; unique "ip port"; max-elements 3;
      leaf name { type string; }
      leaf ip { type string; }
      leaf port { type uint16 { range "1..9000" { error-message "Ports end at 9000."; error-app-tag "port-range"; } } }
    }
    leaf-list word { type string { pattern "[a-z]+" { error-message "Words are small."; error-app-tag "small"; } }
      max-elements 2; }
    container team { presence "there is one"; leaf-list member { type string; min-elements 2; } }
    leaf use { type leafref { path "../server/name"; } }
    leaf at { type instance-identifier; }
    leaf strict { type boolean; must "not(. = 'true') or ../use"
      { error-message "Strictness needs a server."; error-app-tag "no-server"; } }
    leaf plain { type string; must "string-length(.) < 3"; }
    leaf extra { when "../strict = 'false'"; type string; }
    container more { when "../strict = 'false'"; leaf much { type string; } }
    container door { presence "there is one";
      leaf width { mandatory true; type uint8; }
      choice lock { mandatory true; leaf key { type empty; } leaf code { type string; } } }
  }
}
"""
AT: Final = "/o:office"
ROLLBACK: Final = option("error-option", "rollback-on-error")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = write_module(tmp_path_factory.mktemp("office"), OFFICE)
    return compile_bindings(load_schema((path,), STANDARD), (ACCESS_CONTROL,))


class Office:
    """A server of an office, and a client that edits it."""

    def __init__(self, registry: Registry) -> None:
        world = World(now=STARTED_AT, seed=0)
        clocks = Clocks(lambda: world.now, lambda: 0.0)
        self.server = Server(registry, Stores(clocks.device), clocks, SessionLimits())
        document = etree.fromstring(f"<config>{OPEN_DOORS}</config>")
        self.server.transactions.commit(parse_configuration(registry.schema, document))
        self.wire = self.connect()

    def connect(self) -> Wire:
        """Open a session."""
        session = self.server.open_session(Client("ann", "192.0.2.1", "netconf-ssh"), lambda: None)
        wire = Wire(session, self.server.registry.schema)
        wire.hello()
        return wire

    def edit(self, content: str, target: str = "running", options: str = ROLLBACK) -> etree._Element:
        """Send an edit of the office."""
        config = (
            f'<config xmlns:nc="{BASE}"><office xmlns="urn:office" xmlns:o="urn:office">{content}</office></config>'
        )
        return self.wire.rpc(f"<edit-config><target><{target}/></target>{options}{config}</edit-config>")

    @property
    def shown(self) -> str:
        """What is configured, without the access rules."""
        data = self.wire.get_config('<office xmlns="urn:office"/>')
        return "".join(etree.tostring(data, encoding="unicode", method="xml").split())


Refusal = dict[str, str]


def refusals(reply: etree._Element) -> list[Refusal]:
    """Return the errors of a reply: the children of each by name, error-info flattened."""
    found = reply.findall("nc:rpc-error", NAMESPACES)
    parts = ([part for part in one.iterdescendants(etree.Element) if not len(part)] for one in found)
    return [{etree.QName(part).localname: part.text or "" for part in one} for one in parts]


def server(name: str, more: str = "") -> str:
    """Return a server."""
    return f"<server><name>{name}</name>{more}</server>"


CONSTRAINTS: Final = {
    "range": (
        server("a", "<port>9001</port>"),
        {
            "error-tag": "invalid-value",
            "error-app-tag": "port-range",
            "error-message": "port: Ports end at 9000.",
            "error-path": f"{AT}/o:server[o:name='a']/o:port",
        },
    ),
    "pattern": (
        "<word>LOUD</word>",
        {"error-tag": "invalid-value", "error-app-tag": "small", "error-path": f"{AT}/o:word"},
    ),
    "unique": (
        server("a", "<ip>i</ip><port>1</port>") + server("b", "<ip>i</ip><port>1</port>"),
        {
            "error-tag": "operation-failed",
            "error-app-tag": "data-not-unique",
            "non-unique": f"{AT}/o:server[o:name='b']/o:port",
        },
    ),
    "max-elements of a list": (
        "".join(map(server, "abcd")),
        {"error-tag": "operation-failed", "error-app-tag": "too-many-elements", "error-path": f"{AT}/o:server"},
    ),
    "max-elements of a leaf-list": (
        "".join(f"<word>{word}</word>" for word in "abc"),
        {"error-tag": "operation-failed", "error-app-tag": "too-many-elements", "error-path": f"{AT}/o:word"},
    ),
    "min-elements": (
        "<team><member>ann</member></team>",
        {"error-tag": "operation-failed", "error-app-tag": "too-few-elements", "error-path": f"{AT}/o:team/o:member"},
    ),
    "leafref": (
        "<use>none</use>",
        {"error-tag": "data-missing", "error-app-tag": "instance-required", "error-path": f"{AT}/o:use"},
    ),
    "instance-identifier": (
        "<at>/o:office/o:server[o:name='none']</at>",
        {"error-tag": "data-missing", "error-app-tag": "instance-required", "error-path": f"{AT}/o:at"},
    ),
    "must with words of its own": (
        "<strict>true</strict>",
        {
            "error-tag": "operation-failed",
            "error-app-tag": "no-server",
            "error-message": "Strictness needs a server.",
            "error-path": f"{AT}/o:strict",
        },
    ),
    "must without": (
        "<plain>long</plain>",
        {"error-tag": "operation-failed", "error-app-tag": "must-violation", "error-path": f"{AT}/o:plain"},
    ),
    "when": (
        "<extra>x</extra>",
        {"error-tag": "unknown-element", "bad-element": "extra", "error-path": f"{AT}/o:extra"},
    ),
    "mandatory leaf": (
        "<door><key/></door>",
        {"error-tag": "data-missing", "error-path": f"{AT}/o:door"},
    ),
    "mandatory choice": (
        "<door><width>9</width></door>",
        {
            "error-tag": "data-missing",
            "error-app-tag": "missing-choice",
            "missing-choice": "lock",
            "error-path": f"{AT}/o:door",
        },
    ),
}
OF_STRUCTURE: Final = ("range", "pattern")


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_an_edit_of_running_that_breaks_a_constraint_is_refused(name: str, registry: Registry) -> None:
    content, expected = CONSTRAINTS[name]
    office = Office(registry)
    reply = office.edit(content)
    (found,) = refusals(reply)
    assert found.items() >= {"error-type": "application", "error-severity": "error", **expected}.items()
    assert "office" not in office.shown


@pytest.mark.parametrize("name", [name for name in CONSTRAINTS if name not in OF_STRUCTURE])
def test_a_candidate_takes_what_breaks_a_constraint_and_the_commit_is_refused(name: str, registry: Registry) -> None:
    content, expected = CONSTRAINTS[name]
    office = Office(registry)
    assert is_ok(office.edit(content, "candidate"))
    for request in (COMMIT, "<validate><source><candidate/></source></validate>"):
        (found,) = refusals(office.wire.rpc(request))
        assert found.items() >= expected.items()
    assert "office" not in office.shown
    assert is_ok(office.wire.rpc(DISCARD))
    assert is_ok(office.wire.rpc(COMMIT))


def test_a_commit_tells_all_that_is_wrong_and_not_the_first_of_it(registry: Registry) -> None:
    office = Office(registry)
    kept = [name for name in CONSTRAINTS if name not in OF_STRUCTURE]
    chosen = (
        "unique",
        "max-elements of a leaf-list",
        "min-elements",
        "leafref",
        "instance-identifier",
        "must without",
        "when",
    )
    assert set(chosen) < set(kept)
    office.edit("".join(CONSTRAINTS[name][0] for name in chosen) + "<door/>", "candidate")
    found = refusals(office.wire.rpc(COMMIT))
    expected = [CONSTRAINTS[name][1] for name in (*chosen, "mandatory leaf", "mandatory choice")]
    for wanted in expected:
        assert any(one.items() >= wanted.items() for one in found), wanted
    assert len(found) == len(expected)


def test_an_edit_tells_all_that_is_wrong_with_its_structure(registry: Registry) -> None:
    content = "".join(CONSTRAINTS[name][0] for name in OF_STRUCTURE) + "<nonsense/>"
    found = refusals(Office(registry).edit(content))
    assert sorted(one["error-tag"] for one in found) == ["invalid-value", "invalid-value", "unknown-element"]


# What has a condition goes with it (RFC 7950 sections 7.21.5 and 8.2).


@pytest.mark.parametrize("target", ["running", "candidate"])
def test_what_loses_its_condition_goes_by_itself(target: str, registry: Registry) -> None:
    office = Office(registry)
    assert is_ok(office.edit("<strict>false</strict><extra>x</extra><more><much>y</much></more>"))
    assert is_ok(office.edit("<use>a</use>" + server("a") + "<strict>true</strict>", target))
    if target == "candidate":
        assert is_ok(office.wire.rpc("<validate><source><candidate/></source></validate>"))
        assert "extra" in office.shown, "a validation changes nothing"
        assert is_ok(office.wire.rpc(COMMIT))
    assert "<strict>true</strict>" in office.shown
    assert "extra" not in office.shown
    assert "more" not in office.shown


def test_what_is_set_against_its_condition_is_refused_even_where_it_stood(registry: Registry) -> None:
    office = Office(registry)
    office.edit("<strict>false</strict><extra>x</extra>")
    reply = office.edit("<use>a</use>" + server("a") + "<strict>true</strict><extra>changed</extra>")
    (found,) = refusals(reply)
    assert (found["error-tag"], found["error-path"]) == ("unknown-element", f"{AT}/o:extra")
    assert "<extra>x</extra>" in office.shown


def test_what_another_session_has_locked_does_not_go_by_itself_either(registry: Registry) -> None:
    office = Office(registry)
    office.edit("<strict>false</strict><extra>x</extra>" + server("a"))
    other = office.connect()
    select = '<select xmlns:o="urn:office">/o:office/o:extra</select>'
    reply = other.rpc(f'<partial-lock xmlns="urn:ietf:params:xml:ns:netconf:partial-lock:1.0">{select}</partial-lock>')
    assert refusals(reply) == []
    (found,) = refusals(office.edit("<use>a</use><strict>true</strict>"))
    assert (found["error-tag"], found["error-path"]) == ("in-use", f"{AT}/o:extra")
    assert "<extra>x</extra>" in office.shown


def test_a_reference_that_loses_its_target_is_refused_and_does_not_go(registry: Registry) -> None:
    office = Office(registry)
    office.edit("<use>a</use>" + server("a"))
    (found,) = refusals(office.edit(f"<server{op('delete')}><name>a</name></server>"))
    assert found["error-app-tag"] == "instance-required"
    assert "<use>a</use>" in office.shown
