"""ipsec-agent: a NETCONF/YANG device agent for an emulated IPsec gateway.

What a test needs is imported when it is first named, so that nobody else waits for it; `__init__.pyi` has the types.
"""

from importlib import import_module
from types import MappingProxyType
from typing import Final

__all__ = ["Device", "Event", "NotSeen", "Refused", "Request", "__version__"]

__version__: Final = "0.1.0"

_HOMES: Final = MappingProxyType(
    {
        "Device": "agent.app.api",
        "Event": "agent.app.witness",
        "NotSeen": "agent.app.api",
        "Refused": "agent.app.hands",
        "Request": "agent.app.witness",
    }
)


def __getattr__(name: str) -> object:
    """Import what a test needs (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
