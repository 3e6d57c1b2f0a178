"""Configuration files of a scenario: the device's and its remote gateways' alike, in the modules that are served.

Invariant: a remote gateway's file goes the way of the device's: parsed, validated and built by the same modules and
bindings. Every error names the file and, where there is one, the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from agent.app.errors import AppError
from agent.bindings.configuration import Draft
from agent.core.config import DeviceConfig
from agent.datastore.edit import parse_configuration
from agent.datastore.errors import InstancePath, PathStep, RpcError, RpcErrors
from agent.datastore.parsing import Seal, parse_leaf, unsealed
from agent.datastore.registry import Registry
from agent.datastore.stores import Stores
from agent.datastore.transaction import Transactions
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


def commit(file: ConfigurationFile, registry: Registry, transactions: Transactions, keep: Seal) -> None:
    """Make a file the running configuration, its secrets as `keep` has them; BadConfiguration when it is refused."""
    try:
        document = parse_document(file.xml)
    except MalformedMessage as error:
        raise BadConfiguration(f"{file.name}: {error}") from error
    try:
        transactions.commit(parse_configuration(registry.schema, document, keep))
    except (RpcError, RpcErrors) as error:
        reasons = (f"{file.name}{_line(document, reason.path)}: {reason.message}" for reason in error.errors)
        raise BadConfiguration("\n".join(reasons)) from error


def build(file: ConfigurationFile, base: DeviceConfig, registry: Registry) -> DeviceConfig:
    """Return what a remote gateway is configured with; BadConfiguration when its file is refused."""
    draft = Draft(base)
    commit(file, registry, Transactions(registry, Stores(lambda: 0), (draft,), unsealed), unsealed)
    return draft.config


def _line(document: etree._Element, path: InstancePath) -> str:
    """Return ':' and the line of an instance, or of what is nearest above it in the document; empty without one."""
    if not path:
        return ""
    element = document
    for step in path:
        below = next((child for child in element.iterchildren(step.node.tag) if _is_meant(child, step)), None)
        if below is None:
            break
        element = below
    return f":{element.sourceline}"


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
