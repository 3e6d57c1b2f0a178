"""Many of a kind: what a scenario says once and means N times.

An element of a configuration file with the attribute `alike` of our namespace stands for N of itself. In each, and in
the whole file of a remote gateway that is one of N, `${number}` is its number from 1 on, `${10.0.0.0}` the address so
many after the one given, and `${10.1.0.0/24}` the network so many after it.
"""

from __future__ import annotations

import re
from copy import deepcopy
from ipaddress import ip_address, ip_network
from typing import Final

from lxml import etree

from agent.core.identifiers import Address

NAMESPACE: Final = "urn:ipsec-agent:scenario"
MARK: Final = f"{{{NAMESPACE}}}alike"
_PLACEHOLDER: Final = re.compile(r"\$\{([^}]*)\}")


def expand(root: etree._Element, count: int, number: int | None) -> None:
    """Put the marked elements of a file in their place N times, and the number of the gateway in what is left.

    ValueError names what cannot be counted on.
    """
    for element in [each for each in root.iter(etree.Element) if MARK in each.attrib]:
        parent = element.getparent()
        if parent is None:
            raise ValueError("the root of a configuration is there once")
        del element.attrib[MARK]
        position = parent.index(element)
        parent[position : position + 1] = [_copy(element, each) for each in range(1, count + 1)]
    if number is not None:
        _fill(root, number)


def nth_address(first: Address, number: int) -> Address:
    """Return the address of the gateway with a number, from that of the gateway with the number 1."""
    return first + (number - 1)


def _copy(element: etree._Element, number: int) -> etree._Element:
    copy = deepcopy(element)
    _fill(copy, number)
    return copy


def _fill(root: etree._Element, number: int) -> None:
    for element in root.iter(etree.Element):
        if element.text and "${" in element.text:
            element.text = _PLACEHOLDER.sub(lambda found: _filled(found[1], number), element.text)


def _filled(what: str, number: int) -> str:
    if what == "number":
        return str(number)
    if "/" not in what:
        return str(ip_address(what) + number)
    network = ip_network(what)
    moved = network.network_address + number * network.num_addresses
    return f"{moved}/{network.prefixlen}"
