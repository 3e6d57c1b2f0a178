"""get-data and edit-data, RFC 8526, and the origins of RFC 8342: datastores, filters that are ANDed, refusals."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.stores import Datastore
from tests.support.access import nacm, path, rule
from tests.support.editor import OPEN_DOORS
from tests.support.edits import serialized, shop
from tests.support.netconf_wire import NAMESPACES, Wire, error, texts
from tests.support.shop import Customer, ShopServer, toy_schema

NMDA: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DATASTORES: Final = "urn:ietf:params:xml:ns:yang:ietf-datastores"
ORIGIN: Final = "urn:ietf:params:xml:ns:yang:ietf-origin"
PREFIXES: Final = f'xmlns="{NMDA}" xmlns:ds="{DATASTORES}" xmlns:or="{ORIGIN}" xmlns:t="urn:toy"'
SHOP: Final = '<subtree-filter><shop xmlns="urn:toy"/></subtree-filter>'
CONFIG: Final = shop(
    "<name>corner</name><from>8</from><rules><favourite>tea</favourite></rules>"
    "<shelf><row>1</row><column>left</column><label>tea</label></shelf>"
)


def shop_server(config: str = CONFIG) -> ShopServer:
    """Return a shop with a configured shelf and one that is only there, and a customer."""
    server = ShopServer(config)
    server.shop.sold = 1
    server.shop.weights = {(1, "left"): 5, (2, "left"): 7}
    server.shop.customers = {1: Customer(1, "Ann", {"tea": 2})}
    return server


def get_data(parameters: str = "", datastore: str = "operational", filter_: str = SHOP) -> str:
    """Return a get-data, of the shop unless there is another filter."""
    return f"<get-data {PREFIXES}><datastore>ds:{datastore}</datastore>{filter_}{parameters}</get-data>"


def edit_data(config: str, parameters: str = "", datastore: str = "running") -> str:
    """Return an edit-data."""
    content = f"<config>{config}</config>"
    return f"<edit-data {PREFIXES}><datastore>ds:{datastore}</datastore>{parameters}{content}</edit-data>"


def read(wire: Wire, parameters: str = "", datastore: str = "operational", filter_: str = SHOP) -> etree._Element:
    """Return the data of a get-data, after libyang has judged it."""
    reply = wire.rpc(get_data(parameters, datastore, filter_))
    data = reply.find(f"{{{NMDA}}}data")
    assert data is not None, etree.tostring(reply)
    assert [child.tag for child in reply] == [data.tag]
    content = b"".join(etree.tostring(child, with_tail=False) for child in data)
    assert toy_schema().parse_data(content, whole=False) == ()
    return data


def shown(parameters: str = "", datastore: str = "operational", filter_: str = SHOP) -> list[str]:
    """Return the paths of the elements of the shop that a get-data gives, without the names of entries."""
    data = read(shop_server().connect(), parameters, datastore, filter_)
    tree = etree.ElementTree(data)
    return [tree.getelementpath(element).replace("{urn:toy}", "") for element in data.iterdescendants(etree.Element)]


def origins(data: etree._Element) -> dict[str, str]:
    """Return the origins that are written, by the paths of the elements."""
    tree = etree.ElementTree(data)
    return {
        tree.getelementpath(element).replace("{urn:toy}", ""): found
        for element in data.iterdescendants(etree.Element)
        if (found := element.get(f"{{{ORIGIN}}}origin")) is not None
    }


# Datastores.


@pytest.mark.parametrize("datastore", ["running", "intended", "candidate"])
def test_a_datastore_of_configuration_has_what_was_configured_and_no_state(datastore: str) -> None:
    found = shown(datastore=datastore)
    assert "shop/name" in found
    assert "shop/shelf/label" in found
    for path_ in ("shop/greeting", "shop/totals", "shop/shelf/weight", "shop/customer"):
        assert path_ not in found


def test_startup_is_what_was_kept() -> None:
    server = shop_server()
    assert len(read(server.connect(), datastore="startup")) == 0
    server.stores.replace(Datastore.STARTUP, server.stores.running)
    assert texts(read(server.connect(), datastore="startup"), "toy:shop/toy:name") == ["corner"]


def test_operational_has_the_configuration_its_defaults_and_the_state() -> None:
    found = shown()
    for path_ in ("shop/name", "shop/greeting", "shop/rules/limit", "shop/totals/sold", "shop/shelf[2]/weight"):
        assert path_ in found
    assert "shop/customer/purchase/article" in found


def test_without_a_filter_everything_is_given_and_with_an_empty_one_nothing() -> None:
    wire = shop_server().connect()
    assert len(read(wire, filter_="")) > 2
    assert len(read(wire, filter_="<subtree-filter/>")) == 0


@pytest.mark.parametrize("datastore", ["dynamic", "conventional", "bogus"])
@pytest.mark.parametrize("operation", [get_data, lambda datastore: edit_data(CONFIG, datastore=datastore)])
def test_a_datastore_that_there_is_not_is_refused(datastore: str, operation: object) -> None:
    assert callable(operation)
    server = shop_server()
    found = error(server.connect().rpc(operation(datastore=datastore)))
    assert found["error-tag"] == "invalid-value"
    assert found["error-path"].endswith("/ncds:datastore")


# Filters.


def test_an_xpath_selects_in_the_datastore_that_is_asked_for() -> None:
    weight = "<xpath-filter>/t:shop/t:shelf[t:weight &gt; 5]/t:row</xpath-filter>"
    assert shown(filter_=weight) == ["shop", "shop/shelf", "shop/shelf/row", "shop/shelf/column"]
    assert shown(filter_=weight, datastore="running") == []


def test_what_is_no_xpath_is_refused() -> None:
    for expression in ("/t:shop[", "count(/t:shop)", "/x:shop"):
        found = error(shop_server().connect().rpc(get_data(filter_=f"<xpath-filter>{expression}</xpath-filter>")))
        assert found["error-tag"] == "invalid-value"


def test_two_filters_are_one_too_many() -> None:
    both = f"{SHOP}<xpath-filter>/t:shop</xpath-filter>"
    assert error(shop_server().connect().rpc(get_data(filter_=both)))["error-tag"] == "bad-element"


def test_what_may_not_be_read_is_not_given() -> None:
    server = shop_server(CONFIG + nacm(rule("deny", path("/toy:shop/toy:name"))))
    assert texts(read(server.connect("bob")), ".//toy:name") == ["corner", "Ann"]
    assert texts(read(server.connect("ann")), ".//toy:name") == ["Ann"]


def test_configuration_alone_has_no_state_but_what_the_system_configures() -> None:
    found = shown("<config-filter>true</config-filter>")
    assert {"shop/name", "shop/greeting", "shop/shelf[2]/row"} <= set(found)
    assert not {path_ for path_ in found if "weight" in path_ or "totals" in path_ or "customer" in path_}


def test_state_alone_has_no_configuration_but_what_is_above_it_with_its_keys() -> None:
    found = shown("<config-filter>false</config-filter>")
    assert {"shop", "shop/shelf[1]/row", "shop/shelf[1]/weight", "shop/totals/sold", "shop/customer/name"} <= set(found)
    assert not {"shop/name", "shop/greeting", "shop/rules", "shop/shelf[1]/label"} & set(found)


def test_of_configuration_there_is_no_state() -> None:
    assert shown("<config-filter>false</config-filter>", "running") == []


@pytest.mark.parametrize(
    ("depth", "there", "absent"),
    [
        ("1", {"shop"}, {"shop/name", "shop/totals"}),
        (
            "2",
            {"shop/name", "shop/rules", "shop/totals", "shop/customer/number"},
            {"shop/rules/limit", "shop/customer/name"},
        ),
        (
            "3",
            {"shop/rules/limit", "shop/customer/name", "shop/customer/purchase/article"},
            {"shop/customer/purchase/count"},
        ),
        ("unbounded", {"shop/customer/purchase/count"}, set()),
        ("65535", {"shop/customer/purchase/count"}, set()),
    ],
)
def test_no_more_levels_are_shown_than_are_asked_for(depth: str, there: set[str], absent: set[str]) -> None:
    found = set(shown(f"<max-depth>{depth}</max-depth>"))
    assert there <= found
    assert not absent & found


def test_levels_are_counted_from_what_is_selected() -> None:
    selected = "<xpath-filter>/t:shop/t:customer/t:purchase | /t:shop/t:totals</xpath-filter>"
    assert shown("<max-depth>1</max-depth>", filter_=selected) == [
        "shop",
        "shop/totals",
        "shop/customer",
        "shop/customer/number",
        "shop/customer/purchase",
        "shop/customer/purchase/article",
    ]


def test_what_is_empty_is_not_shown_at_its_depth_either() -> None:
    data = read(ShopServer(shop("<name>corner</name>")).connect(), "<max-depth>2</max-depth>", "running")
    assert [child.tag for child in data[0]] == ["{urn:toy}name"]


@pytest.mark.parametrize("depth", ["0", "65536", "deep"])
def test_a_depth_that_is_none_is_refused(depth: str) -> None:
    found = error(shop_server().connect().rpc(get_data(f"<max-depth>{depth}</max-depth>")))
    assert found["error-tag"] == "invalid-value"


# Defaults.


def test_the_mode_of_defaults_can_be_chosen() -> None:
    def mode(name: str, datastore: str) -> list[str]:
        return shown(f"<with-defaults>{name}</with-defaults>", datastore)

    assert "shop/greeting" not in mode("explicit", "operational")
    assert "shop/totals" in mode("explicit", "operational")
    assert "shop/greeting" in mode("report-all", "running")
    assert "shop/totals" not in mode("report-all", "running")


# Origins (RFC 8342 section 5.3.4).


def test_each_node_has_the_origin_of_its_parent_unless_it_says_otherwise() -> None:
    assert origins(read(shop_server().connect(), "<with-origin/>")) == {
        "shop": "or:intended",
        "shop/greeting": "or:default",
        "shop/until": "or:default",
        "shop/rules/limit": "or:default",
        "shop/shelf[2]": "or:system",
    }


def test_what_is_of_the_system_as_a_whole_says_so_once() -> None:
    server = ShopServer()
    server.shop.weights = {(2, "left"): 7}
    explicit = "<with-defaults>explicit</with-defaults>"
    assert origins(read(server.connect(), f"<with-origin/>{explicit}")) == {"shop": "or:system"}


def test_a_default_can_be_tagged_and_have_its_origin() -> None:
    tagged = "<with-defaults>report-all-tagged</with-defaults>"
    (greeting,) = read(shop_server().connect(), f"<with-origin/>{tagged}").iter("{urn:toy}greeting")
    assert dict(greeting.items()) == {
        "{urn:ietf:params:xml:ns:netconf:default:1.0}default": "true",
        f"{{{ORIGIN}}}origin": "or:default",
    }


def test_no_origin_is_shown_that_is_not_asked_for() -> None:
    assert origins(read(shop_server().connect())) == {}


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ("<origin-filter>or:default</origin-filter>", {"greeting", "until", "limit"}),
        ("<origin-filter>or:system</origin-filter>", {"row", "column"}),
        ("<negated-origin-filter>or:default</negated-origin-filter>", {"name", "from", "favourite", "label"}),
        ("<origin-filter>or:learned</origin-filter>", set()),
        (
            "<origin-filter>or:default</origin-filter><origin-filter>or:intended</origin-filter>",
            {"greeting", "until", "limit", "name", "from", "favourite", "label"},
        ),
        ("<negated-origin-filter>or:learned</negated-origin-filter>", {"greeting", "name", "label"}),
    ],
)
def test_configuration_is_filtered_by_its_origin(filters: str, wanted: set[str]) -> None:
    data = read(shop_server().connect(), f"<config-filter>true</config-filter>{filters}")
    found = {etree.QName(leaf).localname for leaf in data.iter("{urn:toy}*") if not len(leaf)}
    assert wanted <= found
    assert not ({"greeting", "name", "label"} - wanted) & found


def test_the_entries_of_the_system_are_those_without_the_configured_ones() -> None:
    system = "<config-filter>true</config-filter><origin-filter>or:system</origin-filter>"
    assert texts(read(shop_server().connect(), system), ".//toy:row") == ["2"]


def test_state_is_not_filtered_by_origin() -> None:
    found = shown("<origin-filter>or:learned</origin-filter>")
    assert {"shop/totals/sold", "shop/shelf[1]/weight", "shop/customer/name"} <= set(found)
    assert "shop/name" not in found


@pytest.mark.parametrize(
    "parameter",
    [
        "<with-origin/>",
        "<origin-filter>or:intended</origin-filter>",
        "<negated-origin-filter>or:intended</negated-origin-filter>",
    ],
)
@pytest.mark.parametrize("datastore", ["running", "intended", "startup"])
def test_no_other_datastore_has_origins(parameter: str, datastore: str) -> None:
    found = error(shop_server().connect().rpc(get_data(parameter, datastore)))
    assert found["error-tag"] == "invalid-value"
    assert found["error-path"].startswith("/ncds:get-data/")


# edit-data.


def test_running_is_edited() -> None:
    server = ShopServer(OPEN_DOORS + shop("<name>corner</name>"))
    wire = server.connect()
    reply = wire.rpc(edit_data(shop("<tag>a</tag>")))
    assert [etree.QName(child).localname for child in reply] == ["ok"]
    reply = wire.rpc(edit_data(shop("<name>other</name>"), "<default-operation>replace</default-operation>"))
    assert [etree.QName(child).localname for child in reply] == ["ok"]
    assert serialized(server.stores.running).count("<tag>") == 0
    assert "<name>other</name>" in serialized(server.stores.running)


def test_an_edit_with_an_error_changes_nothing_and_tells_all_that_is_wrong() -> None:
    server = ShopServer(OPEN_DOORS + shop("<name>corner</name>"))
    before = server.stores.running
    reply = server.connect().rpc(edit_data(shop("<tag>a</tag><bogus/><from>x</from>")))
    assert len(reply.findall("nc:rpc-error", NAMESPACES)) == 2
    assert server.stores.running is before


@pytest.mark.parametrize("datastore", ["operational", "intended"])
def test_what_is_only_read_is_not_edited(datastore: str) -> None:
    server = ShopServer(OPEN_DOORS)
    found = error(server.connect().rpc(edit_data(shop("<name>corner</name>"), datastore=datastore)))
    assert (found["error-tag"], found["error-path"]) == ("invalid-value", "/ncds:edit-data/ncds:datastore")


def test_a_locked_datastore_is_not_edited() -> None:
    server = ShopServer(OPEN_DOORS)
    server.stores.lock(Datastore.RUNNING, 99)
    assert error(server.connect().rpc(edit_data(shop("<name>corner</name>"))))["error-tag"] == "in-use"


def test_an_edit_without_content_is_refused() -> None:
    found = error(ShopServer(OPEN_DOORS).connect().rpc(edit_data("").replace("<config></config>", "")))
    assert found["error-tag"] in ("missing-element", "data-missing")


# lock, unlock and validate take a datastore too (sections 3.2 and 3.3).


def named(operation: str, parameter: str, datastore: str) -> str:
    """Return an operation on a datastore that an identity names."""
    inner = f'<datastore xmlns="{NMDA}" xmlns:ds="{DATASTORES}">ds:{datastore}</datastore>'
    return f"<{operation}><{parameter}>{inner}</{parameter}></{operation}>"


def test_a_datastore_is_locked_and_released_by_its_identity() -> None:
    server = ShopServer()
    wire = server.connect()
    wire.rpc(named("lock", "target", "running"))
    held = server.stores.lock_of(Datastore.RUNNING)
    assert held is not None
    assert held.session_id == 1
    wire.rpc(named("unlock", "target", "running"))
    assert server.stores.lock_of(Datastore.RUNNING) is None


def test_a_datastore_is_validated_by_its_identity() -> None:
    reply = ShopServer().connect().rpc(named("validate", "source", "running"))
    assert [etree.QName(child).localname for child in reply] == ["ok"]


@pytest.mark.parametrize(("operation", "parameter"), [("lock", "target"), ("unlock", "target"), ("validate", "source")])
def test_what_is_operational_is_neither_locked_nor_validated(operation: str, parameter: str) -> None:
    found = error(ShopServer().connect().rpc(named(operation, parameter, "operational")))
    assert found["error-tag"] == "invalid-value"
    assert found["error-path"] == f"/nc:{operation}/nc:{parameter}/ncds:datastore"


def test_the_defaults_of_what_is_operational_are_announced() -> None:
    announced = ShopServer().server.capabilities
    (uri,) = (uri for uri in announced if "with-operational-defaults" in uri)
    assert "basic-mode=report-all&" in uri
