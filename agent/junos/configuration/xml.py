"""The format of elements: `<proposal><name>p</name><dh-group>group2</dh-group></proposal>`.

The name of an entry is an element `name`. What is to be done with a statement is an attribute: `operation`, or the word
itself as in `delete="delete"`. Elements are known by their local names, as clients write them in any namespace or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final

from lxml import etree

from agent.datastore.edit import Operation
from agent.datastore.markup import escape_text
from agent.junos.configuration.definitions import Definition, Shape
from agent.junos.configuration.parsing import Level
from agent.junos.configuration.statements import (
    NOWHERE,
    SYNTAX_ERROR,
    BadStatement,
    Given,
    Shown,
    Wanted,
    canonical,
    repeatable,
)

NAME: Final = "name"
INDENT: Final = "    "
_SPACE: Final = " \t\r\n"
"""White space of XML: a name can have other kinds in it."""
CONFIGURATION: Final = "configuration"
_VERSION: Final = "version"
_JUNOS: Final = "http://xml.juniper.net/"
"""How the namespace of Junos' own attributes and comments begins."""
_OPERATIONS: Final = MappingProxyType(
    {each.value: each for each in Operation if each is not Operation.NONE},
)
_BY_WORD: Final = MappingProxyType({each: _OPERATIONS[each] for each in ("create", "delete", "merge", "replace")})
_UNSUPPORTED: Final = frozenset({"inactive", "protect", "insert", "rename", "key", "value"})


def parse_xml(root: Definition, configuration: etree._Element) -> Given:
    """Read a configuration element; BadStatement names the element that is wrong."""
    inner = list(configuration.iterchildren(etree.Element))
    if len(inner) == 1 and _local(inner[0]) == CONFIGURATION:  # Some clients put one into another.
        configuration = inner[0]
    statement = Given(root)
    statement.operation = _operation(configuration, ())
    _read(Level(statement), configuration)
    return statement


def _read(level: Level, parent: etree._Element) -> None:
    """Read the statements within one."""
    _refuse_text(parent, level)
    for element in parent.iterchildren(etree.Element):
        tag = _local(element)
        if _is_comment(element) or (tag == _VERSION and not level.words):
            continue
        if tag != NAME or level.statement.definition.shape is not Shape.LIST:
            _read_statement(level, element, tag)


def _read_statement(level: Level, element: etree._Element, tag: str) -> None:
    definition = level.statement.definition.tagged(tag)
    if definition is None:
        raise BadStatement(SYNTAX_ERROR, tag, level.words)
    operation = _operation(element, level.words)
    argument = _argument(definition, element, level, operation)
    statement = level.statement.add(definition, argument, NOWHERE)
    statement.operation = operation
    if definition.holds_statements:
        _read(level.within(statement), element)


def _argument(definition: Definition, element: etree._Element, level: Level, operation: Operation) -> str | None:
    """Return the name of an entry or the value of a leaf; None where there is none, or none is needed."""
    if definition.shape in (Shape.LEVEL, Shape.CONTAINER):
        return None
    is_named = definition.shape is Shape.LIST or definition.row.is_named
    holder = next((each for each in element if _local(each) == NAME), None) if is_named else element
    if holder is not None and len(holder):
        raise BadStatement(SYNTAX_ERROR, _local(holder[0]), level.words)
    text = (holder.text or "").strip(_SPACE) if holder is not None else ""
    if definition.shape is Shape.FLAG or (not text and operation.takes_away):
        return None
    if holder is None:
        raise BadStatement(f"missing mandatory statement: {NAME!r}", definition.tag, level.words)
    if definition.shape is Shape.LIST and not definition.allows(text):
        raise BadStatement(f"invalid name: it has the form {definition.row.name_pattern}", text, level.words)
    kept = holder.text or "" if definition.shape is Shape.LEAF else text
    return canonical(definition, kept, level.words, NOWHERE)


def _operation(element: etree._Element, words: Sequence[str]) -> Operation:
    """Return what the attributes of an element say is to be done with it."""
    found = Operation.MERGE
    for name, value in element.attrib.items():
        attribute = etree.QName(name)
        if (attribute.namespace or "").startswith(_JUNOS):
            continue
        if attribute.localname == "operation" and value in _OPERATIONS:
            found = _OPERATIONS[value]
        elif attribute.localname in _BY_WORD:
            found = _BY_WORD[attribute.localname]
        elif attribute.localname == "operation" or attribute.localname in _UNSUPPORTED:
            raise BadStatement(f"{attribute.localname}={value!r} is not supported", _local(element), words)
    return found


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _is_comment(element: etree._Element) -> bool:
    name = etree.QName(element)
    return name.localname == "comment" and (name.namespace or "").startswith(_JUNOS)


def _refuse_text(element: etree._Element, level: Level) -> None:
    for text in (element.text, *(child.tail for child in element)):
        if text and text.strip(_SPACE):
            raise BadStatement(SYNTAX_ERROR, repeatable(level.statement.definition, text.split()[0]), level.words)


def parse_wanted(root: Definition, configuration: etree._Element) -> Wanted:
    """Read what of a configuration is asked for; BadStatement names an element that is no statement."""
    return _wanted(root, configuration, ())


def _wanted(definition: Definition, element: etree._Element, words: tuple[str, ...]) -> Wanted:
    name, below = None, dict[str, tuple[Wanted, ...]]()
    is_whole = True
    for child in element.iterchildren(etree.Element):
        tag = _local(child)
        if tag == NAME and definition.shape is Shape.LIST:
            text = (child.text or "").strip(_SPACE)
            name = canonical(definition, text, words, NOWHERE) if text else None
            is_whole = is_whole and bool(text)
            continue
        inner = definition.tagged(tag)
        if inner is None:
            raise BadStatement(SYNTAX_ERROR, tag, words)
        is_whole = False
        if inner.holds_statements:
            below[tag] = (*below.get(tag, ()), _wanted(inner, child, (*words, tag)))
        else:
            below[tag] = (Wanted(),)
    return Wanted(name, is_whole, below)


def render_xml(root: Shown, indent: str = "") -> Iterator[str]:
    """Iterate over the lines of the elements of what stands within a statement."""
    for statement in root.children():
        definition, argument, tag = statement.definition, statement.argument, statement.definition.tag
        named = f"<{NAME}>{escape_text(argument)}</{NAME}>" if argument is not None else ""
        if definition.holds_statements:
            yield f"{indent}<{tag}>"
            if named:
                yield f"{indent}{INDENT}{named}"
            yield from render_xml(statement, indent + INDENT)
            yield f"{indent}</{tag}>"
        elif argument is None:
            yield f"{indent}<{tag}/>"
        else:
            value = named if definition.row.is_named else escape_text(argument)
            yield f"{indent}<{tag}>{value}</{tag}>"
