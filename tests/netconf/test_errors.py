"""The rendering of rpc-error: RFC 6241 section 4.3 and the order of appendix B."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorInfo, ErrorType, InstancePath, PathStep, RpcError
from agent.datastore.schema import Kind, Module, SchemaNode
from agent.netconf.errors import render_errors
from agent.netconf.messages import BASE_NAMESPACE
from tests.support.shop import toy_schema


def rendered(*refused: RpcError) -> list[etree._Element]:
    """Return the rpc-error elements."""
    return list(etree.fromstring(f'<rpc-reply xmlns="{BASE_NAMESPACE}">{render_errors(refused)}</rpc-reply>'))


def path_of(path: InstancePath) -> etree._Element:
    """Return the error-path element of an error with a path."""
    (error,) = rendered(RpcError(ErrorType.APPLICATION, "invalid-value", "no", path=path))
    found = error.find(f"{{{BASE_NAMESPACE}}}error-path")
    assert found is not None
    return found


def shelf(*keys: str) -> InstancePath:
    """Return the path of a shelf."""
    schema = toy_schema()
    return (PathStep(schema.node("/toy:shop")), PathStep(schema.node("/toy:shop/shelf"), keys))


def test_the_children_stand_in_the_order_of_the_schema() -> None:
    """Row C12."""
    info = [ErrorInfo("bad-element", "row")]
    error = RpcError(ErrorType.RPC, "invalid-value", "no", app_tag="mine", path=shelf("1", "a"), info=info)
    assert [etree.QName(child).localname for child in rendered(error)[0]] == [
        "error-type",
        "error-tag",
        "error-severity",
        "error-app-tag",
        "error-path",
        "error-message",
        "error-info",
    ]


def test_a_path_in_the_info_is_rendered_with_its_prefixes() -> None:
    """RFC 7950 section 15.1."""
    info = [ErrorInfo("non-unique", shelf("1", "a"), "urn:ietf:params:xml:ns:yang:1")]
    (element,) = rendered(RpcError(ErrorType.APPLICATION, "operation-failed", "no", info=info))
    (found,) = element.iter("{urn:ietf:params:xml:ns:yang:1}non-unique")
    assert found.text == "/toy:shop/toy:shelf[toy:row='1'][toy:column='a']"
    assert found.nsmap["toy"] == "urn:toy"


def test_elements_of_error_info_can_hold_others_in_their_namespace() -> None:
    info = [ErrorInfo("hints", namespace="urn:h", children=(ErrorInfo("period", "10"), ErrorInfo("why", "a & b")))]
    (error,) = rendered(RpcError(ErrorType.APPLICATION, "invalid-value", "no", info=info))
    (hints,) = error.iter("{urn:h}hints")
    assert [(each.tag, each.text) for each in hints] == [("{urn:h}period", "10"), ("{urn:h}why", "a & b")]


def test_what_an_error_does_not_have_is_left_out() -> None:
    (element,) = rendered(errors.operation_failed("no"))
    assert [etree.QName(child).localname for child in element] == [
        "error-type",
        "error-tag",
        "error-severity",
        "error-message",
    ]


def test_several_errors_are_rendered_in_order() -> None:
    found = rendered(errors.operation_failed("one"), errors.operation_failed("two"))
    assert [error.findtext(f"{{{BASE_NAMESPACE}}}error-message") for error in found] == ["one", "two"]


def test_the_language_of_a_message_is_stated() -> None:
    """Row C14."""
    message = rendered(errors.operation_failed("no"))[0].find(f"{{{BASE_NAMESPACE}}}error-message")
    assert message is not None
    assert message.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


def test_the_prefixes_of_a_path_are_bound_on_it() -> None:
    """Row C13."""
    path = path_of(shelf("1", "a"))
    assert path.text == "/toy:shop/toy:shelf[toy:row='1'][toy:column='a']"
    assert path.nsmap["toy"] == "urn:toy"


def test_a_list_without_its_keys_stands_without_predicates() -> None:
    assert path_of(shelf()).text == "/toy:shop/toy:shelf"


def test_a_value_of_a_leaf_list_is_chosen_by_itself() -> None:
    schema = toy_schema()
    steps = (PathStep(schema.node("/toy:shop")), PathStep(schema.node("/toy:shop/tag"), ("it's",)))
    assert path_of(steps).text == '/toy:shop/toy:tag[.="it\'s"]'


def test_two_modules_of_one_prefix_are_told_apart() -> None:
    def node(module: str) -> SchemaNode:
        of = Module(module, "", f"urn:{module}", "same", True, (), "")
        return SchemaNode(Kind.CONTAINER, "c", of, f"{{urn:{module}}}c", "/c", None)

    path = path_of((PathStep(node("one")), PathStep(node("two"))))
    assert path.text == "/one:c/two:c"
    assert (path.nsmap["one"], path.nsmap["two"]) == ("urn:one", "urn:two")


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=10)
    | st.sampled_from(["'\"'", "\"''"])
)
def test_any_key_makes_a_literal_that_xpath_reads_back(key: str) -> None:
    literal = str(path_of(shelf("1", key)).text).partition("toy:column=")[2].removesuffix("]")
    assert etree.XPath(f"string({literal})")(etree.Element("x")) == key.replace("\ufffe", "\\xfffe").replace(
        "\uffff", "\\xffff"
    )


@given(st.text(max_size=50))
def test_any_message_is_well_formed_and_ends_nothing(message: str) -> None:
    """Row B5: what a client sent may be quoted in a message."""
    error = RpcError(ErrorType.RPC, "operation-failed", message, info=[ErrorInfo("bad-element", message)])
    assert len(rendered(error)) == 1
    assert "]]>" not in render_errors([error])


def test_what_xml_cannot_carry_is_shown_as_a_number() -> None:
    (error,) = rendered(errors.operation_failed("a\x00b\r\n<&>"))
    assert error.findtext(f"{{{BASE_NAMESPACE}}}error-message") == "a\\x00b\r\n<&>"


@pytest.mark.parametrize(("namespace", "tag"), [(None, f"{{{BASE_NAMESPACE}}}x"), ("urn:x", "{urn:x}x")])
def test_an_element_of_error_info_has_its_own_namespace(namespace: str | None, tag: str) -> None:
    (error,) = rendered(RpcError(ErrorType.RPC, "operation-failed", "no", info=[ErrorInfo("x", "1", namespace)]))
    info = error.find(f"{{{BASE_NAMESPACE}}}error-info")
    assert info is not None
    assert [child.tag for child in info] == [tag]
