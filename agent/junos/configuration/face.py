"""The configuration database of a router, over our datastores: what the operations of Junos do with it.

It is the one candidate that edit-config changes too: two syntaxes, not two databases. Locks, access rules and
validation are those of every other client, and what is refused names the level and the statement as Junos does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agent.datastore import errors
from agent.datastore.changes import Changes, Confirmation
from agent.datastore.edit import Edited, Operation, edit
from agent.datastore.errors import ErrorType, InstancePath, RpcError, RpcErrors
from agent.datastore.parsing import Seal
from agent.datastore.registry import Caller, Registry
from agent.datastore.stores import Datastore, Stores
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch
from agent.junos.configuration.definitions import Hierarchy, Place, compile_hierarchy
from agent.junos.configuration.display import Header, lines_below
from agent.junos.configuration.edits import edit_of
from agent.junos.configuration.rollbacks import History, Rollbacks
from agent.junos.configuration.statements import (
    EVERYTHING,
    NOWHERE,
    BadStatement,
    Given,
    Shown,
    Wanted,
    refusal,
)
from agent.junos.router import Format, Refused

TOKEN: Final = "commit-configuration"
"""What a commit waits under that is to be confirmed: any session can, as on a router, and none ends it by ending."""
CONFIRMED: Final = "commit confirmed"
"""How begins what is said of a commit that is to be confirmed; clients read from it how long it waits."""
PERMISSION_DENIED: Final = "permission denied"
DENIED: Final = "access-denied"


class Host(Protocol):
    """What the database needs of the server."""

    @property
    def registry(self) -> Registry:
        """The compiled bindings."""

    @property
    def now(self) -> int:
        """Device time in microseconds."""

    @property
    def stores(self) -> Stores:
        """The datastores."""

    @property
    def transactions(self) -> Transactions:
        """The way of every change to the running datastore."""

    @property
    def changes(self) -> Changes:
        """The way of every change that a client makes of a datastore."""

    @property
    def seal(self) -> Seal:
        """What makes plain secrets into those that are kept."""

    def authorize(self, caller: Caller, old: Branch, new: Branch, repeated: Sequence[InstancePath] = ()) -> None:
        """Raise access-denied where the caller may not make a difference that there is between two trees."""

    def concealed(self, caller: Caller, refused: Sequence[RpcError]) -> Sequence[RpcError]:
        """Return the errors of an edit as the caller may know them."""

    def readable(self, caller: Caller, root: Branch) -> Branch:
        """Return what the caller may read of a configuration."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said of a load that has been done all the same: the statement, and the level it is at."""

    message: str
    place: Place


class ConfigurationFace:
    """The configuration database of one gateway."""

    def __init__(self, host: Host, history: History) -> None:
        """Begin with what was committed before, and record every commit from now on."""
        self.hierarchy: Hierarchy = compile_hierarchy(host.registry)
        self.rollbacks = Rollbacks(host.stores, host.now, history)
        self._host = host
        host.changes.when_changed(self.rollbacks.on_changed)

    def shown(self, caller: Caller, datastore: Datastore = Datastore.RUNNING, wanted: Wanted = EVERYTHING) -> Shown:
        """Return what the caller may read of a datastore, as statements."""
        return self._shown(caller, self._host.stores.root(datastore), wanted)

    def _shown(self, caller: Caller, root: Branch, wanted: Wanted = EVERYTHING) -> Shown:
        return Shown(self.hierarchy.root, None, self._host.readable(caller, root), (wanted,))

    def committed(self, caller: Caller, number: int) -> Shown:
        """Return a configuration that was committed; RpcError when there is none with this number."""
        return self._shown(caller, self._rollback(number))

    def load(self, caller: Caller, steps: Iterable[Given]) -> list[Remark]:
        """Do with the candidate what statements ask for, one step after the other; all of it, or on an error nothing.

        Raises RpcError, RpcErrors; returns what was to be deleted and is not there.
        """
        stores = self._host.stores
        stores.require_unlocked(Datastore.CANDIDATE, caller.session_id)
        root, remarks = stores.root(Datastore.CANDIDATE), list[Remark]()
        try:
            for step in steps:
                root = self._step(caller, root, step, remarks)
        except BadStatement as error:
            raise error.as_rpc_error() from error
        self._host.changes.store(caller, Datastore.CANDIDATE, root)
        return remarks

    def _step(self, caller: Caller, root: Branch, step: Given, remarks: list[Remark]) -> Branch:
        host = self._host
        wanted = edit_of(step, root)
        edited = edit(host.registry.schema, root, wanted.config, Operation.MERGE, host.seal)
        absent = [_absent(path) for path in wanted.missing]
        refused = [
            *host.concealed(caller, edited.errors),
            *(error for error in host.concealed(caller, absent) if error.tag == DENIED),
        ]
        if refused:
            raise RpcErrors(self._translated(error, step) for error in refused)
        self._authorize(caller, root, edited, step)
        for each in absent:
            if (place := self.hierarchy.place(each.path)) is not None:
                remarks.append(Remark(each.message, place))
        return edited.root

    def roll_back(self, caller: Caller, number: int) -> None:
        """Make the candidate a configuration that was committed: 0 is what is in use."""
        stores = self._host.stores
        stores.require_unlocked(Datastore.CANDIDATE, caller.session_id)
        if number == 0:
            stores.discard_candidate()
            return
        root = self._rollback(number)
        self._authorize(caller, stores.root(Datastore.CANDIDATE), Edited(root))
        self._host.changes.store(caller, Datastore.CANDIDATE, root)

    def _authorize(self, caller: Caller, before: Branch, edited: Edited, step: Given | None = None) -> None:
        try:
            self._host.authorize(caller, before, edited.root, edited.repeated)
        except RpcError as error:
            raise self._translated(error, step) from error

    def _rollback(self, number: int) -> Branch:
        try:
            return self.rollbacks.root(number)
        except IndexError:
            raise errors.operation_failed(f"rollback {number} does not exist") from None

    def check(self) -> None:
        """Judge the candidate as a commit would."""
        try:
            self._host.transactions.rehearse(self._host.stores.root(Datastore.CANDIDATE))
        except (RpcError, RpcErrors) as error:
            raise RpcErrors(self._translated(each) for each in error.errors) from error

    def commit(self, caller: Caller, log: str, minutes: int | None) -> None:
        """Make the candidate the configuration in use and the startup; with `minutes` until it is confirmed.

        The startup is written once the commit is for good: a restart before that goes back to what was there.
        """
        host = self._host
        for datastore in Datastore:
            host.stores.require_unlocked(datastore, caller.session_id)
        confirmation = Confirmation(minutes * 60, TOKEN) if minutes is not None else None
        waiting = host.stores.unconfirmed
        token = TOKEN if waiting is not None and waiting.token == TOKEN else None
        self.rollbacks.say(
            log if minutes is None else " ".join((f"{CONFIRMED}, rollback in {minutes}mins", log)).strip()
        )
        try:
            host.changes.commit(caller, host.authorize, confirmation, token)
        except (RpcError, RpcErrors) as error:
            raise RpcErrors(self._translated(each) for each in error.errors) from error
        finally:
            self.rollbacks.say("")
        if confirmation is None:
            host.changes.keep(caller, Datastore.STARTUP, host.stores.running)

    @property
    def is_waiting(self) -> bool:
        """Whether a commit waits to be confirmed."""
        return self._host.stores.unconfirmed is not None

    def lock(self, caller: Caller) -> None:
        """Keep others from changing the candidate; lock-denied when they do already."""
        self._host.stores.lock(Datastore.CANDIDATE, caller.session_id)

    def unlock(self, caller: Caller) -> None:
        """Let others change the candidate; what was not committed goes."""
        self._host.stores.unlock(Datastore.CANDIDATE, caller.session_id)

    def show(self, caller: Caller, path: str, format_: Format) -> Iterator[str]:
        """Return the lines of what is configured below a path of statements: agent.junos.router.ConfigurationDisplay.

        Refused where the hierarchy has no such level.
        """
        try:
            return lines_below(self.shown(caller), path, format_, self.header())
        except BadStatement as error:
            raise Refused(error.message) from error

    def header(self) -> Header:
        """Return what is said of a configuration before it: who committed the one in use, and when."""
        newest = self.rollbacks[0]
        return Header(newest.at, newest.user)

    def _translated(self, error: RpcError, step: Given | None = None) -> RpcError:
        """Return an error of an instance of ours as one of a statement, if one stands for it."""
        message = PERMISSION_DENIED if error.tag == DENIED else error.message
        place = self.hierarchy.place(error.path)
        if place is None:
            return error if message == error.message else errors.access_denied(message)
        at = step.nearest(error.path).at if step is not None else NOWHERE
        named = refusal(message, place.edit_path, place.statement, at)
        rest = [each for each in error.info if each.name != named.info[0].name]
        return RpcError(
            error.type, error.tag, message, app_tag=error.app_tag, info=[*named.info, *rest], place=named.place
        )


def _absent(path: InstancePath) -> RpcError:
    return RpcError(ErrorType.APPLICATION, "data-missing", "statement not found", path=path)
