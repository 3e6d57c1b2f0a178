"""Configuration files of a scenario: the device's and its remote gateways' alike, in the modules that are served.

Invariant: a remote gateway's file goes the way of the device's: parsed, validated and built by the same modules and
bindings. Every error names the file and, where there is one, the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from lxml import etree

from agent.app.alike import expand
from agent.app.errors import AppError
from agent.bindings.configuration import Draft
from agent.core.config import DeviceConfig
from agent.datastore.edit import Operation, edit
from agent.datastore.errors import InstancePath, PathStep, RpcError, RpcErrors
from agent.datastore.parsing import Seal, parse_leaf, unsealed
from agent.datastore.registry import Registry
from agent.datastore.stores import Stores
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch
from agent.datastore.values import InvalidValue
from agent.netconf.messages import MalformedMessage, parse_document


class BadConfiguration(AppError):
    """A configuration file that a gateway refuses; the message lists every reason."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """A file by the name that messages call it, and what is in it: XML, or JSON (RFC 7951).

    What it marks as alike is there `alike` times; `number` is that of the gateway whose file it is, where that is one
    of many. `first_line` is where it begins in the file of that name.
    """

    name: str
    xml: bytes = field(repr=False)
    alike: int = 0
    number: int | None = None
    is_json: bool = False
    first_line: int = 1


@dataclass(frozen=True, slots=True)
class _Document:
    """A file that has been read."""

    name: str
    root: etree._Element
    first_line: int

    def nearest(self, path: InstancePath) -> tuple[int, etree._Element]:
        """Return how many steps of a path the document has, and the element of the last of them."""
        element, depth = self.root, 0
        for step in path:
            below = next((child for child in element.iterchildren(step.node.tag) if _is_meant(child, step)), None)
            if below is None:
                break
            element, depth = below, depth + 1
        return depth, element


def commit(files: Sequence[ConfigurationFile], registry: Registry, transactions: Transactions, keep: Seal) -> None:
    """Make files, one merged into the other, the running configuration, their secrets as `keep` has them.

    BadConfiguration when it is refused.
    """
    root, documents = Branch(None), [_read(file, registry) for file in files]
    for document in documents:
        root = _merge(root, document, registry, keep)
    try:
        transactions.commit(root)
    except (RpcError, RpcErrors) as error:
        raise _refused(documents, error.errors) from error


def parse(file: ConfigurationFile, registry: Registry, keep: Seal) -> Branch:
    """Return what is in a file, its secrets as `keep` has them; BadConfiguration when the modules know no such thing.

    Nobody has judged it as a whole.
    """
    return _merge(Branch(None), _read(file, registry), registry, keep)


def _merge(root: Branch, document: _Document, registry: Registry, keep: Seal) -> Branch:
    edited = edit(registry.schema, root, document.root, Operation.MERGE, keep)
    if edited.errors:
        raise _refused([document], edited.errors)
    return edited.root


class Builder:
    """Builds the configurations of remote gateways, of which there may be many."""

    def __init__(self, registry: Registry) -> None:
        """Prepare what all have in common."""
        self._registry = registry
        self._draft = Draft(DeviceConfig("", ()))
        self._transactions = Transactions(registry, Stores(lambda: 0), (self._draft,), unsealed)

    def build(self, files: Sequence[ConfigurationFile], base: DeviceConfig) -> DeviceConfig:
        """Return what a remote gateway is configured with; BadConfiguration when its files are refused."""
        self._draft.config = base
        commit(files, self._registry, self._transactions, unsealed)
        return self._draft.config


def _read(file: ConfigurationFile, registry: Registry) -> _Document:
    try:
        root = parse_document(registry.schema.xml_of_json(file.xml) if file.is_json else file.xml)
        expand(root, file.alike, file.number)
    except (MalformedMessage, ValueError) as error:
        raise BadConfiguration(f"{file.name}: {error}") from error
    return _Document(file.name, root, file.first_line)


def _refused(documents: Sequence[_Document], reasons: Sequence[RpcError]) -> BadConfiguration:
    return BadConfiguration("\n".join(f"{_place(documents, reason.path)}: {reason.message}" for reason in reasons))


def _place(documents: Sequence[_Document], path: InstancePath) -> str:
    """Return the file, and the line, of an instance, or of what is nearest above it."""
    best = max(documents, key=lambda document: document.nearest(path)[0])
    if not path:
        return best.name if best.first_line == 1 else f"{best.name}:{best.first_line}"
    line = cast(int, best.nearest(path)[1].sourceline)  # the stubs do not know its type
    return f"{best.name}:{line + best.first_line - 1}"


def _is_meant(element: etree._Element, step: PathStep) -> bool:
    """Tell whether an element of the step's name has its keys."""
    if not step.node.keys or not step.keys:
        return True
    try:
        return step.keys == tuple(
            parse_leaf(leaf, key) for leaf in step.node.keys if (key := element.find(leaf.tag)) is not None
        )
    except InvalidValue:
        return False
