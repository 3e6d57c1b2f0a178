"""The one entry to libyang: it judges must, when, leafref, unique, mandatory and counts over a whole tree.

Invariant: libyang reads the modules that pyang has read. It brings newer editions of some IETF modules with it, so the
texts it is given say with every import which revision pyang has chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final

import oopt_gnpy_libyang as libyang

from agent.datastore.module_files import SchemaError
from agent.datastore.nodes import Module


class Violation(Enum):
    """What kind of constraint a tree breaks."""

    MUST = "must"
    LEAFREF = "leafref"
    UNIQUE = "unique"
    MANDATORY = "mandatory"
    COUNT = "count"
    WHEN = "when"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ValidationError:
    """One complaint of libyang.

    `path` is the data path in the style of RFC 7951, '' if there is none; `app_tag` is the error-app-tag or ''.
    """

    message: str
    path: str
    app_tag: str
    kind: Violation

    @property
    def choices(self) -> tuple[str, ...]:
        """The name of a mandatory choice of which nothing is there."""
        match = _MISSING_CHOICE.match(self.message)
        return (match["choice"],) if match else ()

    @property
    def leaves(self) -> tuple[str, ...]:
        """The paths of the leaves that two entries of a list have in common, though they should not."""
        match = _NOT_UNIQUE.match(self.message)
        if match is None:
            return ()
        entries = sorted((match["one"], match["other"]))
        return tuple(f"{entry}/{leaf}" for entry in entries for leaf in match["leaves"].split())


_BY_APP_TAG: Final = MappingProxyType(
    {
        "must-violation": Violation.MUST,
        "instance-required": Violation.LEAFREF,
        "data-not-unique": Violation.UNIQUE,
        "missing-choice": Violation.MANDATORY,
        "too-few-elements": Violation.COUNT,
        "too-many-elements": Violation.COUNT,
    }
)
_MISSING_CHOICE: Final = re.compile(r'Mandatory choice "(?P<choice>[^"]+)" data')
_NOT_UNIQUE: Final = re.compile(
    r'Unique data leaf\(s\) "(?P<leaves>[^"]+)" not satisfied in "(?P<one>/.*)" and "(?P<other>/.*)"\.', re.DOTALL
)
_PREFIXES: Final = MappingProxyType({"Mandatory node ": Violation.MANDATORY, "When condition ": Violation.WHEN})


class Validator:
    """A libyang context with the modules of one schema."""

    def __init__(self, implemented: Iterable[Module], sources: Mapping[str, str]) -> None:
        """Loads the implemented modules. SchemaError with libyang's words if it refuses what pyang accepted.

        `sources` are the texts of all modules and submodules by file name, NAME@REVISION.yang or NAME.yang.
        """
        libyang.set_log_options(libyang.LogOptions.Store)
        with TemporaryDirectory(prefix="yang-") as folder:
            for name, text in sources.items():
                Path(folder, name).write_text(text, "utf-8")
            options = libyang.ContextOptions.NoYangLibrary | libyang.ContextOptions.DisableSearchCwd
            self._context = libyang.Context(folder, options)
            for module in implemented:
                self._load(module)

    def _load(self, module: Module) -> None:
        try:
            self._context.load_module(module.name, module.revision or None, list(module.features))
        except libyang.Error as error:
            complaints = [complaint.message for complaint in self._context.errors()]
            raise SchemaError("\n".join(f"module '{module.name}': {text}" for text in complaints or [error])) from None

    def check_configuration(self, xml: bytes) -> tuple[ValidationError, ...]:
        """What is wrong with a whole configuration, given as its top-level elements; state is refused."""
        parse = libyang.ParseOptions.Strict | libyang.ParseOptions.NoState
        return self._check(xml, parse, libyang.ValidationOptions.NoState)

    def check_data(self, xml: bytes) -> tuple[ValidationError, ...]:
        """What is wrong with whole data, configuration and state, given as its top-level elements."""
        return self._check(xml, libyang.ParseOptions.Strict, libyang.ValidationOptions.Present)

    def check_syntax(self, xml: bytes) -> tuple[ValidationError, ...]:
        """What is wrong with the elements and values of a part of the data, whatever may be missing from it."""
        parse = libyang.ParseOptions.Strict | libyang.ParseOptions.ParseOnly
        return self._check(xml, parse, libyang.ValidationOptions.Present)

    def with_defaults(self, xml: bytes) -> bytes:
        """Return a valid configuration with every default in use filled in (RFC 6243 section 3.1)."""
        parse = libyang.ParseOptions.Strict | libyang.ParseOptions.NoState
        self._context.clean_all_errors()
        data = self._context.parse_data(xml.decode(), libyang.DataFormat.XML, parse, libyang.ValidationOptions.NoState)
        if data is None:
            return b""
        flags = libyang.PrintFlags.WithSiblings | libyang.PrintFlags.Shrink | libyang.PrintFlags.WithDefaultsAll
        return str(data.print(libyang.DataFormat.XML, flags)).encode()

    def xml_of_json(self, json: bytes) -> bytes:
        """Return data in JSON as XML, its top-level elements, valid or not; ValueError for what the schema has not."""
        parse = libyang.ParseOptions.Strict | libyang.ParseOptions.ParseOnly | libyang.ParseOptions.NoState
        self._context.clean_all_errors()
        try:
            data = self._context.parse_data(json.decode(), libyang.DataFormat.JSON, parse, None)
        except libyang.Error as error:
            raise ValueError("; ".join(each.message for each in self._complaints()) or str(error)) from error
        flags = libyang.PrintFlags.WithSiblings | libyang.PrintFlags.Shrink
        return b"" if data is None else str(data.print(libyang.DataFormat.XML, flags)).encode()

    def _check(
        self, xml: bytes, parse: libyang.ParseOptions, validation: libyang.ValidationOptions
    ) -> tuple[ValidationError, ...]:
        always = libyang.ValidationOptions.Present | libyang.ValidationOptions.MultiError
        self._context.clean_all_errors()
        try:
            self._context.parse_data(xml.decode(), libyang.DataFormat.XML, parse, validation | always)
        except libyang.Error as error:
            return tuple(self._complaints()) or (ValidationError(str(error), "", "", Violation.OTHER),)
        return ()

    def _complaints(self) -> Iterator[ValidationError]:
        """Each complaint once: libyang reports a duplicate for either instance."""
        found = (
            ValidationError(complaint.message, complaint.data_path or "", complaint.app_tag or "", _kind(complaint))
            for complaint in self._context.errors()
        )
        yield from dict.fromkeys(found)


def _kind(complaint: libyang.ErrorInfo) -> Violation:
    """Only a must statement brings an app-tag of a module's own, since values are checked before libyang sees them."""
    if complaint.app_tag:
        return _BY_APP_TAG.get(complaint.app_tag, Violation.MUST)
    found = (kind for prefix, kind in _PREFIXES.items() if complaint.message.startswith(prefix))
    return next(found, Violation.OTHER)
