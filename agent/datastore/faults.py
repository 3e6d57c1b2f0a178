"""Faults of the management plane on purpose: rules that say whose requests they strike, and what becomes of the reply.

Invariant: at most one rule strikes a request, the oldest that does, and every strike is counted. Chance comes in; a
rule that leaves nothing to chance draws none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

Chance = Callable[[str], float]
"""Draws a number of at least 0 and less than 1 from a named stream."""


class FaultKind(Enum):
    """What a fault does. Only `error` keeps the request from being carried out; the others spoil its reply."""

    DELAY = "delay"
    ERROR = "error"
    CLOSE = "close"
    TRUNCATE = "truncate"
    MALFORMED = "malformed"
    WRONG_MESSAGE_ID = "wrong-message-id"
    SLOW_REPLY = "slow-reply"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Whom a fault strikes, and how.

    `operation` is the name of an RPC, 'name' or 'module:name', and None any; `user` likewise. It strikes `count` times
    (None: without end), each time with `probability`. `seconds` of management time belong to delay and slow-reply,
    `error_tag` (RFC 6241 appendix A) to error.
    """

    kind: FaultKind
    operation: str | None = None
    user: str | None = None
    count: int | None = None
    probability: float = 1.0
    seconds: float = 1.0
    error_tag: str = "operation-failed"

    def covers(self, user: str, module: str, operation: str) -> bool:
        """Tell whether a request is of those that the rule is about."""
        return self.operation in (None, operation, f"{module}:{operation}") and self.user in (None, user)


@dataclass(slots=True)
class Fault:
    """A rule in force, and how often it has struck."""

    id: int
    rule: FaultRule
    hits: int = 0

    @property
    def remaining(self) -> int | None:
        """How often it will strike yet; None for without end."""
        return None if self.rule.count is None else self.rule.count - self.hits


class Faults:
    """The rules in force for one server."""

    def __init__(self, chance: Chance = lambda stream: 0.0, spared: frozenset[str] = frozenset()) -> None:
        """Begin without rules. The RPCs of the modules `spared` are struck only by rules that name them.

        Else a rule for every request would strike the one that is to take it back.
        """
        self._chance = chance
        self._spared = spared
        self._faults: dict[int, Fault] = {}
        self._last_id = 0

    @property
    def all(self) -> Mapping[int, Fault]:
        """Every rule by its id, the oldest first, spent ones included: their hits are of interest."""
        return MappingProxyType(self._faults)

    def inject(self, rule: FaultRule) -> int:
        """Put a rule in force, and return its id, which is never used again."""
        self._last_id += 1
        self._faults[self._last_id] = Fault(self._last_id, rule)
        return self._last_id

    def clear(self, id_: int | None = None) -> bool:
        """Take one rule back, or all; False when there is none with this id."""
        if id_ is not None:
            return self._faults.pop(id_, None) is not None
        self._faults.clear()
        return True

    def strike(self, user: str, module: str, operation: str) -> Fault | None:
        """Return the rule that strikes a user's request, which is counted, or None; `module` is '' where none is."""
        faults = self._faults.values()
        return next((fault for fault in faults if self._strikes(fault, user, module, operation)), None)

    def _strikes(self, fault: Fault, user: str, module: str, operation: str) -> bool:
        rule = fault.rule
        if fault.remaining == 0 or not rule.covers(user, module, operation):
            return False
        if rule.operation is None and module in self._spared:
            return False
        if rule.probability < 1.0 and self._chance(f"fault/{fault.id}") >= rule.probability:
            return False
        fault.hits += 1
        return True
