"""A gateway assembled from a scenario: settled, deterministic, and refused whole when its configuration is wrong."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.app.gateway import BadConfiguration
from agent.core.world import SECOND
from tests.support.chapter import Emulation, chapter


def test_a_booted_gateway_has_settled_at_the_date_of_its_scenario() -> None:
    emulation = Emulation()
    (sa,) = emulation.gateway.device.ike_sas.values()
    assert sa.is_matured
    assert emulation.gateway.world.now == chapter().start + 5 * SECOND


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
        (b"<proposal>ike-proposal</proposal>", b"<proposal>none</proposal>", "none"),
        (b"<dh-group>group2</dh-group>", b"<dh-group>group9</dh-group>", "dh-group"),
        (b"<mode>main</mode>", b"<mood>main</mood>", "mood"),
        (b"</config>", b"", "not well-formed"),
        (b"<mode>main</mode>", b"<mode>main</mode><mode>main</mode>", "given twice"),
    ],
)
def test_a_configuration_that_is_refused_says_why(old: bytes, new: bytes, complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint):
        Emulation(chapter(configuration=chapter().configuration.replace(old, new)))


def test_every_reason_is_given_and_not_the_first_alone() -> None:
    wrong = chapter().configuration.replace(b"md5", b"md6").replace(b"group2", b"group9")
    with pytest.raises(BadConfiguration, match=r"(?s)authentication-algorithm.*dh-group"):
        Emulation(chapter(configuration=wrong))
