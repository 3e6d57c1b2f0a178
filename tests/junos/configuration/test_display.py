"""Parts of a configuration: below a path of words, and what an element asks for."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from agent.junos.router import Format, Refused
from tests.support.junos_configuration import ConfiguredRouter


@pytest.fixture(scope="module")
def router() -> ConfiguredRouter:
    return ConfiguredRouter()


def test_the_whole_says_who_committed_it_and_when(router: ConfiguredRouter) -> None:
    caller_lines = list(router.face.show(router.connect().session.caller, "", Format.TEXT))  # type: ignore[attr-defined]
    assert caller_lines[0] == "## Last commit: 2003-03-10 12:00:00 UTC by root"
    assert caller_lines[1] == "interfaces {"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("security ike proposal ike-proposal dh-group", ["dh-group group2;"]),
        ("security ike policy 3.3.3.3 proposals", ["proposals ike-proposal;"]),
        ("interfaces es-1/3/0 es-options", ["backup-interface es-1/1/0;"]),
        ("interfaces es-1/3/0 unit 0 family inet", ["ipsec-sa sa-dynamic;"]),
        ("interfaces es-1/1/0", []),
        ("security ike proposal other", []),
        ("system", []),
    ],
)
def test_what_stands_below_a_path_is_shown(router: ConfiguredRouter, path: str, expected: list[str]) -> None:
    assert router.text(path) == expected


def test_a_list_without_a_name_shows_every_entry(router: ConfiguredRouter) -> None:
    shown = [line for line in router.text("security ike policy") if not line.startswith(" ")]
    assert shown == ["policy 4.4.4.4 {", "}", "policy 3.3.3.3 {", "}"]


def test_a_path_that_leads_nowhere_is_refused(router: ConfiguredRouter) -> None:
    with pytest.raises(Refused, match="syntax error"):
        router.text("security firewall")


def test_a_part_as_elements_has_the_levels_around_it_and_nothing_beside(router: ConfiguredRouter) -> None:
    configuration = etree.fromstring("\n".join(router.text("security ike policy 3.3.3.3 mode", Format.XML)))
    assert [etree.QName(each).localname for each in configuration.iter(etree.Element)] == [
        "configuration",
        "security",
        "ike",
        "policy",
        "name",
        "mode",
    ]


def test_a_part_as_an_object_has_the_levels_around_it_and_nothing_beside(router: ConfiguredRouter) -> None:
    document = json.loads("\n".join(router.text("interfaces es-1/3/0 es-options", Format.JSON)))
    assert document["configuration"]["interfaces"] == {
        "interface": [{"name": "es-1/3/0", "es-options": {"backup-interface": "es-1/1/0"}}]
    }
    assert document["configuration"]["@"]["junos:commit-user"] == "root"
    assert "security" not in document["configuration"]
