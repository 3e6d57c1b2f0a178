"""Edits: RFC 6241 section 7.2, RFC 7950 sections 7.5 to 7.9 and 8.3."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.edit import Operation, edit, parse_configuration
from agent.datastore.errors import RpcErrors
from agent.datastore.parsing import MAXIMUM_ERRORS
from agent.datastore.schema import SchemaNode
from tests.support.edits import PREFIXES, after, content_of, edit_shop, edited, insert, op, serialized, shop
from tests.support.shop import configuration, toy_schema

LEVELS: Final = {
    "leaf": "<name{}>corner</name>",
    "empty leaf": "<always{}/>",
    "container": "<rules{}><limit>7</limit></rules>",
    "presence container": "<open{}/>",
    "list entry": "<shelf{}><row>1</row><column>a</column><label>top</label></shelf>",
    "entry in user order": "<queue{}><name>ann</name></queue>",
    "leaf-list value": "<tag{}>old</tag>",
    "value in user order": "<aisle{}>left</aisle>",
    "leaf of a case": "<from{}>8</from>",
    "entry of a case": "<season{}><name>spring</name></season>",
    "anydata": '<notes{}><note xmlns="urn:notes">buy</note></notes>',
}
"""An instance of each kind of node, with a place for the attributes of its element."""
BESIDE: Final = "<greeting>hi</greeting>"
"""Something that no edit here speaks of."""
every_level = pytest.mark.parametrize("element", LEVELS.values(), ids=LEVELS.keys())


def refused(before: str, content: str, default: Operation = Operation.MERGE) -> tuple[str, str]:
    """Return tag and path of the one error of an edit, which leaves what it speaks of as it was."""
    result = edit_shop(before, content, default)
    assert serialized(result.root) == serialized(configuration(shop(before)))
    (error,) = result.errors
    assert error.type.value == "application"
    return error.tag, "/".join(step.node.name for step in error.path)


def there(element: str) -> str:
    """Return an instance as it is shown beside what no edit speaks of."""
    return serialized(configuration(shop(BESIDE + element.format("")))).removeprefix('<shop xmlns="urn:toy">')[
        : -len("</shop>")
    ]


# What each operation does and how it fails, at every level.


@every_level
def test_merge_makes_what_is_not_there(element: str) -> None:
    assert after(BESIDE, element.format("")) == there(element)


@every_level
def test_merge_leaves_what_is_the_same(element: str) -> None:
    assert after(BESIDE + element.format(""), element.format(op("merge"))) == there(element)


@every_level
def test_replace_makes_what_is_not_there(element: str) -> None:
    assert after(BESIDE, element.format(op("replace"))) == there(element)


@every_level
def test_replace_leaves_what_is_the_same(element: str) -> None:
    assert after(BESIDE + element.format(""), element.format(op("replace"))) == there(element)


@every_level
def test_create_makes_what_is_not_there(element: str) -> None:
    assert after(BESIDE, element.format(op("create"))) == there(element)


@every_level
def test_create_of_what_is_there_is_refused(element: str) -> None:
    """Row D15."""
    tag, _ = refused(BESIDE + element.format(""), element.format(op("create")))
    assert tag == "data-exists"


@every_level
def test_delete_takes_what_is_there(element: str) -> None:
    assert after(BESIDE + element.format(""), element.format(op("delete"))) == BESIDE


@every_level
def test_delete_of_what_is_not_there_is_refused(element: str) -> None:
    """Row D15."""
    tag, _ = refused(BESIDE, element.format(op("delete")))
    assert tag == "data-missing"


@every_level
def test_remove_takes_what_is_there(element: str) -> None:
    assert after(BESIDE + element.format(""), element.format(op("remove"))) == BESIDE


@every_level
def test_remove_of_what_is_not_there_does_nothing(element: str) -> None:
    """Row D15."""
    assert after(BESIDE, element.format(op("remove"))) == BESIDE


@every_level
def test_none_leaves_what_is_there(element: str) -> None:
    assert after(BESIDE + element.format(""), element.format(""), Operation.NONE) == there(element)


@every_level
def test_none_where_nothing_is_is_refused(element: str) -> None:
    """Row D16."""
    tag, _ = refused(BESIDE, element.format(""), Operation.NONE)
    assert tag == "data-missing"


def test_the_path_of_an_error_ends_with_the_node_that_is_or_is_not_there() -> None:
    entry = "<shelf><row>1</row><column>a</column><label>top</label></shelf>"
    assert refused(entry, entry.replace("<label", f"<label{op('create')}")) == ("data-exists", "shop/shelf/label")
    assert refused(entry, entry.replace("<row>1", "<row>2"), Operation.NONE) == ("data-missing", "shop/shelf")
    (error,) = edit_shop(entry, entry.replace("<shelf", f"<shelf{op('create')}")).errors
    assert error.path[-1].keys == ("1", "a")
    assert error.info == (), "RFC 6241 appendix A has no error-info for it"


# Merge and replace, where they differ.


def test_merge_changes_a_value_and_keeps_its_siblings() -> None:
    before = "<shelf><row>1</row><column>a</column><label>top</label></shelf><rules><limit>7</limit></rules>"
    changed = "<shelf><row>1</row><column>a</column><label>low</label></shelf><rules><strict>true</strict></rules>"
    assert after(before, changed) == (
        "<rules><limit>7</limit><strict>true</strict></rules>"
        "<shelf><row>1</row><column>a</column><label>low</label></shelf>"
    )


def test_replace_of_a_container_leaves_nothing_of_it_but_what_is_given() -> None:
    before = "<rules><limit>7</limit><strict>true</strict></rules><name>corner</name>"
    assert after(before, f"<rules{op('replace')}><limit>8</limit></rules>") == (
        "<name>corner</name><rules><limit>8</limit></rules>"
    )


def test_replace_of_an_entry_leaves_nothing_of_it_but_its_keys() -> None:
    before = "<queue><name>ann</name><since>today</since></queue><queue><name>bob</name></queue>"
    assert after(before, f"<queue{op('replace')}><name>ann</name></queue>") == (
        "<queue><name>ann</name></queue><queue><name>bob</name></queue>"
    ), "and it stands where it stood"


def test_replace_by_nothing_empties_a_container_and_keeps_presence() -> None:
    assert after("<rules><limit>7</limit></rules>", f"<rules{op('replace')}/>") == ""
    assert after("<open><since>8</since></open>", f"<open{op('replace')}/>") == "<open></open>"


def test_merge_of_anydata_takes_the_new_content_whole() -> None:
    before = '<notes><a xmlns="urn:n"/><b xmlns="urn:n"/></notes>'
    assert after(before, '<notes><c xmlns="urn:n">1</c></notes>') == '<notes><c xmlns="urn:n">1</c></notes>'


def test_a_merged_value_is_kept_in_its_canonical_form() -> None:
    assert after("", "<from> 008 </from>") == "<from>8</from>"


def test_an_empty_container_is_not_kept_and_one_with_presence_is() -> None:
    assert after("", "<rules/><open/>") == "<open></open>"


def test_what_is_not_touched_is_shared_with_the_tree_before() -> None:
    before = configuration(shop("<rules><limit>7</limit></rules><shelf><row>1</row><column>a</column></shelf>"))
    document = etree.fromstring(f"<config>{shop('<name>x</name>')}</config>")
    result = edit(toy_schema(), before, document, Operation.MERGE)
    (old,), (new,) = before.children.values(), result.root.children.values()
    assert old is not new
    for name in ("rules", "shelf"):
        node = toy_schema().node(f"/toy:shop/{name}")
        assert old.children[node] is new.children[node]  # type: ignore[union-attr]
    assert serialized(before) == shop("<rules><limit>7</limit></rules><shelf><row>1</row><column>a</column></shelf>")


# The default operation.


def test_the_default_operation_replace_leaves_nothing_of_the_datastore_but_what_is_given() -> None:
    """RFC 6241 section 7.2: 'completely replaces the configuration in the target datastore'."""
    other = '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-nacm>false</enable-nacm></nacm>'
    result = edited(other + shop("<name>corner</name><tag>old</tag>"), shop("<name>new</name>"), Operation.REPLACE)
    assert result.errors == ()
    assert serialized(result.root) == shop("<name>new</name>")


def test_the_default_operation_replace_with_nothing_empties_the_datastore() -> None:
    assert serialized(edited(shop("<name>corner</name>"), "", Operation.REPLACE).root) == ""


def test_an_operation_of_an_element_overrides_the_default_operation_replace() -> None:
    before = "<name>corner</name><rules><limit>7</limit></rules>"
    assert after(before, f"<rules{op('merge')}><strict>false</strict></rules>", Operation.REPLACE) == (
        "<rules><limit>7</limit><strict>false</strict></rules>"
    )


def test_an_edit_of_nothing_changes_nothing() -> None:
    for default in (Operation.MERGE, Operation.NONE):
        result = edited(shop("<name>corner</name>"), "", default)
        assert (serialized(result.root), result.errors) == (shop("<name>corner</name>"), ())


def test_none_goes_through_a_container_without_presence_that_is_empty() -> None:
    """It is always there, since it means nothing (RFC 7950 section 7.5.1)."""
    assert after("", f"<rules><limit{op('create')}>7</limit></rules>", Operation.NONE) == (
        "<rules><limit>7</limit></rules>"
    )
    assert after("<name>a</name>", "<rules/>", Operation.NONE) == "<name>a</name>"


def test_none_goes_down_to_where_something_is_to_be_done() -> None:
    entry = "<shelf><row>1</row><column>a</column><label>top</label></shelf>"
    deletion = f"<shelf><row>1</row><column>a</column><label{op('delete')}/></shelf>"
    assert after(entry, deletion, Operation.NONE) == "<shelf><row>1</row><column>a</column></shelf>"


def test_none_does_not_take_the_value_it_is_given() -> None:
    assert after("<name>corner</name>", "<name>other</name>", Operation.NONE) == "<name>corner</name>"


def test_none_moves_nothing() -> None:
    before = "<queue><name>ann</name></queue><queue><name>bob</name></queue><aisle>a</aisle><aisle>b</aisle>"
    moved = f"<queue{insert('first')}><name>bob</name></queue><aisle{insert('first')}>b</aisle>"
    assert after(before, moved, Operation.NONE) == after(before, "")


# Operations inside operations: each asks what there was before the edit.


def test_an_operation_holds_for_all_below_until_another_is_given() -> None:
    before = "<rules><limit>7</limit></rules>"
    both = f"<rules{op('merge')}><limit{op('delete')}/><strict{op('create')}>false</strict></rules>"
    assert after(before, both) == "<rules><strict>false</strict></rules>"


def test_create_below_create_is_made_with_it() -> None:
    nested = f"<shelf{op('create')}><row>1</row><column>a</column><label{op('create')}>x</label></shelf>"
    assert after("", nested) == "<shelf><row>1</row><column>a</column><label>x</label></shelf>"


def test_delete_below_replace_finds_what_was_there() -> None:
    before = "<rules><limit>7</limit><strict>false</strict></rules>"
    assert after(before, f"<rules{op('replace')}><limit{op('delete')}/></rules>") == ""


def test_create_below_replace_is_refused_for_what_was_there() -> None:
    before = "<rules><limit>7</limit></rules>"
    result = edit_shop(before, f"<rules{op('replace')}><limit{op('create')}>8</limit></rules>")
    assert [error.tag for error in result.errors] == ["data-exists"]


def test_merge_below_replace_keeps_what_was_there_of_the_merged() -> None:
    before = "<queue><name>ann</name><since>1</since></queue><queue><name>bob</name></queue>"
    nested = f"<queue{op('merge')}><name>ann</name></queue>"
    result = edited(shop(before), shop(nested, op("replace")))
    assert result.errors == ()
    assert content_of(result) == "<queue><name>ann</name><since>1</since></queue>"


def test_delete_below_what_is_made_is_refused() -> None:
    nested = f"<shelf><row>1</row><column>a</column><label{op('delete')}/></shelf>"
    assert [error.tag for error in edit_shop("", nested).errors] == ["data-missing"]


def test_what_stands_in_a_deleted_element_is_not_looked_at() -> None:
    assert after("<open><since>8</since></open>", f"<open{op('delete')}><nonsense/></open>") == ""


def test_delete_of_a_whole_module_leaves_the_others() -> None:
    result = edited(shop("<name>corner</name>"), shop("", op("delete")))
    assert (serialized(result.root), result.errors) == ("", ())


# Choices.


@pytest.mark.parametrize(
    ("before", "other", "expected"),
    [
        ("<from>8</from><until>20</until>", "<always/>", "<always></always>"),
        ("<always/>", "<from>8</from>", "<from>8</from>"),
        ("<always/>", "<season><name>fall</name></season>", "<season><name>fall</name></season>"),
        ("<season><name>fall</name></season><holiday>may</holiday>", "<from>8</from>", "<from>8</from>"),
        ("<from>8</from>", "<holiday>may</holiday>", "<holiday>may</holiday>"),
        ("<from>8</from>", "<festival/>", "<festival></festival>"),
    ],
)
def test_what_is_made_of_one_case_ends_the_others(before: str, other: str, expected: str) -> None:
    """RFC 7950 section 7.9."""
    assert after(before, other) == expected


def test_nodes_of_one_case_stand_together() -> None:
    assert after("<from>8</from>", "<until>20</until>") == "<from>8</from><until>20</until>"


def test_data_of_two_cases_in_one_edit_is_refused() -> None:
    """RFC 7950 section 8.3.1."""
    result = edit_shop("<name>a</name>", "<from>8</from><always/>")
    assert [(error.tag, error.path[-1].node.name) for error in result.errors] == [("bad-element", "always")]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("operation", ["delete", "remove"])
def test_the_deletion_of_one_case_can_stand_beside_data_of_another(operation: str, order: int) -> None:
    elements = (f"<from{op(operation)}/>", "<always/>")
    assert after("<from>8</from>", elements[order] + elements[1 - order]) == "<always></always>"


def test_the_deletion_of_a_case_that_is_not_there_ends_no_other() -> None:
    assert after("<always/>", f"<from{op('remove')}/>") == "<always></always>"
    assert refused("<always/>", f"<from{op('delete')}/>") == ("data-missing", "shop/from")


# Structure: what has no place, or stands there twice.


@pytest.mark.parametrize("element", LEVELS.values(), ids=LEVELS.keys())
def test_an_instance_that_one_edit_names_twice_is_refused(element: str) -> None:
    """Row D19."""
    result = edit_shop("", element.format("") * 2)
    assert [error.tag for error in result.errors] == ["bad-element"]


def test_an_entry_that_one_edit_makes_and_deletes_is_refused() -> None:
    entry = "<queue{}><name>ann</name></queue>"
    result = edit_shop("", entry.format(op("create")) + entry.format(op("delete")))
    assert [error.tag for error in result.errors] == ["bad-element"]


def test_keys_that_are_written_differently_name_the_same_entry() -> None:
    entry = "<shelf><row>{}</row><column>a</column></shelf>"
    assert [error.tag for error in edit_shop("", entry.format("1") + entry.format("01")).errors] == ["bad-element"]


def test_an_entry_without_its_keys_is_refused() -> None:
    """Row D20."""
    for operation in ("merge", "delete", "replace"):
        result = edit_shop("", f"<shelf{op(operation)}><row>1</row></shelf>")
        (error,) = result.errors
        assert (error.tag, error.info[0].value) == ("missing-element", "column")


@pytest.mark.parametrize(
    ("content", "tag", "element"),
    [
        ("<nonsense/>", "unknown-element", "nonsense"),
        ('<x xmlns="urn:nonsense"/>', "unknown-namespace", "x"),
        ("<totals/>", "unknown-element", "totals"),
        ("<customer><number>1</number></customer>", "unknown-element", "customer"),
        ("<shelf><row>1</row><column>a</column><weight>5</weight></shelf>", "unknown-element", "weight"),
        ("<from>800</from>", "invalid-value", "from"),
        ("<kind>green</kind>", "invalid-value", "kind"),
        ("<shelf><row>x</row><column>a</column></shelf>", "invalid-value", "row"),
        ("<name>a<b/></name>", "bad-element", "name"),
        ("<rules>text<limit>7</limit></rules>", "bad-element", "rules"),
        ("<always>yes</always>", "invalid-value", "always"),
        ("<notes>text</notes>", "bad-element", "notes"),
    ],
)
def test_what_has_no_place_or_no_such_value_is_refused(content: str, tag: str, element: str) -> None:
    """Row D14 among them: state cannot be edited."""
    (error,) = edit_shop("<name>corner</name>", content).errors
    assert (error.type.value, error.tag, error.info[0].value) == ("application", tag, element)


def test_what_is_wrong_is_left_out_and_the_rest_is_done() -> None:
    result = edit_shop("<name>corner</name>", "<from>x</from><tag>new</tag><nonsense/><kind>red</kind>")
    assert [error.tag for error in result.errors] == ["invalid-value", "unknown-element"]
    assert content_of(result) == "<name>corner</name><kind>red</kind><tag>new</tag>".replace(
        "<kind>", '<kind xmlns:toy="urn:toy">'
    ).replace(">red", ">toy:red")


def test_an_edit_full_of_nonsense_changes_nothing() -> None:
    result = edit_shop("<name>corner</name>", "<nonsense/>" * 200 + "<name>new</name>")
    assert len(result.errors) == MAXIMUM_ERRORS
    assert content_of(result) == "<name>corner</name>"


# Attributes.


@pytest.mark.parametrize(
    ("content", "tag", "attribute", "element"),
    [
        ("<name nc:operation='explode'>a</name>", "bad-attribute", "operation", "name"),
        ("<name nc:operation='none'>a</name>", "bad-attribute", "operation", "name"),
        ("<name nc:operation=''>a</name>", "bad-attribute", "operation", "name"),
        ("<name operation='delete'>a</name>", "unknown-attribute", "operation", "name"),
        ("<name yang:operation='delete'>a</name>", "unknown-attribute", "operation", "name"),
        ("<name nc:nonsense='1'>a</name>", "unknown-attribute", "nonsense", "name"),
        ("<name yang:insert='first'>a</name>", "unknown-attribute", "insert", "name"),
        ("<tag yang:insert='first'>a</tag>", "unknown-attribute", "insert", "tag"),
        ("<queue yang:value='a'><name>a</name></queue>", "unknown-attribute", "value", "queue"),
        ("<aisle yang:key='a'>a</aisle>", "unknown-attribute", "key", "aisle"),
        ("<open wd:default='true'/>", "unknown-attribute", "default", "open"),
        ("<greeting wd:default='perhaps'>hello</greeting>", "bad-attribute", "default", "greeting"),
        ("<queue><name nc:operation='delete'>a</name></queue>", "bad-attribute", "operation", "name"),
        ("<queue><name nc:operation='remove'>a</name></queue>", "bad-attribute", "operation", "name"),
    ],
)
def test_an_attribute_that_is_unknown_or_wrong_is_refused(content: str, tag: str, attribute: str, element: str) -> None:
    """Row D18."""
    (error,) = edit_shop("", content).errors
    assert error.tag == tag
    assert [(info.name, info.value) for info in error.info] == [
        ("bad-attribute", attribute),
        ("bad-element", element),
    ]
    assert error.path[-1].node.name == element


def test_attributes_of_xml_itself_are_let_through() -> None:
    assert after("", "<name xml:lang='en' xml:space='preserve'>corner</name>") == "<name>corner</name>"


@pytest.mark.parametrize("operation", ["merge", "replace", "create"])
def test_an_operation_on_a_key_that_leaves_the_key_changes_nothing(operation: str) -> None:
    assert after("", f"<queue><name{op(operation)}>ann</name></queue>") == "<queue><name>ann</name></queue>"


def test_the_prefix_of_an_attribute_is_free() -> None:
    content = '<name xmlns:x="urn:ietf:params:xml:ns:netconf:base:1.0" x:operation="delete"/>'
    assert after("<name>corner</name>", content) == ""


# Values that are marked as defaults (RFC 6243 section 4.5.1).


def test_a_value_that_is_marked_as_the_default_is_not_set() -> None:
    marked = '<greeting wd:default="true">hello</greeting>'
    assert after("<name>a</name>", marked) == "<name>a</name>"
    assert after("<greeting>hi</greeting>", marked) == ""


def test_a_value_that_is_marked_and_is_not_the_default_is_refused() -> None:
    marked = '<greeting wd:default="1">hi</greeting>'
    assert refused("<greeting>ho</greeting>", marked) == ("invalid-value", "shop/greeting")
    assert refused("", '<name wd:default="true">corner</name>') == ("invalid-value", "shop/name")
    assert refused("", '<tag wd:default="true">x</tag>') == ("invalid-value", "shop/tag")


def test_a_mark_that_says_false_marks_nothing() -> None:
    assert after("", '<greeting wd:default="false">hello</greeting>') == "<greeting>hello</greeting>"


def test_the_creation_of_a_marked_value_is_refused_where_one_is_set() -> None:
    """RFC 6243 section 4.5.2 with erratum 4688."""
    marked = f'<greeting wd:default="true"{op("create")}>hello</greeting>'
    assert refused("<greeting>hi</greeting>", marked) == ("data-exists", "shop/greeting")


# A configuration by itself, and its secrets.


def test_a_configuration_that_is_wrong_is_refused_with_all_its_errors() -> None:
    with pytest.raises(RpcErrors) as refusal:
        configuration(shop("<nonsense/><from>x</from>"))
    assert [error.tag for error in refusal.value.errors] == ["unknown-element", "invalid-value"]


def test_a_secret_is_sealed_when_it_is_set_and_not_when_it_is_named() -> None:
    asked: list[str] = []

    def seal(node: SchemaNode, text: str) -> str:
        asked.append(f"{node.name}={text}")
        return f"sealed {text}" if node.name == "secret" else text

    before = parse_configuration(toy_schema(), etree.fromstring(f"<config>{shop('<secret>x</secret>')}</config>"), seal)
    assert serialized(before) == shop("<secret>sealed x</secret>")
    assert asked == ["secret=x"]
    deleted = shop(f"<secret{op('delete')}>x</secret>")
    deletion = etree.fromstring(f"<config {PREFIXES}>{deleted}</config>")
    assert serialized(edit(toy_schema(), before, deletion, Operation.MERGE, seal).root) == ""
    assert asked == ["secret=x"]


def test_a_value_that_is_set_to_what_it_was_is_told_apart() -> None:
    result = edit_shop("<secret>x</secret><tag>a</tag><name>b</name>", "<secret>x</secret><tag>a</tag><name>c</name>")
    assert [path[-1].node.name for path in result.repeated] == ["secret", "tag"]
