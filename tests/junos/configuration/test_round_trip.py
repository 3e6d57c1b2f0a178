"""Any configuration of ours reads the same in every format, and nothing of it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.app.scenario import load_scenario
from agent.datastore.edit import Operation, edit
from agent.datastore.markup import escape_text
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from agent.datastore.values import Boolean, Enumeration, Integer
from agent.junos.configuration.comparison import compare
from agent.junos.configuration.display import Header, lines
from agent.junos.configuration.edits import edit_of
from agent.junos.configuration.json import parse_json
from agent.junos.configuration.set_commands import parse_set
from agent.junos.configuration.statements import Given, Shown
from agent.junos.configuration.text import parse_text
from agent.junos.configuration.xml import parse_xml
from agent.junos.router import Format
from tests.support.chapter import registry
from tests.support.junos_configuration import ConfiguredRouter, hierarchy, is_same, tree

ROOTS: Final = (
    "/ipsec-agent-system:system",
    "/ipsec-agent-certificates:certificates",
    "/ipsec-agent-ike:ike",
    "/ipsec-agent-ipsec:ipsec",
    "/ietf-interfaces:interfaces",
)
PARSERS: Final[Mapping[Format, Callable[[str], Iterator[Given]]]] = {
    Format.TEXT: lambda text: iter((parse_text(hierarchy().root, text),)),
    Format.SET: lambda text: parse_set(hierarchy().root, text),
    Format.XML: lambda text: iter((parse_xml(hierarchy().root, etree.fromstring(text)),)),
    Format.JSON: lambda text: iter((parse_json(hierarchy().root, text),)),
}
HEADER: Final = Header(0, "somebody")
ES_PIC: Final = '<type xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic</type>'


def written(root: Branch, format_: Format) -> str:
    """Return a configuration in a format of Junos."""
    return "\n".join(lines(Shown(hierarchy().root, None, root), format_, HEADER))


def read(text: str, format_: Format) -> Branch:
    """Return the configuration that a text makes of an empty one."""
    root = Branch(None)
    for step in PARSERS[format_](text):
        wanted = edit_of(step, root)
        edited = edit(registry().schema, root, wanted.config, Operation.MERGE)
        assert edited.errors == ()
        assert wanted.missing == ()
        root = edited.root
    return root


# A configuration of ours, made from the schema alone, as XML in our own syntax.

WORDS: Final = st.one_of(
    st.sampled_from(
        ["a", "p-1", "inactive:", "{", "};", '"', "\\", "#x", "/*", "*/", "[", "set", "a\\nb", "é\u00a0", "<&>"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=4),
)
TEXTS: Final = st.one_of(WORDS, st.sampled_from(["two words", " a ", "line\nline", "\ttab", "cr\rlf\r\n", "/* c */"]))
ADDRESSES: Final = st.sampled_from(["192.0.2.1", "198.51.100.7", "2001:db8::", "::1"])
BY_NAME: Final[Mapping[str, st.SearchStrategy[str]]] = {
    **dict.fromkeys(("source", "destination", "backup-destination", "local-address", "remote-address"), ADDRESSES),
    "peer-address": ADDRESSES,
    "prefix": st.sampled_from(["10.0.0.0/8", "2001:db8::/32"]),
    "hexadecimal": st.sampled_from(["00ff", "0123456789abcdef"]),
    "backup-interface": st.sampled_from(["es-1/0/0", "es-0/0/0"]),
    "protocol": st.sampled_from(["tcp", "17"]),
    "host-name": st.sampled_from(["R1", "r-2.lab"]),
    "domain-name": st.just("example.net"),
    "description": TEXTS,
    "ascii-text": st.sampled_from(["secret", "two words", '"', "$sealed$x"]),
    "certificate": TEXTS,
}
BY_PATH: Final[Mapping[str, st.SearchStrategy[str]]] = {
    "/ietf-interfaces:interfaces/interface/name": st.sampled_from(["es-0/0/0", "es-1/3/0", "es-10/20/30"]),
    "/ietf-interfaces:interfaces/interface/ipsec-agent-interfaces:unit/family-inet/address": st.sampled_from(
        ["10.0.0.1/24", "10.0.0.2/32"]
    ),
    "/ietf-interfaces:interfaces/interface/ipsec-agent-interfaces:unit/family-inet6/address": st.sampled_from(
        ["2001:db8::1/64", "::/0"]
    ),
}


def values(leaf: SchemaNode) -> st.SearchStrategy[str]:
    """Return values that a leaf can have."""
    if leaf.path in BY_PATH:
        return BY_PATH[leaf.path]
    if isinstance(leaf.type, Enumeration):
        return st.sampled_from(leaf.type.names)
    if isinstance(leaf.type, Boolean):
        return st.sampled_from(["true", "false"])
    if isinstance(leaf.type, Integer):
        parts = [st.integers(low, high) for low, high in leaf.type.bounds.parts]
        return st.one_of(parts).map(str)
    return BY_NAME.get(leaf.name, WORDS).filter(lambda text: leaf.type is not None and is_value(leaf, text))


def is_value(leaf: SchemaNode, text: str) -> bool:
    return leaf.type is not None and leaf.type.is_canonical(text)


def content(node: SchemaNode) -> st.SearchStrategy[str]:
    """Return instances of a configured node as XML: one, or several of a list or leaf-list, all different."""
    start = f'<{node.name} xmlns="{node.module.namespace}">'
    end = f"</{node.name}>"
    if node.kind is Kind.LEAF:
        if node.name == "type":
            return st.just(ES_PIC)
        return values(node).map(lambda text: f"{start}{escape_text(text)}{end}")
    if node.kind is Kind.LEAF_LIST:
        several = st.lists(values(node), min_size=1, max_size=3, unique=True)
        return several.map(lambda texts: "".join(f"{start}{escape_text(text)}{end}" for text in texts))
    if node.kind is Kind.CONTAINER:
        return children(node).map(lambda inner: f"{start}{inner}{end}")
    (key,) = node.keys
    entries = st.lists(st.tuples(values(key), children(node)), min_size=1, max_size=3, unique_by=lambda pair: pair[0])
    return entries.map(
        lambda pairs: "".join(
            f"{start}<{key.name}>{escape_text(name)}</{key.name}>{inner}{end}" for name, inner in pairs
        )
    )


def children(node: SchemaNode) -> st.SearchStrategy[str]:
    """Return some of the configured children of a node: of a choice, one case at most."""
    parts = [
        content(child).map(lambda text, child=child: (child, text))  # type: ignore[misc]
        for child in own_children(node)
    ]
    kept = [st.one_of(st.none(), part) if not must_be(node, index) else part for index, part in enumerate(parts)]
    return st.tuples(*kept).map(joined)


def must_be(node: SchemaNode, index: int) -> bool:
    return own_children(node)[index].name == "type"


def own_children(node: SchemaNode) -> list[SchemaNode]:
    """Return the configured children of a node, but for keys, that modules of ours or ietf-interfaces itself define."""
    return [
        child
        for child in node.children.values()
        if child.config and child not in node.keys and child.module.name.startswith(("ipsec-agent-", "ietf-interfaces"))
    ]


def joined(parts: tuple[tuple[SchemaNode, str] | None, ...]) -> str:
    chosen: dict[str, str] = {}
    kept = []
    for part in parts:
        if part is not None and all(chosen.setdefault(choice, case) == case for choice, case in part[0].cases):
            kept.append(part[1])
    return "".join(kept)


CONFIGURATIONS: Final = st.deferred(
    lambda: st.tuples(*(st.one_of(st.just(""), content(registry().schema.node(path))) for path in ROOTS)).map("".join)
)


@settings(max_examples=60, deadline=None)
@given(document=CONFIGURATIONS)
def test_what_is_written_and_read_is_what_it_was(document: str) -> None:
    root = tree(document)
    for format_ in Format:
        assert is_same(read(written(root, format_), format_), root)


@settings(max_examples=40, deadline=None)
@given(first=CONFIGURATIONS, second=CONFIGURATIONS)
def test_what_overrides_a_configuration_is_all_that_is_left(first: str, second: str) -> None:
    before, after = tree(first), tree(second)
    given_ = parse_text(hierarchy().root, written(after, Format.TEXT))
    given_.operation = Operation.REPLACE
    edited = edit(registry().schema, before, edit_of(given_, before).config, Operation.MERGE)
    assert edited.errors == ()
    assert is_same(edited.root, after)


@settings(max_examples=40, deadline=None)
@given(first=CONFIGURATIONS, second=CONFIGURATIONS)
def test_two_configurations_compare_as_different_when_they_are(first: str, second: str) -> None:
    before, after = tree(first), tree(second)
    root = hierarchy().root
    for one, other in ((before, after), (before, before), (tree(first), before)):
        shown = compare(Shown(root, None, one), Shown(root, None, other))
        assert (list(shown) == []) == is_same(one, other)


@pytest.mark.parametrize("name", ["chapter", "demo"])
def test_a_scenario_reads_the_same_and_is_all_that_junos_shows(name: str) -> None:
    root = ConfiguredRouter(load_scenario(name)).root(Datastore.RUNNING)
    covered = {registry().schema.node(path) for path in ROOTS}
    shown = Branch(None, {node: item for node, item in root.children.items() if node in covered})
    assert len(shown.children) == 4
    for format_ in Format:
        assert is_same(read(written(root, format_), format_), shown)


def configured(node: SchemaNode) -> Iterator[SchemaNode]:
    """Iterate over a node and the configured ones below."""
    yield node
    for child in own_children(node):
        yield from configured(child)


def test_every_node_that_can_be_configured_has_a_statement() -> None:
    left_out = [
        node.path
        for path in ROOTS
        for node in configured(registry().schema.node(path))
        if node not in hierarchy().chains
    ]
    assert left_out == ["/ietf-interfaces:interfaces", "/ietf-interfaces:interfaces/interface/type"]
