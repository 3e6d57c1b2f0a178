"""Secrets: never shown as they were given, and taken back sealed."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.bindings.secrets import Secrets
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.datastore.edit import parse_configuration
from agent.datastore.values import InvalidValue
from tests.support.chapter import Emulation, registry
from tests.support.netconf_wire import texts

KEY = ".//ike:pre-shared-key/ike:ascii-text"
LEAF = "/ipsec-agent-ike:ike/policy/pre-shared-key/ascii-text"


def secrets(octet: int = 0) -> Secrets:
    """Return the secrets of a device with its own sealing key."""
    return Secrets(registry().secrets, Seal(bytes([octet]) * KEY_OCTETS))


def test_an_administrator_sees_the_sealed_value_alone() -> None:
    data = Emulation().connect().get_config('<ike xmlns="urn:ipsec-agent:ike"/>')
    sealed = texts(data, KEY)
    assert len(sealed) == 2
    assert all(value.startswith("$sealed$") for value in sealed)
    assert b"between-" not in etree.tostring(data)


def test_an_operator_sees_no_key_at_all() -> None:
    data = Emulation().connect("operator").get_config('<ike xmlns="urn:ipsec-agent:ike"/>')
    assert data.find(".//{urn:ipsec-agent:ike}policy") is not None
    assert data.find(".//{urn:ipsec-agent:ike}pre-shared-key") is None


def test_a_key_cannot_be_guessed_by_a_filter() -> None:
    match = "<pre-shared-key><ascii-text>between-4.4.4.5-and-4.4.4.4</ascii-text></pre-shared-key>"
    data = Emulation().connect().get_config(f'<ike xmlns="urn:ipsec-agent:ike"><policy>{match}</policy></ike>')
    assert data.find(".//{urn:ipsec-agent:ike}pre-shared-key") is None


def test_a_sealed_value_is_taken_back_as_the_same_secret() -> None:
    node = registry().schema.node(LEAF)
    sealed = secrets().keep(node, "secret")
    assert secrets().keep(node, sealed) == sealed
    assert secrets().open(node, sealed) == "secret"


def test_the_sealed_value_of_another_device_is_refused() -> None:
    node = registry().schema.node(LEAF)
    with pytest.raises(InvalidValue, match="another device"):
        secrets().keep(node, secrets(1).keep(node, "secret"))


def test_a_leaf_that_is_no_secret_is_kept_as_it_is() -> None:
    node = registry().schema.node("/ipsec-agent-ike:ike/proposal/name")
    assert secrets().keep(node, "$sealed$x") == "$sealed$x"


@pytest.mark.parametrize("key", ["x", "y" * 255])
def test_a_key_of_any_allowed_length_is_valid_sealed(key: str) -> None:
    sealed = secrets().keep(registry().schema.node(LEAF), key)
    proposal = (
        "<proposal><name>p</name><authentication-algorithm>md5</authentication-algorithm>"
        "<encryption-algorithm>des-cbc</encryption-algorithm><dh-group>group1</dh-group></proposal>"
    )
    policy = (
        "<policy><peer-address>1.1.1.1</peer-address><proposal>p</proposal>"
        f"<pre-shared-key><ascii-text>{sealed}</ascii-text></pre-shared-key></policy>"
    )
    xml = f'<ike xmlns="urn:ipsec-agent:ike">{proposal}{policy}</ike>'
    assert registry().schema.validate(xml.encode()) == ()
    assert parse_configuration(registry().schema, etree.fromstring(f"<config>{xml}</config>"), secrets().keep)
