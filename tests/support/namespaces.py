"""Network namespaces that a test makes for itself (ip-netns(8)): loopback alone, and every port of it free."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import TypeVar

CLONE_NEWNET = 0x40000000
SECONDS = 30

T = TypeVar("T")


def lacking() -> str | None:
    """Say what it takes to make a namespace and is not there; None when nothing is lacking."""
    if shutil.which("ip") is None:
        return "the system package iproute2 is missing"
    return None if os.geteuid() == 0 else "only root can make network namespaces"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, while it exists."""

    name: str

    def ip(self, *words: str) -> None:
        """Configure it (ip(8))."""
        _ip("-n", self.name, *words)

    def command(self, *words: str) -> list[str]:
        """Return the command that runs another one in the namespace."""
        return ["ip", "netns", "exec", self.name, *words]

    def within(self, action: Callable[[], T]) -> T:
        """Do something in the namespace: sockets that it makes stay there. A thread of its own is what enters."""

        def entered() -> T:
            with open(f"/run/netns/{self.name}", "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {self.name}")
            return action()

        with ThreadPoolExecutor(max_workers=1) as threads:
            return threads.submit(entered).result(SECONDS)


@contextmanager
def namespace(*addresses: str) -> Iterator[Namespace]:
    """Make a namespace whose loopback has these addresses besides 127.0.0.0/8, and remove it at the end."""
    made = Namespace(f"ipsec-agent-{token_hex(4)}")
    _ip("netns", "add", made.name)
    try:
        _ip("-n", made.name, "link", "set", "lo", "up")
        for address in addresses:
            _ip("-n", made.name, "address", "add", address, "dev", "lo")
        yield made
    finally:
        _ip("netns", "delete", made.name)


def join(one: Namespace, its: str, other: Namespace, others: str) -> tuple[str, str]:
    """Lay a cable between two namespaces, and return the names of its ends.

    Each end has an address, with the length of its prefix.
    """
    token = token_hex(3)
    names = f"a{token}", f"b{token}"
    _ip("link", "add", names[0], "netns", one.name, "type", "veth", "peer", "name", names[1], "netns", other.name)
    for end, name, address in zip((one, other), names, (its, others), strict=True):
        # Whether somebody else has an address of IPv6 need not be found out first.
        at_once = ["nodad"] if ":" in address else []
        _ip("-n", end.name, "address", "add", address, "dev", name, *at_once)
        _ip("-n", end.name, "link", "set", name, "up")
    return names


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr}")
