"""The command line: parses, and hands over. Exit codes: 0 ok, 1 refused, 2 usage.

Invariant: whatever goes wrong is one message on stderr; a traceback is a defect. What a command needs is imported when
it runs, so that help and usage errors answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from agent import __version__
from agent.app.errors import AppError
from agent.app.settings import (
    DEFAULT_LISTEN,
    IkeAddress,
    ListenAddress,
    ServeOptions,
    Settings,
    load_settings,
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
    metavar="HOST:PORT",
    help=f"Where NETCONF over SSH listens; may be repeated; port 0 takes a free one.  [default: {DEFAULT_LISTEN}]",
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Host keys and startup configuration.  [default: one for each scenario, in the XDG state home]",
)
@click.option(
    "--time-scale",
    callback=parsed(parse_optional_time_scale),
    metavar="N|step",
    help="Device seconds for each second, or 'step': only when told to.  [default: as the scenario says]",
)
@click.option(
    "--ike",
    callback=parsed(parse_optional_ike_address),
    metavar="HOST[:500[,4500]]",
    help="Speak IKE over UDP with peers that the scenario does not emulate. Tunnels to them have this address as their "
    "source. Needs time scale 1.",
)
def serve(
    scenario: str,
    reset: bool,
    settings_file: Path | None,
    listen: tuple[ListenAddress, ...],
    state_dir: Path | None,
    time_scale: float | None,
    ike: IkeAddress | None,
) -> None:
    """Run a device until it is interrupted.

    Says `ready ssh HOST:PORT` on stdout as soon as it can be connected to, with every address that it listens on.
    """
    settings = load_settings(settings_file) if settings_file is not None else Settings()
    options = ServeOptions(
        scenario=scenario,
        listen=listen or settings.listen or (DEFAULT_LISTEN,),
        settings=settings,
        reset=reset,
        state_directory=state_dir,
        time_scale=time_scale,
        ike=ike,
    )
    from agent.app import server

    server.run(options)


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
