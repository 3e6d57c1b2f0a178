"""Estimates of cost: what grows with the data is let through, what grows with its square is counted as that."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.xpath.analysis import analyse
from agent.datastore.xpath.cost import Estimator
from agent.datastore.xpath.document import Document
from agent.datastore.xpath.matches import Identities
from agent.datastore.xpath.parser import parse
from tests.support.shop import toy_schema

TOY: Final = {"toy": "urn:toy"}
NAMESPACES: Final[dict[str | None, str]] = {"toy": "urn:toy"}
ENTRIES: Final = 1000


def shop(entries: int) -> Document:
    """Return a shop with so many customers, each with two purchases."""
    purchase = "<purchase><article>tea</article><count>1</count></purchase>"
    customers = "".join(
        f"<customer><number>{number}</number><name>Ann</name>{purchase * 2}</customer>" for number in range(entries)
    )
    elements = f'<shop xmlns="urn:toy"><name>corner</name>{customers}</shop>'
    return Document(toy_schema().roots, elements, Identities(TOY))


def visits(text: str, entries: int = ENTRIES) -> float:
    """Estimate an expression over so many customers."""
    expression = parse(text, NAMESPACES)
    reach = analyse(expression, toy_schema().roots, TOY).reach
    return Estimator(shop(entries), reach).visits(expression)


LINEAR: Final = [
    "/toy:shop/toy:customer[toy:name = 'Ann']",
    "//toy:article",
    "/toy:shop/toy:customer[count(toy:purchase/toy:count) > 1]",
    "/toy:shop/toy:customer[toy:purchase[toy:article = 'tea']/toy:count > 1]",
    "/toy:shop/toy:customer/toy:purchase[../toy:name = 'Ann']",
    "//*[contains(., 'tea')]",
    "/toy:shop/toy:customer[1]",
]
SQUARE: Final = [
    "/toy:shop/toy:customer[toy:name = /toy:shop/toy:nothing]",
    "/toy:shop/toy:customer[toy:name = /toy:shop/toy:customer/toy:name]",
    "/toy:shop/toy:customer[../toy:name = 'corner']",
    "//*[count(//*) > 1]",
    "/toy:shop/toy:customer[preceding-sibling::toy:customer/toy:name = 'Ann']",
    "/toy:shop/toy:customer[following::toy:name]",
]


@pytest.mark.parametrize("text", LINEAR)
def test_what_looks_at_each_entry_by_itself_grows_with_the_data(text: str) -> None:
    assert visits(text, 2 * ENTRIES) / visits(text, ENTRIES) < 2.2
    assert visits(text) < 100 * ENTRIES


@pytest.mark.parametrize("text", SQUARE)
def test_what_compares_every_entry_with_every_other_grows_with_the_square(text: str) -> None:
    assert visits(text, 2 * ENTRIES) / visits(text, ENTRIES) > 3.5
    assert visits(text) > ENTRIES**2


def test_the_neighbours_of_every_entry_are_worse_than_that() -> None:
    """libxml2 looks for each node that it finds among all those it has found before."""
    text = "/toy:shop/toy:customer/following-sibling::toy:customer"
    assert visits(text, 2 * ENTRIES) / visits(text, ENTRIES) > 7


def test_each_level_of_nesting_counts() -> None:
    once, twice = "//*[count(//*) > 1]", "//*[count(//*[count(//*) > 1]) > 1]"
    assert visits(twice, 100) > 100 * visits(once, 100)


def test_a_function_of_ours_is_dearer_than_a_node() -> None:
    cheap, dear = "/toy:shop/toy:customer[contains(toy:name, 'A')]", "/toy:shop/toy:customer[re-match(toy:name, 'A')]"
    assert visits(dear) > 10 * visits(cheap)
