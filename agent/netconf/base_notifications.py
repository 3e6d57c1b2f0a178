"""What the server tells of itself: sessions, changed configurations, confirmed commits (RFC 6470).

Invariant: no target of an edit names what the modules hide from everybody by default, nor a value of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from types import MappingProxyType
from typing import Final

from agent.datastore.changes import ConfigurationChanged, ConfirmedCommitProgressed
from agent.datastore.diff import Change, Difference, topmost
from agent.datastore.errors import InstancePath
from agent.datastore.instances import can_be_named, identifier
from agent.datastore.registry import Bindings, Caller, NotificationBinding, Output, Value
from agent.datastore.schema import Access
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


@dataclass(frozen=True, slots=True)
class CapabilitiesChanged:
    """The server announces other capabilities than before it was started; `at` is device time in microseconds.

    A capability whose parameters alone are others is one that was modified, and is named as it is now.
    """

    at: int
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    modified: tuple[str, ...]

    @classmethod
    def between(cls, at: int, before: Iterable[str], after: Iterable[str]) -> CapabilitiesChanged | None:
        """Return what has changed, None for nothing."""
        old, new = ({uri.partition("?")[0]: uri for uri in listed} for listed in (before, after))
        added = tuple(uri for name, uri in new.items() if name not in old)
        deleted = tuple(uri for name, uri in old.items() if name not in new)
        modified = tuple(uri for name, uri in new.items() if old.get(name, uri) != uri)
        return cls(at, added, deleted, modified) if added or deleted or modified else None


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


def _announced(event: CapabilitiesChanged) -> Output:
    return {
        "changed-by": {"server": ""},
        "added-capability": event.added,
        "deleted-capability": event.deleted,
        "modified-capability": event.modified,
    }


def _progressed(event: ConfirmedCommitProgressed) -> Output:
    by = _session(event.by) if event.by is not None else {}
    return {**by, "confirm-event": event.stage.value, "timeout": event.seconds}


def edits(before: Branch, after: Branch) -> list[Output]:
    """Return the edits that lead from one tree to the other, each with its topmost node; none if they are too many."""
    found = list(islice(topmost(before, after), MAXIMUM_EDITS + 1))
    if len(found) > MAXIMUM_EDITS:
        return []
    return [{"target": target, "operation": operation} for target, operation in dict.fromkeys(map(_edit, found))]


def _edit(difference: Difference) -> tuple[str | None, str]:
    """Return the target and the operation of an edit; what had to be left out of the target was merged into it."""
    target = _target(difference.path)
    return identifier(target) or None, OPERATIONS[difference.change] if target == difference.path else "merge"


def _target(path: InstancePath) -> InstancePath:
    """Return the path of a node, or of the nearest above it that can be named and that everybody may know of."""
    for depth, step in enumerate(path):
        if step.node.access is Access.DENY_ALL or not can_be_named(step):
            return path[:depth]
    return path


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
        NotificationBinding[CapabilitiesChanged](
            f"/{MODULE}:netconf-capability-change", CapabilitiesChanged, _announced
        ),
    ),
)
"""Capabilities change from one start to the next alone: with the program, or with the modules that it is to serve."""
