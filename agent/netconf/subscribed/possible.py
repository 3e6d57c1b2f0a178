"""What of a datastore can be subscribed to, and how (RFC 8641 sections 3.10 and 4.4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.datastore.nacm import Rights
from agent.datastore.registry import Caller
from agent.datastore.rendering import Roots
from agent.datastore.selection import Match, Selection, Selections
from agent.datastore.stores import Datastore
from agent.datastore.xpath import XPathFilter
from agent.netconf.subscribed.refusal import Refusal
from agent.netconf.subscribed.terms import OnChange, PushTerms
from agent.netconf.subscribed.watches import OPERATIONAL, Surroundings, Watches, stored

CANDIDATE: Final = f"ietf-datastores:{Datastore.CANDIDATE.value}"


class Impossible(Exception):
    """Terms that cannot be met: why, and what might help."""

    def __init__(self, refusal: Refusal, message: str, **hints: str | int) -> None:
        """Keep the hints by their names, underscores for hyphens."""
        super().__init__(message)
        self.refusal = refusal
        self.hints = hints


def require_possible(around: Surroundings, watches: Watches, terms: PushTerms, caller: Caller, selected: Roots) -> None:
    """Raise Impossible for terms that cannot be met; `selected` is what the schema says that the filter selects."""
    if stored(terms.datastore) is None:
        raise Impossible(Refusal.DATASTORE_NOT_SUBSCRIBABLE, f"there is no datastore {terms.datastore!r}")
    chosen, state = terms.filter, terms.datastore == OPERATIONAL
    is_open = isinstance(chosen, XPathFilter) and not chosen.is_exact
    if not is_open and not _reaches(around.access.rights(caller), selected, state=state):
        raise Impossible(Refusal.UNCHANGING_SELECTION, "the filter selects nothing that there can be")
    if isinstance(terms.trigger, OnChange):
        if terms.datastore == CANDIDATE:
            raise Impossible(Refusal.ON_CHANGE_UNSUPPORTED, "changes of the candidate are not told of before a commit")
        if is_open:
            message = "the expression cannot be decided without the data: a periodic subscription can have it"
            raise Impossible(Refusal.FILTER_UNSUPPORTED, message, filter_failure_hint=message)
        _require_watchable(around, watches, terms, caller, selected)


def _require_watchable(
    around: Surroundings, watches: Watches, terms: PushTerms, caller: Caller, selected: Roots
) -> None:
    unseen = [match.leaf for match in _matches(selected) if not around.registry.is_notifiable(match.leaf)]
    if unseen:
        message = f"{unseen[0].path} changes without an event, so that a filter cannot depend on it"
        raise Impossible(Refusal.FILTER_UNSUPPORTED, message, filter_failure_hint=message)
    if not watches.lenses(caller, terms.datastore, selected):
        raise Impossible(Refusal.ON_CHANGE_UNSUPPORTED, "all that the filter selects changes without an event")


def _matches(selected: Selections) -> Iterator[Match]:
    for alternatives in selected.values():
        for selection in alternatives:
            yield from selection.matches
            yield from _matches(selection.children)


def _reaches(rights: Rights, selected: Selections, *, state: bool) -> bool:
    """Tell whether a selection has any node that there can be in the datastore, and that may be read."""
    for node, alternatives in selected.items():
        if not (state or node.config):
            continue
        if rights.depends_on(node):
            return True
        if rights.may_read(node) and any(_reaches_within(rights, selection, state=state) for selection in alternatives):
            return True
    return False


def _reaches_within(rights: Rights, selection: Selection, *, state: bool) -> bool:
    shows_node = selection.whole or selection.bare or bool(selection.matches)
    return shows_node or _reaches(rights, selection.children, state=state)
