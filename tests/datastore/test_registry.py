"""Bindings against a schema: what is resolved, and what the start-up audit refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.datastore.registry import (
    AuditFailed,
    Bindings,
    ConfigBinding,
    Pending,
    RpcBinding,
    StateContainer,
    StateList,
    compile_bindings,
    snapshot,
)
from tests.support.shop import BINDINGS, Shop, toy_registry, toy_schema


def complaints(bindings: Bindings) -> list[str]:
    """Return the lines of the audit of a table."""
    with pytest.raises(AuditFailed) as failed:
        compile_bindings(toy_schema(), (bindings,))
    return [line.strip() for line in str(failed.value).splitlines()[1:]]


def test_bindings_are_found_by_their_nodes() -> None:
    registry, schema = toy_registry(), toy_schema()
    assert registry.lists[schema.node("/toy:shop/customer")].path == "/toy:shop/customer"
    assert registry.rpcs[schema.node("/toy:buy")].path == "/toy:buy"
    assert registry.configs[schema.node("/toy:shop")].path == "/toy:shop"
    assert registry.getters[schema.node("/toy:shop/totals/sold")](Shop(sold=7)) == 7
    assert schema.node("/toy:shop/name") not in registry.getters


def test_modules_without_a_table_are_not_audited() -> None:
    assert toy_schema().node("/ietf-netconf:edit-config") not in toy_registry().rpcs


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/toy:shop/customer", "/toy:shop/customer: a state list without a binding"),
        ("/toy:shop/totals", "/toy:shop/totals/sold: a state leaf without a binding"),
    ],
)
def test_state_without_a_binding_stops_the_start(path: str, complaint: str) -> None:
    left = tuple(state for state in BINDINGS.states if not state.path.startswith(path))
    assert complaint in complaints(replace(BINDINGS, states=left))


def test_configuration_without_a_binding_stops_the_start() -> None:
    found = complaints(replace(BINDINGS, configs=()))
    assert "/toy:shop/name: a configuration leaf without a binding" in found
    assert not [line for line in found if "totals" in line]


def test_an_rpc_and_a_notification_without_a_binding_stop_the_start() -> None:
    assert complaints(replace(BINDINGS, rpcs=BINDINGS.rpcs[1:])) == ["/toy:wait: an RPC without a binding"]
    assert complaints(replace(BINDINGS, notifications=BINDINGS.notifications[1:])) == [
        "/toy:sold-out: a notification without a binding"
    ]


def test_a_deviation_excuses_a_node_and_all_below_it() -> None:
    bindings = replace(
        BINDINGS,
        states=tuple(state for state in BINDINGS.states if not state.path.startswith("/toy:shop/customer")),
        notifications=BINDINGS.notifications[1:],
        deviations=(*BINDINGS.deviations, "/toy:shop/customer", "/toy:sold-out"),
    )
    compile_bindings(toy_schema(), (bindings,))


@pytest.mark.parametrize(
    "bindings",
    [
        Bindings("toy", states=(StateList[Shop, Shop]("/toy:nonsense", lambda shop: [], lambda shop, key: None, {}),)),
        Bindings("toy", states=(StateContainer[Shop, Shop]("/toy:nonsense", lambda shop: shop, {}),)),
        Bindings("toy", configs=(ConfigBinding("/toy:nonsense", lambda branch, unseal: None),)),
        Bindings("toy", rpcs=(RpcBinding[Shop]("/toy:nonsense", lambda shop, caller, parameters: {}),)),
        Bindings("toy", secrets=("/toy:nonsense",)),
        Bindings("toy", deviations=("/toy:nonsense",)),
    ],
)
def test_a_path_that_no_node_has_stops_the_start(bindings: Bindings) -> None:
    assert "/toy:nonsense: no such node exists" in complaints(bindings)


def test_a_getter_for_a_leaf_that_is_not_there_stops_the_start() -> None:
    totals = StateContainer[Shop, Shop]("/toy:shop/totals", lambda shop: shop, {"nonsense": lambda shop: 1})
    assert "/toy:shop/totals: /toy:shop/totals has no child 'nonsense'" in complaints(Bindings("toy", states=(totals,)))


def test_a_snapshot_skips_what_vanishes_and_what_comes() -> None:
    entries = {1: "a", 2: "b", 3: "c"}
    walk = snapshot(entries)
    assert next(walk) == "a"
    del entries[2]
    entries[4] = "d"
    assert list(walk) == ["c"]


def test_a_pending_answer_is_told_once() -> None:
    told: list[str] = []
    pending = Pending()
    pending.when_settled(lambda: told.append("told"))
    assert (pending.outcome, told) == (None, [])
    pending.complete({"waited": 1})
    assert (pending.outcome, told) == ({"waited": 1}, ["told"])
    with pytest.raises(ValueError, match="already"):
        pending.fail(RuntimeError())
    assert pending.outcome == {"waited": 1}


def test_a_listener_that_comes_late_is_told_at_once() -> None:
    told: list[str] = []
    pending = Pending()
    failure = RuntimeError()
    pending.fail(failure)
    pending.when_settled(lambda: told.append("told"))
    assert (pending.outcome, told) == (failure, ["told"])
