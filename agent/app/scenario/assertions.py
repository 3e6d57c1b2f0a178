"""Whether what a scenario claims comes true: events are counted as they happen, leaves and RPCs looked at in time.

A claim about the end is judged when the run ends; one about a later time than that fails, since nobody has seen it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import takewhile
from typing import Final

from lxml import etree

from agent.app.document import Place
from agent.app.duration import render_duration
from agent.app.scenario.happenings import require_event, tell
from agent.app.scenario.performing import operation_of, perform
from agent.app.scenario.plan import Claim, EventClaim, LeafClaim, OutcomeClaim, Scenario
from agent.datastore.registry import Registry
from agent.netconf.messages import BASE_NAMESPACE
from agent.netconf.recording import Happening, Recorder
from agent.netconf.server import Server

_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_PREDICATE: Final = re.compile(r"\[[^\[\]]*\]")
_NAME: Final = re.compile(r"(?:[\w.-]+:)?[^\W\d][\w.-]*")
NOT_REACHED: Final = "the run ended before that"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim has come true; `reason` says why not."""

    claim: Claim
    holds: bool
    reason: str

    @property
    def place(self) -> Place:
        """Where the scenario claims it."""
        return self.claim.place


@dataclass(slots=True)
class _Watched:
    claim: EventClaim
    seen: int = 0


class Assertions(Recorder):
    """The claims of a scenario about one run."""

    def __init__(self, scenario: Scenario, server: Server) -> None:
        """Begin to look, before time begins; DocumentError for what the schema does not have."""
        self._start = scenario.start
        self._server = server
        self._claims = scenario.assertions
        self._watched = [_Watched(claim) for claim in self._claims if isinstance(claim, EventClaim)]
        self._verdicts: dict[Place, Verdict] = {}
        for claim in self._claims:
            if isinstance(claim, OutcomeClaim):
                operation_of(claim.action, server.registry.schema)
            elif isinstance(claim, LeafClaim):
                _check_path(claim, server.registry)
            else:
                require_event(claim.event, claim.place, server.registry)
            if not isinstance(claim, EventClaim) and claim.at is not None:
                self._arrange(claim, self._start + claim.at)
        server.record(self)

    def happened(self, event: Happening) -> None:
        """Count an event for the claims that are about it."""
        told = tell(event, self._server.registry) if self._watched else None
        for watched in self._watched:
            if told is not None and told.matches(watched.claim.event) and self._is_in_time(watched.claim, event.at):
                watched.seen += 1

    def conclude(self) -> tuple[Verdict, ...]:
        """Judge every claim, now that the run is over, in the order of the scenario."""
        for watched in self._watched:
            self._verdicts[watched.claim.place] = self._judge_events(watched)
        for claim in self._claims:
            if isinstance(claim, EventClaim):
                continue
            if claim.at is None:
                self._judge(claim)
            elif claim.place not in self._verdicts:
                self._verdicts[claim.place] = Verdict(claim, False, NOT_REACHED)
        return tuple(self._verdicts[claim.place] for claim in self._claims)

    def _arrange(self, claim: LeafClaim | OutcomeClaim, at: int) -> None:
        """Judge at a time, but after everything that happens at it."""
        self._server.call_at(at, lambda: self._server.call_after_this(lambda: self._judge(claim)))

    def _is_in_time(self, claim: EventClaim, at: int) -> bool:
        since = at - self._start
        return claim.since <= since and (claim.until is None or since <= claim.until)

    def _judge_events(self, watched: _Watched) -> Verdict:
        claim, seen = watched.claim, watched.seen
        is_seen = claim.until is None or self._server.now - self._start >= claim.until
        if seen < claim.least or (claim.most is not None and seen > claim.most):
            return Verdict(claim, False, f"{claim.event.name} happened {seen} times, expected {_range(claim)}")
        return Verdict(claim, is_seen or claim.most is None, "" if is_seen else NOT_REACHED)

    def _judge(self, claim: LeafClaim | OutcomeClaim) -> None:
        if isinstance(claim, LeafClaim):
            verdict = self._judge_leaf(claim)
        else:
            operation = operation_of(claim.action, self._server.registry.schema)
            outcome = perform(self._server, claim.action.user, operation)
            self._server.acted(claim.action.user, etree.tostring(operation), outcome.refused)
            holds = claim.outcome in outcome.words
            verdict = Verdict(claim, holds, f"the outcome is {' '.join(outcome.words)}, expected {claim.outcome}")
        self._verdicts[claim.place] = verdict

    def _judge_leaf(self, claim: LeafClaim) -> Verdict:
        outcome = perform(self._server, claim.user, get_of(claim.path, self._server.registry))
        if outcome.refused:
            return Verdict(claim, False, f"get is refused: {'; '.join(error.message for error in outcome.refused)}")
        return judge_values(claim, select_texts(outcome.body, claim.path, self._server.registry))


def judge_values(claim: LeafClaim, values: list[str]) -> Verdict:
    """Judge what a path has found: a relation to a value holds of each, and of one at least."""
    if claim.relation == "exists":
        holds = bool(values) == (claim.value == "true")
    else:
        holds = bool(values) and all(_is_related(value, claim.relation, claim.value) for value in values)
    shown = ", ".join(values[:5]) or "nothing"
    return Verdict(claim, holds, f"{claim.path} is {shown}, expected {claim.relation} {claim.value}")


def describe(claim: Claim) -> str:
    """Return a claim in a few words."""
    match claim:
        case EventClaim():
            until = "the end" if claim.until is None else render_duration(claim.until)
            return f"{claim.event.name} {_range(claim)}, {render_duration(claim.since)} to {until}"
        case LeafClaim():
            return f"{claim.path} {claim.relation} {claim.value}"
        case OutcomeClaim():
            return f"{claim.action.name or 'xml'}: {claim.outcome}"


def _range(claim: EventClaim) -> str:
    if claim.most is None:
        return f"at least {claim.least} times"
    return f"{claim.least} times" if claim.least == claim.most else f"{claim.least} to {claim.most} times"


def _is_related(value: str, relation: str, expected: str) -> bool:
    if relation == "equals":
        return value == expected
    try:
        return Decimal(value) > Decimal(expected) if relation == "exceeds" else Decimal(value) < Decimal(expected)
    except InvalidOperation:
        return False


def _prefixes(registry: Registry) -> dict[str, str]:
    """Return the prefixes that paths may use: those of the modules themselves, the first of a name."""
    prefixes: dict[str, str] = {}
    for module in registry.schema.modules.values():
        prefixes.setdefault(module.prefix, module.namespace)
    return prefixes


def get_of(path: str, registry: Registry) -> etree._Element:
    """Return a get with an XPath filter, whose prefixes are those of the modules."""
    root = etree.Element(f"{{{BASE_NAMESPACE}}}get", nsmap={"base": BASE_NAMESPACE})
    prefixes = {prefix: namespace for prefix, namespace in _prefixes(registry).items() if prefix != "base"}
    filter_ = etree.SubElement(root, f"{{{BASE_NAMESPACE}}}filter", nsmap=dict(prefixes))
    filter_.set("type", "xpath")
    filter_.set("select", path)
    return root


def select_texts(body: str, path: str, registry: Registry) -> list[str]:
    """Return the texts of what a path selects in the body of a reply, whose one element is `data`."""
    found = etree.fromstring(body.encode()).xpath(f"/*{path}", namespaces=_prefixes(registry))
    elements = [each for each in found if isinstance(each, etree._Element)] if isinstance(found, list) else []
    return [each.text or "" for each in elements]


def _check_path(claim: LeafClaim, registry: Registry) -> None:
    """Raise DocumentError, at its place, for a path that is no XPath, or one that no device can have anything at.

    That nothing is there would come true of a name that is misspelt. Looked at are the steps down from the top, as far
    as each is a name.
    """
    try:
        etree.Element("data").xpath(f"/*{claim.path}", namespaces=_prefixes(registry))
    except etree.XPathError as error:
        raise claim.place.error(f"'path': {error}") from error
    prefixes, below = _prefixes(registry), registry.schema.roots
    for step in _steps(claim.path):
        prefix, _, name = step.rpartition(":")
        node = below.get(f"{{{prefixes[prefix]}}}{name}") if prefix else None
        if node is None:
            raise claim.place.error(f"'path': there is no {step!r} here{'' if prefix else '; a name has a prefix'}")
        below = node.children


def _steps(path: str) -> Iterator[str]:
    """Return the names that a path begins with, without predicates."""
    bare = _LITERAL.sub("", path)
    while bare != (shorter := _PREDICATE.sub("", bare)):
        bare = shorter
    return takewhile(lambda step: _NAME.fullmatch(step) is not None, map(str.strip, bare.split("/")[1:]))
