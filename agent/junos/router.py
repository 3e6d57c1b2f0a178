"""The router that the commands and RPCs speak of: the device, what the program is, and its configuration as shown.

What is refused to somebody who asks is a `Refused`: its message is what the prompt prints after `error:`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from agent.core.device import Device
from agent.datastore.registry import Caller

LINE_CHARACTERS: Final = 4096
"""How long a line may be, unless somebody says otherwise."""
RELEASE: Final = "7.4R1"
"""The release of Junos whose names and namespaces are spoken."""
MODEL: Final = "m20"

Arguments = Mapping[str, str]
"""What a command was given: a value for each parameter by its name, "" for a flag."""


class Refused(Exception):
    """What the router does not do; `app_tag` is that of the same refusal in YANG."""

    def __init__(self, message: str, app_tag: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.app_tag = app_tag


class Format(Enum):
    """How something is shown."""

    TEXT = "text"
    XML = "xml"
    JSON = "json"
    SET = "set"


class ConfigurationDisplay(Protocol):
    """The configuration, as those may see it who ask."""

    def show(self, caller: Caller, path: str, format_: Format) -> Iterator[str]:
        """Return the lines of what is configured below a path of statements; Refused where there is none such.

        In XML and JSON that is the element `configuration` and its object, without an envelope.
        """


@dataclass(frozen=True, slots=True)
class Router:
    """A device behind its face; `booted_at` is device time, `version` that of the program.

    `configured_name` returns the host name that is configured, None where none is. A line has so many `line_characters`
    at most; `exceeded` is told the name of a limit that something is over.
    """

    device: Device
    booted_at: int
    version: str
    configured_name: Callable[[], str | None] = lambda: None
    configuration: ConfigurationDisplay | None = None
    line_characters: Callable[[], int] = lambda: LINE_CHARACTERS
    exceeded: Callable[[str], object] = lambda limit: None

    @property
    def host_name(self) -> str:
        """The name in the prompt."""
        return self.configured_name() or self.device.name

    @property
    def now(self) -> int:
        """Device time in microseconds."""
        return self.device.world.now
