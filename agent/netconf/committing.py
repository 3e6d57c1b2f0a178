"""The operations of the candidate: commit, cancel-commit, discard-changes (RFC 6241 sections 8.3.4 and 8.4).

A commit leaves startup alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from agent.datastore import errors
from agent.datastore.changes import Confirmation, WrongToken
from agent.datastore.errors import input_path
from agent.datastore.output import OK
from agent.datastore.stores import Datastore
from agent.netconf.request import Reply, Request

DEFAULT_SECONDS: Final = "600"
"""How long a commit waits to be confirmed (section 8.4.5.1)."""
PERSIST_ID: Final = "persist-id"
WITH_CONFIRMED: Final = ("confirm-timeout", "persist")
"""What says nothing without 'confirmed'."""


def commit(request: Request) -> Reply:
    """Make the candidate the running configuration; the caller needs the right to what that changes in it."""
    confirmation = _confirmation(request)
    host, caller = request.host, request.caller
    for datastore in (Datastore.RUNNING, Datastore.CANDIDATE):
        host.stores.require_unlocked(datastore, caller.session_id)
    with _pointing_at_the_token(request):
        host.changes.commit(caller, host.authorize, confirmation, request.given(PERSIST_ID))
    return iter((OK,))


def cancel_commit(request: Request) -> Reply:
    """Undo a commit that waits to be confirmed (RFC 6241 section 8.4.4.1)."""
    request.host.stores.require_unlocked(Datastore.RUNNING, request.caller.session_id)
    with _pointing_at_the_token(request):
        request.host.changes.cancel(request.caller, request.given(PERSIST_ID))
    return iter((OK,))


def discard_changes(request: Request) -> Reply:
    """Make the candidate what running is (RFC 6241 section 8.3.4.2)."""
    request.host.stores.require_unlocked(Datastore.CANDIDATE, request.caller.session_id)
    request.host.stores.discard_candidate()
    return iter((OK,))


@contextmanager
def _pointing_at_the_token(request: Request) -> Iterator[None]:
    """Have the refusal of a token say where in the request it is."""
    try:
        yield
    except WrongToken as wrong:
        raise WrongToken(input_path(request.input, PERSIST_ID)) from wrong


def _confirmation(request: Request) -> Confirmation | None:
    """Return how the commit is to be confirmed, None when it is for good."""
    if request.given("confirmed") is not None:
        return Confirmation(int(request.given("confirm-timeout") or DEFAULT_SECONDS), request.given("persist"))
    for name in WITH_CONFIRMED:
        if request.given(name) is not None:
            raise errors.missing_element("confirmed", f"{name!r} says nothing about a commit without 'confirmed'")
    return None
