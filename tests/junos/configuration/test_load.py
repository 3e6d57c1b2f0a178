"""Loading into the candidate: what each action and each deletion leaves, and that an error leaves everything."""

from __future__ import annotations

import pytest

from agent.datastore.schema import Schema
from agent.datastore.stores import Datastore
from agent.datastore.tree import find
from tests.support.chapter import registry
from tests.support.junos_configuration import (
    ConfiguredRouter,
    difference,
    is_same,
    load_set,
    load_text,
    load_xml,
    refused,
)
from tests.support.netconf_wire import NAMESPACES, Wire

NACM = "/ietf-netconf-acm:nacm"


@pytest.fixture
def router() -> ConfiguredRouter:
    return ConfiguredRouter()


@pytest.fixture
def wire(router: ConfiguredRouter) -> Wire:
    return router.connect()


def schema() -> Schema:
    return registry().schema


def load(wire: Wire, *requests: str) -> list[str]:
    """Load what is not refused; return how the candidate differs from what is in use."""
    for request in requests:
        reply = wire.rpc(request)
        assert reply.find("nc:load-configuration-results/nc:ok", NAMESPACES) is not None, refused(reply)
        assert refused(reply) == []
    return difference(wire)


def test_a_candidate_without_changes_differs_in_nothing(wire: Wire) -> None:
    assert difference(wire) == []


def test_what_is_merged_stands_beside_what_there_was(wire: Wire) -> None:
    assert load(wire, load_text("security { ike { proposal new { dh-group group1; } } }", "merge")) == [
        "[edit security ike]",
        "+   proposal new {",
        "+       dh-group group1;",
        "+   }",
    ]


def test_replace_replaces_what_it_is_written_before_and_nothing_else(wire: Wire) -> None:
    text = "security { ike { replace: proposal ike-proposal { dh-group group1; } } }"
    assert load(wire, load_text(text)) == [
        "[edit security ike proposal ike-proposal]",
        "-   authentication-method pre-shared-keys;",
        "-  dh-group group2;",
        "+  dh-group group1;",
        "-   authentication-algorithm md5;",
        "-   encryption-algorithm 3des-cbc;",
    ]


def test_a_list_of_values_that_is_replaced_has_their_order(wire: Wire) -> None:
    assert load(
        wire,
        load_set("set security ike proposal b", "set security ike policy 4.4.4.4 proposals b"),
        load_text("security { ike { policy 4.4.4.4 { replace: proposals [ b ike-proposal ]; } } }"),
    )[:5] == [
        "[edit security ike]",
        "+   proposal b;",
        "[edit security ike policy 4.4.4.4]",
        "-  proposals ike-proposal;",
        "+  proposals [ b ike-proposal ];",
    ]


@pytest.mark.parametrize("action", ["override", "update"])
def test_what_overrides_is_all_that_is_left_of_what_junos_shows(
    router: ConfiguredRouter, wire: Wire, action: str
) -> None:
    load(wire, load_text("system { host-name r1; }", action))
    candidate = router.root(Datastore.CANDIDATE)
    assert [node.name for node in candidate.children] == ["nacm", "system"]
    assert find(schema(), candidate, NACM) is find(schema(), router.root(Datastore.RUNNING), NACM)


def test_what_is_read_and_written_back_changes_nothing(router: ConfiguredRouter, wire: Wire) -> None:
    text = "\n".join(router.text())
    assert load(wire, load_text(text, "override")) == []
    assert is_same(router.root(Datastore.CANDIDATE), router.root(Datastore.RUNNING))


def test_a_plain_secret_is_sealed_before_it_is_kept(router: ConfiguredRouter, wire: Wire) -> None:
    lines = load(wire, load_set("set security ike policy 4.4.4.4 pre-shared-key ascii-text topsecret"))
    assert lines[0] == "[edit security ike policy 4.4.4.4]"
    assert all(line[1:].startswith('  pre-shared-key ascii-text "$sealed$') for line in lines[1:])
    assert "topsecret" not in router.gateway.server.transactions.serialize(router.root(Datastore.CANDIDATE)).decode()


def test_a_secret_that_another_device_sealed_is_refused_with_its_place(wire: Wire) -> None:
    reply = wire.rpc(load_set("set security ike policy 4.4.4.4 pre-shared-key ascii-text $sealed$AAAA"))
    (message,) = refused(reply)
    assert message.startswith("[edit security ike policy 4.4.4.4 pre-shared-key] ascii-text ")
    assert (reply.findtext(".//{*}line-number"), reply.findtext(".//{*}column")) == ("1", "48")


@pytest.mark.parametrize(
    ("command", "gone"),
    [
        ("delete security ike policy 3.3.3.3 mode", ["[edit security ike policy 3.3.3.3]", "-   mode main;"]),
        ("delete security ike policy 3.3.3.3 proposals",
         ["[edit security ike policy 3.3.3.3]", "-   proposals ike-proposal;"]),
        ("delete security ike policy 3.3.3.3 proposals ike-proposal",
         ["[edit security ike policy 3.3.3.3]", "-   proposals ike-proposal;"]),
        ("delete interfaces es-1/1/0", ["[edit interfaces]", "-   es-1/1/0;"]),
        ("delete interfaces es-1/3/0 unit 1 family",
         ["[edit interfaces es-1/3/0 unit 1]", "-   family inet {", "-       ipsec-sa sa-manual;", "-   }"]),
        ("delete interfaces es-1/3/0 es-options",
         ["[edit interfaces es-1/3/0]", "-   es-options {", "-       backup-interface es-1/1/0;", "-   }"]),
    ],
)  # fmt: skip
def test_a_deletion_takes_away_what_it_names_and_nothing_else(wire: Wire, command: str, gone: list[str]) -> None:
    assert load(wire, load_set(command)) == gone


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("delete security", ["nacm", "interfaces"]),
        ("delete interfaces", ["nacm", "ike", "ipsec", "certificates"]),
        ("delete security ike policy", ["nacm", "certificates", "ike", "ipsec", "interfaces"]),
    ],
)
def test_a_level_is_deleted_with_all_that_stands_within(
    router: ConfiguredRouter, wire: Wire, command: str, left: list[str]
) -> None:
    assert load(wire, load_set(command)) != []
    assert sorted(node.name for node in router.root(Datastore.CANDIDATE).children) == sorted(left)


@pytest.mark.parametrize(
    ("command", "place", "word"),
    [
        ("delete system host-name", "[edit system]", "host-name"),
        ("delete security ike proposal none", "[edit security ike proposal none]", "none"),
        ("delete interfaces es-1/1/0 disable", "[edit interfaces es-1/1/0]", "disable"),
        ("delete interfaces es-1/1/0 unit", "[edit interfaces es-1/1/0 unit]", "unit"),
    ],
)
def test_what_is_not_there_to_be_deleted_is_told_and_the_rest_is_done(
    wire: Wire, command: str, place: str, word: str
) -> None:
    reply = wire.rpc(load_set(command, "set system domain-name example.net"))
    assert [each.text for each in reply.iterfind(".//{*}error-severity")] == ["warning"]
    assert refused(reply) == [f"{place} {word} statement not found"]
    assert reply.find("nc:load-configuration-results/nc:ok", NAMESPACES) is not None
    assert difference(wire) == ["[edit]", "+   system {", "+       domain-name example.net;", "+   }"]


def test_commands_are_done_in_their_order(wire: Wire) -> None:
    commands = ("set system host-name a", "delete system", "set system host-name b", "set system host-name c")
    assert load(wire, load_set(*commands)) == ["[edit]", "+   system {", "+       host-name c;", "+   }"]


def test_elements_can_be_deleted_and_created(wire: Wire) -> None:
    ike = (
        '<policy delete="delete"><name>3.3.3.3</name></policy>'
        '<proposal operation="create"><name>n</name><dh-group>group1</dh-group></proposal>'
    )
    lines = load(wire, load_xml(f"<security><ike>{ike}</ike></security>"))
    assert lines[0] == "[edit security ike]"
    inner = [line for line in lines[1:] if not line[1:].startswith("    ")]
    assert inner == ["-   policy 3.3.3.3 {", "-   }", "+   proposal n {", "+   }"]


def test_what_is_created_must_not_be_there(wire: Wire) -> None:
    entry = '<proposal operation="create"><name>ike-proposal</name></proposal>'
    reply = wire.rpc(load_xml(f"<security><ike>{entry}</ike></security>"))
    assert refused(reply) == ["[edit security ike proposal ike-proposal] ike-proposal 'proposal' exists already"]
    assert difference(wire) == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (load_set("set system host-name a", "set system foo"), "[edit system] foo syntax error"),
        (load_text("system { host-name a; } security { foo; }"), "[edit security] foo syntax error"),
        (load_xml("<system><host-name>a</host-name><foo/></system>"), "[edit system] foo syntax error"),
        (load_set("set system host-name a", "set security ipsec security-association x mode tunnel"
                  " manual direction inbound spi 300 dynamic ipsec-policy y"),
         "[edit security ipsec security-association x manual direction inbound] dynamic syntax error"),
    ],
)  # fmt: skip
def test_an_error_is_named_as_the_router_names_it_and_nothing_is_loaded(
    router: ConfiguredRouter, wire: Wire, request_: str, message: str
) -> None:
    assert refused(wire.rpc(request_)) == [message]
    assert not router.gateway.server.stores.is_candidate_changed


@pytest.mark.parametrize(
    ("request_", "tag"),
    [
        ("<load-configuration/>", "missing-element"),
        ('<load-configuration action="burn"><configuration/></load-configuration>', "bad-attribute"),
        ('<load-configuration action="set"><configuration-text/></load-configuration>', "bad-element"),
        ('<load-configuration url="/a"/>', "operation-not-supported"),
        ('<load-configuration rescue="rescue"/>', "operation-not-supported"),
        ("<load-configuration><configuration-patch/></load-configuration>", "bad-element"),
        ('<load-configuration rollback="50"/>', "invalid-value"),
        ('<load-configuration rollback="7"/>', "operation-failed"),
    ],
)
def test_what_a_router_does_not_load_is_refused(wire: Wire, request_: str, tag: str) -> None:
    assert wire.rpc(request_).findtext("nc:rpc-error/nc:error-tag", None, NAMESPACES) == tag


def test_both_syntaxes_change_one_candidate(router: ConfiguredRouter, wire: Wire) -> None:
    system = '<system xmlns="urn:ipsec-agent:system"><host-name>theirs</host-name></system>'
    wire.rpc(f"<edit-config><target><candidate/></target><config>{system}</config></edit-config>")
    assert load(wire, load_set("set system domain-name ours")) == [
        "[edit]",
        "+   system {",
        "+       host-name theirs;",
        "+       domain-name ours;",
        "+   }",
    ]
