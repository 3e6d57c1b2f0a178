"""The prompt, a line at a time: lines in, lines out; completion and help for a line that is being typed.

The line editor, its history and the terminal are somebody else's. The terminal side prints `prompt`, gives what was
typed to `feed_line`, prints what comes back, in `pages` where somebody looks at it, and stops when `is_finished`.
Whatever goes wrong is a line of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from agent.datastore.errors import RpcError
from agent.datastore.registry import Authorisation, Caller
from agent.junos import execution, pipes
from agent.junos.command import Local
from agent.junos.completion import Completion, Permits, complete, explain, listed
from agent.junos.parser import TOO_LONG, Line, LineTooLong, SyntaxFault, parse
from agent.junos.router import Refused, Router
from agent.junos.terminal import visible

PERMISSION_DENIED: Final = "error: permission denied"
MORE: Final = "---(more)---"
"""What stands below a page until a key is pressed."""
SCREEN_LENGTH: Final = 24
ROOM_FOR_MORE: Final = 1


Require = Callable[[Authorisation], None]
"""Raises RpcError, access-denied, and has it counted, where somebody may not do what is authorised so."""
Told = Callable[[str, bool], object]
"""Learns of every line that was to be carried out, and whether it was refused."""


class CommandFailed(Exception):
    """A command that was not carried out, for those who want an exit code; the message is what is printed."""


class Shell:
    """The prompt of one user: what they may do is asked each time, since it can change.

    `permits` tells what can be completed; `require`, asked before a command is carried out, raises RpcError.
    """

    def __init__(
        self,
        router: Router,
        caller: Callable[[], Caller],
        permits: Permits,
        require: Require,
        told: Told = lambda line, is_refused: None,
    ) -> None:
        self.is_finished = False
        self.screen_length = SCREEN_LENGTH
        self.completes_on_space = True
        self.screen_width = 0
        self._router = router
        self._caller = caller
        self._permits = permits
        self._require = require
        self._told = told

    def adopt(self, before: Shell) -> None:
        """Be set as another shell is."""
        self.screen_length, self.screen_width = before.screen_length, before.screen_width
        self.completes_on_space = before.completes_on_space

    @property
    def prompt(self) -> str:
        """What stands before the line, with the space after it."""
        return f"{self._caller().user}@{self._router.host_name}> "

    def run(self, text: str) -> Iterator[str]:
        """Carry a line out and return its output, without an end of line in any. Raises CommandFailed."""
        try:
            return map(visible, self._run(text))
        except SyntaxFault as fault:
            raise CommandFailed(visible("\n".join((text, *pointed(fault, 0))))) from fault
        except Refused as refused:
            raise CommandFailed(visible(f"error: {refused.message}")) from refused

    def feed_line(self, text: str) -> Iterator[str]:
        """Carry out a line that was typed after the prompt, and return what is printed before the next one.

        That ends with a blank line, unless nothing was typed.
        """
        return map(visible, self._answer(text))

    def _answer(self, text: str) -> Iterator[str]:
        if not text.strip():
            return
        try:
            yield from self._run(text)
        except SyntaxFault as fault:
            yield from pointed(fault, len(self.prompt))
        except CommandFailed as failed:
            yield str(failed)
        except Refused as refused:
            yield f"error: {refused.message}"
        yield ""

    def _run(self, text: str) -> Iterator[str]:
        try:
            lines = self._carry_out(text)
        except (SyntaxFault, CommandFailed, Refused) as refused:
            self._told(text, True)
            if isinstance(refused, LineTooLong):
                self._router.exceeded(TOO_LONG)
            raise
        self._told(text, False)
        return lines

    def _carry_out(self, text: str) -> Iterator[str]:
        line = parse(text, self._router)
        try:
            self._require(line.command.authorisation)
        except RpcError as denied:
            raise CommandFailed(PERMISSION_DENIED) from denied
        if isinstance(line.command.does, Local) and line.command.does is not Local.CONFIGURATION:
            through = pipes.prepare(line.pipes)
            return through(self._do(line.command.does, line))
        return execution.lines_of(self._router, self._caller(), line)

    def _do(self, what: Local, line: Line) -> Iterator[str]:
        if what is Local.HELP:
            return explain(f"{line.arguments.get('topic', '')} ".lstrip(), self._router, self._permits)
        if what is Local.SCREEN_LENGTH:
            self.screen_length = int(line.arguments["length"])
            return iter((f"Screen length set to {self.screen_length}",))
        if what is Local.SCREEN_WIDTH:
            self.screen_width = int(line.arguments["width"])
            return iter((f"Screen width set to {self.screen_width}",))
        if what is Local.COMPLETE_ON_SPACE:
            self.completes_on_space = "on" in line.arguments
            return iter((f"{'En' if self.completes_on_space else 'Dis'}abling complete-on-space",))
        self.is_finished = True
        return iter(())

    def complete(self, text: str) -> Completion:
        """Return what completes a line: for tab, and for space. Nothing for one that has gone wrong before."""
        try:
            return complete(text, self._router, self._permits)
        except SyntaxFault:
            return Completion("", ())

    def help(self, text: str) -> Iterator[str]:
        """Return what a question mark after this much of a line prints."""
        try:
            return map(visible, explain(text, self._router, self._permits))
        except SyntaxFault as fault:
            return map(visible, pointed(fault, len(self.prompt)))

    def is_paged(self, text: str) -> bool:
        """Tell whether the output of a line is to wait at the end of each page."""
        try:
            return self.screen_length > 0 and not pipes.wants_no_pages(parse(text, self._router).pipes)
        except SyntaxFault:
            return False

    def pages(self, lines: Iterator[str]) -> Iterator[tuple[str, ...]]:
        """Return output page by page; between two of them stands MORE until a key is pressed."""
        size = self.screen_length - ROOM_FOR_MORE if self.screen_length > ROOM_FOR_MORE else None
        while page := tuple(islice(lines, size)):
            yield page


def pointed(fault: SyntaxFault, indent: int) -> Iterator[str]:
    """Yield the lines that say what is wrong with the line above them, which begins in a column."""
    yield f"{' ' * (indent + fault.column)}^"
    yield fault.message
    if fault.completions:
        yield "Possible completions:"
        yield from listed(iter(fault.completions.items()))
