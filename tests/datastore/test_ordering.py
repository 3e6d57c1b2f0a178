"""The order that is the user's: RFC 7950 sections 7.7.9, 7.8.6 and 15.7."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.ordering import Place, Where, attributes, move
from tests.support.edits import after, content_of, edit_shop, edited, insert, op, shop
from tests.support.shop import toy_schema

QUEUE: Final = "".join(f"<queue><name>{name}</name></queue>" for name in "abc")
AISLES: Final = "".join(f"<aisle>{name}</aisle>" for name in "abc")


def entry(name: str, attributes: str = "") -> str:
    """Return an entry of the queue."""
    return f"<queue{attributes}><name>{name}</name></queue>"


def value(name: str, attributes: str = "") -> str:
    """Return an aisle."""
    return f"<aisle{attributes}>{name}</aisle>"


@pytest.mark.parametrize(
    ("name", "where", "anchor", "expected"),
    [
        ("d", None, None, "abcd"),
        ("d", "last", None, "abcd"),
        ("d", "first", None, "dabc"),
        ("d", "before", "b", "adbc"),
        ("d", "after", "b", "abdc"),
        ("d", "after", "c", "abcd"),
        ("d", "before", "a", "dabc"),
        ("b", None, None, "abc"),
        ("b", "first", None, "bac"),
        ("b", "last", None, "acb"),
        ("c", "before", "a", "cab"),
        ("a", "after", "b", "bac"),
        ("a", "after", "c", "bca"),
        ("c", "after", "b", "abc"),
    ],
)
@pytest.mark.parametrize("operation", ["merge", "replace"])
def test_an_entry_goes_where_it_is_told(
    name: str, where: str | None, anchor: str | None, expected: str, operation: str
) -> None:
    by_key = insert(where, f"[toy:name='{anchor}']" if anchor else None) if where else ""
    by_value = insert(where, value=anchor) if where else ""
    queue = f'<queue xmlns:toy="urn:toy"{op(operation)}{by_key}><name>{name}</name></queue>'
    assert after(QUEUE, queue) == "".join(map(entry, expected))
    assert after(AISLES, value(name, op(operation) + by_value)) == "".join(map(value, expected))


def test_created_entries_stand_in_the_order_of_the_edit() -> None:
    assert after(QUEUE, entry("e", op("create")) + entry("d", op("create"))) == "".join(map(entry, "abced"))
    assert after(AISLES, value("e", op("create")) + value("d", op("create"))) == "".join(map(value, "abced"))


def test_an_entry_can_stand_beside_one_that_the_same_edit_made() -> None:
    edits = entry("d", insert("first")) + entry("e", insert("after", "[name='d']"))
    assert after(QUEUE, edits) == "".join(map(entry, "deabc"))


def test_what_is_replaced_around_it_takes_the_order_of_the_edit() -> None:
    result = edited(shop(QUEUE), shop(entry("c") + entry("a"), op("replace")))
    assert content_of(result) == "".join(map(entry, "ca"))


@pytest.mark.parametrize(
    ("content", "tag", "attribute", "app_tag"),
    [
        (entry("d", insert("before", "[name='z']")), "bad-attribute", "key", "missing-instance"),
        (entry("a", insert("after", "[name='a']")), "bad-attribute", "key", "missing-instance"),
        (value("d", insert("after", value="z")), "bad-attribute", "value", "missing-instance"),
        (value("a", insert("before", value="a")), "bad-attribute", "value", "missing-instance"),
        (entry("d", insert("before")), "missing-attribute", "key", None),
        (value("d", insert("after")), "missing-attribute", "value", None),
        (entry("d", insert("upwards")), "bad-attribute", "insert", None),
        (entry("d", insert("before", "a")), "bad-attribute", "key", None),
        (entry("d", insert("before", "[nonsense='a']")), "bad-attribute", "key", None),
        (entry("d", insert("before", "")), "bad-attribute", "key", None),
    ],
)
def test_a_place_that_cannot_be_is_refused_and_nothing_moves(
    content: str, tag: str, attribute: str, app_tag: str | None
) -> None:
    """RFC 7950 section 15.7."""
    before = QUEUE + AISLES
    result = edit_shop(before, content)
    (error,) = result.errors
    assert (error.tag, error.app_tag, error.info[0].value) == (tag, app_tag, attribute)
    assert content_of(result) == after(before, "")


def test_a_key_predicate_is_compared_in_its_canonical_form() -> None:
    spaced = """[ toy:name = "b" ]"""
    assert after(QUEUE, entry("d", insert("before", spaced))) == "".join(map(entry, "adbc"))


@pytest.mark.parametrize(
    ("path", "names"),
    [("queue", ["insert", "key"]), ("aisle", ["insert", "value"]), ("shelf", []), ("tag", []), ("name", [])],
)
def test_only_what_the_user_orders_has_attributes_for_it(path: str, names: list[str]) -> None:
    node = toy_schema().node(f"/toy:shop/{path}")
    assert [name.rpartition("}")[2] for name in attributes(node)] == names


def test_a_long_list_that_is_sent_in_order_is_not_made_anew_for_each_entry() -> None:
    """A client that sends insert with every entry sends 'after the one before', or 'last'."""

    class Counted(dict[str, None]):
        def clear(self) -> None:
            raise AssertionError("the list was made anew")

    ordered = Counted.fromkeys("abc")
    ordered["d"] = None
    move(ordered, "d", Place(Where.AFTER, "c"))
    move(ordered, "b", Place(Where.LAST))
    assert list(ordered) == list("acdb")
