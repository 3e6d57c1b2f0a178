"""Edits as records of a YANG patch, and how their targets are named."""

from __future__ import annotations

from lxml import etree

from agent.datastore.errors import PathStep
from agent.datastore.observed import Seen
from agent.datastore.patch import Operation, PatchWriter, resource
from agent.datastore.tree import Anydata
from tests.support.shop import toy_schema

SHOP = PathStep(toy_schema().node("/toy:shop"))
SHELF = toy_schema().node("/toy:shop/shelf")
QUEUE = toy_schema().node("/toy:shop/queue")


def record(text: str) -> list[tuple[str, str]]:
    """Return the elements of a record, with the XML of what is in them."""
    root = etree.fromstring(f"<edit>{text}</edit>")
    return [(str(each.tag), each.text or b"".join(map(etree.tostring, each)).decode()) for each in root]


def test_a_module_is_named_where_it_changes() -> None:
    assert resource((SHOP, PathStep(SHELF, ("1", "a")))) == "/toy:shop/shelf=1,a"


def test_keys_are_written_so_that_no_character_of_theirs_means_anything() -> None:
    assert resource((SHOP, PathStep(SHELF, ("1", "a/b,c=d e")))) == "/toy:shop/shelf=1,a%2Fb%2Cc%3Dd%20e"


def test_a_value_stands_by_itself_with_its_namespace() -> None:
    entry = Seen({SHELF.keys[0]: "1", SHELF.keys[1]: "<"})
    written = PatchWriter().edit(Operation.CREATE, (SHOP, PathStep(SHELF, ("1", "<"))), entry)
    assert written.operation is Operation.CREATE
    assert record(written.record) == [
        ("operation", "create"),
        ("target", "/toy:shop/shelf=1,%3C"),
        ("value", '<shelf xmlns="urn:toy"><row>1</row><column>&lt;</column></shelf>'),
    ]


def test_a_deletion_has_no_value() -> None:
    written = PatchWriter().edit(Operation.DELETE, (SHOP, PathStep(SHELF, ("1", "a"))))
    assert record(written.record) == [("operation", "delete"), ("target", "/toy:shop/shelf=1,a")]


def test_an_insertion_says_behind_whom() -> None:
    entry = Seen({QUEUE.keys[0]: "b"})
    path = (SHOP, PathStep(QUEUE, ("b",)))
    written = PatchWriter().edit(Operation.INSERT, path, entry, PathStep(QUEUE, ("a",)))
    assert record(written.record)[2:4] == [("point", "/toy:shop/queue=a"), ("where", "after")]
    first = PatchWriter().edit(Operation.INSERT, path, entry)
    assert [name for name, _ in record(first.record)] == ["operation", "target", "where", "value"]


def test_anydata_comes_as_it_was_kept() -> None:
    notes = toy_schema().node("/toy:shop/notes")
    assert (
        PatchWriter().element(notes, Anydata(b"<a>&amp;</a>"), is_top=True)
        == '<notes xmlns="urn:toy"><a>&amp;</a></notes>'
    )
