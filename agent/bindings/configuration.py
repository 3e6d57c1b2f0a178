"""All configuration bindings together as one device configuration, applied in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from agent.bindings import certificates, ike, interfaces, ipsec
from agent.core.config import CertificatesConfig, DeviceConfig, EsInterface, IkeConfig, SecurityAssociationConfig, check
from agent.core.device import Device

T = TypeVar("T")
Values = Mapping[str, object]
"""What the configuration bindings built, by their paths."""


class Configuration:
    """What the running datastore is applied to: satisfies datastore.transaction.Configured."""

    def __init__(self, device: Device) -> None:
        """Apply to this device; what no binding covers stays as it is."""
        self._device = device

    def prepare(self, values: Values) -> Callable[[], None]:
        """Return what applies the values; ValueError says what the device cannot be configured with."""
        config = device_config(self._device.config, values)
        if config == self._device.config:
            return lambda: None
        self._device.check(config)
        return lambda: self._device.reconfigure(config)


class Draft:
    """The configuration of a gateway that is not there yet: satisfies datastore.transaction.Configured."""

    def __init__(self, config: DeviceConfig) -> None:
        """Begin with what no binding covers."""
        self.config = config

    def prepare(self, values: Values) -> Callable[[], None]:
        """Return what keeps the values; ValueError says what no gateway can be configured with."""
        config = device_config(self.config, values)
        check(config)
        return lambda: self._keep(config)

    def _keep(self, config: DeviceConfig) -> None:
        self.config = config


def device_config(base: DeviceConfig, values: Values) -> DeviceConfig:
    """Return a configuration as the bindings built it; what none of them covers is that of `base`."""
    return replace(
        base,
        ike=_one(values, ike.ROOT, IkeConfig),
        security_associations=_all(values, ipsec.ROOT, SecurityAssociationConfig),
        certificates=_one(values, certificates.ROOT, CertificatesConfig),
        interfaces=_all(values, interfaces.ROOT, EsInterface),
    )


def _one(values: Values, path: str, kind: type[T]) -> T:
    value = values[path]
    if not isinstance(value, kind):
        raise TypeError(f"{path} was built into {type(value).__name__}, expected {kind.__name__}")
    return value


def _all(values: Values, path: str, kind: type[T]) -> tuple[T, ...]:
    entries = tuple(entry for entry in _one(values, path, tuple) if isinstance(entry, kind))
    if len(entries) != len(_one(values, path, tuple)):
        raise TypeError(f"{path} was built into other entries than {kind.__name__}")
    return entries
