"""A change of the configuration: whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from agent.datastore.errors import RpcError, RpcErrors
from agent.datastore.parsing import unsealed
from agent.datastore.schema import ValidationError, Violation
from agent.datastore.stores import Stores
from agent.datastore.transaction import Transactions, locate, refusal
from tests.support.access import NAMESPACE, nacm
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
