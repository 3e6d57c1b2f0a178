"""An unmodified scrapli, which types at the prompt, over paramiko and over OpenSSH."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.seven_commands import DENIED, SEVEN_COMMANDS, check_seven

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("scrapli") is None, reason="scrapli is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
OPENSSH = pytest.mark.skipif(shutil.which("ssh") is None, reason="the system package openssh-client is missing")


def connect(server: Served, transport: str, user: str = "admin") -> Any:
    """Return what logs in and gets to the prompt."""
    from scrapli.driver.core import JunosDriver

    return JunosDriver(
        host=server.host,
        port=server.port,
        auth_username=user,
        auth_password=user,
        auth_strict_key=False,
        transport=transport,
        ssh_config_file=False,
    )


@pytest.fixture(params=["paramiko", pytest.param("system", marks=OPENSSH)])
def device(chapter: Served, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A prompt that was found."""
    with connect(chapter, request.param) as opened:
        yield opened


def test_the_seven_commands_do_what_they_say(device: Any) -> None:
    check_seven([device.send_command(command).result for command in SEVEN_COMMANDS])


def test_the_prompt_is_found_and_an_error_does_not_end_it(device: Any) -> None:
    assert device.send_command("show nonsense").result.splitlines()[-1].startswith("syntax error")
    assert device.get_prompt() == "admin@host>"


def test_a_guest_is_denied(chapter: Served) -> None:
    with connect(chapter, "paramiko", "guest") as device:
        assert device.send_command(SEVEN_COMMANDS[0]).result.strip() == f"error: {DENIED}"
