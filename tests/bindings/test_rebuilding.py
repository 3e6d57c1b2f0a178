"""After a change only what has changed is built anew, and all is as if all of it were."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.bindings.interfaces import INTERFACES
from agent.bindings.ipsec import IPSEC
from agent.core.config import EsInterface
from agent.datastore.edit import parse_configuration
from agent.datastore.instances import instance, with_value, without
from agent.datastore.registry import Bindings, Built
from agent.datastore.transaction import locate
from agent.datastore.tree import Branch, find
from tests.support.chapter import registry
from tests.support.tunnels import interface, tunnels, unit

PIC = "/ietf-interfaces:interfaces/interface[name='es-0/0/0']"
UNIT = PIC + "/ipsec-agent-interfaces:unit[id='1']"
SA = "/ipsec-agent-ipsec:ipsec/security-association[name='{}']"
KEY = SA.format("manual") + "/manual/direction[direction='inbound']/spi"
CHANGES = (
    (PIC + "/description", None),
    (PIC + "/description", "another"),
    (PIC + "/type", "ipsec-agent-interfaces:es-pic"),
    (PIC + "/type", "iana-if-type:other"),
    (UNIT + "/tunnel/destination", "203.0.113.9"),
    (UNIT + "/family-inet/ipsec-sa", "dynamic"),
    (UNIT, None),
    (KEY, "4000"),
    (SA.format("dynamic"), None),
    (SA.format("manual"), None),
    ("/ipsec-agent-ipsec:ipsec/proposal[name='strong']/encryption-algorithm", "des-cbc"),
    ("/ipsec-agent-ipsec:ipsec", None),
)


@cache
def configuration() -> Branch:
    xml = tunnels().replace("<name>es-0/0/0</name>", "<name>es-0/0/0</name><description>one</description>")
    xml = xml.replace("</interfaces>", interface("es-0/0/1", unit(7, "none")) + "</interfaces>")
    return parse_configuration(registry().schema, etree.fromstring(f"<config>{xml}</config>"))


def changed(root: Branch, where: str, value: str | None) -> Branch:
    path = locate(registry().schema, where)
    assert path, where
    if instance(root, path) is None:
        return root
    return without(root, path) if value is None else with_value(root, path, value)


def unsealed(node: object, value: str) -> str:
    return value


@pytest.mark.parametrize("bindings", [INTERFACES, IPSEC])
@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3), max_size=4))
def test_what_is_rebuilt_is_what_would_be_built(
    bindings: Bindings, changes: list[list[tuple[str, str | None]]]
) -> None:
    (binding,) = bindings.configs
    assert binding.rebuild is not None
    root = configuration()
    before: Built | None = None
    for step in [[], *changes]:
        for where, value in step:
            root = changed(root, where, value)
        branch = find(registry().schema, root, binding.path) or Branch(registry().schema.node(binding.path))
        built = binding.build(branch, unsealed)
        if before is not None:
            assert binding.rebuild(branch, unsealed, before) == built
        before = Built(branch, built if before is None else binding.rebuild(branch, unsealed, before))


def test_units_that_have_not_changed_are_those_of_before() -> None:
    (binding,) = INTERFACES.configs
    assert binding.rebuild is not None
    branches = [
        find(registry().schema, root, binding.path)
        for root in (configuration(), changed(configuration(), UNIT + "/tunnel/destination", "203.0.113.9"))
    ]
    old, new = [branch for branch in branches if branch is not None]
    before = binding.build(old, unsealed)
    after = binding.rebuild(new, unsealed, Built(old, before))
    assert isinstance(before, tuple)
    assert isinstance(after, tuple)
    pics = [pic for pic in (*before, *after) if isinstance(pic, EsInterface)]
    assert len(pics) == 4
    assert pics[2].units[0] is pics[0].units[0]
    assert pics[2].units[1] != pics[0].units[1]
    assert pics[3] is pics[1]
