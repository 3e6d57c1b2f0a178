"""The hello and the choice of the version (RFC 6241 section 8.1, RFC 7950 section 5.6.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from lxml import etree

from agent.datastore.markup import escape_text
from agent.datastore.registry import Dialect
from agent.datastore.schema import Module, Schema
from agent.netconf.messages import BASE_NAMESPACE, MalformedMessage, parse_document

BASE_1_0: Final = "urn:ietf:params:netconf:base:1.0"
BASE_1_1: Final = "urn:ietf:params:netconf:base:1.1"
CAPABILITY: Final = "urn:ietf:params:netconf:capability"
YANG_LIBRARY: Final = f"{CAPABILITY}:yang-library:1.1"
BY_FEATURE: Final = MappingProxyType(
    {
        "writable-running": (f"{CAPABILITY}:writable-running:1.0",),
        "candidate": (f"{CAPABILITY}:candidate:1.0",),
        "confirmed-commit": (f"{CAPABILITY}:confirmed-commit:1.0", f"{CAPABILITY}:confirmed-commit:1.1"),
        "rollback-on-error": (f"{CAPABILITY}:rollback-on-error:1.0",),
        "validate": (f"{CAPABILITY}:validate:1.0", f"{CAPABILITY}:validate:1.1"),
        "startup": (f"{CAPABILITY}:startup:1.0",),
        "url": (f"{CAPABILITY}:url:1.0?scheme=file",),
        "xpath": (f"{CAPABILITY}:xpath:1.0",),
    }
)
"""What the features of ietf-netconf announce."""
BY_MODULE: Final = MappingProxyType(
    {
        "ietf-netconf-with-defaults": (
            f"{CAPABILITY}:with-defaults:1.0?basic-mode=explicit&also-supported=trim,report-all,report-all-tagged",
        ),
        "ietf-netconf-nmda": (
            f"{CAPABILITY}:with-operational-defaults:1.0"
            "?basic-mode=report-all&also-supported=explicit,trim,report-all-tagged",
        ),
        "ietf-netconf-partial-lock": (f"{CAPABILITY}:partial-lock:1.0",),
        "notifications": (f"{CAPABILITY}:notification:1.0", f"{CAPABILITY}:interleave:1.0"),
    }
)
"""What modules announce beside themselves."""


class BadHello(Exception):
    """A hello that ends the session (RFC 6241 section 8.1)."""


def server_capabilities(schema: Schema, dialects: Sequence[Dialect] = ()) -> tuple[str, ...]:
    """Return what the server announces: the protocol's capabilities, the yang-library, every module with its revision.

    The modules stand there, beside the yang-library that RFC 7950 asks for, because some clients read only them.
    """
    library = schema.modules.get("ietf-yang-library")
    announced = (
        (f"{YANG_LIBRARY}?revision={library.revision}&content-id={quote(schema.content_id)}",) if library else ()
    )
    return (
        BASE_1_0,
        BASE_1_1,
        *_protocol(schema),
        *(capability for dialect in dialects for capability in dialect.capabilities),
        *announced,
        *(module_capability(m) for m in schema.modules.values()),
    )


def _protocol(schema: Schema) -> Iterator[str]:
    features = schema.modules["ietf-netconf"].features if "ietf-netconf" in schema.modules else ()
    for feature, capabilities in BY_FEATURE.items():
        if feature in features:
            yield from capabilities
    for module, capabilities in BY_MODULE.items():
        if module in schema.modules:
            yield from capabilities


def module_capability(module: Module) -> str:
    """Return the capability of one module (RFC 6020 section 5.6.4)."""
    parts = [f"module={module.name}"]
    if module.revision:
        parts.append(f"revision={module.revision}")
    if module.features:
        parts.append(f"features={','.join(module.features)}")
    if module.deviated_by:
        parts.append(f"deviations={','.join(module.deviated_by)}")
    return f"{module.namespace}?{'&'.join(parts)}"


def render_hello(capabilities: tuple[str, ...], session_id: int) -> bytes:
    """Return the server's hello; it has no message-id."""
    return b"%b<session-id>%d</session-id></hello>" % (_hello_start(capabilities), session_id)


@lru_cache(maxsize=16)
def _hello_start(capabilities: tuple[str, ...]) -> bytes:
    """Return what is the same in each hello of a server, or of all those of a fleet."""
    listed = "".join(f"<capability>{escape_text(capability)}</capability>" for capability in capabilities)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><hello xmlns="{BASE_NAMESPACE}"><capabilities>{listed}</capabilities>'
    ).encode()


def parse_hello(message: bytes) -> frozenset[str]:
    """Return what the client announces; BadHello for what is no client's hello. Unknown elements in it are ignored."""
    try:
        root = parse_document(message)
    except MalformedMessage as error:
        raise BadHello(str(error)) from error
    if root.tag != f"{{{BASE_NAMESPACE}}}hello":
        raise BadHello(f"expected hello of {BASE_NAMESPACE}, found {root.tag}")
    if root.find(f"{{{BASE_NAMESPACE}}}session-id") is not None:
        raise BadHello("a client's hello has no session-id")
    return frozenset(_capabilities(root))


def _capabilities(root: etree._Element) -> Iterator[str]:
    for element in root.iterfind(f"{{{BASE_NAMESPACE}}}capabilities/{{{BASE_NAMESPACE}}}capability"):
        yield (element.text or "").strip()


def common_base(client: Iterable[str]) -> str:
    """Return the newest base version that both sides have; BadHello when there is none. A query part is ignored."""
    offered = {capability.partition("?")[0] for capability in client}
    for base in (BASE_1_1, BASE_1_0):
        if base in offered:
            return base
    raise BadHello(f"no common base version: this server has {BASE_1_0} and {BASE_1_1}")
