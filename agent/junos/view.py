"""A view: what a command shows, as rows that are taken from the router, and the rows as text and as elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from agent.datastore.registry import Caller
from agent.junos.markup import Element, Reply
from agent.junos.router import Arguments, Router

R = TypeVar("R")


def no_attributes(caller: Caller) -> Mapping[str, str]:
    """Return no attributes, whoever asks."""
    return {}


# Not slotted: typing cannot set __orig_class__ on a frozen slotted dataclass (CPython 3.11).
@dataclass(frozen=True)
class View(Generic[R]):
    """One display. `rows` refuses with Refused before the first row; text is lines without their ends.

    `root` is the element that the elements are in, in the namespace of `subsystem`, with `attributes` that depend on
    who asks. One with `styles` is shown brief or in detail.
    """

    root: str
    subsystem: str
    rows: Callable[[Router, Caller, Arguments], Iterable[R]]
    text: Callable[[Iterable[R], Arguments], Iterator[str]]
    elements: Callable[[Iterable[R], Arguments], Iterable[Element]]
    styles: bool = False
    attributes: Callable[[Caller], Mapping[str, str]] = no_attributes


@dataclass(frozen=True)
class Shown(Generic[R]):
    """A view of the router as it was when it was asked for."""

    view: View[R]
    rows: Iterable[R]
    arguments: Arguments
    caller: Caller

    def lines(self) -> Iterator[str]:
        """Return the lines of its text."""
        return self.view.text(self.rows, self.arguments)

    def reply(self) -> Reply:
        """Return its elements; whoever has taken the lines has taken the rows."""
        style = level(self.arguments) if self.view.styles else None
        children, attributes = self.view.elements(self.rows, self.arguments), self.view.attributes(self.caller)
        return Reply(self.view.root, self.view.subsystem, children, style, attributes)


def level(arguments: Arguments) -> str:
    """Return how much is to be shown: 'brief', unless it is 'detail' that was asked for."""
    return "detail" if is_detailed(arguments) else "brief"


def is_detailed(arguments: Arguments) -> bool:
    """Whether everything is to be shown."""
    return "detail" in arguments


def parted(blocks: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of blocks, with a blank line between two of them."""
    for number, block in enumerate(blocks):
        if number:
            yield ""
        yield from block
