"""Configurations whose security associations keep replayed packets out."""

from __future__ import annotations

from dataclasses import replace

from agent.core.config import DeviceConfig, DynamicSa


def windowed(config: DeviceConfig, size: int = 64) -> DeviceConfig:
    """Return a configuration in which the negotiated ones have a replay window of that many packets."""
    return replace(
        config,
        security_associations=tuple(
            replace(each, keying=replace(each.keying, replay_window_size=size))
            if isinstance(each.keying, DynamicSa)
            else each
            for each in config.security_associations
        ),
    )
