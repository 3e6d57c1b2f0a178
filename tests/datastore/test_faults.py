"""Faults on purpose: whom a rule strikes, how often, and who is spared."""

from __future__ import annotations

from collections.abc import Iterator

from agent.datastore.faults import Fault, FaultKind, FaultRule, Faults

EM = "emulation"


def rule(**changes: object) -> FaultRule:
    """Return a rule for everything."""
    return FaultRule(FaultKind.CLOSE, **changes)  # type: ignore[arg-type]


def strikes(faults: Faults, user: str = "ann", module: str = "shop", operation: str = "buy") -> int | None:
    """Return the id of the rule that strikes a request."""
    fault: Fault | None = faults.strike(user, module, operation)
    return None if fault is None else fault.id


def test_without_rules_nothing_is_struck() -> None:
    assert strikes(Faults()) is None


def test_a_rule_for_an_operation_strikes_that_one_alone_by_either_name() -> None:
    faults = Faults()
    faults.inject(rule(operation="buy"))
    faults.inject(rule(operation="shop:sell"))
    assert (strikes(faults), strikes(faults, operation="sell")) == (1, 2)
    assert strikes(faults, operation="look") is None
    assert strikes(faults, module="market", operation="sell") is None


def test_a_rule_for_a_user_strikes_nobody_else() -> None:
    faults = Faults()
    faults.inject(rule(user="ann"))
    assert (strikes(faults), strikes(faults, user="bob")) == (1, None)


def test_a_rule_strikes_as_often_as_it_says_and_counts() -> None:
    faults = Faults()
    faults.inject(rule(count=2))
    assert [strikes(faults) for _ in range(3)] == [1, 1, None]
    (fault,) = faults.all.values()
    assert (fault.hits, fault.remaining) == (2, 0)


def test_a_request_that_is_not_struck_is_not_counted() -> None:
    faults = Faults()
    faults.inject(rule(operation="sell", count=1))
    strikes(faults)
    assert faults.all[1].hits == 0
    assert faults.all[1].remaining == 1


def test_the_oldest_of_several_strikes_and_the_next_once_it_is_spent() -> None:
    faults = Faults()
    faults.inject(rule(count=1))
    faults.inject(rule())
    assert [strikes(faults) for _ in range(3)] == [1, 2, 2]


def test_chance_is_asked_only_where_a_rule_leaves_something_to_it() -> None:
    drawn: list[str] = []
    numbers: Iterator[float] = iter((0.2, 0.9))

    def chance(stream: str) -> float:
        drawn.append(stream)
        return next(numbers)

    faults = Faults(chance)
    faults.inject(rule(user="bob"))
    faults.inject(rule(user="ann", probability=0.5))
    assert [strikes(faults), strikes(faults), strikes(faults, user="bob")] == [2, None, 1]
    assert drawn == ["fault/2", "fault/2"]


def test_a_module_that_is_spared_is_struck_only_by_its_name() -> None:
    faults = Faults(spared=frozenset({EM}))
    faults.inject(rule())
    assert strikes(faults, module=EM, operation="clear-faults") is None
    faults.inject(rule(operation="advance-time"))
    assert strikes(faults, module=EM, operation="advance-time") == 2


def test_one_rule_or_all_are_taken_back_and_no_id_comes_again() -> None:
    faults = Faults()
    for _ in range(3):
        faults.inject(rule())
    assert faults.clear(2)
    assert list(faults.all) == [1, 3]
    assert not faults.clear(2)
    assert faults.clear()
    assert list(faults.all) == []
    assert faults.inject(rule()) == 4
