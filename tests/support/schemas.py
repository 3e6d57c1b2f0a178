"""Schemas from module texts, and libyang as an independent judge of single values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import oopt_gnpy_libyang as libyang
from lxml import etree

from agent.datastore.schema import ModuleRequest, Schema, load_schema


def write_module(folder: Path, text: str) -> Path:
    """Write a module's text to the file that its name and revision ask for."""
    match = re.search(r"^\s*(?:sub)?module\s+([\w-]+)", text)
    assert match, "the text begins with no module statement"
    path = folder / f"{match[1]}.yang"
    path.write_text(text, "utf-8")
    return path


def load_texts(folder: Path, *texts: str, modules: tuple[ModuleRequest, ...] = ()) -> Schema:
    """Load modules as a user's own: written to `folder`, implemented with all features."""
    return load_schema([write_module(folder, text) for text in texts], modules)


class Judge:
    """A libyang context with one module of a container `c` of leafs: it says what a literal of each leaf means.

    It reads the newest edition of the IETF types, since only those does libyang canonicalise.
    """

    def __init__(self, text: str, namespace: str, folder: Path) -> None:
        """`folder` holds what the module imports beyond what libyang has built in."""
        libyang.set_log_options(libyang.LogOptions.Store)
        options = libyang.ContextOptions.NoYangLibrary | libyang.ContextOptions.DisableSearchCwd
        self._context = libyang.Context(str(folder), options)
        self._context.parse_module(text, libyang.SchemaFormat.YANG, ["*"])
        self._namespace = namespace

    def canonical(self, leaf: str, text: str, prefixes: Mapping[str, str] | None = None) -> str | None:
        """The canonical text, or None for a literal that libyang refuses."""
        declarations = "".join(f" xmlns:{name}={quoteattr(uri)}" for name, uri in (prefixes or {}).items())
        xml = f"<c xmlns={quoteattr(self._namespace)}{declarations}><{leaf}>{escape(text)}</{leaf}></c>"
        self._context.clean_all_errors()
        options = libyang.ValidationOptions.Present
        try:
            data = self._context.parse_data(xml, libyang.DataFormat.XML, libyang.ParseOptions.Strict, options)
        except libyang.Error:
            return None
        printed = data.print(libyang.DataFormat.XML, libyang.PrintFlags.Shrink)
        return etree.fromstring(printed)[0].text or ""
