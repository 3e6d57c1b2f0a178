"""The RPCs of Junos over NETCONF: a row of the table for each, and `command`, which takes a line.

An RPC is known by its local name; its parameters are those of the command, by theirs, in whatever namespace. What is
not known is refused: clients take an empty answer for a fact. A refusal's message is what the router says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorInfo, ErrorType, RpcError
from agent.datastore.markup import escape_text
from agent.datastore.registry import Authorisation, Caller, Dialect, DialectRpc
from agent.junos import execution, pipes
from agent.junos.command import Command, Kind, Local, Parameter
from agent.junos.configuration.rpc import AUTHORISATIONS, CONFIGURATION_RPCS
from agent.junos.grammar import COMMANDS
from agent.junos.markup import Reply, render, render_json
from agent.junos.parser import TOO_LONG, Line, LineTooLong, SyntaxFault, parse
from agent.junos.router import Arguments, Format, Refused, Router
from agent.junos.values import fault

NAME: Final = "junos"
NAMESPACES: Final = ("http://xml.juniper.net/", "http://yang.juniper.net/")
CAPABILITIES: Final = ("http://xml.juniper.net/netconf/junos/1.0", "http://xml.juniper.net/dmi/system/1.0")
OK: Final = "<ok/>"
CONFIGURATION_OUTPUT: Final = ("configuration-information", "configuration-output")
"""Where clients look for the text of `show configuration`."""
_TAGS: Final = MappingProxyType({"no-backup": "operation-failed", "backup-offline": "operation-failed"})
"""The tags of the refusals that are no wrong value."""


def carry_out(router: Router, caller: Caller, element: etree._Element, command: Command) -> Iterator[str]:
    """Answer the RPC of a command."""
    format_ = _format(element, Format.XML)
    arguments = _arguments(element, command)
    try:
        view = execution.perform(router, caller, command, arguments)
    except Refused as refused:
        raise _error(refused) from refused
    if view is None:
        return _output(iter(())) if format_ is Format.TEXT else iter((OK,))
    return _output(view.lines()) if format_ is Format.TEXT else _shown(view.reply(), format_)


def carry_out_line(router: Router, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Answer `command`: the line is carried out as if it were typed, and answered in the format that is asked for."""
    line = _line(element, router)
    try:
        return _answer(router, caller, line, _format(element, Format.XML, Format.SET))
    except Refused as refused:
        raise _error(refused) from refused


def _answer(router: Router, caller: Caller, line: Line, asked: Format) -> Iterator[str]:
    format_ = pipes.format_of(line.pipes) or asked
    if pipes.wants_rpc(line.pipes):
        element = execution.rpc_element(line.command, line.arguments)
        return _shown(Reply("rpc", "", (element,)), Format.XML)
    if format_ in (Format.TEXT, Format.SET):
        through = pipes.prepare(line.pipes)
        lines = through(execution.formatted(router, caller, line, format_))
        if line.command.does is not Local.CONFIGURATION:
            return _output(lines)
        return _output(lines, *(["configuration-set"] if asked is Format.SET else CONFIGURATION_OUTPUT))
    if line.command.does is Local.CONFIGURATION:
        shown = execution.configuration(router, caller, line.arguments, format_)
        return shown if format_ is Format.XML else _escaped(shown)
    view = execution.perform(router, caller, line.command, line.arguments)
    return _shown(view.reply(), format_) if view is not None else _output(iter(()))


def _shown(reply: Reply, format_: Format) -> Iterator[str]:
    return _escaped(render_json(reply)) if format_ is Format.JSON else render(reply)


def _escaped(lines: Iterator[str]) -> Iterator[str]:
    return (f"{escape_text(line)}\n" for line in lines)


def _output(lines: Iterator[str], *names: str) -> Iterator[str]:
    """Yield text within elements, within `output` where none are named."""
    within = names or ("output",)
    yield "".join(f"<{name}>" for name in within) + "\n"
    yield from _escaped(lines)
    yield "".join(f"</{name}>" for name in reversed(within))


def _format(element: etree._Element, default: Format, *more: Format) -> Format:
    text = element.get("format")
    if text is None:
        return default
    try:
        return {each.value: each for each in (Format.TEXT, Format.XML, Format.JSON, *more)}[text]
    except KeyError as error:
        info = [ErrorInfo("bad-attribute", "format"), ErrorInfo("bad-element", etree.QName(element).localname)]
        message = f"format is 'text', 'xml' or 'json', not {text!r}"
        raise RpcError(ErrorType.PROTOCOL, "bad-attribute", message, info=info) from error


def _line(element: etree._Element, router: Router | None) -> Line:
    """Return the command that is in an element. RpcError for what is none."""
    try:
        return parse((element.text or "").strip(), router)
    except SyntaxFault as wrong:
        if isinstance(wrong, LineTooLong) and router is not None:
            router.exceeded(TOO_LONG)
        raise _syntax_error(wrong.message.rstrip("."), wrong.word) from wrong


def _arguments(element: etree._Element, command: Command) -> Arguments:
    """Return what an RPC was given; RpcError for what its command does not take."""
    parameters = {parameter.name: parameter for parameter in command.parameters}
    given: dict[str, str] = {}
    taken: set[str] = set()
    for child in element.iterchildren(etree.Element):
        name = etree.QName(child).localname
        parameter = parameters.get(name)
        if parameter is None or parameter.slot in taken or len(child):
            raise _syntax_error("syntax error", name)
        taken.add(parameter.slot)
        given[name] = _value(parameter, (child.text or "").strip())
    missing = next((each for each in command.parameters if each.is_required and each.slot not in taken), None)
    if missing is not None:
        raise errors.missing_element(missing.name, "missing argument")
    return given


def _value(parameter: Parameter, text: str) -> str:
    if parameter.kind is Kind.FLAG:
        return ""
    complaint = fault(parameter.kind, text)
    if complaint is not None:
        raise errors.invalid_value(complaint, info=[ErrorInfo("bad-element", parameter.name)])
    return text


def _syntax_error(message: str, word: str) -> RpcError:
    return RpcError(ErrorType.PROTOCOL, "operation-failed", message, info=[ErrorInfo("bad-element", word)])


def _error(refused: Refused) -> RpcError:
    tag = _TAGS.get(refused.app_tag or "", "invalid-value")
    return RpcError(ErrorType.APPLICATION, tag, refused.message, app_tag=refused.app_tag)


def _rpc(name: str, command: Command) -> DialectRpc[Router]:
    return DialectRpc[Router](
        name,
        lambda element: command.authorisation,
        lambda router, caller, element: carry_out(router, caller, element, command),
    )


def _authorisation_of_line(element: etree._Element) -> Authorisation:
    return _line(element, None).command.authorisation


def _rpcs() -> Mapping[str, DialectRpc[Router]]:
    by_command = (
        _rpc(name, command) for command in COMMANDS for name in (command.rpc, *command.aliases) if name is not None
    )
    command_rpc = DialectRpc[Router]("command", _authorisation_of_line, carry_out_line)
    return MappingProxyType({**CONFIGURATION_RPCS, **{rpc.name: rpc for rpc in (*by_command, command_rpc)}})


JUNOS: Final = Dialect(
    name=NAME,
    namespaces=NAMESPACES,
    capabilities=CAPABILITIES,
    rpcs=_rpcs(),
    authorisations=(*AUTHORISATIONS, *(command.authorisation for command in COMMANDS)),
)
