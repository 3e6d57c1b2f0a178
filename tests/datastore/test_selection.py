"""Selections of a filter: which key they leave, and what several of them select together."""

from __future__ import annotations

from agent.datastore.selection import WHOLE, Match, Selection, merge
from tests.support.shop import toy_schema

SHELF = "/toy:shop/shelf"


def match(leaf: str, value: str = "1") -> Match:
    """Return a match with a leaf of the shop."""
    return Match(toy_schema().node(f"/toy:shop/{leaf}"), value)


def test_all_keys_matched_leave_one_entry_in_the_order_of_the_key_statement() -> None:
    selection = Selection(matches=(match("shelf/column", "a"), match("shelf/label", "x"), match("shelf/row")))
    assert selection.key_of(toy_schema().node(SHELF)) == ("1", "a")


def test_some_keys_matched_leave_several_entries() -> None:
    assert Selection(matches=(match("shelf/row"),)).key_of(toy_schema().node(SHELF)) is None
    assert WHOLE.key_of(toy_schema().node(SHELF)) is None


def test_what_has_no_keys_has_no_key() -> None:
    assert Selection(matches=(match("name"),)).key_of(toy_schema().node("/toy:shop")) is None


def test_a_whole_among_the_alternatives_is_the_whole() -> None:
    assert merge([Selection(), Selection(whole=True, matches=(match("name"),))]) is WHOLE


def test_alternatives_select_together_what_each_selects() -> None:
    name, tag = toy_schema().node("/toy:shop/name"), toy_schema().node("/toy:shop/tag")
    one, two = Selection(children={name: (WHOLE,)}), Selection(children={name: (Selection(),), tag: (WHOLE,)})
    assert merge([one, two]).children == {name: (WHOLE, Selection()), tag: (WHOLE,)}


def test_a_match_is_shown_and_of_a_leaf_list_the_value_alone() -> None:
    name, tag = match("name"), match("tag")
    merged = merge([Selection(matches=(name, tag))])
    assert merged.matches == ()
    assert merged.children == {name.leaf: (WHOLE,), tag.leaf: (Selection(whole=True, matches=(tag,)),)}


def test_only_the_whole_without_matches_is_unconditional() -> None:
    assert WHOLE.is_unconditional
    assert not Selection(whole=True, matches=(match("name"),)).is_unconditional
    assert not Selection().is_unconditional
