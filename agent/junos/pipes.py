"""What pipes do to the lines of a command's output, one line at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import dropwhile
from types import MappingProxyType
from typing import Final

from agent.junos.command import Pipe
from agent.junos.parser import PipeStep
from agent.junos.pattern import BadPattern, Pattern
from agent.junos.router import Format, Refused

Stage = Callable[[Iterator[str]], Iterator[str]]
FORMATS: Final = MappingProxyType({Pipe.XML: Format.XML, Pipe.JSON: Format.JSON, Pipe.SET: Format.SET})


def format_of(pipes: Iterable[PipeStep]) -> Format | None:
    """Return the format that pipes ask for, the last that does; None for none."""
    asked = [FORMATS[step.does] for step in pipes if step.does in FORMATS]
    return asked[-1] if asked else None


def wants_rpc(pipes: Iterable[PipeStep]) -> bool:
    """Whether it is the RPC that is to be shown."""
    return any(step.does is Pipe.XML_RPC for step in pipes)


def wants_no_pages(pipes: Iterable[PipeStep]) -> bool:
    """Whether the output is to run through."""
    return any(step.does is Pipe.NO_MORE for step in pipes)


def prepare(pipes: Iterable[PipeStep]) -> Stage:
    """Return what makes of a command's lines those that come out at the end of the pipes.

    Refused for what is no pattern: before the command is carried out.
    """
    stages = [_stage(step) for step in pipes]

    def through(lines: Iterator[str]) -> Iterator[str]:
        for stage in stages:
            lines = stage(lines)
        return lines

    return through


def _stage(step: PipeStep) -> Stage:
    match step.does:
        case Pipe.COUNT:
            return _counted
        case Pipe.LAST:
            number = int(step.arguments["number"])
            return lambda lines: _last(lines, number)
        case Pipe.MATCH:
            wanted = _pattern(step)
            return lambda lines: filter(wanted.search, lines)
        case Pipe.EXCEPT:
            unwanted = _pattern(step)
            return lambda lines: (line for line in lines if not unwanted.search(line))
        case Pipe.FIND:
            first = _pattern(step)
            return lambda lines: dropwhile(lambda line: not first.search(line), lines)
        case _:
            return lambda lines: lines


def _pattern(step: PipeStep) -> Pattern:
    try:
        return Pattern(step.arguments["pattern"])
    except BadPattern as error:
        raise Refused(f"invalid pattern: {error}") from error


def _counted(lines: Iterator[str]) -> Iterator[str]:
    yield f"Count: {sum(1 for _ in lines)} lines"


def _last(lines: Iterator[str], number: int) -> Iterator[str]:
    yield from deque(lines, maxlen=number)
