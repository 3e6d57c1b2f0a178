"""Rendered data as a tree again: configuration and state alike, for what compares or searches whole datastores."""

from __future__ import annotations

from lxml import etree

from agent.datastore.errors import ErrorType, RpcErrors
from agent.datastore.parsing import InputReader, unsealed
from agent.datastore.schema import Schema
from agent.datastore.tree import Branch


def parse_data(schema: Schema, root: etree._Element) -> Branch:
    """Return the tree of top-level elements that were rendered here; the entries of lists without keys are numbered."""
    reader = InputReader(schema, ErrorType.APPLICATION, unsealed)
    children = reader.read_children(schema.roots, root, ())
    if reader.errors:
        raise RpcErrors(reader.errors)
    return Branch(None, children)
