"""Scenario files: the device, its remote gateways, its users, and the date at which it all begins (YAML).

Every error names the file, the line and the column. A configuration file is named relative to its scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agent.app.document import Section, read_document
from agent.app.errors import AppError
from agent.core.config import (
    AuthenticationMethod,
    DeviceConfig,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkeConfig,
    IkePolicy,
    IkeProposal,
    Tunnel,
)
from agent.core.world import SECOND

SUFFIX: Final = ".yaml"


class UnknownScenario(AppError):
    """Neither a shipped scenario nor a file has this name."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as parsed; `start` and `settle` are device time in microseconds, `time_scale` is 0 for steps.

    `device` lacks what `configuration` (XML) says; `peers` are the remote gateways that are emulated. `passwords` are
    good on loopback addresses only.
    """

    name: str
    description: str
    start: int
    settle: int
    time_scale: float
    seed: str
    device: DeviceConfig
    configuration: bytes = field(repr=False)
    peers: tuple[DeviceConfig, ...]
    passwords: Mapping[str, str] = field(repr=False)


def load_scenario(name: str) -> Scenario:
    """Load a shipped scenario by its name, or a file by its path; UnknownScenario, or DocumentError with the place."""
    shipped: Traversable = files("agent.scenarios")
    path = shipped / f"{name}{SUFFIX}"
    if path.is_file():
        return _read(path, shipped)
    own = Path(name)
    if own.is_file():
        return _read(own, own.parent)
    names = ", ".join(sorted(shipped_scenarios()))
    raise UnknownScenario(f"there is no scenario {name!r}: name a file, or one of {names}")


def shipped_scenarios() -> Iterator[str]:
    """Iterate over the names of the scenarios that come with the program."""
    for entry in files("agent.scenarios").iterdir():
        if entry.name.endswith(SUFFIX):
            yield entry.name.removesuffix(SUFFIX)


def _read(path: Traversable, folder: Traversable) -> Scenario:
    root = read_document(str(path), path.read_text("utf-8"), "a scenario")
    device = root.section("device")
    scenario = Scenario(
        name=root.text("name"),
        description=root.text("description"),
        start=root.read("start", _instant, "a date and time with an offset, such as 2003-03-10T12:00:00Z"),
        settle=round(root.read("settle-seconds", float, "a number of seconds", 0.0) * SECOND),
        time_scale=root.read("time-scale", _scale, "a number of at least 0, or 'step'", 1.0),
        seed=root.text("seed"),
        configuration=_configuration(device, folder),
        device=_device(device),
        peers=tuple(_peer(peer) for peer in root.sections("peers")),
        passwords=MappingProxyType(dict(root.items("users"))),
    )
    root.finish()
    return scenario


def _configuration(device: Section, folder: Traversable) -> bytes:
    name = device.text("configuration")
    path = folder / name
    if not path.is_file():
        raise device.error(f"there is no file {name!r} beside the scenario")
    return path.read_bytes()


def _device(device: Section) -> DeviceConfig:
    config = DeviceConfig(
        name=device.text("name"),
        addresses=device.read_all("addresses", ip_address, "an IP address"),
        tunnels=tuple(_tunnel(tunnel) for tunnel in device.sections("tunnels")),
    )
    device.finish()
    return config


def _tunnel(section: Section) -> Tunnel:
    tunnel = Tunnel(
        source=section.read("source", ip_address, "an IP address"),
        destination=section.read("destination", ip_address, "an IP address"),
    )
    section.finish()
    return tunnel


def _peer(peer: Section) -> DeviceConfig:
    address = peer.read("address", ip_address, "an IP address")
    policies = tuple(_policy(policy) for policy in peer.sections("ike-policies"))
    config = DeviceConfig(
        name=peer.text("name", str(address)),
        addresses=(address,),
        ike=IkeConfig(policies),
        tunnels=tuple(_tunnel(tunnel) for tunnel in peer.sections("tunnels")),
    )
    peer.finish()
    return config


def _policy(section: Section) -> IkePolicy:
    policy = IkePolicy(
        peer_address=section.read("peer-address", ip_address, "an IP address"),
        mode=section.read("mode", ExchangeMode, "main or aggressive", ExchangeMode.MAIN),
        pre_shared_key=section.text("pre-shared-key").encode(),
        proposals=tuple(_proposal(proposal) for proposal in section.sections("proposals")),
    )
    section.finish()
    return policy


def _proposal(section: Section) -> IkeProposal:
    proposal = IkeProposal(
        name=section.text("name"),
        authentication_method=AuthenticationMethod.PRE_SHARED_KEYS,
        authentication_algorithm=section.read("authentication-algorithm", HashAlgorithm, "md5 or sha1"),
        encryption_algorithm=section.read("encryption-algorithm", EncryptionAlgorithm, "des-cbc or 3des-cbc"),
        dh_group=section.read("dh-group", DhGroup, "group1 or group2"),
        lifetime_seconds=section.read("lifetime-seconds", _within(180, 86400), "180 to 86400", 3600),
    )
    section.finish()
    return proposal


def _within(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return convert


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return round(moment.timestamp() * SECOND)


def _scale(text: str) -> float:
    scale = 0.0 if text == "step" else float(text)
    if not 0.0 <= scale < float("inf"):
        raise ValueError(text)
    return scale
