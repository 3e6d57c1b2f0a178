"""The envelope of RFC 6241 section 4: what is taken as a message, and what a reply says of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.errors import RpcError
from agent.netconf.messages import REPLY_END, MalformedMessage, parse_document, parse_rpc, reply_start
from tests.support.netconf_wire import BASE, envelope


def refusal(message: str) -> RpcError:
    """Return the error that an envelope meets."""
    with pytest.raises(RpcError) as refused:
        parse_rpc(parse_document(message.encode()))
    return refused.value


def reply_to(message: str) -> etree._Element:
    """Return an empty reply to a message."""
    return etree.fromstring(reply_start(parse_document(message.encode())) + REPLY_END)


def test_white_space_around_a_message_is_allowed() -> None:
    assert parse_document(b"\n  <rpc/>\n").tag == "rpc"


@pytest.mark.parametrize("declaration", ['<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8'?>", "\ufeff"])
def test_a_declaration_of_utf_8_in_any_spelling_is_taken(declaration: str) -> None:
    """Row A7."""
    assert parse_document(f"{declaration}<rpc>é</rpc>".encode()).text == "é"


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "us-ascii"])
def test_another_declared_encoding_is_refused(encoding: str) -> None:
    """Row C6."""
    with pytest.raises(MalformedMessage, match=encoding):
        parse_document(f'<?xml version="1.0" encoding="{encoding}"?><rpc/>'.encode())


@pytest.mark.parametrize(
    "message", [b"", b"<rpc>", b"<a:rpc/>", b"<rpc/><rpc/>", b"<rpc>\xff</rpc>", b"<rpc>\x00</rpc>", b"<rpc>&x;</rpc>"]
)
def test_what_is_not_well_formed_utf_8_is_refused(message: bytes) -> None:
    """Rows C5 and C6."""
    with pytest.raises(MalformedMessage):
        parse_document(message)


@pytest.mark.parametrize("before", ["", "\n", "<!-- a --><?b c?>\n", '<?xml version="1.0"?><!-- <!-- --> '])
def test_a_document_type_is_refused_wherever_it_can_stand(before: str) -> None:
    """Row C7."""
    with pytest.raises(MalformedMessage):
        parse_document(f"{before}<!DOCTYPE rpc><rpc/>".encode())


def test_the_words_of_a_document_type_inside_the_message_are_data() -> None:
    message = b"<!-- <!DOCTYPE --><rpc><![CDATA[<!DOCTYPE rpc>]]></rpc>"
    assert parse_document(message).text == "<!DOCTYPE rpc>"


def test_entities_are_refused_before_they_are_expanded() -> None:
    """Row C7: ten levels of ten, in an attribute, where parsers expand whatever they are told."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 11))
    bomb = f'<!DOCTYPE rpc [<!ENTITY e0 "ha">{levels}]><rpc a="&e10;"/>'
    with pytest.raises(MalformedMessage, match="document type"):
        parse_document(bomb.encode())


def test_no_file_is_read_for_an_entity() -> None:
    """Row C7."""
    with pytest.raises(MalformedMessage, match="document type"):
        parse_document(b'<!DOCTYPE rpc [<!ENTITY e SYSTEM "file:///etc/hostname">]><rpc>&e;</rpc>')


@pytest.mark.parametrize(
    "wrong", ["<p:b/>", '<b xmlns="}"/>', '<b xmlns:p="urn:x" xmlns:q="urn:x" p:c="" q:c=""/>', '<b xmlns="&#125;"/>']
)
@pytest.mark.parametrize("warning", ["", '<c xmlns="relative"/>'])
def test_what_is_wrong_with_namespaces_is_refused_whatever_comes_after_it(wrong: str, warning: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_document(f"<a>{wrong}{warning}</a>".encode())


def test_a_namespace_that_is_relative_is_taken() -> None:
    assert parse_document(b'<a xmlns="relative"/>').tag == "{relative}a"


def test_a_brace_anywhere_else_is_data() -> None:
    assert parse_document(b'<a b="}">&#125; }</a>').text == "} }"


def test_very_many_comments_before_the_root_take_no_time_of_their_own() -> None:
    assert parse_document(b"<!-- - -->" * 20_000 + b"<rpc/>").tag == "rpc"


def test_very_deep_nesting_is_refused() -> None:
    """Row C8."""
    with pytest.raises(MalformedMessage):
        parse_document(b"<a>" * 100_000 + b"</a>" * 100_000)


def test_a_very_long_text_is_refused() -> None:
    """Row C8."""
    with pytest.raises(MalformedMessage):
        parse_document(b"<a>" + b"x" * 10_000_001 + b"</a>")


def test_comments_and_instructions_split_no_text() -> None:
    """Row C17."""
    assert parse_document(b"<a>4.4<!-- x -->.4<?y z?>.4</a>").text == "4.4.4.4"


def test_the_one_operation_of_an_rpc_is_found_whatever_the_prefix() -> None:
    """Row A7."""
    root = parse_document(f'<nc:rpc xmlns:nc="{BASE}" message-id="1"> <!-- x --> <nc:get/> </nc:rpc>'.encode())
    assert parse_rpc(root).tag == f"{{{BASE}}}get"


def test_a_missing_message_id_is_named_with_its_element() -> None:
    """Row C1."""
    error = refusal(f'<rpc xmlns="{BASE}"><get/></rpc>')
    assert (error.type.value, error.tag) == ("rpc", "missing-attribute")
    assert [(info.name, info.value) for info in error.info] == [
        ("bad-attribute", "message-id"),
        ("bad-element", "rpc"),
    ]


@pytest.mark.parametrize("content", ["", "<get/><get/>", "text<get/>", "<get/>text"])
def test_anything_but_one_operation_is_malformed(content: str) -> None:
    """Rows C4 and C17."""
    assert refusal(envelope(content)).tag == "malformed-message"


@pytest.mark.parametrize("name", ["hello", "rpc-reply", "notification", "xxx"])
def test_another_root_is_an_unknown_element(name: str) -> None:
    """Row C9; RFC 6241 appendix A has no unknown-element of the type rpc."""
    error = refusal(f'<{name} xmlns="{BASE}" message-id="1"><get/></{name}>')
    assert (error.type.value, error.tag, error.info[0].value) == ("protocol", "unknown-element", name)


def test_an_rpc_of_no_namespace_is_an_unknown_element() -> None:
    assert refusal('<rpc message-id="1"><get/></rpc>').tag == "unknown-element"


def test_attributes_and_prefixes_come_back_unmodified() -> None:
    """Row C2."""
    attributes = 'xmlns:ex="urn:ex" xmlns:unused="urn:unused" ex:who="me &amp; you" plain="1" xml:lang="en"'
    reply = reply_to(envelope("<get/>", "7", attributes))
    assert dict(reply.attrib.items()) == {
        "message-id": "7",
        "{urn:ex}who": "me & you",
        "plain": "1",
        "{http://www.w3.org/XML/1998/namespace}lang": "en",
    }
    assert reply.nsmap == {None: BASE, "ex": "urn:ex", "unused": "urn:unused"}


@pytest.mark.parametrize(
    "message_id", ["", "x" * 4096, "a'b", "&quot;&lt;&gt;&amp;", "é…😀", "a&#10;b&#9;c&#13;d", "]]>]]>"]
)
def test_a_message_id_of_any_spelling_comes_back_as_it_is(message_id: str) -> None:
    """Row C3; and row B5: nothing in it ends a message."""
    message = envelope("<get/>", message_id)
    assert reply_to(message).get("message-id") == etree.fromstring(message).get("message-id")
    assert "]]>" not in reply_start(parse_document(message.encode()))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20))
def test_any_attribute_value_survives_the_way_there_and_back(value: str) -> None:
    root = etree.Element("rpc", {"message-id": value})
    assert reply_to(etree.tostring(root, encoding="unicode")).get("message-id") == root.get("message-id")


def test_without_a_request_a_reply_has_no_message_id() -> None:
    """Row C5."""
    assert dict(etree.fromstring(reply_start(None) + REPLY_END).attrib.items()) == {}
