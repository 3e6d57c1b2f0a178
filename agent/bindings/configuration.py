"""All configuration bindings together as one device configuration, applied in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from agent.bindings import ike
from agent.core.config import IkeConfig
from agent.core.device import Device

T = TypeVar("T")


class Configuration:
    """What the running datastore is applied to: satisfies datastore.transaction.Configured."""

    def __init__(self, device: Device) -> None:
        """Apply to this device; what no binding covers stays as it is."""
        self._device = device

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Return what applies the values; ValueError says what cannot be."""
        config = replace(self._device.config, ike=_value(values, ike.ROOT, IkeConfig))
        return lambda: self._device.reconfigure(config)


def _value(values: Mapping[str, object], path: str, kind: type[T]) -> T:
    value = values[path]
    if not isinstance(value, kind):
        raise TypeError(f"{path} was built into {type(value).__name__}, expected {kind.__name__}")
    return value
