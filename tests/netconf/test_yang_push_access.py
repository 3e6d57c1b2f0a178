"""What a subscriber to a datastore may read is what it is told of, whatever the rules come to be (RFC 8641)."""

from __future__ import annotations

from typing import Final

from lxml import etree

from tests.support.access import nacm, path, rule
from tests.support.market import CUSTOMERS, Market
from tests.support.netconf_wire import Wire, error
from tests.support.push import datastore, establish, established, messages, names, told_edits

CUSTOMER: Final = "/toy:shop/customer"
WRITER: Final = nacm(rule("permit"))


def watching(market: Market, user: str) -> Wire:
    """Return a subscriber to what changes of the customers, that has been told everything."""
    wire = market.connect(user)
    established(wire, datastore("operational", CUSTOMERS))
    assert names(wire) == ["push-update"]
    return wire


def test_what_the_receiver_may_not_read_is_neither_sent_nor_told() -> None:
    market = Market(nacm(rule("deny", path("/toy:shop/toy:customer/toy:name")), rule("permit")))
    market.come(1, "ann")
    wire = market.connect("ann")
    established(wire, datastore("operational", CUSTOMERS))
    (sync,) = messages(wire)
    assert "number" in etree.tostring(sync).decode()
    assert "name" not in {etree.QName(each).localname for each in sync.iter()}
    market.come(1, "anna")
    assert names(wire) == []


def test_whoever_may_read_nothing_of_a_selection_cannot_subscribe_to_it() -> None:
    market = Market(nacm(rule("deny", path("/toy:shop")), rule("permit")))
    refused = error(market.connect("ann").rpc(establish(datastore("operational", CUSTOMERS))))
    assert refused["error-app-tag"] == "ietf-yang-push:unchanging-selection"


def test_access_that_is_lost_deletes_and_access_that_is_gained_creates() -> None:
    market = Market(WRITER)
    market.come(1, "ann")
    wires = watching(market, "ann"), watching(market, "bob")
    market.configure(nacm(rule("deny", path("/toy:shop/toy:customer/toy:name")), rule("permit")))
    assert told_edits(wires[0]) == [("delete", f"{CUSTOMER}=1/name")]
    assert told_edits(wires[1]) == []
    market.come(1, "anna")
    assert told_edits(wires[0]) == []
    market.configure(WRITER)
    assert told_edits(wires[0]) == [("create", f"{CUSTOMER}=1/name")]
    market.come(1, "ann")
    assert told_edits(wires[0]) == [("replace", f"{CUSTOMER}=1/name")]


def test_those_who_come_to_see_the_same_are_told_alike_from_then_on() -> None:
    hidden = rule("deny", path("/toy:shop/toy:customer/toy:name"))
    market = Market(nacm(hidden, rule("permit")))
    market.come(1, "ann")
    wires = watching(market, "ann"), watching(market, "bob")
    market.configure(nacm(rule("permit"), users=("ann", "bob")))
    assert [told_edits(wire) for wire in wires] == [[("create", f"{CUSTOMER}=1/name")], []]
    market.shop.looked_up.clear()
    market.come(1, "anna")
    assert [told_edits(wire) for wire in wires] == [[("replace", f"{CUSTOMER}=1/name")]] * 2
    assert market.shop.looked_up == [("1",)]


def test_a_rule_for_one_entry_hides_that_entry_alone() -> None:
    market = Market(nacm(rule("deny", path("/toy:shop/toy:customer[toy:number='2']")), rule("permit")))
    market.come(1, "eve")
    market.come(2, "zoe")
    wire = market.connect("ann")
    established(wire, datastore("operational", CUSTOMERS))
    (sync,) = messages(wire)
    assert [name.text for name in sync.iter("{urn:toy}name")] == ["eve"]
    market.come(2, "zora")
    assert names(wire) == []
    market.go(2)
    assert names(wire) == []
    market.come(1, "eva")
    assert told_edits(wire) == [("replace", f"{CUSTOMER}=1/name")]


def test_a_rule_for_one_entry_shows_that_entry_alone() -> None:
    only = rule("permit", path("/toy:shop/toy:customer[toy:number='2']"))
    market = Market(nacm(only, rule("deny", path("/toy:shop/toy:customer")), rule("permit")))
    market.come(1, "eve")
    market.come(2, "zoe")
    wire = market.connect("ann")
    established(wire, datastore("operational", CUSTOMERS))
    (sync,) = messages(wire)
    assert [name.text for name in sync.iter("{urn:toy}name")] == ["zoe"]
    market.come(1, "eva")
    market.come(3, "tom")
    assert names(wire) == []
    market.go(2)
    market.come(2, "zora")
    market.go(1)
    assert told_edits(wire) == [("replace", f"{CUSTOMER}=2/name")], "it came and went within one instant"


def test_a_rule_for_a_leaf_of_one_entry_hides_that_leaf_alone() -> None:
    hidden = rule("deny", path("/toy:shop/toy:customer[toy:number='2']/toy:name"))
    market = Market(nacm(hidden, rule("permit")))
    market.come(1, "eve")
    market.come(2, "zoe")
    wire = watching(market, "ann")
    market.come(2, "zora", tea=1)
    market.come(1, "eva")
    assert told_edits(wire) == [
        ("create", f"{CUSTOMER}=2/purchase=tea"),
        ("replace", f"{CUSTOMER}=1/name"),
    ]


def test_a_rule_for_one_value_of_a_leaf_list_hides_that_value_alone() -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:tag[.='a']")), rule("permit"))
    market = Market(f'{rules}<shop xmlns="urn:toy"><tag>z</tag></shop>')
    wire = market.connect("ann")
    established(wire, datastore("running", '<shop xmlns="urn:toy"><tag/></shop>'))
    assert names(wire) == ["push-update"]
    market.configure(f'{rules}<shop xmlns="urn:toy"><tag>z</tag><tag>a</tag><tag>b</tag></shop>')
    assert told_edits(wire) == [("create", "/toy:shop/tag=b")]


def test_who_is_in_the_same_groups_does_not_see_what_is_anothers_own() -> None:
    """What a rule says of $USER differs between users of one group."""
    of_user = rule("deny", path("/toy:shop/toy:queue[toy:name=$USER]"))
    rules, queue = nacm(of_user, rule("permit"), users=("ann", "bob")), "<queue><name>{}</name></queue>".format
    market = Market(f'{rules}<shop xmlns="urn:toy">{queue("zoe")}</shop>')
    wires = [market.connect(user) for user in ("ann", "bob")]
    for wire in wires:
        established(wire, datastore("running", '<shop xmlns="urn:toy"><queue/></shop>'))
        assert names(wire) == ["push-update"]
    market.configure(f'{rules}<shop xmlns="urn:toy">{"".join(map(queue, ("zoe", "ann", "bob")))}</shop>')
    assert told_edits(wires[0]) == [("insert", "/toy:shop/queue=bob")]
    assert told_edits(wires[1]) == [("insert", "/toy:shop/queue=ann")]


def test_a_recovery_user_and_one_in_its_groups_do_not_see_the_same() -> None:
    market = Market(nacm(rule("deny", path("/toy:shop/toy:customer/toy:name")), rule("permit"), users=("ann", "root")))
    market.server.let_recover({"root"})
    market.come(1, "eve")
    root, ann = watching(market, "root"), watching(market, "ann")
    market.come(1, "eva")
    assert told_edits(root) == [("replace", f"{CUSTOMER}=1/name")]
    assert names(ann) == []


def test_who_is_no_recovery_user_any_more_sees_no_more_than_the_rules_permit_in_the_same_session() -> None:
    market = Market(nacm(rule("deny", path("/toy:shop/toy:customer/toy:name")), rule("permit"), users=("root",)))
    market.server.let_recover({"root"})
    market.come(1, "eve")
    root = watching(market, "root")
    market.server.let_recover(())
    assert told_edits(root) == [("delete", f"{CUSTOMER}=1/name")]
    assert "name" not in {etree.QName(each).localname for each in root.get(CUSTOMERS).iter()}
