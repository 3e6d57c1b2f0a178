"""The RPCs of a router's configuration: get-, load-, commit-, lock- and unlock-configuration, and their kin.

Each is authorised as the operation of NETCONF that does the same. A private or exclusive configuration is the one
candidate, locked: what is in it is nobody else's until it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from lxml import etree

from agent.core.world import SECOND
from agent.datastore import errors
from agent.datastore.edit import Operation
from agent.datastore.errors import ErrorType, RpcError
from agent.datastore.markup import escape_text, quoted
from agent.datastore.output import OK
from agent.datastore.registry import Authorisation, Caller, DialectRpc
from agent.datastore.stores import Datastore
from agent.junos.configuration.comparison import compare
from agent.junos.configuration.display import XNM, lines, local_time
from agent.junos.configuration.face import ConfigurationFace, Remark
from agent.junos.configuration.json import parse_json
from agent.junos.configuration.rollbacks import Committed
from agent.junos.configuration.set_commands import parse_set
from agent.junos.configuration.statements import EVERYTHING, BadStatement, Given, Shown
from agent.junos.configuration.text import parse_text
from agent.junos.configuration.xml import CONFIGURATION, parse_wanted, parse_xml
from agent.junos.markup import NAMESPACE
from agent.junos.router import Format, Router

T = TypeVar("T")

DEFAULT_MINUTES: Final = "10"
"""How long a commit waits to be confirmed."""
MAXIMUM_MINUTES: Final = 65535
ACTIONS: Final = ("merge", "replace", "override", "update", "set")
_WHOLE: Final = ("override", "update")
"""Actions after which nothing is left but what was given."""
_DATABASES: Final = MappingProxyType({"candidate": Datastore.CANDIDATE, "committed": Datastore.RUNNING})
_DIGITS: Final = 5
_MODES: Final = ("private", "exclusive")
_UNSUPPORTED_SOURCES: Final = ("url", "rescue", "configuration-revision")
_GET: Final = Authorisation(executes="/ietf-netconf:get-config")
_EDIT: Final = Authorisation(executes="/ietf-netconf:edit-config")
_DISCARD: Final = Authorisation(executes="/ietf-netconf:discard-changes")
_COMMIT: Final = Authorisation(executes="/ietf-netconf:commit")
_VALIDATE: Final = Authorisation(executes="/ietf-netconf:validate")
_LOCK: Final = Authorisation(executes="/ietf-netconf:lock")
_UNLOCK: Final = Authorisation(executes="/ietf-netconf:unlock")
AUTHORISATIONS: Final = (_GET, _EDIT, _DISCARD, _COMMIT, _VALIDATE, _LOCK, _UNLOCK)


def get_configuration(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Return a configuration, or what an element asks for of it; or how it differs from one that was committed."""
    datastore = _chosen(element, "database", _DATABASES, "candidate")
    if element.get("compare") is not None:
        _chosen(element, "compare", {"rollback": True}, "rollback")
        base = face.committed(caller, _number(element.get("rollback", "0"), "rollback"))
        return _difference(compare(base, face.shown(caller, datastore)))
    format_ = _format(element, "xml")
    asked = _child(element, CONFIGURATION)
    try:
        wanted = EVERYTHING if asked is None else parse_wanted(face.hierarchy.root, asked)
    except BadStatement as error:
        raise error.as_rpc_error() from error
    return _configuration(face, face.shown(caller, datastore, wanted), format_)


def _configuration(face: ConfigurationFace, root: Shown, format_: Format) -> Iterator[str]:
    """Return a configuration as the content of a reply: as an element of its own, but for JSON, which is text."""
    said = lines(root, format_, face.header())
    if format_ is Format.XML:
        return (f"{line}\n" for line in said)
    text = (f"{escape_text(line)}\n" for line in said)
    return text if format_ is Format.JSON else _within(f"{CONFIGURATION}-{format_.value}", text, f' xmlns="{XNM}"')


def _within(name: str, content: Iterable[str], attributes: str = "") -> Iterator[str]:
    yield f"<{name}{attributes}>\n"
    yield from content
    yield f"</{name}>"


def _difference(difference: Iterator[str]) -> Iterator[str]:
    return _within(
        "configuration-information",
        _within("configuration-output", (f"{escape_text(line)}\n" for line in difference)),
    )


def load_configuration(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Change the candidate by statements in any format, or make it one that was committed."""
    for source in _UNSUPPORTED_SOURCES:
        if element.get(source) is not None:
            raise errors.operation_not_supported(f"this router does not load a configuration by its {source}")
    number = element.get("rollback")
    if number is not None:
        face.roll_back(caller, _number(number, "rollback"))
        return _loaded(())
    return _loaded(face.load(caller, _steps(face, element)))


def _loaded(remarks: Iterable[Remark]) -> Iterator[str]:
    yield "<load-configuration-results>"
    for remark in remarks:
        yield (
            "<rpc-error><error-type>protocol</error-type><error-tag>operation-failed</error-tag>"
            "<error-severity>warning</error-severity>"
            f"<error-path>{escape_text(remark.place.edit_path)}</error-path>"
            f"<error-message>{escape_text(remark.message)}</error-message>"
            f"<error-info><bad-element>{escape_text(remark.place.statement)}</bad-element></error-info></rpc-error>"
        )
    yield f"{OK}</load-configuration-results>"


def _steps(face: ConfigurationFace, element: etree._Element) -> Iterator[Given]:
    """Iterate over what is to be done, as the one child of the element says it; BadStatement for what is none."""
    root, action = face.hierarchy.root, _chosen(element, "action", {each: each for each in ACTIONS}, "merge")
    content = next(element.iterchildren(etree.Element), None)
    if content is None:
        raise errors.missing_element(CONFIGURATION, "load-configuration needs a configuration")
    name, text = etree.QName(content).localname, content.text or ""
    if name == f"{CONFIGURATION}-set":
        yield from parse_set(root, text)
        return
    if action == "set":
        raise errors.bad_element(name, "the action 'set' takes a configuration-set")
    if name == f"{CONFIGURATION}-text":
        statement = parse_text(root, text, tagged=action != "merge")
    elif name == f"{CONFIGURATION}-json":
        statement = parse_json(root, text)
    elif name == CONFIGURATION:
        statement = parse_xml(root, content)
    else:
        raise errors.bad_element(name, f"{name!r} is no form of a configuration")
    if action in _WHOLE:
        statement.operation = Operation.REPLACE
    yield statement


def commit_configuration(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Make the candidate the configuration in use and the startup, or (`check`) judge it only."""
    if _child(element, "at-time") is not None:
        raise errors.operation_not_supported("this router does not commit at a time that is to come")
    if _child(element, "check") is not None:
        face.check()
        return iter((OK,))
    minutes = None
    if _child(element, "confirmed") is not None:
        minutes = _number(_text(element, "confirm-timeout") or DEFAULT_MINUTES, "confirm-timeout", 1, MAXIMUM_MINUTES)
    face.commit(caller, _text(element, "log") or "", minutes)
    return iter((OK,))


def lock_configuration(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Keep others from changing the candidate."""
    face.lock(caller)
    return iter((OK,))


def unlock_configuration(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Let others change the candidate; what was not committed goes."""
    face.unlock(caller)
    return iter((OK,))


def open_configuration(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Open a private configuration: the candidate, locked."""
    if not any(_child(element, mode) is not None for mode in _MODES):
        raise errors.operation_not_supported(f"this router opens a configuration as {' or '.join(_MODES)} only")
    return lock_configuration(face, caller, element)


def get_rollback_information(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Return a configuration that was committed, or how it differs from another."""
    number = _number(_text(element, "rollback") or "0", "rollback")
    other = _text(element, "compare")
    if other is not None:
        newer = face.committed(caller, _number(other, "compare"))
        return _within("rollback-information", _difference(compare(face.committed(caller, number), newer)))
    shown = face.committed(caller, number)
    return _within("rollback-information", _configuration(face, shown, _format(element, "text")))


def get_commit_information(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Return who committed what is kept, newest first."""
    yield f"<commit-information xmlns:junos={quoted(NAMESPACE)}>"
    for number in range(len(face.rollbacks)):
        committed = face.rollbacks[number]
        log = f"<log>{escape_text(committed.log)}</log>" if committed.log else ""
        about = _about(committed)
        yield f"<commit-history><sequence-number>{number}</sequence-number>{about}{log}</commit-history>"
    yield "</commit-information>"


def get_commit_revision_information(face: ConfigurationFace, caller: Caller, element: etree._Element) -> Iterator[str]:
    """Return which commit is the last; what is said of it is told as long as it waits to be confirmed."""
    newest = face.rollbacks[0]
    comment = f"<comment>{escape_text(newest.log)}</comment>" if face.is_waiting and newest.log else ""
    yield f"<commit-revision-information xmlns:junos={quoted(NAMESPACE)}>"
    yield f"<revision>re0-{newest.at // SECOND}-{newest.count}</revision>{_about(newest)}{comment}"
    yield "</commit-revision-information>"


def _about(committed: Committed) -> str:
    """Return who made a commit, by what, and when, as elements."""
    return (
        f"<user>{escape_text(committed.user)}</user><client>{committed.client}</client>"
        f'<date-time junos:seconds="{committed.at // SECOND}">{local_time(committed.at)}</date-time>'
    )


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next((each for each in element.iterchildren(etree.Element) if etree.QName(each).localname == name), None)


def _text(element: etree._Element, name: str) -> str | None:
    child = _child(element, name)
    return None if child is None else (child.text or "").strip()


def _number(text: str, name: str, least: int = 0, most: int = 49) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and least <= int(text) <= most):
        message = f"{name}: {text!r} is not a number from {least} to {most}"
        raise errors.invalid_value(message, kind=ErrorType.PROTOCOL)
    return int(text)


def _format(element: etree._Element, default: str) -> Format:
    given = _text(element, "format")
    known = {each.value: each for each in Format}
    return _chosen(element, "format", known, default) if given is None else _known(given, "format", known)


def _chosen(element: etree._Element, attribute: str, known: Mapping[str, T], default: str) -> T:
    return _known(element.get(attribute, default), attribute, known)


def _known(value: str, attribute: str, known: Mapping[str, T]) -> T:
    if value not in known:
        info = [errors.ErrorInfo("bad-attribute", attribute), errors.ErrorInfo("bad-element", value)]
        message = f"{attribute}: {value!r} is none of {', '.join(known)}"
        raise RpcError(ErrorType.PROTOCOL, "bad-attribute", message, info=info)
    return known[value]


def _of_load(element: etree._Element) -> Authorisation:
    return _DISCARD if element.get("rollback") == "0" else _EDIT


def _of_commit(element: etree._Element) -> Authorisation:
    return _VALIDATE if _child(element, "check") is not None else _COMMIT


def _always(authorisation: Authorisation) -> Callable[[etree._Element], Authorisation]:
    return lambda element: authorisation


def _dialect_rpc(
    name: str,
    authorise: Callable[[etree._Element], Authorisation],
    handle: Callable[[ConfigurationFace, Caller, etree._Element], Iterator[str]],
) -> DialectRpc[Router]:
    """Return an RPC whose subject is the router; one without a configuration does not have it."""

    def on_router(router: Router, caller: Caller, element: etree._Element) -> Iterator[str]:
        if not isinstance(router.configuration, ConfigurationFace):
            raise errors.operation_not_supported(f"this router does not carry out {name!r}")
        return handle(router.configuration, caller, element)

    return DialectRpc(name, authorise, on_router)


CONFIGURATION_RPCS: Final[Mapping[str, DialectRpc[Router]]] = MappingProxyType(
    {
        name: _dialect_rpc(name, authorise, handle)
        for name, authorise, handle in (
            ("get-configuration", _always(_GET), get_configuration),
            ("load-configuration", _of_load, load_configuration),
            ("commit-configuration", _of_commit, commit_configuration),
            ("lock-configuration", _always(_LOCK), lock_configuration),
            ("unlock-configuration", _always(_UNLOCK), unlock_configuration),
            ("open-configuration", _always(_LOCK), open_configuration),
            ("close-configuration", _always(_UNLOCK), unlock_configuration),
            ("get-rollback-information", _always(_GET), get_rollback_information),
            ("get-commit-information", _always(_GET), get_commit_information),
            ("get-commit-revision-information", _always(_GET), get_commit_revision_information),
        )
    }
)
"""All of them, by their names."""
