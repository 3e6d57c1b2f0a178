"""Scenario files: the device, its remote gateways, its users, and the date at which it all begins (YAML).

Every error names the file, the line and the column. A gateway, the device and each remote one alike, is configured by
files of XML or JSON in the modules that are served, named relative to the scenario, or by what stands in the scenario
itself. `scenario.schema.json` publishes the format; this module is the judge of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agent.app.alike import nth_address
from agent.app.configuration_file import ConfigurationFile
from agent.app.document import DocumentError, Place, Section, Tree, read_document
from agent.app.duration import EXPECTED, parse_duration
from agent.app.errors import AppError
from agent.app.scenario.actions import A_COUNT, ActionReader
from agent.app.scenario.certificates import read_certificates
from agent.app.scenario.plan import Behaviour, GatewayPlan, LinkPlan, Scenario
from agent.app.scenario.sources import BESIDE, Sources, is_there
from agent.app.scenario.values import count, instant, probability, scale, truth
from agent.app.settings import MAXIMUM_SCALE
from agent.core.identifiers import Address
from agent.core.link import LinkProfile
from agent.core.peer import PeerFault
from agent.core.world import SECOND

SUFFIX: Final = ".yaml"
A_PROBABILITY: Final = "a number from 0 to 1"
AN_ADDRESS: Final = "an IP address"
A_START: Final = "'now', or a date and time from 1970 to 8999 with an offset, such as 2003-03-10T12:00:00Z"
A_SCALE: Final = f"a number of at least 0 and at most {MAXIMUM_SCALE:g}, or 'step'"
TRUTH: Final = "true or false"
FAULTS: Final = f"one of {', '.join(fault.value for fault in PeerFault)}"


class UnknownScenario(AppError):
    """Neither a shipped scenario nor a file has this name."""

    exit_code = 2


def load_scenario(name: str, alike: int | None = None, now: int | None = None) -> Scenario:
    """Load a shipped scenario by its name, or a file by its path; UnknownScenario, or DocumentError with the place.

    `alike` is how many stand for those that are alike, None as the scenario says; `now` the device time in
    microseconds at which one begins that begins today.
    """
    folder: Traversable = files("agent.scenarios")
    if name in shipped_scenarios():
        path = folder / f"{name}{SUFFIX}"
    else:
        path = Path(name)
        if not is_there(path):
            names = ", ".join(sorted(shipped_scenarios()))
            raise UnknownScenario(f"there is no scenario {name!r}: name a file, or one of {names}")
        folder = path.parent
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: {error}") from error
    return _read(str(path), text, Sources(folder, is_open=True), alike, now)


def load_shipped(name: str, now: int | None = None) -> Scenario:
    """Load a scenario that came with the program; UnknownScenario for any other name."""
    if name not in shipped_scenarios():
        raise UnknownScenario(f"there is no scenario {name!r}, only {', '.join(sorted(shipped_scenarios()))}")
    return load_scenario(name, now=now)


def parse_scenario(text: str, now: int | None = None) -> Scenario:
    """Read a scenario that is no file; the files that it names are those of the shipped scenarios. DocumentError."""
    return _read("document", text, Sources(files("agent.scenarios"), is_open=False), None, now)


def shipped_scenarios() -> Iterator[str]:
    """Iterate over the names of the scenarios that come with the program."""
    for entry in files("agent.scenarios").iterdir():
        if entry.name.endswith(SUFFIX):
            yield entry.name.removesuffix(SUFFIX)


def _read(file: str, text: str, sources: Sources, alike: int | None = None, now: int | None = None) -> Scenario:
    sources.add(text.encode())
    root = read_document(file, text, "a scenario")
    start = root.read("start", instant, A_START)
    if root.text("start") == "now" and now is not None:
        start = now
    passwords = dict(root.items("users"))
    said = root.read("alike", count, A_COUNT, 0)
    gateways = _GatewayReader(sources, said if alike is None or not said else alike)
    actions = ActionReader(sources, start, next(iter(passwords), "admin"))
    scenario = Scenario(
        name=root.text("name"),
        description=root.text("description"),
        start=start,
        settle=root.read("settle-seconds", parse_duration, EXPECTED, 0),
        time_scale=root.read("time-scale", scale, A_SCALE, 1.0),
        seed=root.text("seed"),
        device=gateways.device(root.section("device")),
        peers=tuple(gateways.peers(root)),
        certificates=read_certificates(root, sources, start),
        passwords=MappingProxyType(passwords),
        links=tuple(link for section in root.sections("links") for link in _links(section)),
        timeline=tuple(actions.timeline(root)),
        assertions=tuple(actions.assertions(root)),
        traffic=tuple(_traffic(section) for section in root.sections("traffic")),
        duration=root.read("run-for", parse_duration, EXPECTED, 0),
        digest=sources.digest,
    )
    root.finish()
    return scenario


class _GatewayReader:
    """Reads gateways, one or many at a time."""

    def __init__(self, sources: Sources, alike: int) -> None:
        self._sources = sources
        self._alike = alike

    def device(self, section: Section) -> GatewayPlan:
        plan = GatewayPlan(
            name=section.text("name"),
            addresses=section.read_all("addresses", ip_address, AN_ADDRESS),
            configuration=self._configuration(section),
            initiates=True,
        )
        section.finish()
        return plan

    def peers(self, root: Section) -> Iterator[GatewayPlan]:
        for section in root.sections("peers"):
            is_one_of_many = section.read("alike", truth, TRUTH, False)
            peer = self._peer(section)
            section.finish()
            if is_one_of_many and not self._alike:
                raise section.error("'alike' needs the number of them, as 'alike' of the scenario")
            yield from self._each(peer, section) if is_one_of_many else (peer,)

    def _each(self, peer: GatewayPlan, section: Section) -> Iterator[GatewayPlan]:
        """Return as many as there are of one that is alike."""
        try:
            nth_address(peer.addresses[0], self._alike)
        except ValueError as error:
            raise section.error(f"from {peer.addresses[0]} on there are no {self._alike} addresses") from error
        return (_numbered(peer, number) for number in range(1, self._alike + 1))

    def _peer(self, section: Section) -> GatewayPlan:
        address: Address = section.read("address", ip_address, AN_ADDRESS)
        return GatewayPlan(
            name=section.text("name", str(address)),
            addresses=(address,),
            configuration=self._configuration(section),
            initiates=section.read("initiates", truth, TRUTH, False),
            behaviour=_behaviour(section),
        )

    def _configuration(self, section: Section) -> tuple[ConfigurationFile, ...]:
        return tuple(self._file(place, content) for place, content in section.texts_and_data("configuration"))

    def _file(self, place: Place, content: str | bytes) -> ConfigurationFile:
        """Take what stands in the scenario itself, or read the file of that name."""
        if isinstance(content, bytes):
            return ConfigurationFile(str(place), content, alike=self._alike, is_json=True)
        if content.lstrip().startswith("<"):
            return ConfigurationFile(place.file, content.encode(), alike=self._alike, first_line=place.line)
        try:
            path = self._sources.existing(content)
        except ValueError as error:
            raise place.error(f"'configuration' must be {BESIDE}, not {content!r}") from error
        is_json = path.name.endswith(".json")
        return ConfigurationFile(str(path), self._sources.read(path), alike=self._alike, is_json=is_json)


def _numbered(plan: GatewayPlan, number: int) -> GatewayPlan:
    """Return one of many that are alike."""
    addresses = tuple(nth_address(address, number) for address in plan.addresses)
    configuration = tuple(replace(file, number=number) for file in plan.configuration)
    return replace(plan, name=str(addresses[0]), addresses=addresses, configuration=configuration)


def _behaviour(section: Section) -> Behaviour:
    return Behaviour(
        reachable=section.read("reachable", truth, TRUTH, True),
        fault=section.read("fault", PeerFault, FAULTS, PeerFault.NONE),
        answer_delay_us=section.read("answer-delay", parse_duration, EXPECTED, 0),
        reboots=tuple(_reboot(each) for each in section.sections("reboots")),
    )


def _reboot(section: Section) -> tuple[int, float]:
    at = section.read("at", parse_duration, EXPECTED)
    down = section.read("down", parse_duration, EXPECTED) / SECOND
    section.finish()
    return at, down


def _links(section: Section) -> Iterator[LinkPlan]:
    """Read one direction, or both."""
    if section.one_of("between", "from") == "between":
        ends = section.read_all("between", ip_address, AN_ADDRESS)
        if len(ends) != 2:
            raise section.error("'between' names two addresses")
        directions = [ends, ends[::-1]]
    else:
        directions = [(section.read("from", ip_address, AN_ADDRESS), section.read("to", ip_address, AN_ADDRESS))]
    default = LinkProfile()
    profile = LinkProfile(
        delay_us=section.read("delay", parse_duration, EXPECTED, default.delay_us),
        jitter_us=section.read("jitter", parse_duration, EXPECTED, default.jitter_us),
        loss=section.read("loss", probability, A_PROBABILITY, default.loss),
        duplication=section.read("duplication", probability, A_PROBABILITY, default.duplication),
        reordering=section.read("reordering", probability, A_PROBABILITY, default.reordering),
        is_partitioned=section.read("partitioned", truth, TRUTH, default.is_partitioned),
    )
    section.finish()
    return (LinkPlan(source, destination, profile) for source, destination in directions)


def _traffic(section: Section) -> Mapping[str, Tree]:
    """Keep what is said of traffic: its security association, and when it begins, with whatever else there is."""
    name, start = section.text("security-association"), section.read("from", parse_duration, EXPECTED, 0)
    kept: dict[str, Tree] = {"security-association": name, "from": str(start)}
    for key in ("until", "every", "packets", "packet-size", "direction", "variant"):
        if key in section:
            kept[key] = section.text(key)
    section.finish()
    return kept
