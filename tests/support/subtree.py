"""Subtree filtering as RFC 6241 section 6 describes it, over the elements of an unfiltered reply: without a schema.

Where the RFC leaves a choice, this follows the server: the keys of a list entry that is shown are shown with it, and
a containment node that selects nothing in an instance does not show the instance.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

Shape = tuple[str, str, tuple["Shape", ...]]
"""Tag, text and children of an element, the children sorted."""
Keys = Mapping[str, tuple[str, ...]]
"""The tags of a list's keys by the tag of the list."""


def filtered(data: etree._Element, subtree: etree._Element, keys: Keys) -> Shape:
    """Return what a filter lets through of a data element."""
    chosen: set[etree._Element] = set()
    for wanted in elements(subtree):
        for element in elements(data):
            chosen |= selected(wanted, element)
    return shape(data, keys, chosen)


def selected(wanted: etree._Element, element: etree._Element) -> set[etree._Element]:
    """Return the elements that a filter node selects, each with all that it holds, of one element."""
    if not corresponds(wanted, element):
        return set()
    if is_content_match(wanted):
        return {element} if equals(wanted, element) else set()
    if not len(wanted):
        return {element}
    matched: set[etree._Element] = set()
    for match in filter(is_content_match, elements(wanted)):
        found = {child for child in elements(element) if corresponds(match, child) and equals(match, child)}
        if not found:
            return set()
        matched |= found
    others = [child for child in elements(wanted) if not is_content_match(child)]
    if not others:
        return {element}
    return matched.union(*(selected(other, child) for other in others for child in elements(element)))


def is_content_match(wanted: etree._Element) -> bool:
    """Section 6.2.5: a leaf with text other than white space."""
    return not len(wanted) and bool((wanted.text or "").strip())


def corresponds(wanted: etree._Element, element: etree._Element) -> bool:
    """Sections 6.2.1 and 6.2.2: name and attributes; without a namespace all namespaces are meant."""
    tag = str(element.tag)
    same = tag.rpartition("}")[2] == wanted.tag if not str(wanted.tag).startswith("{") else tag == wanted.tag
    return same and all(element.get(name) == value for name, value in wanted.attrib.items())


def equals(wanted: etree._Element, element: etree._Element) -> bool:
    """Tell whether a leaf has the value of a content match."""
    return not len(element) and (element.text or "").strip() == (wanted.text or "").strip()


def shape(element: etree._Element, keys: Keys, chosen: set[etree._Element] | None = None) -> Shape:
    """Return the shape of an element, with what was chosen or, without a choice, with everything in it."""
    below = chosen if chosen is not None and element not in chosen else None
    children = [child for child in elements(element) if below is None or is_shown(child, below)]
    if below is not None:
        children += [child for child in elements(element) if child.tag in keys.get(str(element.tag), ())]
    shapes = {id(child): shape(child, keys, below) for child in children}
    return (str(element.tag), (element.text or "").strip(), tuple(sorted(shapes.values())))


def is_shown(element: etree._Element, chosen: set[etree._Element]) -> bool:
    """Tell whether an element or anything in it was chosen."""
    return any(inner in chosen for inner in element.iter(etree.Element))


def elements(parent: etree._Element) -> list[etree._Element]:
    """Return the child elements."""
    return list(parent.iterchildren(etree.Element))
