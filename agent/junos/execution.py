"""A command carried out: what it shows, in the format that is asked for.

Whoever calls has asked before whether the caller may. Everything that is refused is refused before the first line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.datastore.registry import Caller
from agent.junos import pipes
from agent.junos.command import Command, Kind, Local
from agent.junos.markup import ENVELOPE_END, INDENT, NAMESPACE, Element, indented, render_json, render_lines
from agent.junos.parser import Line
from agent.junos.router import Arguments, Format, Refused, Router
from agent.junos.view import Shown, View


def lines_of(router: Router, caller: Caller, line: Line) -> Iterator[str]:
    """Carry a command out and return the lines that it gives, after its pipes. Refused for what is not done."""
    through = pipes.prepare(line.pipes)
    if pipes.wants_rpc(line.pipes):
        return through(rpc_lines(line.command, line.arguments))
    return through(formatted(router, caller, line, pipes.format_of(line.pipes) or Format.TEXT))


def formatted(router: Router, caller: Caller, line: Line, format_: Format) -> Iterator[str]:
    """Carry a command out and return the lines that it gives in a format, as on a screen."""
    if line.command.does is Local.CONFIGURATION:
        shown = configuration(router, caller, line.arguments, format_)
        return _enveloped(shown) if format_ is Format.XML else shown
    if format_ is Format.SET:
        raise Refused("'display set' is for the configuration alone")
    view = perform(router, caller, line.command, line.arguments)
    match format_:
        case Format.XML:
            return render_lines(view.reply()) if view is not None else _enveloped(iter(()))
        case Format.JSON:
            return render_json(view.reply()) if view is not None else iter(())
        case _:
            return view.lines() if view is not None else iter(())


def perform(router: Router, caller: Caller, command: Command, arguments: Arguments) -> Shown[Any] | None:
    """Carry a command out: return what it shows, None for one that does something instead. Raises Refused."""
    does = command.does
    if isinstance(does, View):
        return Shown(does, does.rows(router, caller, arguments), arguments, caller)
    if isinstance(does, Local):
        raise Refused(f"'{' '.join(command.words)}' is for the prompt alone")
    does(router, caller, arguments)
    return None


def configuration(router: Router, caller: Caller, arguments: Arguments, format_: Format) -> Iterator[str]:
    """Return the lines of the configuration, without an envelope."""
    if router.configuration is None:
        raise Refused("this device shows no configuration here")
    return router.configuration.show(caller, arguments.get("path", ""), format_)


def _enveloped(lines: Iterator[str]) -> Iterator[str]:
    yield f'<rpc-reply xmlns:junos="{NAMESPACE}">'
    yield from (f"{INDENT}{line}" for line in lines)
    yield from ENVELOPE_END


def rpc_element(command: Command, arguments: Arguments) -> Element:
    """Return the element of the RPC that does the same as a command. Refused where there is none."""
    if command.rpc is None:
        raise Refused(f"no RPC does what '{' '.join(command.words)}' does")
    kinds = {parameter.name: parameter.kind for parameter in command.parameters}
    given = (Element(name, "" if kinds[name] is Kind.FLAG else value) for name, value in arguments.items())
    return Element(command.rpc, tuple(given))


def rpc_lines(command: Command, arguments: Arguments) -> Iterator[str]:
    """Return the lines that show the RPC of a command."""
    return _enveloped(indented(Element("rpc", (rpc_element(command, arguments),)), 0))
