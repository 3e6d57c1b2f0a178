"""The program's log: lines for people, or JSON for machines, on stderr (structlog).

What the modules say with `logging` and what happens to the device go the same way. Invariants: a line is a line,
whatever a client has put into a name: control characters are escaped; a traceback holds no values of variables.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

import structlog
from structlog.typing import EventDict, WrappedLogger

from agent.app.scenario.happenings import tell
from agent.app.settings import LogFormat
from agent.datastore.date_and_time import date_and_time
from agent.datastore.registry import Registry
from agent.netconf.recording import Happening, Recorder

OURS: Final = "agent"
EVENTS: Final = "agent.events"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADD_TIME: Final = structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp")
MAXIMUM_LEAVES: Final = 32
"""How much of an event is written: a changed configuration has three leaves for each of its edits."""
_NOTEWORTHY: Final = frozenset(
    {
        "netconf-session-start",
        "netconf-session-end",
        "netconf-config-change",
        "netconf-confirmed-commit",
        "ike-negotiation-failed",
        "peer-unreachable",
        "peer-reachable",
        "interface-switched",
        "tunnel-switched",
        "pic-state-changed",
        "certificate-expiring",
        "certificate-expired",
        "certificate-revoked",
        "crl-updated",
    }
)
"""What is told at the level info; everything else that happens, such as each rekey, at debug."""
LOSSES: Final = frozenset({"peer-unreachable", "certificate-expired", "certificate-revoked"})
"""What is told at the level warning."""


class Stream(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Take a line."""

    def flush(self) -> None:
        """See to it that it goes."""


def set_up(out: Stream, level: str, format_: LogFormat) -> Callable[[], None]:
    """Write the log of this process to a stream from now on; what is returned ends that.

    `level` is one of settings.LOG_LEVELS and holds for what is ours: libraries are heard from warning on.
    """
    handler: logging.Handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, _ADD_TIME],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _escape_controls, *_ends(format_)],
        )
    )
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    root.addHandler(handler)
    # It warns of every write to a connection that has just been lost, which is nothing to worry about.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    set_level(level)

    def end() -> None:
        root.removeHandler(handler)
        ours.setLevel(logging.NOTSET)

    return end


def set_level(level: str) -> None:
    """Hear what is ours from another level on, one of settings.LOG_LEVELS."""
    logging.getLogger(OURS).setLevel(level.upper())


def event_logger() -> structlog.stdlib.BoundLogger:
    """Return the logger of what happens, whose lines carry keys and values."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(EVENTS),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _ADD_TIME,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
    )
    return logger


def _ends(format_: LogFormat) -> list[structlog.typing.Processor]:
    """Return what makes a line of an entry. Tracebacks are Python's own, which show code and no values."""
    if format_ is LogFormat.JSON:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0)
    ]


def _escape_controls(logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    """Leave nothing in an entry that could end its line, or speak to a terminal."""
    return {key: _CONTROL.sub(_escape, value) if isinstance(value, str) else value for key, value in entry.items()}


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


class EventLog(Recorder):
    """Writes what happens to a device, and to its server, into the log."""

    def __init__(self, registry: Registry) -> None:
        """Tell events as a schema names them."""
        self._registry = registry
        self._log = event_logger()
        self._logger = logging.getLogger(EVENTS)

    def happened(self, event: Happening) -> None:
        """Write down an event, at the level that its kind has."""
        found = self._registry.notifications.get(type(event))
        name = None if found is None else found[0].name
        if not self._logger.isEnabledFor(level := _level(name)):
            return
        told = tell(event, self._registry)
        if told is not None:
            leaves = islice(told.leaves.items(), MAXIMUM_LEAVES)
            keywords = {leaf.replace("-", "_"): value for leaf, value in leaves}
            self._log.log(level, told.name, device_time=date_and_time(told.at), **keywords)


def _level(name: str | None) -> int:
    if name in LOSSES:
        return logging.WARNING
    return logging.INFO if name in _NOTEWORTHY else logging.DEBUG
