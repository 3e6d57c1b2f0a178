"""Scenario files: the device, its remote gateways, its users, and the date at which it all begins (YAML).

Every error names the file, the line and the column. A gateway, the device and each remote one alike, is configured by
a file of XML in the modules that are served, which is named relative to the scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agent.app.configuration_file import ConfigurationFile
from agent.app.document import Section, read_document
from agent.app.errors import AppError
from agent.core.config import DeviceConfig
from agent.core.identifiers import Address, EntryId
from agent.core.pki import DatabaseState, KeptCertificate
from agent.core.world import SECOND

SUFFIX: Final = ".yaml"


class UnknownScenario(AppError):
    """Neither a shipped scenario nor a file has this name."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """A gateway before it is there: its own addresses, beside those of its tunnels, and its configuration.

    A remote one that does not initiate negotiates nothing of its own accord: it answers.
    """

    name: str
    addresses: tuple[Address, ...]
    configuration: ConfigurationFile
    initiates: bool

    @property
    def bare(self) -> DeviceConfig:
        """What it is configured with before its configuration."""
        return DeviceConfig(self.name, self.addresses)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as parsed; `start` and `settle` are device time in microseconds, `time_scale` is 0 for steps.

    `peers` are the remote gateways that are emulated. `passwords` are good on loopback addresses only.
    """

    name: str
    description: str
    start: int
    settle: int
    time_scale: float
    seed: str
    device: GatewayPlan
    peers: tuple[GatewayPlan, ...]
    certificates: DatabaseState
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
    scenario = Scenario(
        name=root.text("name"),
        description=root.text("description"),
        start=root.read("start", _instant, "a date and time with an offset, such as 2003-03-10T12:00:00Z"),
        settle=round(root.read("settle-seconds", float, "a number of seconds", 0.0) * SECOND),
        time_scale=root.read("time-scale", _scale, "a number of at least 0, or 'step'", 1.0),
        seed=root.text("seed"),
        device=_device(root.section("device"), folder),
        peers=tuple(_peer(peer, folder) for peer in root.sections("peers")),
        certificates=_certificates(root, folder),
        passwords=MappingProxyType(dict(root.items("users"))),
    )
    root.finish()
    return scenario


def _device(section: Section, folder: Traversable) -> GatewayPlan:
    plan = GatewayPlan(
        name=section.text("name"),
        addresses=section.read_all("addresses", ip_address, "an IP address"),
        configuration=_configuration(section, folder),
        initiates=True,
    )
    section.finish()
    return plan


def _peer(section: Section, folder: Traversable) -> GatewayPlan:
    address = section.read("address", ip_address, "an IP address")
    plan = GatewayPlan(
        name=section.text("name", str(address)),
        addresses=(address,),
        configuration=_configuration(section, folder),
        initiates=section.read("initiates", _truth, "true or false", False),
    )
    section.finish()
    return plan


def _configuration(section: Section, folder: Traversable) -> ConfigurationFile:
    path = section.read("configuration", lambda name: _existing(folder / name), "a file beside the scenario")
    return ConfigurationFile(str(path), path.read_bytes())


def _certificates(root: Section, folder: Traversable) -> DatabaseState:
    """Return what is in the certificate database from the start; of a trust anchor only its id is given here."""
    return DatabaseState(certificates=tuple(_certificate(each, folder) for each in root.sections("certificates")))


def _certificate(section: Section, folder: Traversable) -> KeptCertificate:
    file = section.read("file", lambda name: _existing(folder / name), "a file beside the scenario")
    id_ = EntryId(section.read("id", int, "a number"))
    origin = section.read("origin", ("imported", "trust-anchor").index, "'imported' or 'trust-anchor'", 0)
    section.finish()
    return KeptCertificate(id_, file.read_bytes(), is_imported=origin == 0)


def _existing(path: Traversable) -> Traversable:
    if not path.is_file():
        raise ValueError(path.name)
    return path


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


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
