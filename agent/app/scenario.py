"""Scenario files: the device, its remote gateways, its users, and the date at which it all begins (YAML).

Every error names the file, the line and the column. A gateway, the device and each remote one alike, is configured by
a file of XML in the modules that are served, which is named relative to the scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from agent.core.crypto.issuing import Template, issue
from agent.core.crypto.x509 import AlternativeName, AlternativeNameType
from agent.core.identifiers import Address, EntryId
from agent.core.pki import DatabaseState, KeptCertificate
from agent.core.world import SECOND

SUFFIX: Final = ".yaml"
BESIDE: Final = "a file beside the scenario"
DAY: Final = 86_400 * SECOND


class UnknownScenario(AppError):
    """Neither a shipped scenario nor a file has this name."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """A gateway before it is there: its own addresses, beside those of its tunnels, and the files of its configuration.

    A remote one that does not initiate negotiates nothing of its own accord: it answers.
    """

    name: str
    addresses: tuple[Address, ...]
    configuration: tuple[ConfigurationFile, ...]
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
    start = root.read("start", _instant, "'now', or a date and time with an offset, such as 2003-03-10T12:00:00Z")
    scenario = Scenario(
        name=root.text("name"),
        description=root.text("description"),
        start=start,
        settle=round(root.read("settle-seconds", float, "a number of seconds", 0.0) * SECOND),
        time_scale=root.read("time-scale", _scale, "a number of at least 0, or 'step'", 1.0),
        seed=root.text("seed"),
        device=_device(root.section("device"), folder),
        peers=tuple(_peer(peer, folder) for peer in root.sections("peers")),
        certificates=_certificates(root, folder, start),
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


def _configuration(section: Section, folder: Traversable) -> tuple[ConfigurationFile, ...]:
    paths = section.read_several("configuration", _existing_in(folder), BESIDE)
    return tuple(ConfigurationFile(str(path), path.read_bytes()) for path in paths)


def _certificates(root: Section, folder: Traversable, start: int) -> DatabaseState:
    """Return what is in the certificate database from the start; of a trust anchor only its id is given here."""
    sections = root.sections("certificates")
    return DatabaseState(certificates=tuple(_certificate(each, folder, start) for each in sections))


def _certificate(section: Section, folder: Traversable, start: int) -> KeptCertificate:
    id_ = EntryId(section.read("id", int, "a number"))
    origin = section.read("origin", ("imported", "trust-anchor").index, "'imported' or 'trust-anchor'", 0)
    if "issue" in section:
        octets = _issued(section.section("issue"), folder, start)
    else:
        octets = section.read("file", _existing_in(folder), BESIDE).read_bytes()
    section.finish()
    return KeptCertificate(id_, octets, is_imported=origin == 0)


def _issued(section: Section, folder: Traversable, start: int) -> bytes:
    """Make a certificate that fits the date of the scenario, which one in a file cannot if that date is today."""
    template = Template(
        serial=section.read("serial", int, "a number"),
        subject=section.text("subject"),
        issuer=section.text("issuer"),
        not_before=start - section.read("valid-since-days", _days, "a number of days"),
        not_after=start + section.read("valid-for-days", _days, "a number of days"),
        alternative_names=(AlternativeName(AlternativeNameType.DNS_NAME, section.text("dns-name")),),
    )
    subject_key = section.read("key", _existing_in(folder), BESIDE).read_bytes()
    issuer_key = section.read("issuer-key", _existing_in(folder), BESIDE).read_bytes()
    section.finish()
    try:
        return issue(template, subject_key, issuer_key).encode()
    except ValueError as error:
        raise section.error(str(error)) from error


def _existing_in(folder: Traversable) -> Callable[[str], Traversable]:
    def existing(name: str) -> Traversable:
        path = folder / name
        if not path.is_file():
            raise ValueError(name)
        return path

    return existing


def _days(text: str) -> int:
    return round(float(text) * DAY)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _instant(text: str) -> int:
    moment = datetime.now(UTC).replace(microsecond=0) if text == "now" else datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return round(moment.timestamp() * SECOND)


def _scale(text: str) -> float:
    scale = 0.0 if text == "step" else float(text)
    if not 0.0 <= scale < float("inf"):
        raise ValueError(text)
    return scale
