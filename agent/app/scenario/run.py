"""`ipsec-agent scenario check|run`: a scenario judged, or lived through at full speed, in this process and on no wire.

The same scenario and seed give the same events, to the byte of the journal.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import shake_256
from pathlib import Path
from typing import Final, TextIO

import click

from agent.app.configuration_file import BadConfiguration
from agent.app.document import DocumentError
from agent.app.errors import AppError
from agent.app.gateway import Kept, boot, load_registry
from agent.app.running import Gateway
from agent.app.scenario.assertions import Assertions, Verdict, describe
from agent.app.scenario.happenings import Told, tell
from agent.app.scenario.journal import SEALING_KEY, Journal, written
from agent.app.scenario.masking import Secrets
from agent.app.scenario.performing import HAND
from agent.app.scenario.plan import Claim, EventClaim, Scenario
from agent.app.scenario.reader import load_scenario
from agent.app.scenario.replay import BadJournal, Recorded, Replay, first_difference, read_journal
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.datastore.date_and_time import date_and_time
from agent.datastore.registry import Registry
from agent.netconf.limits import SessionLimits
from agent.netconf.recording import Happening, Recorder
from agent.netconf.server import Server

STEPS: Final = 200
"""In how many the progress of a quiet run is shown."""


class ScenarioWrong(AppError):
    """What a check has found."""


class ClaimsFailed(AppError):
    """What a scenario claims has not come true; the message has a line for each claim."""


class ReplayDiffers(AppError):
    """A run that was to be repeated came out otherwise."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `scenario run` was told. `until` is in microseconds from the start; None: as the scenario says."""

    name: str
    seed: str | None = None
    until: int | None = None
    alike: int | None = None
    journal: Path | None = None
    is_quiet: bool = False


class Printer(Recorder):
    """Prints events as they happen."""

    def __init__(self, out: TextIO, registry: Registry) -> None:
        """Print to a stream."""
        self._out = out
        self._registry = registry

    def happened(self, event: Happening) -> None:
        """Print one line."""
        told = tell(event, self._registry)
        if told is not None:
            print(render(told), file=self._out)


def render(told: Told) -> str:
    """Return an event as a line: its time, its name, its leaves."""
    leaves = "".join(f" {name}={value}" for name, value in told.leaves.items())
    return f"{date_and_time(told.at)} {told.name}{leaves}"


def check(name: str, registry: Registry | None = None) -> Scenario:
    """Judge a scenario, the configurations and the RPCs in it too, and return it.

    ScenarioWrong says what is wrong with it; UnknownScenario when there is none.
    """
    known = registry or load_registry()
    try:
        scenario = load_scenario(name)
        start_scenario(replace(scenario, settle=0), known, lambda server: Assertions(scenario, server))
    except (DocumentError, BadConfiguration) as error:
        raise ScenarioWrong(str(error)) from error
    return scenario


def start_scenario(
    scenario: Scenario,
    registry: Registry,
    watch: Callable[[Server], object],
    limits: SessionLimits = SessionLimits(),
    key: bytes | None = None,
) -> Gateway:
    """Boot a scenario in this process, without a socket and without a clock: what all that is run begins with.

    `watch` is handed the server before anything happens; secrets are sealed with `key`, None: with one of the seed's.
    AppError when the scenario cannot be.
    """
    seal, kept = (Seal(key) if key else seal_of(scenario)), Kept(recovery_users=(HAND,))
    return boot(scenario, registry, seal, lambda: 0.0, limits, kept=kept, watch=watch)


def seal_of(scenario: Scenario) -> Seal:
    """Return what seals secrets where nothing outlives the process: the same for the same seed."""
    return Seal(shake_256(f"seal of {scenario.seed}".encode()).digest(KEY_OCTETS))


def run(options: RunOptions, out: TextIO, registry: Registry | None = None) -> None:
    """Live through a scenario and print what happens; ClaimsFailed when not all that it claims comes true.

    `registry` is loaded where it is not given, which takes a second.
    """
    scenario = load_scenario(options.name, options.alike)
    if options.seed is not None:
        scenario = replace(scenario, seed=options.seed)
    registry = registry or load_registry()
    shown, advance = (None, advance_visibly) if options.is_quiet else (out, Gateway.advance)
    if options.journal is None:
        verdicts = live(scenario, registry, options.until, shown, None, advance)
    else:
        with written(options.journal, registry) as journal:
            journal.begin(scenario, options.name, is_judged=True, alike=options.alike)
            verdicts = live(scenario, registry, options.until, shown, journal, advance)
    conclude(verdicts, out)


def live(
    scenario: Scenario,
    registry: Registry,
    until: int | None = None,
    out: TextIO | None = None,
    journal: Journal | None = None,
    advance: Callable[[Gateway, int], object] = Gateway.advance,
) -> tuple[Verdict, ...]:
    """Live through a scenario for so many microseconds from its start, and judge what it claims.

    `advance` moves the time of the gateway, once it has settled, to the end.
    """
    assertions: list[Assertions] = []

    def watch(server: Server) -> None:
        if journal is not None:
            server.record(journal)
        if out is not None:
            server.record(Printer(out, registry))
        assertions.append(Assertions(scenario, server))

    gateway = start_scenario(scenario, registry, watch)
    end = scenario.start + (length(scenario) if until is None else until)
    advance(gateway, max(end, gateway.now))
    verdicts = assertions[0].conclude()
    if journal is not None:
        journal.end(gateway.now)
    return verdicts


def advance_visibly(gateway: Gateway, to: int) -> None:
    """Move time, and show on a terminal how far it has come."""
    start = gateway.now
    with click.progressbar(range(1, STEPS + 1), file=sys.stderr, label="device time") as steps:
        for step in steps:
            gateway.advance(start + (to - start) * step // STEPS)


def length(scenario: Scenario) -> int:
    """Return for how many microseconds a scenario is run that nobody says more of."""
    return max([scenario.settle, scenario.duration, *map(_latest, scenario.assertions)])


def _latest(claim: Claim) -> int:
    return (claim.until if isinstance(claim, EventClaim) else claim.at) or 0


def conclude(verdicts: tuple[Verdict, ...], out: TextIO) -> None:
    """Print which claims have come true; ClaimsFailed names the others."""
    for verdict in verdicts:
        if verdict.holds:
            print(f"ok: {describe(verdict.claim)}", file=out)
    failed = [f"{verdict.place}: {verdict.reason}" for verdict in verdicts if not verdict.holds]
    if failed:
        raise ClaimsFailed("\n".join(("not all that the scenario claims has come true:", *failed)))


def run_again(path: Path, copy: Path | None, out: TextIO, registry: Registry | None = None) -> None:
    """Repeat the run of a journal. BadJournal; ReplayDiffers when it comes out otherwise.

    `copy` is where the new journal is kept; None: nowhere.
    """
    recorded = read_journal(path)
    text = repeat(recorded, registry or load_registry())
    if copy is not None:
        copy.write_text(text, "ascii")
    difference = first_difference(recorded.text, text)
    if difference is not None:
        raise ReplayDiffers(f"{path}:{difference}: the run came out otherwise from here on")
    print(f"the same {recorded.text.count(chr(10))} lines", file=out)


def repeat(recorded: Recorded, registry: Registry) -> str:
    """Repeat the run of a journal, and return the new one."""
    name, alike = recorded.first["scenario"], recorded.first.get("alike")
    scenario = load_scenario(name, alike, recorded.start)
    if scenario.digest != recorded.first["digest"]:
        raise BadJournal(f"the scenario {name!r} is another one than when the journal was written")
    scenario = replace(scenario, seed=recorded.first["seed"])
    written = io.StringIO()
    journal = Journal(written, Secrets(None), registry)
    is_judged = recorded.first["judged"]
    journal.begin(scenario, name, is_judged=is_judged, alike=alike)
    assertions: list[Assertions] = []

    def watch(server: Server) -> None:
        server.record(journal)
        if is_judged:
            assertions.append(Assertions(scenario, server))

    limits = SessionLimits(hello_seconds=1.0, idle_seconds=1.0)  # which come to their end where the journal says so
    key = recorded.secrets.get(SEALING_KEY)
    gateway = start_scenario(scenario, registry, watch, limits, bytes.fromhex(key) if key is not None else None)
    Replay(recorded, gateway).run()
    for each in assertions:
        each.conclude()
    if recorded.lines and "end" in recorded.lines[-1]:
        journal.end(gateway.now)
    return written.getvalue()
