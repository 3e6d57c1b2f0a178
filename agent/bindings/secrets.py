"""Secrets of the configuration: sealed as they come in, opened for the device alone.

A sealed value is taken back as the secret it stands for, so that a configuration that was read can be written as it is.
"""

from __future__ import annotations

from collections.abc import Collection

from agent.core.crypto.seal import Seal, SealBroken, is_sealed
from agent.datastore.schema import SchemaNode
from agent.datastore.values import InvalidValue


class Secrets:
    """The secret leaves of a schema and the seal they are kept under."""

    def __init__(self, leaves: Collection[SchemaNode], seal: Seal) -> None:
        """`leaves` are those whose values are never shown."""
        self._leaves = leaves
        self._seal = seal

    def keep(self, node: SchemaNode, value: str) -> str:
        """Return the value as it is kept; InvalidValue for a sealed one that is not ours."""
        if node not in self._leaves:
            return value
        if not is_sealed(value):
            return self._seal.seal(value, node.name)
        try:
            self._seal.open(value, node.name)
        except SealBroken as error:
            raise InvalidValue(str(error)) from error
        return value

    def open(self, node: SchemaNode, value: str) -> str:
        """Return the plain value of a kept one."""
        return self._seal.open(value, node.name) if node in self._leaves else value
