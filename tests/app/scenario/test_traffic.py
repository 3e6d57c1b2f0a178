"""The traffic of a scenario is sent as it says, and what cannot be is refused with what is wrong."""

from __future__ import annotations

import pytest

from agent.app.scenario import parse_scenario
from agent.app.scenario.traffic import BadTraffic, profiles
from agent.core.config import Direction
from agent.core.traffic import TrafficProfile, Variant
from agent.core.world import SECOND
from tests.support.chapter import Emulation
from tests.support.scenarios import small


def traffic(**said: str) -> str:
    """Return the section, with one entry."""
    return f"traffic: [{{{', '.join(f'{name}: {value}' for name, value in said.items())}}}]\n"


def test_everything_that_is_said_is_meant() -> None:
    scenario = parse_scenario(
        small(
            traffic(
                **{
                    "security-association": "x",
                    "from": "1m",
                    "until": "2h",
                    "every": "250ms",
                    "packets": "5",
                    "packet-size": "1400",
                    "direction": "inbound",
                    "variant": "reordered",
                }
            )
        )
    )
    start = scenario.start
    assert list(profiles(scenario)) == [
        TrafficProfile(
            "x", start + 60 * SECOND, 250_000, start + 7200 * SECOND, 5, 1400, Direction.INBOUND, Variant.REORDERED
        )
    ]


def test_what_is_not_said_is_one_small_packet_that_leaves() -> None:
    scenario = parse_scenario(small(traffic(**{"security-association": "x"})))
    assert list(profiles(scenario)) == [TrafficProfile("x", scenario.start)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("every", "0s"),
        ("every", "often"),
        ("packets", "0"),
        ("packet-size", "63"),
        ("packet-size", "65536"),
        ("direction", "up"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: str) -> None:
    scenario = parse_scenario(small(traffic(**{"security-association": "x", name: value})))
    with pytest.raises(BadTraffic, match=f"traffic of x: '{name}' cannot be '{value}'"):
        list(profiles(scenario))


def test_traffic_of_no_security_association_is_refused_at_boot() -> None:
    with pytest.raises(BadTraffic, match="no security association none"):
        Emulation(parse_scenario(small(traffic(**{"security-association": "none"}))))


def test_a_device_that_boots_sends_what_its_scenario_says() -> None:
    said = traffic(**{"security-association": "sa-dynamic", "from": "1m", "every": "10ms"})
    emulation = Emulation(parse_scenario(small(said)))
    emulation.advance(7200)
    counted = emulation.gateway.device.security_associations["sa-dynamic"].outbound
    assert counted.packets > 700_000
    assert counted.bytes == 100 * counted.packets
