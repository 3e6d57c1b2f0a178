"""The traffic of a scenario: packets at regular intervals, as its section says, for the device to have sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from agent.app.document import Tree
from agent.app.duration import parse_duration
from agent.app.errors import AppError
from agent.app.scenario.plan import Scenario
from agent.app.scenario.values import count
from agent.core.config import Direction
from agent.core.device import Device
from agent.core.keying import UnknownSecurityAssociation
from agent.core.traffic import LEAST_OCTETS, TrafficProfile, Variant

T = TypeVar("T")

MOST_OCTETS: Final = 0xFFFF


class BadTraffic(AppError):
    """Traffic that cannot be: the message says of which security association."""

    exit_code = 2


def begin_traffic(device: Device, scenario: Scenario) -> None:
    """Have a device send what its scenario says. Raises BadTraffic."""
    try:
        device.traffic.begin(profiles(scenario))
    except UnknownSecurityAssociation as error:
        raise BadTraffic(f"traffic: {error}") from error


def profiles(scenario: Scenario) -> Iterator[TrafficProfile]:
    """Yield the profiles of a scenario, at device time. Raises BadTraffic."""
    for said in scenario.traffic:
        profile = _profile(said)
        ends_at = None if profile.ends_at is None else scenario.start + profile.ends_at
        yield replace(profile, starts_at=scenario.start + profile.starts_at, ends_at=ends_at)


def _profile(said: Mapping[str, Tree]) -> TrafficProfile:
    """Return a profile whose instants count from the start of the scenario."""
    return TrafficProfile(
        security_association=str(said["security-association"]),
        starts_at=int(str(said["from"])),
        every_us=_read(said, "every", _interval, None),
        ends_at=_read(said, "until", parse_duration, None),
        packets=_read(said, "packets", count, 1),
        packet_octets=_read(said, "packet-size", _octets, 100),
        direction=_read(said, "direction", Direction, Direction.OUTBOUND),
        variant=_read(said, "variant", Variant, Variant.NORMAL),
    )


def _read(said: Mapping[str, Tree], name: str, convert: Callable[[str], T], default: T) -> T:
    if name not in said:
        return default
    try:
        return convert(str(said[name]))
    except ValueError as error:
        where = said["security-association"]
        raise BadTraffic(f"traffic of {where}: {name!r} cannot be {said[name]!r}") from error


def _interval(text: str) -> int:
    duration = parse_duration(text)
    if not duration:
        raise ValueError(text)
    return duration


def _octets(text: str) -> int:
    octets = count(text)
    if not LEAST_OCTETS <= octets <= MOST_OCTETS:
        raise ValueError(text)
    return octets
