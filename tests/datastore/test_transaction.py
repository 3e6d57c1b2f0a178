"""A change of the configuration: whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.datastore.errors import ErrorInfo, RpcError, RpcErrors
from agent.datastore.ordering import YANG
from agent.datastore.parsing import unsealed
from agent.datastore.schema import Schema, ValidationError, Violation
from agent.datastore.stores import Stores
from agent.datastore.transaction import Transactions, locate, refusal
from tests.support.access import NAMESPACE, nacm
from tests.support.schemas import load_texts
from tests.support.shop import configuration, toy_registry, toy_schema

GOOD = '<shop xmlns="urn:toy"><name>corner</name></shop>'
BAD = f'<nacm xmlns="{NAMESPACE}"><rule-list><name>a</name><rule><name>b</name></rule></rule-list></nacm>'


@dataclass
class Target:
    """Something that is configured; refuses the name it does not like."""

    dislikes: str = ""
    names: list[object] = field(default_factory=list)

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Check, and return what applies."""
        name = values["/toy:shop"]
        if name == self.dislikes:
            raise ValueError(f"I do not like {name}")
        return lambda: self.names.append(name)


def transactions(stores: Stores, *targets: Target) -> Transactions:
    """Return the changes of a shop."""
    return Transactions(toy_registry(), stores, targets, unsealed)


def test_a_valid_configuration_is_applied_and_kept() -> None:
    stores, target = Stores(lambda: 0), Target()
    root = configuration(GOOD)
    transactions(stores, target).commit(root)
    assert stores.running is root
    assert target.names == ["corner"]


def test_what_is_not_configured_is_built_from_an_empty_branch() -> None:
    target = Target()
    transactions(Stores(lambda: 0), target).commit(configuration(""))
    assert target.names == [None]


def test_what_libyang_refuses_changes_nothing() -> None:
    stores, target = Stores(lambda: 0), Target()
    before = stores.running
    with pytest.raises(RpcErrors) as refused:
        transactions(stores, target).commit(configuration(BAD))
    (error,) = refused.value.errors
    assert (error.type.value, error.tag) == ("application", "data-missing")
    assert "action" in error.message
    assert stores.running is before
    assert target.names == []


def test_what_one_target_refuses_is_applied_to_none() -> None:
    stores, one, two = Stores(lambda: 0), Target(), Target("corner")
    before = stores.running
    with pytest.raises(RpcError, match="I do not like corner") as refused:
        transactions(stores, one, two).commit(configuration(GOOD))
    assert refused.value.tag == "operation-failed"
    assert stores.running is before
    assert (one.names, two.names) == ([], [])


def test_a_check_judges_everything_and_changes_nothing() -> None:
    stores, target = Stores(lambda: 0), Target("moon")
    before, changes = stores.running, transactions(stores, target)
    (apply,) = changes.check(configuration(GOOD))
    assert (stores.running, target.names) == (before, [])
    with pytest.raises(RpcErrors):
        changes.check(configuration(BAD))
    with pytest.raises(RpcError, match="I do not like moon"):
        changes.check(configuration(GOOD.replace("corner", "moon")))
    assert (stores.running, target.names) == (before, [])
    apply()
    assert target.names == ["corner"], "what the check returned applies it"


def test_every_constraint_that_is_broken_is_told() -> None:
    broken = "<rules><limit>60</limit><strict>true</strict><favourite>nowhere</favourite></rules>"
    with pytest.raises(RpcErrors) as refused:
        transactions(Stores(lambda: 0)).check(configuration(GOOD.replace("</shop>", f"{broken}</shop>")))
    told = {(error.tag, error.app_tag, error.path[-1].node.name) for error in refused.value.errors}
    assert told == {
        ("operation-failed", "limit-too-high", "strict"),
        ("data-missing", "instance-required", "favourite"),
    }


def test_a_configuration_is_serialised_as_it_was_read() -> None:
    changes = transactions(Stores(lambda: 0))
    once = changes.serialize(configuration(GOOD + nacm()))
    assert changes.serialize(configuration(once.decode())) == once
    assert toy_schema().validate(once) == ()


# Where, and what: libyang's complaints as rpc-errors.


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/toy:shop/name", [("shop", ()), ("name", ())]),
        ("/toy:shop/shelf[row='1'][column='a']/label", [("shop", ()), ("shelf", ("1", "a")), ("label", ())]),
        ("/toy:shop/shelf[row='1'][column=\"it's\"]", [("shop", ()), ("shelf", ("1", "it's"))]),
        ("/toy:shop/shelf[row='1'][column=']/x[y=\"z\"]']", [("shop", ()), ("shelf", ("1", ']/x[y="z"]'))]),
        ("/toy:shop/tag[.='a/b']", [("shop", ()), ("tag", ("a/b",))]),
        ("/toy:shop/nonsense", []),
        ("", []),
    ],
)
def test_a_data_path_is_read_with_its_keys(path: str, steps: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(step.node.name, step.keys) for step in locate(toy_schema(), path)] == steps


@pytest.mark.parametrize(
    ("violation", "app_tag", "tag", "shown"),
    [
        (Violation.MUST, "", "operation-failed", "must-violation"),
        (Violation.MUST, "mine", "operation-failed", "mine"),
        (Violation.LEAFREF, "", "data-missing", "instance-required"),
        (Violation.UNIQUE, "", "operation-failed", "data-not-unique"),
        (Violation.MANDATORY, "", "data-missing", None),
        (Violation.MANDATORY, "missing-choice", "data-missing", "missing-choice"),
        (Violation.COUNT, "too-many-elements", "operation-failed", "too-many-elements"),
        (Violation.OTHER, "", "operation-failed", None),
    ],
)
def test_each_violation_has_the_tag_of_rfc_7950(
    violation: Violation, app_tag: str, tag: str, shown: str | None
) -> None:
    """RFC 7950 section 15."""
    error = refusal(toy_schema(), ValidationError("no", "/toy:shop", app_tag, violation))
    assert (error.tag, error.app_tag, error.message, len(error.path)) == (tag, shown, "no", 1)


LODGE = """module lodge { yang-version 1.1; namespace urn:lodge; prefix l;
  container lodge { presence "";
    choice heating { mandatory true; leaf stove { type empty; } leaf oven { type empty; } }
    list room {
      key name; unique "number wing/side"; max-elements 2;
      leaf name { type string; } leaf number { type uint8; }
      container wing { leaf side { type string; } }
    }
    leaf-list guest { type string; min-elements 2; }
  }
}"""


@pytest.fixture(scope="module")
def lodge(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """Load a module with the constraints that RFC 7950 section 15 has errors for."""
    return load_texts(Path(tmp_path_factory.mktemp("yang")), LODGE)


def complaints(schema: Schema, content: str) -> list[RpcError]:
    """Return what is wrong with a lodge."""
    xml = f'<lodge xmlns="urn:lodge">{content}</lodge>'
    return [refusal(schema, problem) for problem in schema.validate(xml.encode())]


def room(name: str, number: int = 0) -> str:
    """Return a room."""
    return f"<room><name>{name}</name><number>{number}</number><wing><side>west</side></wing></room>"


GUESTS = "<guest>ann</guest><guest>bob</guest>"


def test_a_missing_choice_is_named(lodge: Schema) -> None:
    """RFC 7950 section 15.6."""
    (error,) = complaints(lodge, GUESTS)
    assert (error.tag, error.app_tag) == ("data-missing", "missing-choice")
    assert [step.node.name for step in error.path] == ["lodge"]
    assert error.info == (ErrorInfo("missing-choice", "heating", YANG),)


def test_the_leaves_that_are_not_unique_are_named(lodge: Schema) -> None:
    """RFC 7950 section 15.1."""
    (error,) = complaints(lodge, f"<oven/>{GUESTS}{room('a', 1)}{room(chr(39), 1)}")
    assert (error.tag, error.app_tag) == ("operation-failed", "data-not-unique")
    leaves = [info.value for info in error.info if not isinstance(info.value, str)]
    assert [(leaf[1].keys, leaf[-1].node.name) for leaf in leaves] == [
        (("'",), "number"),
        (("'",), "side"),
        (("a",), "number"),
        (("a",), "side"),
    ]
    assert {(info.name, info.namespace) for info in error.info} == {("non-unique", YANG)}


@pytest.mark.parametrize(
    ("content", "app_tag", "of"),
    [
        (f"<oven/>{GUESTS}{room('a', 1)}{room('b', 2)}{room('c', 3)}", "too-many-elements", "room"),
        ("<oven/><guest>ann</guest>", "too-few-elements", "guest"),
    ],
)
def test_a_wrong_count_names_the_list_and_no_entry(lodge: Schema, content: str, app_tag: str, of: str) -> None:
    """RFC 7950 sections 15.2 and 15.3."""
    (error,) = complaints(lodge, content)
    assert (error.tag, error.app_tag) == ("operation-failed", app_tag)
    assert (error.path[-1].node.name, error.path[-1].keys) == (of, ())
