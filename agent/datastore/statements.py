"""What we read of pyang's resolved statement trees: a typed window on untyped objects (RFC 7950 section 6.3).

The attributes that begin with `i_` are pyang's results; each is there only for the keywords that its comment names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Position(Protocol):
    """Where a statement was read."""

    ref: str
    line: int


class TypeSpecification(Protocol):
    """What pyang makes of a type statement: of a leafref, its path in parts."""

    path_spec: object


class Statement(Protocol):
    """A statement; its keyword is a pair (module, name) where an extension defines it."""

    keyword: str | tuple[str, str]
    arg: str
    pos: Position
    substmts: Sequence[Statement]
    i_module: ModuleStatement  # where a grouping's copy belongs
    i_orig_module: ModuleStatement  # where it was written
    i_children: Sequence[Statement]  # data nodes, choices, cases, rpcs, actions, notifications, input, output
    i_config: bool | None  # data nodes and choices
    i_key: Sequence[Statement]  # list
    i_typedef: Statement | None  # type
    i_identity: Statement  # base
    i_position: int  # bit
    i_type_spec: TypeSpecification  # type

    def search(self, keyword: str) -> Sequence[Statement]:
        """All substatements of this keyword."""

    def search_one(self, keyword: str | tuple[str, str]) -> Statement | None:
        """The first substatement of this keyword."""


class ModuleStatement(Statement, Protocol):
    """The statement of a module or submodule; `i_modulename` is the module's name in either."""

    i_modulename: str
    i_prefix: str
    i_prefixes: Mapping[str, tuple[str, str | None]]
    i_features: Mapping[str, Statement]
    i_identities: Mapping[str, Statement]


def argument(statement: Statement, keyword: str, default: str = "") -> str:
    """The argument of the first substatement of this keyword, or `default`."""
    found = statement.search_one(keyword)
    return default if found is None else found.arg


def is_supported(statement: Statement) -> bool:
    """Whether the features that an if-feature asks for are there."""
    return not getattr(statement, "i_not_implemented", False)


def revision_of(module: Statement) -> str:
    """The latest revision that a module or submodule states, or ''."""
    return max((revision.arg for revision in module.search("revision")), default="")


def error_texts(restriction: Statement) -> tuple[str, str]:
    """The error-message and error-app-tag of a restriction, each '' where there is none."""
    return argument(restriction, "error-message"), argument(restriction, "error-app-tag")
