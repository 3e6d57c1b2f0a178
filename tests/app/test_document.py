"""YAML with places: each error says where, in file, line and column."""

from __future__ import annotations

import pytest

from agent.app.document import DocumentError, Section, read_document


def section(text: str) -> Section:
    """Read a document."""
    return read_document("file.yaml", text, "a thing")


def test_scalars_are_text_until_they_are_converted() -> None:
    root = section("a: yes\nb: 0o17\nc: 12:30\n")
    assert [root.text("a"), root.text("b"), root.text("c")] == ["yes", "0o17", "12:30"]


def test_a_value_of_the_wrong_kind_is_named_with_its_place() -> None:
    root = section("a:\n  b: x\n")
    with pytest.raises(DocumentError, match=r"^file\.yaml:2:6: 'b' must be a number, not 'x'$"):
        root.section("a").read("b", int, "a number")


def test_a_missing_name_is_named_with_the_section() -> None:
    with pytest.raises(DocumentError, match=r"^file\.yaml:1:1: a thing needs 'b'$"):
        section("a: 1\n").text("b")


def test_a_name_that_nobody_asks_for_is_refused() -> None:
    root = section("a: 1\nb: 2\n")
    root.text("a")
    with pytest.raises(DocumentError, match=r"^file\.yaml:2:4: a thing has no 'b'$"):
        root.finish()


def test_a_section_with_nothing_left_over_finishes() -> None:
    root = section("a: 1\nb: [1, 2]\nc: [{d: 3}]\ne: {f: g}\n")
    assert root.read("a", int, "a number") == 1
    assert root.read_all("b", int, "a number") == (1, 2)
    assert [item.text("d") for item in root.sections("c")] == ["3"]
    assert list(root.items("e")) == [("f", "g")]
    root.finish()


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"^file\.yaml:2:1: 'a' is given twice$"):
        section("a: 1\na: 2\n")


@pytest.mark.parametrize("text", ["a: [", "a: &x {", "\tx", "a: b: c"])
def test_what_is_no_yaml_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(DocumentError, match=r"^file\.yaml:\d+:\d+: "):
        section(text)


@pytest.mark.parametrize("text", ["- a\n", "text\n"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="is a mapping"):
        section(text)


def test_an_empty_document_is_refused() -> None:
    with pytest.raises(DocumentError, match="is empty"):
        section("")


@pytest.mark.parametrize("text", ["a: 1\n", "a: {b: 1}\n"])
def test_a_list_is_asked_for_as_a_list(text: str) -> None:
    with pytest.raises(DocumentError, match="'a' is a list"):
        section(text).read_all("a", int, "a number")
    with pytest.raises(DocumentError, match="'a' is a list"):
        list(section(text).sections("a"))


def test_one_value_or_several_may_be_given_where_several_are_taken() -> None:
    root = section("a: 1\nb: [2, 3]\n")
    assert root.read_several("a", int, "a number") == (1,)
    assert root.read_several("b", int, "a number") == (2, 3)
    root.finish()
