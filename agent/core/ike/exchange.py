"""What an exchange is: a state, a table of steps, and the small runner that takes them.

A table maps (state, input) to the handler and the state that follows. The state changes only when the handler came to
its end; a pair without an entry is `Discarded` and changes nothing. Handlers take payloads and return payloads:
sending, retransmission, encryption and duplicates are the IKE SA's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from agent.core.events import DropReason
from agent.core.ike.payloads import Payload


class Discarded(Exception):
    """A message that is dropped and counted, and changes nothing."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reply:
    """The payloads of the next message."""

    payloads: tuple[Payload, ...]
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a table: the handler, given the exchange and what came with the input, and the next state."""

    handler: Callable[..., Reply | None] | None
    next_state: Enum


Table = Mapping[tuple[Enum, Enum], Step]
"""(state, input) to step. The table of a role is complete together with its module's REJECTED."""


class Exchange:
    """An exchange in one role: the state it is in, and the table of that role."""

    __slots__ = ("_table", "state")

    def __init__(self, table: Table, state: Enum) -> None:
        self._table = table
        self.state = state

    def accepts(self, given: Enum) -> bool:
        """Whether the input has an entry in the present state."""
        return (self.state, given) in self._table

    def run(self, given: Enum, *subject: object) -> Reply | None:
        """Take the step for an input. Raises Discarded when there is none, and whatever the handler raises."""
        step = self._table.get((self.state, given))
        if step is None:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        reply = step.handler(self, *subject) if step.handler is not None else None
        self.state = step.next_state
        return reply
