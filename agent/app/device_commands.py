"""`ipsec-agent show`, `clear`, `request` and `shell`: the router's commands, given to a device from here.

What a command needs is imported when it runs, as everywhere on the command line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Final

import click

from agent.app.errors import SettingsError
from agent.app.settings import DEFAULT_LISTEN
from agent.app.target import Target

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
Function = Callable[..., None]

TARGET_OPTIONS: Final = (
    click.option("--host", default=DEFAULT_LISTEN.host, show_default=True, help="Where the device is."),
    click.option("--port", default=DEFAULT_LISTEN.port, show_default=True, type=click.IntRange(1, 65535)),
    click.option("--user", default="admin", show_default=True, help="Who to log in as."),
    click.option(
        "--password-file", type=FILE, metavar="FILE", help="Its first line is the password.  [default: it is asked for]"
    ),
    click.option("--key", type=FILE, metavar="FILE", help="The private key to log in with."),
    click.option(
        "--host-key",
        type=FILE,
        metavar="FILE",
        help="The device's public key.  [default: as ~/.ssh/known_hosts has it]",
    ),
    click.option("--insecure", is_flag=True, help="Accept whatever host key the device has."),
    click.option(
        "--state-dir",
        type=FOLDER,
        metavar="DIR",
        help="Where a device on this machine keeps its host keys.  [default: with any of this user's devices]",
    ),
)


def for_target(function: Function) -> Function:
    """Give a command the options that say which device, who one is there, and what vouches for it.

    The command is called with the Target that they make. SettingsError where they contradict one another.
    """

    @wraps(function)
    def command(
        host: str,
        port: int,
        user: str,
        password_file: Path | None,
        key: Path | None,
        host_key: Path | None,
        insecure: bool,
        state_dir: Path | None,
        **options: object,
    ) -> None:
        if insecure and host_key is not None:
            raise SettingsError("--host-key and --insecure exclude one another")
        if key is not None and password_file is not None:
            raise SettingsError("--key and --password-file exclude one another")
        password = None if password_file is None else _first_line(password_file)
        function(Target(host, port, user, password, key, host_key, insecure, state_dir), **options)

    for option in reversed(TARGET_OPTIONS):
        command = option(command)
    return command


def _one_shot(verb: str, does: str, example: str) -> click.Command:
    @click.command(verb, help=f"{does}, such as:\n\n{verb} {example}", short_help=f"{does}.")
    @for_target
    @click.option(
        "--format",
        "format_",
        type=click.Choice(["text", "xml", "json"]),
        default="text",
        show_default=True,
        help="How the reply is printed.",
    )
    @click.argument("words", nargs=-1, required=True, metavar="WORD...")
    def command(target: Target, words: tuple[str, ...], format_: str) -> None:
        from agent.app.remote import ReplyFormat
        from agent.app.remote_commands import print_reply

        sys.exit(print_reply(target, " ".join((verb, *map(_as_word, words))), ReplyFormat(format_)))

    return command


@click.command("shell")
@for_target
def shell(target: Target) -> None:
    """Give a device commands at a prompt.

    With completion, help and history; without a terminal, one command in each line of the input.
    """
    if not sys.stdin.isatty():
        from agent.app.remote_commands import run_script

        sys.exit(run_script(target, sys.stdin))
    from agent.app.remote_prompt import run_prompt

    run_prompt(target)


def _as_word(word: str) -> str:
    """Return a word as it stands in a line: what this machine's shell held together is held together there."""
    return f'"{word}"' if " " in word and '"' not in word else word


def _first_line(path: Path) -> str:
    try:
        return path.read_text("utf-8").partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not text") from error


DEVICE_COMMANDS: Final = (
    _one_shot("show", "Show something of a device", "ike security-associations detail"),
    _one_shot("clear", "Clear something of a device", "ipsec security-associations NAME"),
    _one_shot("request", "Have a device do something", "ipsec switch interface"),
    shell,
)
