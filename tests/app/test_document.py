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


def test_what_stands_twice_is_written_once() -> None:
    (first, second) = section("a: [&x {b: 1}, *x]").sections("a")
    assert first.text("b") == second.text("b") == "1"


BOMB = "".join(f"- &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x {b: *x}", "nested too deeply, or within itself"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply, or within itself"),
        (f"- &l0 x\n{BOMB}", "written out, the document has more than 1000000 values"),
    ],
    ids=["within-itself", "deep", "multiplied"],
)
def test_a_document_is_as_long_as_it_looks(text: str, complaint: str) -> None:
    with pytest.raises(
        DocumentError, match=f"^file.yaml:1:1: the document is {complaint}$|^file.yaml:1:1: {complaint}$"
    ):
        section(text)


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


def test_one_text_or_several_are_taken_with_their_places_and_mappings_as_json() -> None:
    root = section("a: x\nb: [y, {c: 1, d: '1', e: [yes, true, null, -2.5]}]\n")
    assert [(str(place), text) for place, text in root.texts_and_data("a")] == [("file.yaml:1:4", "x")]
    (first, text), (second, data) = root.texts_and_data("b")
    assert (str(first), text, str(second)) == ("file.yaml:2:5", "y", "file.yaml:2:8")
    assert data == b'{"c": 1, "d": "1", "e": ["yes", true, null, -2.5]}'
    root.finish()


def test_a_block_of_text_stands_where_its_first_line_does() -> None:
    ((place, text),) = section("a:\n  - |\n    one\n    two\n").texts_and_data("a")
    assert (place.line, text) == (3, "one\ntwo\n")


def test_a_list_in_a_list_is_neither_text_nor_data() -> None:
    with pytest.raises(DocumentError, match=r"^file\.yaml:1:5: an entry of 'a' is a text or a mapping$"):
        list(section("a: [[1]]\n").texts_and_data("a"))


def test_a_tree_holds_anything_and_its_scalars_are_text() -> None:
    root = section("a: {b: 1, c: [yes, {d: 2}]}\n")
    assert root.tree("a") == {"b": "1", "c": ["yes", {"d": "2"}]}
    assert root.tree("none") == {}
    root.finish()
    with pytest.raises(DocumentError, match="'a' is a mapping"):
        section("a: 1\n").tree("a")


@pytest.mark.parametrize(("text", "complaint"), [("x: 1\n", "needs one of 'a', 'b'"), ("a: 1\nb: 2\n", "only one of")])
def test_one_of_several_names_is_given(text: str, complaint: str) -> None:
    assert section("b: 1\n").one_of("a", "b") == "b"
    with pytest.raises(DocumentError, match=complaint):
        section(text).one_of("a", "b")
