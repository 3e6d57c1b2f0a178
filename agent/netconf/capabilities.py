"""The hello and the choice of the version (RFC 6241 section 8.1, RFC 7950 section 5.6.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from lxml import etree

from agent.datastore.schema import Module, Schema
from agent.netconf.messages import BASE_NAMESPACE, MalformedMessage, parse_document

BASE_1_0: Final = "urn:ietf:params:netconf:base:1.0"
BASE_1_1: Final = "urn:ietf:params:netconf:base:1.1"
WRITABLE_RUNNING: Final = "urn:ietf:params:netconf:capability:writable-running:1.0"
YANG_LIBRARY: Final = "urn:ietf:params:netconf:capability:yang-library:1.1"
MONITORING: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"


class BadHello(Exception):
    """A hello that ends the session (RFC 6241 section 8.1)."""


def server_capabilities(schema: Schema, protocol: Sequence[str]) -> tuple[str, ...]:
    """Return what the server announces: the protocol's capabilities, the yang-library, every module with its revision.

    The modules stand there, beside the yang-library that RFC 7950 asks for, because some clients read only them.
    """
    library = schema.modules.get("ietf-yang-library")
    announced = (
        (f"{YANG_LIBRARY}?revision={library.revision}&content-id={quote(schema.content_id)}",) if library else ()
    )
    return (BASE_1_0, BASE_1_1, *protocol, *announced, *(module_capability(m) for m in schema.modules.values()))


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


def render_hello(capabilities: Iterable[str], session_id: int) -> bytes:
    """Return the server's hello; it has no message-id."""
    listed = "".join(f"<capability>{escape(capability)}</capability>" for capability in capabilities)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<hello xmlns="{BASE_NAMESPACE}"><capabilities>{listed}</capabilities>'
        f"<session-id>{session_id}</session-id></hello>"
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
