"""The YANG library, RFC 8525, and modules-state for older clients: what the server says it has is what it has."""

from __future__ import annotations

from typing import Final

from lxml import etree

from tests.support.netconf_wire import Wire
from tests.support.shop import ShopServer, toy_schema

LIBRARY: Final = "urn:ietf:params:xml:ns:yang:ietf-yang-library"


def read(content: str, wire: Wire | None = None) -> etree._Element:
    """Return a part of the library; libyang judges it."""
    return (wire or ShopServer().connect()).get(content)


def library(content: str) -> etree._Element:
    """Return a part of yang-library."""
    return read(f'<yang-library xmlns="{LIBRARY}">{content}</yang-library>')


def values(data: etree._Element, path: str) -> list[str]:
    """Return the texts at a path of elements of the library."""
    steps = "//".join(f"{{{LIBRARY}}}{step}" for step in path.split("/"))
    return [element.text or "" for element in data.iterfind(f".//{steps}")]


def test_every_implemented_module_is_listed_with_its_revision_and_namespace() -> None:
    data = library("<module-set><module/></module-set>")
    modules = toy_schema().modules.values()
    assert values(data, "module/name") == [module.name for module in modules]
    assert values(data, "module/namespace") == [module.namespace for module in modules]
    assert values(data, "module/revision") == [module.revision for module in modules if module.revision]


def test_imported_modules_are_listed_apart() -> None:
    data = library("<module-set><import-only-module/></module-set>")
    listed = list(
        zip(values(data, "import-only-module/name"), values(data, "import-only-module/revision"), strict=True)
    )
    assert sorted(listed) == sorted((module.name, module.revision) for module in toy_schema().imported)


def test_one_module_is_looked_up_by_its_name() -> None:
    data = library("<module-set><name>all</name><module><name>toy</name></module></module-set>")
    assert values(data, "module/namespace") == ["urn:toy"]


def test_the_content_id_is_that_of_the_hello() -> None:
    wire = ShopServer().open()
    announced = next(str(uri.text) for uri in wire.hello().iter("{*}capability") if "yang-library:1.1" in str(uri.text))
    data = read(f'<yang-library xmlns="{LIBRARY}"><content-id/></yang-library>', wire)
    assert announced.endswith(f"content-id={values(data, 'content-id')[0]}")


def test_every_datastore_has_the_schema_of_all_modules() -> None:
    data = library("<schema/><datastore/>")
    assert values(data, "schema/name") == ["all"]
    assert values(data, "schema/module-set") == ["all"]
    names = ["ds:running", "ds:candidate", "ds:startup", "ds:intended", "ds:operational"]
    assert sorted(values(data, "datastore/name")) == sorted(names)
    assert values(data, "datastore/schema") == ["all"] * len(names)


def test_one_datastore_is_looked_up_by_its_identity() -> None:
    identity = '<name xmlns:x="urn:ietf:params:xml:ns:yang:ietf-datastores">x:running</name>'
    assert values(library(f"<datastore>{identity}<schema/></datastore>"), "datastore/schema") == ["all"]


def test_older_clients_find_the_same_modules_in_modules_state() -> None:
    data = read(f'<modules-state xmlns="{LIBRARY}"/>')
    schema = toy_schema()
    wanted = [(module.name, "implement") for module in schema.modules.values()]
    wanted += [(module.name, "import") for module in schema.imported]
    assert list(zip(values(data, "module/name"), values(data, "module/conformance-type"), strict=True)) == wanted
    assert values(data, "module-set-id") == [schema.content_id]
