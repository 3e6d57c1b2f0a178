"""Configuration files of a scenario: the device's and its remote gateways' alike, in the modules that are served.

Invariant: a remote gateway's file goes the way of the device's: parsed, validated and built by the same modules and
bindings. Every error names the file and, where there is one, the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

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
    """A file by the name that messages call it, and what is in it (XML)."""

    name: str
    xml: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Document:
    """A file that has been read."""

    name: str
    root: etree._Element

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
    root, documents = Branch(None), []
    for file in files:
        document = _read(file)
        edited = edit(registry.schema, root, document.root, Operation.MERGE, keep)
        if edited.errors:
            raise _refused([document], edited.errors)
        root = edited.root
        documents.append(document)
    try:
        transactions.commit(root)
    except (RpcError, RpcErrors) as error:
        raise _refused(documents, error.errors) from error


def build(files: Sequence[ConfigurationFile], base: DeviceConfig, registry: Registry) -> DeviceConfig:
    """Return what a remote gateway is configured with; BadConfiguration when its files are refused."""
    draft = Draft(base)
    commit(files, registry, Transactions(registry, Stores(lambda: 0), (draft,), unsealed), unsealed)
    return draft.config


def _read(file: ConfigurationFile) -> _Document:
    try:
        return _Document(file.name, parse_document(file.xml))
    except MalformedMessage as error:
        raise BadConfiguration(f"{file.name}: {error}") from error


def _refused(documents: Sequence[_Document], reasons: Sequence[RpcError]) -> BadConfiguration:
    return BadConfiguration("\n".join(f"{_place(documents, reason.path)}: {reason.message}" for reason in reasons))


def _place(documents: Sequence[_Document], path: InstancePath) -> str:
    """Return the file, and the line, of an instance, or of what is nearest above it."""
    best = max(documents, key=lambda document: document.nearest(path)[0])
    return f"{best.name}:{best.nearest(path)[1].sourceline}" if path else best.name


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
