"""The command line: parses, and hands over. Exit codes: 0 ok, 1 refused, 2 usage.

Invariant: whatever goes wrong is one message on stderr; a traceback is a defect. What a command needs is imported when
it runs, so that help and usage errors answer at once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from agent import __version__
from agent.app.device_commands import DEVICE_COMMANDS
from agent.app.duration import parse_duration
from agent.app.errors import AppError
from agent.app.settings import (
    DEFAULT_LISTEN,
    IkeAddress,
    ListenAddress,
    ServeOptions,
    Settings,
    parse_ike_address,
    parse_listen_address,
    parse_time_scale,
)

DEFAULT_SCENARIO: Final = "demo"

Given = TypeVar("Given")
Parsed = TypeVar("Parsed")


def parsed(parse: Callable[[Given], Parsed]) -> Callable[[click.Context, click.Parameter, Given], Parsed]:
    """Return an option's callback that parses what was given; a ValueError of the parser is the usage error."""

    def callback(ctx: click.Context, param: click.Parameter, given: Given) -> Parsed:
        try:
            return parse(given)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return callback


def parse_listen_addresses(texts: tuple[str, ...]) -> tuple[ListenAddress, ...]:
    """Parse every ``--listen``."""
    return tuple(parse_listen_address(text) for text in texts)


def parse_optional_time_scale(text: str | None) -> float | None:
    """Parse ``--time-scale``, if there is one."""
    return None if text is None else parse_time_scale(text)


def parse_optional_ike_address(text: str | None) -> IkeAddress | None:
    """Parse ``--ike``, if there is one."""
    return None if text is None else parse_ike_address(text)


def parse_optional_duration(text: str | None) -> int | None:
    """Parse ``--until``, if there is one, into microseconds."""
    return None if text is None else parse_duration(text)


TIME_SCALE: Final = click.option(
    "--time-scale",
    callback=parsed(parse_optional_time_scale),
    metavar="N|step",
    help="Device seconds for each second, or 'step': only when told to.  [default: as the scenario says]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ipsec-agent")
def commands() -> None:
    """A NETCONF/YANG device agent for an emulated IPsec gateway."""


@commands.command()
@click.option(
    "--scenario",
    default=DEFAULT_SCENARIO,
    show_default=True,
    metavar="NAME|FILE",
    help="What to be: a shipped scenario, or a file.",
)
@click.option("--reset", is_flag=True, help="Forget the startup configuration: boot from the scenario's own.")
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Users, addresses and limits (TOML).",
)
@click.option(
    "--listen",
    multiple=True,
    callback=parsed(parse_listen_addresses),
    metavar="[tls:]HOST:PORT",
    help="Where NETCONF listens, over SSH or (with tls: and settings for it) over TLS; may be repeated; port 0 takes a "
    f"free one.  [default: {DEFAULT_LISTEN}]",
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Host keys and startup configuration.  [default: one for each scenario, in the XDG state home]",
)
@TIME_SCALE
@click.option(
    "--yang",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE|DIR",
    help="Serve YANG modules of your own beside ours: their configuration is kept and validated; may be repeated.",
)
@click.option("--tun", metavar="NAME", help="Carry the packets that are routed into this interface (Linux, root).")
@click.option(
    "--ike",
    callback=parsed(parse_optional_ike_address),
    metavar="HOST[:500[,4500]]",
    help="Speak IKE over UDP with peers that the scenario does not emulate. Tunnels to them have this address as their "
    "source. Needs time scale 1.",
)
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write down everything that happens, as lines of JSON that `scenario run --replay` can repeat.",
)
def serve(
    scenario: str,
    reset: bool,
    settings_file: Path | None,
    listen: tuple[ListenAddress, ...],
    state_dir: Path | None,
    time_scale: float | None,
    yang: tuple[Path, ...],
    ike: IkeAddress | None,
    tun: str | None,
    journal: Path | None,
) -> None:
    """Run a device until it is interrupted.

    Says `ready ssh HOST:PORT` on stdout as soon as it can be connected to, with every address that it listens on. Whom
    it calls, over SSH or TLS, is told by the settings.
    """
    from agent.app.settings_file import load_settings

    settings = load_settings(settings_file) if settings_file is not None else Settings()
    options = ServeOptions(
        scenario=scenario,
        listen=listen or settings.listen or (DEFAULT_LISTEN,),
        settings=settings,
        reset=reset,
        state_directory=state_dir,
        time_scale=time_scale,
        yang=yang,
        ike=ike,
        tun=tun,
        journal=journal,
        settings_file=settings_file,
    )
    gc.disable()  # until the device is up: what is made up to then stays, and to look through it takes a tenth of it
    try:
        from agent.app import server

        server.run(options)
    finally:
        gc.enable()


@commands.group()
def scenario() -> None:
    """Judge scenarios, and live through them at full speed."""


@scenario.command("check")
@click.argument("name", metavar="NAME|FILE")
def check_scenario(name: str) -> None:
    """Say what is wrong with a scenario, with file, line and column."""
    from agent.app.scenario import run

    print(f"{run.check(name).name}: ok")


@scenario.command("run")
@click.argument("name", metavar="NAME|FILE", required=False)
@click.option("--seed", metavar="TEXT", help="What chance begins with.  [default: as the scenario says]")
@click.option(
    "--until",
    callback=parsed(parse_optional_duration),
    metavar="TIME",
    help="For how long in the device's time, such as 90s or 8h.  [default: as the scenario says]",
)
@click.option("--alike", type=click.IntRange(1), metavar="N", help="How many of those that are alike.")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write down everything that happens, as lines of JSON.",
)
@click.option(
    "--replay",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Repeat the run of a journal instead, and say whether it came out the same.",
)
@click.option("--quiet", is_flag=True, help="Print no events.")
def run_scenario(
    name: str | None,
    seed: str | None,
    until: int | None,
    alike: int | None,
    journal: Path | None,
    replay: Path | None,
    quiet: bool,
) -> None:
    """Live through a scenario at full speed, and print what happens.

    Ends with 1 when not everything comes true that the scenario claims.
    """
    if (name is None) == (replay is None):
        raise click.UsageError("name a scenario, or give --replay a journal")
    from agent.app.scenario import run

    if replay is not None:
        run.run_again(replay, journal, sys.stdout)
    elif name is not None:
        run.run(run.RunOptions(name, seed, until, alike, journal, quiet), sys.stdout)


@scenario.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from importlib.resources import files

    print((files("agent.scenarios") / "scenario.schema.json").read_text("utf-8"), end="")


@commands.command()
@click.option("--devices", type=click.IntRange(1), required=True, metavar="N", help="How many.")
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="P",
    help="In how many processes; as many as there are cores is what serves most.",
)
@click.option(
    "--ports",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_LISTEN.port,
    show_default=True,
    metavar="FROM",
    help="The port of the first device; the others have those after it. 0 takes free ones.",
)
@click.option("--host", default=DEFAULT_LISTEN.host, show_default=True, help="The address that all of them listen on.")
@click.option(
    "--scenario", default=DEFAULT_SCENARIO, show_default=True, metavar="NAME|FILE", help="What each of them is."
)
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Users and limits (TOML).",
)
@TIME_SCALE
@click.option(
    "--inventory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write inventories there, for CSV, Ansible, Nornir and NSO.",
)
@click.option("--print", "printed", type=click.Choice(["csv", "ansible", "nornir", "nso"]), help="Print an inventory.")
def fleet(
    devices: int,
    processes: int,
    ports: int,
    host: str,
    scenario: str,
    settings_file: Path | None,
    time_scale: float | None,
    inventory: Path | None,
    printed: str | None,
) -> None:
    """Run many devices until it is interrupted.

    Each has its own clock, configuration and sessions, and nothing outlives it. Says `ready ssh HOST:PORT ssh …` on
    stdout, in the order of the devices, as soon as all can be connected to.
    """
    from agent.app import fleet as fleets
    from agent.app.inventory import InventoryFormat
    from agent.app.settings_file import load_settings

    settings = load_settings(settings_file) if settings_file is not None else Settings()
    format_ = InventoryFormat(printed) if printed is not None else None
    options = fleets.FleetOptions(devices, scenario, host, ports, settings, time_scale, inventory, format_, processes)
    fleets.run(options)


for device_command in DEVICE_COMMANDS:
    commands.add_command(device_command)


def main() -> None:
    """Run a command; the entry point of ``ipsec-agent``."""
    try:
        commands()
    except AppError as error:
        message, code = str(error), error.exit_code
    except OSError as error:
        message, code = describe(error), 1
    print(f"ipsec-agent: {message}", file=sys.stderr)
    sys.exit(code)


def describe(error: OSError) -> str:
    """One line for an error of the operating system: what it concerns, when that is known, and what it says."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename is not None else reason
