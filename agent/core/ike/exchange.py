"""What an exchange is: a state, a table of steps, and the small runner that takes them.

A table maps (state, input) to the handler and the state that follows. The state changes only when the handler came to
its end; a pair without an entry is `Discarded` and changes nothing. Handlers take payloads and return payloads:
sending, retransmission, encryption and duplicates are the IKE SA's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import NamedTuple

from agent.core.events import DropReason
from agent.core.ike.payloads import Hash, Payload, encode_payloads, first_type


class Discarded(Exception):
    """A message that is dropped and counted, and changes nothing."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Reply(NamedTuple):
    """The payloads of the next message. `body` is what they encode to, where that had to be known before."""

    payloads: tuple[Payload, ...]
    is_encrypted: bool = False
    body: bytes = b""


def proven(payloads: tuple[Payload, ...], digest: Callable[[bytes], bytes]) -> Reply:
    """Return a message for an IKE SA: a hash in front, over all payloads behind it with their generic headers."""
    covered = encode_payloads(payloads)
    proof = Hash(digest(covered))
    return Reply((proof, *payloads), is_encrypted=True, body=encode_payloads((proof,), first_type(payloads)) + covered)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a table: the handler, given the exchange and what came with the input, and the next state."""

    handler: Callable[..., Reply | None] | None
    next_state: Enum


Table = Mapping[tuple[Enum, Enum], Step]
"""(state, input) to step. The table of a role is complete together with its module's REJECTED."""


def failing(states: Iterable[Enum], inputs: Iterable[Enum], failed: Enum) -> Table:
    """Return the part of a table by which each of these inputs ends the exchange in any of these states."""
    return {(state, given): Step(None, failed) for state, given in product(states, inputs)}


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
