"""The refusals as values: tag, type and info as RFC 6241 appendix A lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from agent.datastore import errors
from agent.datastore.errors import ErrorType, PathStep, RpcError, RpcErrors, input_path
from agent.datastore.tree import Branch
from tests.support.shop import toy_schema

APPENDIX_A: Final[Mapping[str, tuple[set[str], set[str]]]] = {
    "in-use": ({"protocol", "application"}, set()),
    "invalid-value": ({"protocol", "application"}, set()),
    "missing-attribute": ({"rpc", "protocol", "application"}, {"bad-attribute", "bad-element"}),
    "missing-element": ({"protocol", "application"}, {"bad-element"}),
    "bad-element": ({"protocol", "application"}, {"bad-element"}),
    "unknown-element": ({"protocol", "application"}, {"bad-element"}),
    "unknown-namespace": ({"protocol", "application"}, {"bad-element", "bad-namespace"}),
    "access-denied": ({"protocol", "application"}, set()),
    "lock-denied": ({"protocol"}, {"session-id"}),
    "operation-not-supported": ({"protocol", "application"}, set()),
    "operation-failed": ({"rpc", "protocol", "application"}, set()),
    "malformed-message": ({"rpc"}, set()),
}
"""The types that each tag may have, and what its error-info holds."""


@pytest.mark.parametrize(
    ("error", "tag"),
    [
        (errors.in_use("m"), "in-use"),
        (errors.invalid_value("m"), "invalid-value"),
        (errors.missing_attribute("a", "e", "m"), "missing-attribute"),
        (errors.missing_element("e", "m"), "missing-element"),
        (errors.bad_element("e", "m"), "bad-element"),
        (errors.unknown_element("e", "m"), "unknown-element"),
        (errors.unknown_namespace("e", "urn:n"), "unknown-namespace"),
        (errors.access_denied("m"), "access-denied"),
        (errors.lock_denied("m", 7), "lock-denied"),
        (errors.operation_not_supported("m"), "operation-not-supported"),
        (errors.operation_failed("m"), "operation-failed"),
        (errors.malformed_message("m"), "malformed-message"),
    ],
)
def test_each_refusal_is_as_the_appendix_has_it(error: RpcError, tag: str) -> None:
    types, info = APPENDIX_A[tag]
    assert error.tag == tag
    assert error.type.value in types
    assert {part.name for part in error.info} == info
    assert error.message


def test_an_unknown_namespace_is_named() -> None:
    error = errors.unknown_namespace("e", "urn:n")
    assert [(part.name, part.value) for part in error.info] == [("bad-element", "e"), ("bad-namespace", "urn:n")]


def test_the_owner_of_a_lock_is_named() -> None:
    assert [(part.name, part.value) for part in errors.lock_denied("m", 0).info] == [("session-id", "0")]


def test_one_error_and_several_are_read_alike() -> None:
    one, two = errors.operation_failed("one"), errors.operation_failed("two")
    assert one.errors == (one,)
    both = RpcErrors([one, two])
    assert both.errors == (one, two)
    assert str(both) == "one; two"


def test_the_path_of_an_input_leaf_leads_through_the_operation() -> None:
    schema = toy_schema()
    rpc = schema.node("/toy:buy")
    path = input_path(Branch(rpc.input), "article")
    assert path == (PathStep(rpc), PathStep(schema.node("/toy:buy/input/article")))


def test_a_refusal_keeps_all_its_parts() -> None:
    error = RpcError(ErrorType.APPLICATION, "invalid-value", "no", app_tag="mine", path=(), info=())
    assert (error.type, error.tag, error.message, error.app_tag, str(error)) == (
        ErrorType.APPLICATION,
        "invalid-value",
        "no",
        "mine",
        "no",
    )
