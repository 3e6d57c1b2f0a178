"""Access rules for single instances: the path of a rule with keys (RFC 8341 section 3.3.5 and appendix A)."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.nacm import AccessOperation
from tests.support.access import access, caller, nacm, path, rule
from tests.support.editor import edit_config, is_ok, tags_of
from tests.support.edits import serialized
from tests.support.edits import shop as shop_xml
from tests.support.netconf_wire import Wire, error, texts
from tests.support.shop import ShopServer, configuration, toy_schema

ANN: Final = caller("staff")
DENY_READ: Final = "<read-default>deny</read-default>"
SHELVES: Final = "".join(
    f"<shelf><row>{row}</row><column>{column}</column><label>{row}{column}</label></shelf>"
    for row in (1, 2)
    for column in ("ann", "ben")
)
SHELF: Final = "/toy:shop/toy:shelf"
LABELS: Final = "toy:shop/toy:shelf/toy:label"


def label(row: str, column: str) -> InstancePath:
    """Return the path of the label of a shelf."""
    nodes = [toy_schema().node(f"/toy:{of}") for of in ("shop", "shop/shelf", "shop/shelf/label")]
    return (PathStep(nodes[0]), PathStep(nodes[1], (row, column)), PathStep(nodes[2]))


def shown(rules: str, user: str = "ann") -> list[str]:
    """Return the labels that a user can read, after the same was asked of the tree itself."""
    server = ShopServer(rules + shop_xml(SHELVES))
    found = texts(server.connect(user).get_config('<shop xmlns="urn:toy"/>'), LABELS)
    control = server.server.access
    tree = control.readable(caller(*control.groups(user), user=user), server.stores.running)
    assert found == [part.partition("<")[0] for part in serialized(tree).split("<label>")[1:]]
    return found


@pytest.mark.parametrize(
    ("predicates", "hidden"),
    [
        ("[toy:row='1'][toy:column='ann']", ["1ann"]),
        ("[toy:column = 'ben'][toy:row = \"2\"]", ["2ben"]),
        ("[toy:row='3'][toy:column='ann']", []),
        ("[toy:row='1'][toy:column=$USER]", ["1ann"]),
        ("[toy:row='1']", ["1ann", "1ben"]),
        ("[toy:column=$USER]", ["1ann", "2ann"]),
        ("[toy:column='$USER']", []),  # a string, not the variable
        ("[toy:row='+01'][toy:column='ann']", ["1ann"]),
        ("[toy:row=' 2 ']", ["2ann", "2ben"]),
        ("", ["1ann", "1ben", "2ann", "2ben"]),
    ],
)
def test_a_rule_hides_the_entries_that_its_keys_name_and_no_others(predicates: str, hidden: list[str]) -> None:
    everything = ["1ann", "1ben", "2ann", "2ben"]
    rules = nacm(rule("deny", path(f"{SHELF}{predicates}")), rule("permit"))
    assert shown(rules) == [one for one in everything if one not in hidden]
    assert shown(rules, "stranger") == everything, "it holds for its group alone"


def test_the_path_of_everything_is_a_slash() -> None:
    rules = nacm(rule("permit", path(f"{SHELF}[toy:row='1']")), rule("deny", path("/")))
    data = ShopServer(rules + shop_xml(SHELVES)).connect("ann").get_config()
    assert len(data) == 0, "what is above the entry is denied"


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("/toy:shop/toy:nothing", "no node"),
        ("/toy:shop/toy:shelf/toy:shop", "no node"),
        (f"{SHELF}[toy:label='x']", "keys"),
        (f"{SHELF}[toy:row=1]", "keys"),
        (f"{SHELF}[1]", "keys"),
        (f"{SHELF}[toy:row='first']", "for what there cannot be"),
        ("/toy:shop[toy:name='corner']", "keys"),
        (f"{SHELF}[toy:row='1'", "not a path"),
        ("toy:shop", "not a path"),
        ("/toy:shop | /toy:shop/toy:name", "not a path"),
        ("//toy:name", "not a path"),
    ],
)
def test_a_rule_for_what_there_is_not_is_refused(of: str, message: str) -> None:
    server = ShopServer(nacm(rule("permit")))
    rules = nacm(rule("permit"), rule("deny", path(of)))
    refused = error(server.connect("ann").rpc(edit_config(rules)))
    assert refused["error-tag"] in ("invalid-value", "operation-failed")
    assert refused["error-path"].endswith("/nacm:rule[nacm:name='1']/nacm:path")
    assert message in refused["error-message"]


def test_a_rule_permits_the_entries_that_its_keys_name_and_no_others() -> None:
    mine = rule("permit", path(f"{SHELF}[toy:row='1'][toy:column=$USER]"))
    rules = nacm(mine, rule("deny", path(SHELF)), rule("permit"), users=("ann", "ben"))
    assert shown(rules) == ["1ann"]
    assert shown(rules, "ben") == ["1ben"]


def test_a_rule_for_what_is_below_one_entry_hides_that_alone() -> None:
    rules = nacm(rule("deny", path(f"{SHELF}[toy:row='1'][toy:column='ann']/toy:label")), rule("permit"))
    server = ShopServer(rules + shop_xml(SHELVES))
    data = server.connect("ann").get_config('<shop xmlns="urn:toy"/>')
    assert texts(data, LABELS) == ["1ben", "2ann", "2ben"]
    assert len(texts(data, "toy:shop/toy:shelf/toy:row")) == 4, "the entry itself is shown"


def test_the_rules_of_an_entry_that_is_state_hold_too() -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:customer[toy:number='2']")), rule("permit"))
    server = ShopServer(rules)
    server.shop.welcome(3)
    wire = server.connect("ann")
    assert texts(wire.get('<shop xmlns="urn:toy"/>'), "toy:shop/toy:customer/toy:number") == ["1", "3"]


@pytest.mark.parametrize("number", ["1", "2"])
def test_an_entry_that_is_hidden_is_as_one_that_is_not_there(number: str) -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:customer[toy:number='2']")), rule("permit"))
    server = ShopServer(rules)
    server.shop.welcome(3)
    wire = server.connect("ann")
    key = f"<number>{number}</number>"
    for filter_ in (key, f"{key}<name/>", f"<name>customer {number}</name>"):
        data = wire.get(f'<shop xmlns="urn:toy"><customer>{filter_}</customer></shop>')
        assert (len(data) == 1) is (number == "1")


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ([rule("deny", path("/toy:shop/toy:tag[.='a']"))], ["b", "c"]),
        ([rule("permit", path("/toy:shop/toy:tag[.='a']")), rule("deny", path("/toy:shop/toy:tag"))], ["a"]),
    ],
)
def test_a_rule_for_one_value_of_a_leaf_list_hides_or_shows_that_alone(rules: list[str], seen: list[str]) -> None:
    tags = "".join(f"<tag>{value}</tag>" for value in "abc")
    wire = ShopServer(nacm(*rules, rule("permit")) + shop_xml(f"<name>corner</name>{tags}")).connect("ann")
    for filter_ in ("", "<tag/>"):
        assert texts(wire.get_config(f'<shop xmlns="urn:toy">{filter_}</shop>'), "toy:shop/toy:tag") == seen
    for value in "abc":
        matched = wire.get_config(f'<shop xmlns="urn:toy"><name/><tag>{value}</tag></shop>')
        assert texts(matched, "toy:shop/toy:name") == ["corner"] * (value in seen)
        selected = wire.rpc(
            f'<get><filter type="xpath" xmlns:t="urn:toy" select="/t:shop/t:tag[.=\'{value}\']"/></get>'
        )
        assert texts(selected, "nc:data/toy:shop/toy:tag") == [value] * (value in seen)


def test_an_xpath_sees_no_more_than_its_reader() -> None:
    rules = nacm(rule("deny", path(f"{SHELF}[toy:row='1'][toy:column='ann']/toy:label")), rule("permit"))
    wire = ShopServer(rules + shop_xml(SHELVES)).connect("ann")
    select = "/t:shop/t:shelf[starts-with(t:label, '1') or t:label='2ann']"
    reply = wire.rpc(f'<get><filter type="xpath" xmlns:t="urn:toy" select="{select}"/></get>')
    assert texts(reply, f"nc:data/{LABELS}") == ["1ben", "2ann"]
    assert len(texts(reply, "nc:data/toy:shop/toy:shelf")) == 2


# Changes.


def ann(*rules: str) -> Wire:
    """Return a client for whom rules hold, of a shop with shelves."""
    return ShopServer(nacm(*rules, rule("permit")) + shop_xml(SHELVES)).connect("ann")


def edit(row: int, column: str) -> str:
    """Return an edit of the label of a shelf."""
    return edit_config(shop_xml(f"<shelf><row>{row}</row><column>{column}</column><label>new</label></shelf>"))


def test_a_rule_keeps_the_entries_that_its_keys_name_from_being_changed_and_no_others() -> None:
    wire = ann(rule("deny", path(f"{SHELF}[toy:row='1'][toy:column='ann']"), "create update delete"))
    assert tags_of(wire.rpc(edit(1, "ann"))) == ["access-denied"]
    assert is_ok(wire.rpc(edit(2, "ann")))
    assert is_ok(wire.rpc(edit(1, "new")))


def test_a_rule_lets_the_entries_that_its_keys_name_be_changed_and_no_others() -> None:
    mine = rule("permit", path(f"{SHELF}[toy:row='1'][toy:column=$USER]"))
    wire = ann(mine, rule("deny", path(SHELF), "create update delete"))
    assert is_ok(wire.rpc(edit(1, "ann")))
    assert tags_of(wire.rpc(edit(1, "ben"))) == ["access-denied"]


def test_a_value_of_a_leaf_list_is_named_by_itself() -> None:
    control = access(nacm(rule("deny", path("/toy:shop/toy:tag[.='a']")), rule("permit")))
    tree = configuration('<shop xmlns="urn:toy"><tag>a</tag><tag>b</tag></shop>')
    assert serialized(control.readable(ANN, tree)) == '<shop xmlns="urn:toy"><tag>b</tag></shop>'
    tag = toy_schema().node("/toy:shop/tag")
    steps = [(PathStep(toy_schema().node("/toy:shop")), PathStep(tag, (value,))) for value in ("a", "b")]
    assert [control.may_access(ANN, tag, AccessOperation.UPDATE, step) for step in steps] == [False, True]


# What cannot be told.


@pytest.mark.parametrize("position", ["[1]", "[toy:label='x']"])
def test_a_rule_for_what_only_the_data_tells_denies_more_and_never_permits_more(position: str) -> None:
    of, node = label("1", "ann"), toy_schema().node("/toy:shop/shelf/label")
    denies = access(nacm(rule("deny", path(f"{SHELF}{position}")), rule("permit")))
    permits = access(nacm(rule("permit", path(f"{SHELF}{position}")), settings=DENY_READ))
    assert not denies.may_access(ANN, node, AccessOperation.READ, of)
    assert not permits.may_access(ANN, node, AccessOperation.READ, of)


def test_quotes_and_brackets_in_a_key_are_part_of_it() -> None:
    tricky = "]/toy:x[\"'a"[:-2]
    control = access(nacm(rule("deny", path(f"{SHELF}[toy:row='1'][toy:column='{tricky}']")), rule("permit")))
    node = toy_schema().node("/toy:shop/shelf/label")
    assert not control.may_access(ANN, node, AccessOperation.READ, label("1", tricky))
    assert control.may_access(ANN, node, AccessOperation.READ, label("1", "x"))


# Who no rule holds for.


def test_no_rule_holds_for_a_session_of_recovery() -> None:
    """RFC 8341 section 3.1.1: so that a mistake in the rules can be mended."""
    server = ShopServer(nacm(rule("deny"), users=("root",)), recovery_users=frozenset({"root"}))
    wire = server.connect("root")
    assert len(wire.get_config())
    assert is_ok(wire.rpc(edit_config(shop_xml("<secret>s</secret>"))))
    other = ShopServer(nacm(rule("deny"), users=("root",))).connect("root")
    assert tags_of(other.rpc("<get/>")) == ["access-denied"]
