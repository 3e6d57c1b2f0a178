"""Configurations in files of the server: the url capability (RFC 6241 section 8.8)."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.stores import Datastore
from agent.netconf.url import file_name
from tests.support.access import nacm, path, rule
from tests.support.editor import BEFORE, OPEN_DOORS, copy_config, is_ok, tags_of
from tests.support.edits import serialized, shop
from tests.support.kept_files import MemoryFiles
from tests.support.netconf_wire import BASE, Wire, error, texts
from tests.support.shop import ShopServer

KEPT: Final = f'<config xmlns="{BASE}">{shop("<name>kept</name>")}</config>'
INVALID: Final = f'<config xmlns="{BASE}">{shop("<rules><favourite>nowhere</favourite></rules>")}</config>'
URL: Final = "<url>file:///kept.xml</url>"


def stand(before: str = OPEN_DOORS + BEFORE, **files: str) -> tuple[ShopServer, MemoryFiles, Wire]:
    """Return a server with files, and a client of it."""
    kept = MemoryFiles(**files)
    server = ShopServer(before, files=kept)
    return server, kept, server.connect("ann")


def to_url(source: str, url: str = "file:///kept.xml") -> str:
    """Return a copy to a file."""
    return f"<copy-config><target><url>{url}</url></target><source>{source}</source></copy-config>"


def edit_from(url: str, target: str = "running", options: str = "") -> str:
    """Return an edit whose content is in a file."""
    return f"<edit-config><target><{target}/></target>{options}<url>{url}</url></edit-config>"


def test_the_capability_says_the_scheme() -> None:
    assert "urn:ietf:params:netconf:capability:url:1.0?scheme=file" in ShopServer().server.capabilities


# To a file and back.


def test_what_is_copied_to_a_file_and_back_is_the_same() -> None:
    server, files, wire = stand()
    before = serialized(server.stores.running)
    assert is_ok(wire.rpc(to_url("<running/>")))
    root = etree.fromstring(files.contents["kept.xml"])
    assert root.tag == f"{{{BASE}}}config", "section 8.8: the content stands below the element config"
    assert is_ok(wire.rpc(copy_config(URL, "running")))
    assert serialized(server.stores.running) == before


def test_a_file_replaces_a_whole_datastore() -> None:
    server, _, wire = stand(kept=KEPT)
    assert is_ok(wire.rpc(copy_config(URL, "candidate")))
    assert serialized(server.stores.root(Datastore.CANDIDATE)) == shop("<name>kept</name>")
    assert "corner" in serialized(server.stores.running), "running is as it was"


def test_an_edit_whose_content_is_in_a_file_merges_it() -> None:
    server, _, wire = stand(kept=KEPT)
    assert is_ok(wire.rpc(edit_from("file:///kept.xml")))
    assert "<name>kept</name><shelf>" in serialized(server.stores.running)


def test_an_edit_from_a_file_that_is_refused_changes_nothing() -> None:
    server, _, wire = stand(kept=INVALID)
    before = serialized(server.stores.running)
    assert tags_of(wire.rpc(edit_from("file:///kept.xml"))) == ["data-missing"]
    assert serialized(server.stores.running) == before


def test_an_edit_gives_its_content_once() -> None:
    server, _, wire = stand(kept=KEPT)
    both = f"<edit-config><target><running/></target>{URL}<config>{shop('<name>x</name>')}</config></edit-config>"
    assert tags_of(wire.rpc(both)) == ["bad-element"]
    assert "corner" in serialized(server.stores.running)


def test_edit_data_takes_its_content_from_a_file_too() -> None:
    server, _, wire = stand(kept=KEPT)
    ds = 'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"'
    request = f'<edit-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"><datastore {ds}>ds:running</datastore>'
    assert is_ok(wire.rpc(f"{request}{URL}</edit-data>"))
    assert "kept" in serialized(server.stores.running)


def test_what_a_file_holds_is_validated() -> None:
    _, _, wire = stand(kept=KEPT, wrong=INVALID)
    assert is_ok(wire.rpc(f"<validate><source>{URL}</source></validate>"))
    wrong = wire.rpc("<validate><source><url>file:///wrong.xml</url></source></validate>")
    assert tags_of(wrong) == ["data-missing"]


def test_a_configuration_given_in_full_and_another_file_are_copied_to_a_file() -> None:
    _, files, wire = stand(kept=KEPT)
    assert is_ok(wire.rpc(to_url(f"<config>{shop('<name>given</name>')}</config>", "file:///given.xml")))
    assert b"<name>given</name>" in files.contents["given.xml"]
    assert is_ok(wire.rpc(to_url("<url>file:///given.xml</url>")))
    assert b"<name>given</name>" in files.contents["kept.xml"]


def test_a_file_is_deleted_once() -> None:
    _, files, wire = stand(kept=KEPT)
    delete = f"<delete-config><target>{URL}</target></delete-config>"
    assert is_ok(wire.rpc(delete))
    assert files.contents == {}
    refused = error(wire.rpc(delete))
    assert refused["error-tag"] == "invalid-value"
    assert refused["error-path"] == "/nc:delete-config/nc:target/nc:url"


# What is refused.


def test_the_same_file_is_not_source_and_target() -> None:
    _, files, wire = stand(kept=KEPT)
    assert tags_of(wire.rpc(to_url("<url>file:///%6bept.xml</url>"))) == ["invalid-value"]
    assert files.contents["kept.xml"] == KEPT.encode()


@pytest.mark.parametrize("content", ["<config", f'<data xmlns="{BASE}"/>', "<config/>", "<!DOCTYPE x><x/>"])
def test_a_file_that_holds_something_else_is_refused(content: str) -> None:
    server, _, wire = stand(kept=content)
    refused = error(wire.rpc(copy_config(URL, "running")))
    assert refused["error-tag"] == "operation-failed"
    assert refused["error-path"] == "/nc:copy-config/nc:source/nc:url"
    assert "corner" in serialized(server.stores.running)


def test_a_file_that_cannot_be_written_is_an_error() -> None:
    _, files, wire = stand()
    files.is_full = True
    refused = error(wire.rpc(to_url("<running/>")))
    assert refused["error-tag"] == "operation-failed"
    assert "No space left" in refused["error-message"]


@pytest.mark.parametrize(
    "url",
    [
        "file:///../startup.xml",
        "file:///%2e%2e%2fstartup.xml",
        "file:///folder/kept.xml",
        "file:///",
        "file:///.hidden",
        "file:///a%00b",
        "file:///a%ffb",
        "file://elsewhere/kept.xml",
        "file:///kept.xml?x",
        "file:///kept.xml#x",
        "ftp:///kept.xml",
        "http://localhost/kept.xml",
        "kept.xml",
        "file:///" + "x" * 101,
    ],
)
def test_a_url_that_names_no_file_of_the_server_is_refused(url: str) -> None:
    _, files, wire = stand(kept=KEPT)
    refused = error(wire.rpc(to_url("<running/>", url)))
    assert refused["error-tag"] == "invalid-value"
    assert list(files.contents) == ["kept.xml"]


@pytest.mark.parametrize("url", ["file:///kept.xml", "file:/kept.xml", "file://localhost/kept.xml", "FILE:///kept.xml"])
def test_a_url_of_a_file_has_several_spellings(url: str) -> None:
    assert file_name(url) == "kept.xml"


def test_a_server_without_files_says_so() -> None:
    refused = error(ShopServer(OPEN_DOORS).connect().rpc(to_url("<running/>")))
    assert refused["error-message"].endswith("this server keeps no files")


# Access.


def test_nothing_that_the_caller_cannot_read_gets_into_a_file() -> None:
    _, files, wire = stand(nacm(rule("permit"), users=("root",)) + shop("<name>corner</name><secret>s3</secret>"))
    assert is_ok(wire.rpc(to_url("<running/>")))
    assert b"corner" in files.contents["kept.xml"]
    assert b"s3" not in files.contents["kept.xml"]


def test_a_file_brings_nothing_in_that_the_caller_may_not_write() -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:name"), "update"), rule("permit"))
    server, _, wire = stand(rules + BEFORE, kept=KEPT)
    assert tags_of(wire.rpc(edit_from("file:///kept.xml"))) == ["access-denied"]
    assert texts(wire.get_config('<shop xmlns="urn:toy"><name/></shop>'), "toy:shop/toy:name") == ["corner"]
    assert server.server.access_counters.data_writes == 1


def test_deleting_a_file_is_denied_by_default_like_deleting_a_datastore() -> None:
    _, files, wire = stand(BEFORE, kept=KEPT)
    assert tags_of(wire.rpc(f"<delete-config><target>{URL}</target></delete-config>")) == ["access-denied"]
    assert list(files.contents) == ["kept.xml"]
