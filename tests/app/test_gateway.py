"""A gateway assembled from a scenario: settled, deterministic, and refused whole when its configuration is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from agent.app.configuration_file import BadConfiguration
from agent.core.ike.phase1 import Role
from tests.support.chapter import Emulation, chapter, configured


def test_a_booted_gateway_has_settled_at_the_date_of_its_scenario() -> None:
    emulation = Emulation()
    (sa,) = emulation.gateway.device.ike_sas.values()
    assert sa.is_matured
    assert emulation.gateway.world.now == chapter().start + chapter().settle


def test_a_whole_get_is_valid_against_the_modules() -> None:
    data = Emulation().connect().get()
    assert len(data)


def test_two_gateways_of_one_scenario_show_the_same_to_the_byte() -> None:
    first, second = (etree.tostring(Emulation().connect().get()) for _ in range(2))
    assert first == second


def test_another_seed_makes_other_cookies() -> None:
    cookies = [next(iter(Emulation(chapter(seed=seed)).gateway.device.ike_sas.values())).cookies for seed in ("a", "b")]
    assert cookies[0] != cookies[1]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<proposal>ike-proposal</proposal>", "<proposal>none</proposal>", r"chapter\.xml:\d+: .*none"),
        ("<dh-group>group2</dh-group>", "<dh-group>group9</dh-group>", r"chapter\.xml:8: .*dh-group"),
        ("<mode>main</mode>", "<mood>main</mood>", r"chapter\.xml:\d+: .*mood"),
        ("</config>", "", r"chapter\.xml: not well-formed.*line"),
        ("<mode>main</mode>", "<mode>main</mode><mode>main</mode>", r"chapter\.xml:12: .*given twice"),
        ("of-2908734119-ah", "too short", r"chapter\.xml: .*sa-manual.* has 9 octets instead of 16"),
    ],
)
def test_a_configuration_that_is_refused_says_where_and_why(old: str, new: str, complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint):
        Emulation(configured((old, new)))


def test_every_reason_is_given_and_not_the_first_alone() -> None:
    with pytest.raises(BadConfiguration, match=r"(?s)authentication-algorithm.*dh-group"):
        Emulation(configured(("md5", "md6"), ("group2", "group9")))


def test_a_remote_gateway_that_is_configured_wrongly_is_refused_like_the_device() -> None:
    scenario = chapter()
    peer = scenario.peers[0]
    (file,) = peer.configuration
    xml = file.xml.replace(b"<spi>3494029335</spi>", b"<spi>255</spi>")
    wrong = replace(peer, configuration=(replace(file, xml=xml),))
    with pytest.raises(BadConfiguration, match=r"chapter-4\.4\.4\.4\.xml:\d+: spi: "):
        Emulation(replace(scenario, peers=(wrong,)))


def test_a_remote_gateway_answers_alone_unless_it_is_said_to_initiate() -> None:
    scenario = chapter()
    peer = scenario.peers[0]
    roles = []
    for initiates in (False, True):
        emulation = Emulation(replace(scenario, peers=(replace(peer, initiates=initiates),)))
        (sa,) = emulation.gateway.device.ike_sas.values()
        roles.append(sa.role)
    assert roles == [Role.INITIATOR, Role.RESPONDER]


def test_a_remote_gateway_at_an_address_that_another_has_is_refused() -> None:
    scenario = chapter()
    with pytest.raises(BadConfiguration, match=r"chapter-4\.4\.4\.4\.xml: 4\.4\.4\.4"):
        Emulation(replace(scenario, peers=scenario.peers * 2))
