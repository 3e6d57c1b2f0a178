"""The runner of tables, with a machine of two states."""

from enum import Enum
from types import MappingProxyType

import pytest

from agent.core.events import DropReason
from agent.core.ike.exchange import Discarded, Exchange, Reply, Step, Table, failing, proven
from agent.core.ike.payloads import Hash, Nonce, VendorId, encode_payloads


class State(Enum):
    OFF = 0
    ON = 1


class Input(Enum):
    PUSH = 0
    PULL = 1


class Switch(Exchange):
    __slots__ = ("pushed",)

    def __init__(self) -> None:
        super().__init__(TABLE, State.OFF)
        self.pushed: list[str] = []

    def on_push(self, by: str) -> Reply:
        if by == "a ghost":
            raise Discarded(DropReason.AUTHENTICATION_FAILED)
        self.pushed.append(by)
        return Reply(())


TABLE: Table = MappingProxyType(
    {
        (State.OFF, Input.PUSH): Step(Switch.on_push, State.ON),
        (State.ON, Input.PULL): Step(None, State.OFF),
    }
)


def test_a_step_runs_its_handler_and_moves_the_state() -> None:
    switch = Switch()
    assert switch.run(Input.PUSH, "me") == Reply(())
    assert switch.pushed == ["me"]
    assert switch.state is State.ON


def test_a_step_without_a_handler_moves_the_state() -> None:
    switch = Switch()
    switch.run(Input.PUSH, "me")
    assert switch.run(Input.PULL) is None
    assert switch.state is State.OFF


def test_a_pair_without_a_step_is_unexpected_and_changes_nothing() -> None:
    switch = Switch()
    with pytest.raises(Discarded) as raised:
        switch.run(Input.PULL)
    assert raised.value.reason is DropReason.UNEXPECTED_MESSAGE
    assert switch.state is State.OFF


def test_a_handler_that_fails_leaves_the_state_where_it_was() -> None:
    switch = Switch()
    with pytest.raises(Discarded):
        switch.run(Input.PUSH, "a ghost")
    assert switch.state is State.OFF


def test_what_is_accepted_depends_on_the_state() -> None:
    switch = Switch()
    assert switch.accepts(Input.PUSH)
    assert not switch.accepts(Input.PULL)


def test_what_is_proven_encodes_to_its_body_and_its_hash_covers_all_behind_it() -> None:
    payloads = (Nonce(b"a nonce."), VendorId(b"vendor"))
    covered: list[bytes] = []

    def digest(octets: bytes) -> bytes:
        covered.append(octets)
        return b"sixteen octets.."

    reply = proven(payloads, digest)
    assert reply.payloads == (Hash(b"sixteen octets.."), *payloads)
    assert reply.body == encode_payloads(reply.payloads)
    assert covered == [encode_payloads(payloads)]
    assert reply.is_encrypted


def test_a_state_that_may_fail_fails_by_each_of_the_inputs_and_does_nothing_else() -> None:
    steps = failing((State.ON,), (Input.PUSH, Input.PULL), State.OFF)
    assert steps == {(State.ON, Input.PUSH): Step(None, State.OFF), (State.ON, Input.PULL): Step(None, State.OFF)}
