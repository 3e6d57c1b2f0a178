"""What a scenario has done and claims: its timeline and its assertions, as read from their sections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from agent.app.document import Section, Tree
from agent.app.duration import EXPECTED, parse_duration
from agent.app.scenario.certificates import read_crl
from agent.app.scenario.plan import (
    Action,
    Claim,
    Entry,
    EventClaim,
    EventMatch,
    Happens,
    LeafClaim,
    OutcomeClaim,
    Responds,
)
from agent.app.scenario.sources import Sources
from agent.app.scenario.values import count, natural, truth

RELATIONS: Final = ("equals", "exceeds", "below", "exists")
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
A_COUNT: Final = "a number of at least 1"
A_NUMBER: Final = "a number of at least 0"


class ActionReader:
    """Reads the parts of a scenario that have RPCs in them."""

    def __init__(self, sources: Sources, start: int, user: str) -> None:
        """`start` is the scenario's, in microseconds; `user` is who does what says nothing of whom."""
        self._sources = sources
        self._start = start
        self._user = user

    def timeline(self, root: Section) -> Iterator[Entry]:
        """Read what is done when."""
        for section in root.sections("timeline"):
            yield self._entry(section)
            section.finish()

    def assertions(self, root: Section) -> Iterator[Claim]:
        """Read what must come true."""
        for section in root.sections("assertions"):
            yield self._claim(section)
            section.finish()

    def _entry(self, section: Section) -> Entry:
        match section.one_of("at", "every", "event"):
            case "event":
                return Responds(
                    event=_match(section),
                    after=section.read("after", parse_duration, EXPECTED, 0),
                    times=section.read("times", count, A_COUNT, None),
                    action=self._action(section),
                )
            case "every":
                every = section.read("every", parse_duration, EXPECTED)
                if not every:
                    raise section.error("'every' is more than nothing")
                at = section.read("from", parse_duration, EXPECTED, every)
                return Happens(self._action(section), at, every, section.read("times", count, A_COUNT, None))
        return Happens(self._action(section), section.read("at", parse_duration, EXPECTED))

    def _action(self, section: Section) -> Action:
        place, user = section.place, section.text("as", self._user)
        if section.one_of("rpc", "xml") == "xml":
            return Action(place, user, "", {}, section.text("xml"))
        name = section.text("rpc")
        return Action(place, user, name, self._input(section))

    def _input(self, section: Section) -> Mapping[str, Tree]:
        """Return the input of an RPC: what is to be the content of a file, or is to be made, is put in its place."""
        if "input" not in section:
            return {}
        given = section.section("input")
        read: dict[str, Tree] = {}
        for name, value in section.tree("input").items():
            if isinstance(value, dict) and value.keys() == {"file"}:
                read[name] = _text_in(given.section(name), self._sources)
            elif isinstance(value, dict) and value.keys() == {"crl"}:
                read[name] = read_crl(given.section(name).section("crl"), self._sources, self._start)
            else:
                read[name] = value
        return read

    def _claim(self, section: Section) -> Claim:
        match section.one_of("event", "path", "rpc", "xml"):
            case "event":
                return _event_claim(section)
            case "path":
                return self._leaf_claim(section)
        at = section.read("at", parse_duration, EXPECTED, None)
        return OutcomeClaim(section.place, self._action(section), at, section.text("outcome"))

    def _leaf_claim(self, section: Section) -> LeafClaim:
        relation = section.one_of(*RELATIONS)
        value = section.text(relation)
        if relation in ("exceeds", "below"):
            section.read(relation, float, "a number")
        if relation == "exists":
            section.read(relation, truth, "true or false")
        at = section.read("at", parse_duration, EXPECTED, None)
        return LeafClaim(section.place, section.text("as", self._user), _path(section), at, relation, value)


def _text_in(section: Section, sources: Sources) -> str:
    try:
        return sources.octets(section, "file").decode()
    except UnicodeDecodeError as error:
        raise section.error(f"'file' must be a file of text: {error}") from error


def _path(section: Section) -> str:
    path = section.text("path")
    if not path.startswith("/"):
        raise section.error("'path' begins with /")
    if "|" in _QUOTED.sub("", path):
        raise section.error("'path' is one path")
    return path


def _match(section: Section) -> EventMatch:
    return EventMatch(section.text("event"), dict(section.items("where")))


def _event_claim(section: Section) -> EventClaim:
    place, event = section.place, _match(section)
    since = section.read("from", parse_duration, EXPECTED, 0)
    until = section.read("until", parse_duration, EXPECTED, None)
    least, most = _bounds(section)
    if "within" in section:
        until = since + section.read("within", parse_duration, EXPECTED)
    return EventClaim(place, event, since, until, least, most)


def _bounds(section: Section) -> tuple[int, int | None]:
    """Return how often an event is to happen: at least once where nothing else is said."""
    if "never" in section:
        section.read("never", ("true",).index, "true")
        return 0, 0
    if "count" in section:
        exactly = section.read("count", natural, A_NUMBER)
        return exactly, exactly
    most = section.read("at-most", natural, A_NUMBER, None)
    return section.read("at-least", natural, A_NUMBER, 1 if most is None else 0), most
