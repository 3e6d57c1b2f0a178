"""The envelope: rpc in, rpc-reply out (RFC 6241 section 4).

Parsing is closed to the world: UTF-8 only, no document type, no entity, no network, bounded depth (RFC 6241 section 3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.markup import quoted
from agent.datastore.parsing import has_text

BASE_NAMESPACE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
_DECLARED: Final = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"']+)["']""")
_DOCUMENT_TYPE: Final = re.compile(rb"(?>\s|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)
"""The only place where a document type can stand: before the root, after nothing but comments and instructions."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"


class MalformedMessage(Exception):
    """A message that is not well-formed UTF-8 XML, or that holds what is never taken."""


class DocumentTooComplex(MalformedMessage):
    """A message that is over a limit; `limit` is the setting that names it."""

    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """How much of XML one message may be: elements within one another, attributes of one, and elements in all.

    The last bounds the memory that a message takes once it is parsed, which is many times its size.
    """

    depth: int = 128
    attributes: int = 64
    elements: int = 2_000_000
    _parser: etree.XMLParser = field(init=False, repr=False, compare=False)
    _too_deep: etree.XPath = field(init=False, repr=False, compare=False)
    _too_many: etree.XPath = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare what reads, and what looks for offenders; libxml2 itself takes no more than a depth of 256."""
        object.__setattr__(self, "_parser", _parser())
        object.__setattr__(self, "_too_deep", etree.XPath(f"boolean({'/*' * (min(self.depth, 255) + 1)})"))
        object.__setattr__(self, "_too_many", etree.XPath(f"boolean(//*[@*[{self.attributes + 1}]])"))

    def check_size(self, message: bytes) -> None:
        """Raise DocumentTooComplex for a message that may have too many elements: most have two tags."""
        if message.count(b"<") > 2 * self.elements:
            raise DocumentTooComplex(f"a message has {self.elements} elements at most", "message-elements")

    def check(self, root: etree._Element, octets: int) -> None:
        """Raise DocumentTooComplex for a document over a limit; one that is too short for that is not searched."""
        if octets >= self.depth * SHORTEST_ELEMENT and self._too_deep(root):
            raise DocumentTooComplex(f"{self.depth} elements may be within one another", "message-depth")
        if octets >= self.attributes * SHORTEST_ATTRIBUTE and self._too_many(root):
            raise DocumentTooComplex(f"an element has {self.attributes} attributes at most", "message-attributes")


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )


SHORTEST_ELEMENT: Final = len("<a></a>")
SHORTEST_ATTRIBUTE: Final = len(" a=''")
DOCUMENT_LIMITS: Final = DocumentLimits()


def parse_document(message: bytes, limits: DocumentLimits = DOCUMENT_LIMITS) -> etree._Element:
    """Return the root of a message; white space around it is allowed. Raises MalformedMessage."""
    message = message.strip(b" \t\r\n").removeprefix(_BYTE_ORDER_MARK)
    declared = _DECLARED.match(message)
    if declared is not None and declared[1].lower() != b"utf-8":
        raise MalformedMessage(f"encoding {declared[1].decode('ascii', 'replace')!r}: only UTF-8 is taken")
    if _DOCUMENT_TYPE.match(message):
        raise MalformedMessage("a document type declaration is not taken")
    limits.check_size(message)
    try:
        root = etree.fromstring(message, limits._parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedMessage(f"not well-formed: {error}") from error
    # Of what is wrong with namespaces lxml raises the last alone, and nothing where a mere warning has come after it.
    if (log := limits._parser.error_log) and (found := log.filter_from_errors()):
        raise MalformedMessage(f"not well-formed: {found[0].message}")
    limits.check(root, len(message))
    return root


def parse_rpc(root: etree._Element) -> etree._Element:
    """Return the operation in an rpc envelope.

    RpcError for one without message-id, of another name, or that holds anything but exactly one operation.
    """
    if root.tag != f"{{{BASE_NAMESPACE}}}rpc":
        name = etree.QName(root).localname
        raise errors.unknown_element(name, f"expected rpc, found {name!r}")
    if "message-id" not in root.attrib:
        raise errors.missing_attribute("message-id", "rpc", "an rpc needs a message-id")
    operations = list(root.iterchildren(etree.Element))
    if len(operations) != 1 or has_text(root):
        raise errors.malformed_message(f"an rpc holds one operation and no text, this one holds {len(operations)}")
    return operations[0]


REPLY_END: Final = "</rpc-reply>"


def reply_start(root: etree._Element | None) -> str:
    """Return the start tag of a reply: all attributes and prefixes of the rpc, unmodified (RFC 6241 section 4.2)."""
    if root is None:
        return f'<rpc-reply xmlns="{BASE_NAMESPACE}">'
    attributes = root.attrib.items()
    if len(root.nsmap) == 1 and not root.prefix and [name for name, _ in attributes] == ["message-id"]:
        return f'<rpc-reply xmlns="{BASE_NAMESPACE}" message-id={quoted(str(attributes[0][1]))}>'
    prefixes = {prefix: uri for prefix, uri in root.nsmap.items() if prefix is not None}
    declared = "".join(f" xmlns:{prefix}={quoted(uri)}" for prefix, uri in prefixes.items())
    return f'<rpc-reply xmlns="{BASE_NAMESPACE}"{declared}{_attributes(root, prefixes)}>'


def _attributes(root: etree._Element, prefixes: Mapping[str, str]) -> str:
    by_namespace = {uri: prefix for prefix, uri in prefixes.items()} | {_XML_NAMESPACE: "xml"}
    parts = []
    for attribute, value in root.attrib.items():
        namespace, _, name = str(attribute).removeprefix("{").rpartition("}")
        prefix = f"{by_namespace[namespace]}:" if namespace else ""
        parts.append(f" {prefix}{name}={quoted(str(value))}")
    return "".join(parts)
