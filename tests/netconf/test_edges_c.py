"""Edge behaviours, C: the envelope of a request and of its answer (RFC 6241 sections 3 and 4), over raw bytes."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree

from tests.support.access import nacm, path, rule
from tests.support.editor import OPEN_DOORS, edit_config, option, tags_of
from tests.support.edits import shop
from tests.support.netconf_wire import BASE, BASE_1_0, NAMESPACES, Wire, chunk, envelope, error, texts
from tests.support.shop import ShopServer, buy

NC: Final = f"{{{BASE}}}"


def connected(config: str = "") -> tuple[ShopServer, Wire]:
    """Return a server and a client of base:1.1."""
    server = ShopServer(config)
    return server, server.connect("ann")


def refused(message: str | bytes, tag: str = "malformed-message") -> etree._Element:
    """Return the reply to a message that has the tag and no effect, after which the session goes on."""
    server, wire = connected()
    reply = wire.exchange(message)
    assert tags_of(reply) == [tag]
    assert server.shop.bought == []
    assert tags_of(wire.rpc(buy("tea"))) == []
    return reply


def ends_in_base_1_0(message: str | bytes) -> bool:
    """Tell whether a message ends a session of base:1.0, which has no malformed-message."""
    server = ShopServer()
    wire = server.open()
    wire.hello(BASE_1_0)
    wire.send(message)
    return wire.receive() is None and wire.session.is_finished and server.shop.bought == []


def test_c1_a_request_without_message_id_is_refused_and_answered_without_one() -> None:
    reply = refused(f'<rpc xmlns="{BASE}">{buy("tea")}</rpc>', "missing-attribute")
    assert "message-id" not in reply.attrib
    found = error(reply)
    assert (found["error-type"], found["bad-attribute"], found["bad-element"]) == ("rpc", "message-id", "rpc")


@pytest.mark.parametrize("content", [buy("tea"), "<nonsense/>"])
def test_c2_all_attributes_and_prefixes_come_back(content: str) -> None:
    _, wire = connected()
    attributes = 'xmlns:ex="urn:ex" xmlns:unused="urn:unused" ex:who="me" plain="2"'
    wire.send(envelope(content, "7", attributes))
    sent = wire.session.transmit(65536)
    assert b'xmlns:unused="urn:unused"' in sent
    wire.session.receive(chunk(envelope(content, "7", attributes)))
    reply = wire.receive()
    assert reply is not None
    assert dict(reply.attrib.items()) == {"message-id": "7", "{urn:ex}who": "me", "plain": "2"}


@pytest.mark.parametrize("message_id", ["", "x" * 4096, "\"'<&>", "urn:uuid:1", "\u00e9\u20ac\U0001f511", " a  b "])
def test_c3_any_message_id_comes_back(message_id: str) -> None:
    _, wire = connected()
    given = quoteattr(message_id)
    reply = wire.exchange(f'<rpc xmlns="{BASE}" message-id={given}>{buy("tea")}</rpc>')
    assert reply.get("message-id") == message_id


@pytest.mark.parametrize("content", ["", buy("tea") + buy("soap"), "text"])
def test_c4_anything_but_one_operation_is_malformed_and_none_is_carried_out(content: str) -> None:
    refused(envelope(content))
    assert ends_in_base_1_0(envelope(content))


@pytest.mark.parametrize("message", ["<rpc", "", "<a></b>", "<a/><b/>", "<rpc xmlns:x=''/>", "<a b='1' b='2'/>"])
def test_c5_what_is_not_well_formed_is_malformed_or_ends_the_session(message: str) -> None:
    if message:  # a chunk is never empty
        reply = refused(message)
        assert dict(reply.attrib.items()) == {}
        assert error(reply)["error-type"] == "rpc"
    assert ends_in_base_1_0(message)


@pytest.mark.parametrize(
    "message",
    [
        b"<rpc>\xff</rpc>",
        '<?xml version="1.0" encoding="ISO-8859-1"?><rpc/>'.encode("latin-1"),
        '<?xml version="1.0" encoding="UTF-16"?><rpc/>'.encode("utf-16"),
    ],
)
def test_c6_what_is_not_utf_8_is_malformed_or_ends_the_session(message: bytes) -> None:
    refused(message)
    assert ends_in_base_1_0(message)


@pytest.mark.parametrize(
    "subset", ["", ' [<!ENTITY a "tea">]', ' SYSTEM "file:///etc/passwd"', ' [<!ENTITY a SYSTEM "file:///etc/passwd">]']
)
def test_c7_a_document_type_is_refused_whatever_it_says(subset: str) -> None:
    message = f"<!DOCTYPE rpc{subset}>" + envelope(buy("&a;" if "ENTITY" in subset else "tea"))
    assert "root:" not in etree.tostring(refused(message), encoding="unicode")
    assert ends_in_base_1_0(message)


@pytest.mark.parametrize(
    "message",
    [
        "<a>" * 100_000 + "</a>" * 100_000,
        envelope(buy("x" * 11_000_000)),
        f'<rpc xmlns="{BASE}" message-id="1">' + "<a>" * 400 + "</a>" * 400 + "</rpc>",
    ],
    ids=["deep", "long", "deep below an rpc"],
)
def test_c8_what_is_too_deep_or_too_long_is_malformed(message: str) -> None:
    refused(message)


def test_c8_many_attributes_are_echoed_and_very_many_are_malformed() -> None:
    _, wire = connected()
    many, too_many = (" ".join(f'a{number}="1"' for number in range(count)) for count in (60, 5000))
    assert len(wire.exchange(envelope(buy("tea"), "1", many)).attrib) == 61
    refused(envelope(buy("tea"), "1", too_many))


@pytest.mark.parametrize("root", ["rpc-reply", "notification", "hello", "xxx"])
def test_c9_another_root_is_an_unknown_element(root: str) -> None:
    reply = refused(f'<{root} xmlns="{BASE}" message-id="1">{buy("tea")}</{root}>', "unknown-element")
    assert error(reply)["bad-element"] == root


def test_c10_an_unknown_operation_is_an_unknown_element_and_a_known_one_not_supported() -> None:
    assert error(refused(envelope("<frobnicate/>"), "unknown-element"))["bad-element"] == "frobnicate"
    refused(envelope('<unbound xmlns="urn:toy"/>'), "operation-not-supported")


def test_c11_an_operation_of_an_unknown_namespace_names_both() -> None:
    found = error(refused(envelope('<frobnicate xmlns="urn:nowhere"/>'), "unknown-namespace"))
    assert (found["bad-element"], found["bad-namespace"]) == ("frobnicate", "urn:nowhere")


def test_c12_the_children_of_an_error_stand_in_the_order_of_the_schema() -> None:
    reply = refused(envelope(buy("x" * 11)), "invalid-value")
    wanted = ["error-type", "error-tag", "error-severity", "error-app-tag", "error-path", "error-message", "error-info"]
    names = [etree.QName(child).localname for child in reply[0]]
    assert names == [name for name in wanted if name in names]
    assert {"error-path", "error-message", "error-info"} <= set(names)


def test_c13_a_path_is_absolute_and_has_keys_and_prefixes_that_are_declared_on_it() -> None:
    _, wire = connected(OPEN_DOORS)
    reply = wire.rpc(edit_config(shop("<shelf><row>1</row><column>it's</column><weight>1</weight></shelf>")))
    at = reply.find("nc:rpc-error/nc:error-path", NAMESPACES)
    assert at is not None
    assert at.text == "/toy:shop/toy:shelf[toy:row='1'][toy:column=\"it's\"]"
    assert at.nsmap["toy"] == "urn:toy"


def test_c14_a_message_says_its_language() -> None:
    reply = refused(envelope("<frobnicate/>"), "unknown-element")
    message = reply.find("nc:rpc-error/nc:error-message", NAMESPACES)
    assert message is not None
    assert message.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


@pytest.mark.parametrize("content", [buy("tea"), "<get/>", "<nonsense/>", "<lock><target><running/></target></lock>"])
def test_c15_data_ok_and_errors_are_never_mixed(content: str) -> None:
    _, wire = connected()
    reply = wire.exchange(envelope(content))
    has = {"ok" if child.tag == f"{NC}ok" else "error" if child.tag == f"{NC}rpc-error" else "data" for child in reply}
    assert len(has) == 1


def test_c15_several_errors_come_together() -> None:
    _, wire = connected(OPEN_DOORS)
    all_of_them = option("error-option", "rollback-on-error")
    reply = wire.rpc(edit_config(shop("<x/><from>300</from>"), all_of_them))
    assert tags_of(reply) == ["unknown-element", "invalid-value"]


def test_c16_pipelined_requests_are_answered_in_order_and_others_run_on() -> None:
    server, wire = connected()
    wait = '<wait xmlns="urn:toy"/>'
    wire.session.receive(chunk(envelope(wait, "1")) + chunk(envelope(buy("tea"), "2")))
    assert wire.receive() is None
    assert server.shop.bought == [], "the second waits for the first"
    server.connect("other").rpc(buy("soap"))
    assert server.shop.bought == [("other", "soap")]
    server.shop.pending[0].complete({"waited": 1})
    replies = [wire.receive(), wire.receive()]
    assert [reply.get("message-id") for reply in replies if reply is not None] == ["1", "2"]


def test_c17_comments_and_instructions_are_ignored_and_mixed_content_is_an_error() -> None:
    server, wire = connected()
    content = '<!--a--><?b c?> <buy xmlns="urn:toy">\n<!--d--><article>te<!--e-->a</article> </buy>'
    wire.exchange(envelope(content))
    assert server.shop.bought == [("ann", "tea")]
    assert tags_of(wire.rpc('<buy xmlns="urn:toy">text<article>tea</article></buy>')) == ["bad-element"]


def test_c18_a_refusal_of_what_cannot_be_read_tells_nothing_of_it() -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:secret")), rule("permit"), users=("ann",))
    refusals = []
    for secret in ("", "<secret>s3</secret>"):
        _, wire = connected(rules + shop(f"<name>corner</name>{secret}"))
        reply = wire.rpc(edit_config(shop("<secret>x</secret>")))
        refusals.append(etree.tostring(reply))
        assert tags_of(reply) == ["access-denied"]
        assert texts(reply, "nc:rpc-error/nc:error-path") == []
    assert refusals[0] == refusals[1]
