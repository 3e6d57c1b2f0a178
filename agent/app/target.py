"""A device elsewhere: where it is, who one is there, and what vouches for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """What one has to know to log in to a device."""

    host: str
    port: int
    user: str
    password: str | None = field(default=None, repr=False)
    key: Path | None = None
    host_key: Path | None = None
    """The public key that the device must have; None: one that is known for it."""
    is_insecure: bool = False
    """Whether any host key will do."""
    state_directory: Path | None = None
    """That of a device on this machine; None: those of the user's devices."""

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the host is a loopback address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
