"""What an expression touches, from the schema alone: what is exact, what has to be read, what is looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from agent.datastore.rendering import Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.selection import Selection
from agent.datastore.xpath.analysis import Analysis, TooComplex, analyse
from agent.datastore.xpath.parser import parse
from tests.support.shop import toy_schema

TOY = {"toy": "urn:toy"}
NAMESPACES: dict[str | None, str] = {"toy": "urn:toy"}


def analysis(text: str) -> Analysis:
    """Analyse an expression over the shop's schema."""
    return analyse(parse(text, NAMESPACES), toy_schema().roots, TOY)


def paths(roots: Roots) -> list[str]:
    """Return what a selection selects: paths without the module, '!' behind a bare one, matches in brackets."""
    return sorted(path for path in _paths(roots, "") if path.startswith("shop"))


def _paths(selected: Mapping[SchemaNode, tuple[Selection, ...]], above: str) -> Iterator[str]:
    for node, alternatives in selected.items():
        for one in alternatives:
            matches = "".join(f"[{match.leaf.name}={match.value}]" for match in one.matches)
            path = f"{above}{node.name}{matches}"
            if one.whole or one.bare:
                yield path if one.whole else f"{path}!"
            yield from _paths(one.children, f"{path}/")


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("/toy:shop/toy:name", ["shop/name"]),
        ("toy:shop/./toy:totals/*", ["shop/totals/is-full", "shop/totals/moods", "shop/totals/sold"]),
        ("/toy:shop/toy:customer[toy:number=1]", ["shop/customer[number=1]"]),
        ("/toy:shop/toy:tag['a'=.]", ["shop/tag[tag=a]"]),
        ("/toy:shop[toy:name='x']/toy:kind[.='toy:red']", ["shop[name=x]/kind[kind=toy:red]"]),
        ("//toy:row", ["shop/shelf/row"]),
        ("/toy:shop/toy:open | /toy:shop/toy:name | /toy:shop/toy:open", ["shop/name", "shop/open"]),
        ("/descendant::toy:since", ["shop/open/since", "shop/queue/since"]),
        ("/toy:shop/toy:nothing", []),
        ("/toy:shop/toy:customer[toy:nothing='x']", []),
        ("/toy:shop/toy:customer[toy:number='x']", []),
        ("/toy:shop/toy:tag[.='a'][.='b']", []),
        ("/toy:shop/toy:kind[.='toy:blue']", []),
        ("(//toy:shelf)[toy:row=1][toy:column='a']", ["shop/shelf[row=1][column=a]"]),
        ("/toy:shop/@toy:name", []),
    ],
)
def test_names_and_values_of_leaves_need_no_look_at_the_data(text: str, selected: list[str]) -> None:
    found = analysis(text)
    assert paths(found.results) == selected
    assert found.is_exact or selected == []


@pytest.mark.parametrize(
    "text",
    [
        "/toy:shop/toy:customer[1]",
        "/toy:shop/toy:customer[toy:name]",
        "/toy:shop/toy:customer[toy:name!='x']",
        "/toy:shop/toy:customer[toy:name='x' or toy:name='y']",
        "/toy:shop/toy:customer[toy:purchase/toy:count=1]",
        "/toy:shop/toy:name[.=1]",
        "/toy:shop[toy:totals='x']",
        "/toy:shop/toy:name/text()",
        "/toy:shop/toy:name/..",
        "/toy:shop/toy:totals[toy:sold=true()]",
        "/toy:shop/node()",
        "id('x')",
        "deref(/toy:shop/toy:rules/toy:favourite)",
    ],
)
def test_anything_else_needs_one(text: str) -> None:
    assert not analysis(text).is_exact


@pytest.mark.parametrize(
    ("text", "touched"),
    [
        ("/toy:shop/toy:customer[toy:number > 1]", ["shop/customer!", "shop/customer/number"]),
        ("/toy:shop/toy:customer[2]/toy:name", ["shop/customer!", "shop/customer/name"]),
        (
            "/toy:shop/toy:customer[toy:number=1][toy:purchase]",
            ["shop/customer[number=1]!", "shop/customer[number=1]/number", "shop/customer[number=1]/purchase!"],
        ),
        ("/toy:shop[string(toy:totals)]", ["shop!", "shop/totals"]),
        ("/toy:shop[toy:totals and count(toy:shelf) > 1]", ["shop!", "shop/shelf!", "shop/totals!"]),
        ("/toy:shop/toy:tag/following-sibling::toy:tag", ["shop/tag"]),
        ("/toy:shop/toy:name/../toy:tag", ["shop/name", "shop/tag"]),
        ("/toy:shop/toy:name[string()]", ["shop/name"]),
        ("/toy:shop/toy:name[/toy:shop/toy:tag]", ["shop/name", "shop/tag"]),
        (
            "deref(/toy:shop/toy:rules/toy:favourite)/../toy:row",
            ["shop/rules!", "shop/rules/favourite", "shop/shelf/label", "shop/shelf/row"],
        ),
    ],
)
def test_what_has_to_be_read_is_no_more_than_is_touched(text: str, touched: list[str]) -> None:
    assert paths(analysis(text).touched) == sorted(touched)


def test_a_key_behind_a_position_does_not_narrow_what_is_read() -> None:
    assert "shop/customer!" in paths(analysis("/toy:shop/toy:customer[2][toy:number=1]").touched)
    assert "shop/customer!" in paths(analysis("/toy:shop/toy:customer[toy:number=1 and position()=1]").touched)
    narrowed = paths(analysis("/toy:shop/toy:customer[toy:number=1][1]").touched)
    assert "shop/customer[number=1]!" in narrowed
    assert "shop/customer!" not in narrowed


def test_beside_what_is_looked_up_its_neighbours_are_read() -> None:
    found = paths(analysis("/toy:shop/toy:customer[toy:number=1]/preceding-sibling::toy:customer").touched)
    assert "shop/customer!" in found


def test_the_root_is_everything() -> None:
    assert {node.name for node in analysis("/").results} == {node.name for node in toy_schema().roots.values()}


def test_an_expression_that_leads_everywhere_over_and_over_is_given_up() -> None:
    with pytest.raises(TooComplex):
        analysis("//." * 400)
