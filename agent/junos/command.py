"""What a row of the table is made of: words, parameters of some kind, and what is shown or done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from agent.datastore.registry import Authorisation, Caller
from agent.junos.router import Arguments, Router
from agent.junos.view import View


class Kind(Enum):
    """What can be given for a parameter: nothing (its name is a word of its own), or a value."""

    FLAG = "flag"
    PEER = "peer-address"
    ASSOCIATION = "sa-name"
    TUNNEL = "tunnel"
    INTERFACE = "interface-name"
    INTERFACES = "interfaces"
    SERIAL = "serial-number"
    ISSUER = "crl-name"
    FPC = "fpc-slot"
    PIC = "pic-slot"
    NUMBER = "number"
    TEXT = "text"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that can be said after a command's words, in any order, once.

    `name` is that of the RPC's parameter. `keyword` is the word that goes before the value where one does. Of the
    parameters of one `group` no more than one is given.
    """

    name: str
    kind: Kind
    help: str
    keyword: str | None = None
    group: str | None = None
    is_required: bool = False

    @property
    def word(self) -> str | None:
        """The word that it begins with; None for one that is a value alone."""
        return self.name if self.kind is Kind.FLAG else self.keyword

    @property
    def slot(self) -> str:
        """What is given once."""
        return self.group or self.name


class Local(Enum):
    """What a prompt does by itself."""

    QUIT = "quit"
    HELP = "help"
    SCREEN_LENGTH = "screen-length"
    SCREEN_WIDTH = "screen-width"
    COMPLETE_ON_SPACE = "complete-on-space"
    CONFIGURATION = "configuration"


NOTHING: Final = Authorisation()
"""Of what reads nothing of the device and does nothing to it."""
Action = Callable[[Router, Caller, Arguments], None]


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    words: tuple[str, ...]
    help: str
    does: View[Any] | Action | Local
    authorisation: Authorisation = NOTHING
    parameters: tuple[Parameter, ...] = ()
    rpc: str | None = None
    aliases: tuple[str, ...] = ()


class Pipe(Enum):
    """What is done to the output of a command."""

    MATCH = "match"
    EXCEPT = "except"
    FIND = "find"
    COUNT = "count"
    LAST = "last"
    NO_MORE = "no-more"
    XML = "xml"
    XML_RPC = "xml rpc"
    JSON = "json"
    SET = "set"


@dataclass(frozen=True, slots=True)
class PipeCommand:
    """One row of the table of pipes."""

    words: tuple[str, ...]
    help: str
    does: Pipe
    parameters: tuple[Parameter, ...] = ()
