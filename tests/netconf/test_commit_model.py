"""Two sessions at random against an independent model: the same answers, and the same datastores after each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch, Item
from tests.support.candidates import CANCEL, COMMIT, DISCARD, confirmed, edit_candidate, with_id
from tests.support.commit_model import CANDIDATE, Config, Model, Token
from tests.support.editor import OPEN_DOORS, Applied, edit_config, tags_of
from tests.support.edits import shop
from tests.support.netconf_wire import Wire
from tests.support.partial_locks import lock_part, unlock_part
from tests.support.shop import ShopServer

BEFORE: Final = {"name": "corner", "greeting": "hi"}
SESSIONS: Final = st.sampled_from([0, 1])
DATASTORES: Final = st.sampled_from(["running", "candidate", "candidate"])
RIGHT: Final = "right"
"""Stands for the token of the commit that waits, whatever that is."""
TOKENS: Final = st.sampled_from([RIGHT, RIGHT, RIGHT, RIGHT, None, "x"])
PERSIST: Final = st.sampled_from([None, None, "x", "y"])
SECONDS: Final = st.sampled_from([5, 60])
VALUES: Final = st.sampled_from(["a", "b", "c", "a", "b", "c", "a", "b", "moon"])
LEAVES: Final = st.sampled_from(["name", "greeting"])
SIMPLE: Final = st.sampled_from(["lock", "lock", "lock", "unlock", "unlock", "discard", "disconnect"])


@dataclass(frozen=True)
class Edit:
    """Set one leaf of a shop."""

    session: int
    datastore: str
    leaf: str
    value: str


@dataclass(frozen=True)
class Simple:
    """Something that has no parameters but a datastore."""

    session: int
    what: str
    datastore: str


@dataclass(frozen=True)
class Commit:
    """A commit, which is to be confirmed where it has seconds, or its undoing."""

    session: int
    what: str
    token: Token
    seconds: int | None = None
    persist: Token = None


@dataclass(frozen=True)
class Wait:
    """Time that passes; the timer of the server may be late."""

    seconds: float
    is_noticed: bool


@dataclass(frozen=True)
class Part:
    """The lock of a leaf of running, or without one the release of the last."""

    session: int
    leaf: str | None


Step: TypeAlias = "Edit | Simple | Commit | Part"
EDITS: Final = st.builds(Edit, SESSIONS, DATASTORES, LEAVES, VALUES)
COMMITS: Final = st.builds(Commit, SESSIONS, st.just("commit"), TOKENS, st.none() | SECONDS, PERSIST)
STEPS: Final = st.one_of(
    EDITS,
    EDITS,
    st.builds(Simple, SESSIONS, SIMPLE, DATASTORES),
    st.builds(Simple, SESSIONS, SIMPLE, DATASTORES),
    COMMITS,
    COMMITS,
    st.builds(Commit, SESSIONS, st.just("cancel-commit"), TOKENS),
    st.builds(Part, SESSIONS, LEAVES | st.none()),
    st.builds(Wait, st.sampled_from([1.0, 1.0, 5.0, 60.0]), st.booleans()),
)


class Both:
    """A server with two clients, and the model of it."""

    def __init__(self) -> None:
        self.kept: Branch | None = None
        self.server = ShopServer(
            OPEN_DOORS + shop(leaves(BEFORE)), targets=(Applied(),), keep_rollback=self.keep, tells_of_itself=True
        )
        self.model = Model(BEFORE)
        self.wires: list[Wire] = [self.server.connect(), self.server.connect()]

    def keep(self, root: Branch | None) -> None:
        self.kept = root

    def session_id(self, number: int) -> int:
        """Return the id of the session that a client has at present."""
        return self.wires[number].session.caller.session_id  # type: ignore[attr-defined,no-any-return]

    def take(self, step: Step | Wait) -> None:
        """Let both do the same, and compare the answers."""
        if isinstance(step, Commit) and step.token == RIGHT:
            step = replace(step, token=self.model.waiting.token if self.model.waiting else None)
        if isinstance(step, Wait):
            self.wait(step)
        elif isinstance(step, Simple) and step.what == "disconnect":
            self.model.disconnect(self.session_id(step.session))
            self.wires[step.session].session.lost()
            self.wires[step.session] = self.server.connect()
        else:
            expected = self.expected(step)
            found = tags_of(self.wires[step.session].rpc(self.request_of(step)))
            assert found == [expected] * bool(expected), step

    def wait(self, step: Wait) -> None:
        self.model.wait(step.seconds)
        self.server.management_now += step.seconds
        if not step.is_noticed:  # Whatever asks about commits notices, if it is not kept out before.
            tags = tags_of(self.wires[0].rpc(with_id("cancel-commit", "nobody's")))
            assert tags in (["invalid-value"], ["in-use"])
        if step.is_noticed or tags == ["in-use"]:
            self.server.server.advance(self.server.management_now)

    def request_of(self, step: Step) -> str:
        """Return a step as a client says it."""
        if not isinstance(step, Part):
            return request_of(step)
        if step.leaf is not None:
            return lock_part(f"/toy:shop/toy:{step.leaf}")
        session, held = self.session_id(step.session), self.server.stores.partial_locks
        return unlock_part(max((lock.id for lock in held if lock.session_id == session), default=0))

    def expected(self, step: Step) -> str:
        """Return the tag that the model answers with."""
        model, session = self.model, self.session_id(step.session)
        if isinstance(step, Edit):
            return model.edit(session, step.datastore, step.leaf, step.value)
        if isinstance(step, Commit):
            if step.what == "cancel-commit":
                return model.cancel(session, step.token)
            return model.commit(session, step.token, step.seconds, step.persist)
        if isinstance(step, Part):
            return model.unlock_part(session) if step.leaf is None else model.lock_part(session, step.leaf)
        if step.what == "discard":
            return model.discard(session)
        return (model.lock if step.what == "lock" else model.unlock)(session, step.datastore)

    def compare(self) -> None:
        """Compare what there is."""
        stores, model = self.server.stores, self.model
        assert shop_of(stores.running) == model.running
        assert shop_of(stores.root(Datastore.CANDIDATE)) == model.shown_candidate
        assert shop_of(stores.root(Datastore.STARTUP)) == {}, "no commit writes it"
        locks = {store.value: lock.session_id for store in Datastore if (lock := stores.lock_of(store)) is not None}
        assert locks == model.locks
        parts = [(lock.session_id, next(iter(lock.nodes))[-1].node.name) for lock in stores.partial_locks]
        assert parts == model.parts
        waiting = model.waiting
        assert self.server.server.next_deadline() == (waiting.deadline if waiting else None)
        assert (None if self.kept is None else shop_of(self.kept)) == (waiting.before if waiting else None)


def leaves(config: Mapping[str, str]) -> str:
    """Return leaves as XML."""
    return "".join(f"<{name}>{value}</{name}>" for name, value in config.items())


def request_of(step: Edit | Simple | Commit) -> str:
    """Return a step as a client says it."""
    if isinstance(step, Edit):
        content = shop(leaves({step.leaf: step.value}))
        return edit_candidate(content) if step.datastore == CANDIDATE else edit_config(content)
    if isinstance(step, Simple):
        target = f"<target><{step.datastore}/></target>"
        return DISCARD if step.what == "discard" else f"<{step.what}>{target}</{step.what}>"
    if step.seconds is not None:
        return confirmed(step.seconds, step.persist, step.token)
    if step.token is not None:
        return with_id(step.what, step.token)
    return COMMIT if step.what == "commit" else CANCEL


def shop_of(root: Branch) -> Config:
    """Return the leaves of the shop in a tree."""
    shops: list[Item] = [item for node, item in root.children.items() if node.name == "shop"]
    return {
        node.name: item
        for found in shops
        if isinstance(found, Branch)
        for node, item in found.children.items()
        if isinstance(item, str)
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, min_size=15, max_size=60))
def test_two_sessions_meet_what_the_model_says(steps: list[Step | Wait]) -> None:
    both = Both()
    for step in steps:
        both.take(step)
        both.compare()
