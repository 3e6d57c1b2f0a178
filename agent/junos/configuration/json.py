"""The format of objects: `{"proposal": [{"name": "p", "dh-group": "group2"}]}`.

It is read as the elements that it stands for, in the form of either age: in the older one every member is an array, and
a value stands in an object as `data`. Attributes stand in a member `@`, or `@name` for those of a leaf.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from lxml import etree

from agent.junos.configuration.definitions import Definition, Shape
from agent.junos.configuration.statements import SYNTAX_ERROR, BadStatement, Given, Position, Shown
from agent.junos.configuration.xml import CONFIGURATION, NAME, parse_xml

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
_ATTRIBUTES: Final = "@"


def parse_json(root: Definition, text: str) -> Given:
    """Read a configuration; BadStatement names what is wrong, with its place where the text is no JSON at all."""
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise BadStatement(SYNTAX_ERROR, text[:20], ())
        element = etree.Element(CONFIGURATION)
        _members(element, document)
    except json.JSONDecodeError as error:
        raise BadStatement(SYNTAX_ERROR, error.msg, (), Position(error.lineno, error.colno)) from error
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of too many digits
        raise BadStatement(SYNTAX_ERROR, text[:20], ()) from error
    return parse_xml(root, element)


def _members(parent: etree._Element, members: Mapping[str, Json]) -> None:
    for name, value in members.items():
        if name == _ATTRIBUTES:
            _set_attributes(parent, value)
        elif not name.startswith(_ATTRIBUTES):
            attributes = members.get(f"{_ATTRIBUTES}{name}")
            values = value if isinstance(value, list) else [value]
            for index, each in enumerate(values):
                own = attributes[index] if isinstance(attributes, list) and index < len(attributes) else attributes
                _add(parent, name, each, own)


def _add(parent: etree._Element, name: str, value: Json, attributes: Json) -> None:
    try:
        element = etree.SubElement(parent, name)
        _set_attributes(element, attributes)
        if isinstance(value, dict) and "data" in value:
            _set_attributes(element, value.get("attributes"))
            value = value["data"]
        if isinstance(value, dict):
            _members(element, {each: within for each, within in value.items() if each != "attributes"})
            _set_attributes(element, value.get("attributes"))
        elif isinstance(value, list):
            raise BadStatement(SYNTAX_ERROR, name, ())
        elif value is not None:
            element.text = str(value).lower() if isinstance(value, bool) else str(value)
    except ValueError as error:  # What XML cannot hold is no name and no value of ours either.
        raise BadStatement(SYNTAX_ERROR, name, ()) from error


def _set_attributes(element: etree._Element, attributes: Json) -> None:
    if isinstance(attributes, dict):
        for name, value in attributes.items():
            if ":" not in name and name != "xmlns":
                element.set(name, str(value))


def members_of(root: Shown) -> dict[str, Json]:
    """Return what stands within a statement as the members of an object."""
    members: dict[str, Json] = {}
    for statement in root.children():
        definition, argument = statement.definition, statement.argument
        value: Json = argument
        if definition.holds_statements or definition.row.is_named:
            named: dict[str, Json] = {NAME: argument} if argument is not None else {}
            value = {**named, **members_of(statement)}
        if definition.shape in (Shape.LIST, Shape.LEAF_LIST):
            listed = members.setdefault(definition.tag, [])
            assert isinstance(listed, list)
            listed.append(value)
        else:
            members[definition.tag] = [None] if definition.shape is Shape.FLAG else value
    return members
