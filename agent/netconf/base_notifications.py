"""What the server tells of itself: sessions, changed configurations, confirmed commits (RFC 6470).

Invariant: no target of an edit names what the modules hide from everybody by default, nor a value of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from types import MappingProxyType
from typing import Final

from agent.datastore.changes import ConfigurationChanged, ConfirmedCommitProgressed
from agent.datastore.diff import Change, Difference, differences
from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.registry import Bindings, Caller, NotificationBinding, Output, Value
from agent.datastore.schema import Access, Kind
from agent.datastore.tree import Branch
from agent.netconf.session import EndReason

MODULE: Final = "ietf-netconf-notifications"
MAXIMUM_EDITS: Final = 1000
"""How many edits a notification lists; of more it lists none, which says that the details are not known."""
OPERATIONS: Final = MappingProxyType({Change.CREATED: "create", Change.DELETED: "delete", Change.UPDATED: "replace"})


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A session has become usable; `at` is device time in microseconds."""

    at: int
    caller: Caller


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over; `killed_by` is the id of the session that killed it. `at` is device time in microseconds."""

    at: int
    caller: Caller
    reason: EndReason
    killed_by: int | None = None


def _session(caller: Caller) -> dict[str, Value]:
    """Return the parameters that all these notifications have in common."""
    return {"username": caller.user, "session-id": caller.session_id, "source-host": _address(caller.source)}


def _address(source: str) -> str | None:
    """Return where a client comes from, None where that is no address, which is all that the module has room for."""
    try:
        return str(ip_address(source))
    except ValueError:
        return None


def _ended(event: SessionEnded) -> Output:
    return {**_session(event.caller), "killed-by": event.killed_by, "termination-reason": event.reason.value}


def _changed(event: ConfigurationChanged) -> Output:
    return {
        "changed-by": {"server": ""} if event.by is None else _session(event.by),
        "datastore": event.datastore.value,
        "edit": edits(event.before, event.after),
    }


def _progressed(event: ConfirmedCommitProgressed) -> Output:
    by = _session(event.by) if event.by is not None else {}
    return {**by, "confirm-event": event.stage.value, "timeout": event.seconds}


def edits(before: Branch, after: Branch) -> list[Output]:
    """Return the edits that lead from one tree to the other, each with its topmost node; none if they are too many."""
    found = list(islice(_topmost(before, after), MAXIMUM_EDITS + 1))
    if len(found) > MAXIMUM_EDITS:
        return []
    return [{"target": target, "operation": operation} for target, operation in dict.fromkeys(map(_edit, found))]


def _edit(difference: Difference) -> tuple[str | None, str]:
    """Return the target and the operation of an edit; what had to be left out of the target was merged into it."""
    target = _target(difference.path)
    return _identifier(target), OPERATIONS[difference.change] if target == difference.path else "merge"


def _topmost(before: Branch, after: Branch) -> Iterator[Difference]:
    """Iterate over the differences, without those below a node that was created or deleted as a whole."""
    whole: InstancePath = ()
    for difference in differences(before, after):
        if whole and difference.path[: len(whole)] == whole:
            continue
        if difference.change is not Change.UPDATED:
            whole = difference.path
        yield difference


def _target(path: InstancePath) -> InstancePath:
    """Return the path of a node, or of the nearest above it that can be named and that everybody may know of."""
    for depth, step in enumerate(path):
        if step.node.access is Access.DENY_ALL or not _can_be_named(step):
            return path[:depth]
    return path


def _can_be_named(step: PathStep) -> bool:
    """Tell whether one instance can be told from others: a value with both kinds of quotes cannot be written."""
    if step.node.kind in (Kind.LIST, Kind.LEAF_LIST) and not step.keys:
        return False
    return not any("'" in key and '"' in key for key in step.keys)


def _identifier(path: InstancePath) -> str | None:
    """Return an instance-identifier in its canonical form (RFC 7950 section 9.13), None for that of a datastore."""
    return "".join(map(_step, path)) or None


def _step(step: PathStep) -> str:
    node = step.node
    names = [f"{leaf.module.name}:{leaf.name}" for leaf in node.keys] if node.kind is Kind.LIST else ["."]
    predicates = (f"[{name}={_quoted(key)}]" for name, key in zip(names, step.keys, strict=False))
    return f"/{node.module.name}:{node.name}{''.join(predicates)}"


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


BASE_NOTIFICATIONS: Final = Bindings(
    module=MODULE,
    notifications=(
        NotificationBinding[SessionStarted](
            f"/{MODULE}:netconf-session-start", SessionStarted, lambda event: _session(event.caller)
        ),
        NotificationBinding[SessionEnded](f"/{MODULE}:netconf-session-end", SessionEnded, _ended),
        NotificationBinding[ConfigurationChanged](f"/{MODULE}:netconf-config-change", ConfigurationChanged, _changed),
        NotificationBinding[ConfirmedCommitProgressed](
            f"/{MODULE}:netconf-confirmed-commit", ConfirmedCommitProgressed, _progressed
        ),
    ),
    deviations=(f"/{MODULE}:netconf-capability-change",),
)
"""The capabilities of this server never change."""
