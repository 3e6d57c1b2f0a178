"""ipsec-agent-emulation, continued: the faults of the management plane, and the loading of scenarios."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent.bindings.hand import BadScenario, CommitWaits, Emulated
from agent.bindings.leaves import decimal, required
from agent.core.world import PaceFixed
from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import input_path, invalid_value, missing_element, operation_failed
from agent.datastore.faults import Fault, FaultKind, FaultRule
from agent.datastore.registry import Caller, Output, StateList, Value
from agent.datastore.tree import Branch

PACE_FIXED: Final = "pace-fixed"
PROBABILITY_DIGITS: Final = 6


def inject_fault(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Have requests go wrong on purpose."""
    count = parameters.leaf("count")
    rule = FaultRule(
        kind=FaultKind(required(parameters, "kind")),
        operation=parameters.leaf("operation"),
        user=parameters.leaf("user"),
        count=int(count) if count is not None else None,
        probability=float(required(parameters, "probability")),
        seconds=float(required(parameters, "seconds")),
        error_tag=required(parameters, "error-tag"),
    )
    return {"id": emulated.faults.inject(rule)}


def clear_faults(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Take one fault back, or all."""
    id_ = parameters.leaf("id")
    if not emulated.faults.clear(int(id_) if id_ is not None else None):
        path = input_path(parameters, "id")
        raise invalid_value(f"there is no fault {id_}", path=path, app_tag="unknown-fault")
    return {}


def load_scenario(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Make the device another one."""
    name, document = parameters.leaf("name"), parameters.leaf("document")
    if name is None and document is None:
        raise missing_element("name", "'name' or 'document' is mandatory")
    try:
        now = emulated.load(caller, name, document)
    except BadScenario as error:
        path = input_path(parameters, "name" if name is not None else "document")
        raise invalid_value(str(error), path=path, app_tag="bad-scenario") from error
    except CommitWaits as error:
        raise operation_failed(str(error), app_tag="unconfirmed-commit") from error
    except PaceFixed as error:
        raise operation_failed(str(error), app_tag=PACE_FIXED) from error
    return {"now": date_and_time(now)}


def _fault_leaves() -> Mapping[str, Callable[[Fault], Value]]:
    return {
        "id": lambda fault: fault.id,
        "operation": lambda fault: fault.rule.operation,
        "user": lambda fault: fault.rule.user,
        "kind": lambda fault: fault.rule.kind.value,
        "probability": lambda fault: decimal(fault.rule.probability, PROBABILITY_DIGITS),
        "seconds": lambda fault: decimal(fault.rule.seconds),
        "error-tag": lambda fault: fault.rule.error_tag,
        "remaining": lambda fault: fault.remaining,
        "hits": lambda fault: fault.hits,
    }


FAULTS: Final = StateList[Emulated, Fault](
    "/ipsec-agent-emulation:emulation/fault",
    lambda emulated: tuple(emulated.faults.all.values()),
    lambda emulated, key: emulated.faults.all.get(int(key[0])),
    _fault_leaves(),
)
