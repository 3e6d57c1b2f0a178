"""Selections of a filter: which key they leave, and what several of them select together."""

from __future__ import annotations

from agent.datastore.schema import SchemaNode
from agent.datastore.selection import WHOLE, Match, Selection, Selections, merge, of_config, to_depth
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


def test_a_match_that_is_not_shown_is_left_out_of_what_is() -> None:
    hidden = Match(toy_schema().node("/toy:shop/name"), "corner", shown=False)
    assert merge([Selection(matches=(hidden,))]).children == {}


def test_one_bare_alternative_makes_all_of_them_bare() -> None:
    assert merge([Selection(), Selection(bare=True)]).bare
    assert not merge([Selection(), Selection()]).bare


def test_for_an_entry_that_is_looked_up_its_key_needs_no_match() -> None:
    node = toy_schema().node(SHELF)
    row, column, label = match("shelf/row"), match("shelf/column", "a"), match("shelf/label", "x")
    left = Selection(matches=(row, column, label)).without_key(node, ("1", "a"))
    assert left.matches == (label,)
    assert left.bare, "the key of a subtree filter is shown"


def test_a_key_that_is_another_is_still_matched() -> None:
    node, other = toy_schema().node(SHELF), match("shelf/row", "2")
    column = match("shelf/column", "a")
    assert Selection(matches=(match("shelf/row"), other, column)).without_key(node, ("1", "a")).matches == (other,)


def test_the_key_of_an_xpath_does_not_make_its_entry_shown() -> None:
    keys = (Match(node.keys[0], "1", shown=False) for node in (toy_schema().node("/toy:shop/customer"),))
    assert not Selection(matches=tuple(keys)).without_key(toy_schema().node("/toy:shop/customer"), ("1",)).bare


def test_selections_of_one_shape_are_told_from_others() -> None:
    assert Selection(matches=(match("name"),)).shape == Selection(matches=(match("name"),)).shape
    assert WHOLE.shape != Selection(bare=True).shape


def selected(path: str, selection: Selection = WHOLE) -> dict[SchemaNode, tuple[Selection, ...]]:
    """Return the selection of one node."""
    return {toy_schema().node(path): (selection,)}


def leaves(selections: Selections) -> set[str]:
    """Return the names of what is selected whole, and, with a '!', of what is bare."""
    found: set[str] = set()
    for node, alternatives in selections.items():
        for one in alternatives:
            found |= ({node.name} if one.whole else set()) | ({f"{node.name}!"} if one.bare else set())
            found |= leaves(one.children)
    return found


def test_to_a_depth_of_one_a_node_is_shown_without_what_is_in_it() -> None:
    assert leaves(to_depth(selected("/toy:shop/totals"), 1)) == {"totals!"}
    assert leaves(to_depth(selected("/toy:shop/totals"), 2)) == {"totals!", "sold", "is-full", "moods"}
    assert leaves(to_depth(selected("/toy:shop/name"), 1)) == {"name"}


def test_the_depth_is_that_below_what_is_selected_whole() -> None:
    customer = selected("/toy:shop/customer", Selection(whole=True, matches=(match("customer/number"),)))
    above = Selection(children=customer)
    (shop,) = to_depth(selected("/toy:shop", above), 1).values()
    assert leaves(shop[0].children) == {"customer!"}
    (shortened,) = shop[0].children[toy_schema().node("/toy:shop/customer")]
    assert shortened.matches == (match("customer/number"),)


def test_configuration_and_state_are_told_apart() -> None:
    config, state = (leaves(of_config(selected("/toy:shop"), config=config)) for config in (True, False))
    assert {"name", "label", "shelf!", "open!"} <= config
    assert not {"weight", "totals", "customer", "totals!"} & config
    assert state == {"weight", "totals", "customer"}


def test_what_is_state_alone_is_no_configuration() -> None:
    assert of_config(selected("/toy:shop/totals"), config=True) == {}
    assert of_config(selected("/toy:shop/name"), config=False) == {}
