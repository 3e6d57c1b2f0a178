"""A server with one more module: a list of state with as many entries as is said, which are there only when asked for.

``python -m tests.bench.million COUNT serve …`` is ``ipsec-agent serve …`` with that module.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.app import cli, gateway, server
from agent.app.running import Gateway
from agent.datastore.registry import Bindings, StateList
from agent.datastore.tree import Key

MODULE = "bench-million"
YANG = Path(__file__).with_name(f"{MODULE}.yang")


def bindings() -> Bindings:
    """The binding of the list: from how many entries there are to their numbers."""
    leaves: Mapping[str, Any] = {
        "number": lambda number: number,
        "name": lambda number: f"entry {number}",
        "octets": lambda number: number * 1000,
        "up": lambda number: number % 2 == 0,
    }
    return Bindings(MODULE, states=(StateList[int, int](f"/{MODULE}:million/entry", _iterate, _find, leaves),))


def _iterate(count: int) -> Iterator[int]:
    return iter(range(1, count + 1))


def _find(count: int, key: Key) -> int | None:
    number = int(key[0])
    return number if 0 < number <= count else None


def main() -> None:
    """Serve."""
    count = int(sys.argv.pop(1))
    boot = gateway.boot

    def boot_with(*arguments: Any, **named: Any) -> Gateway:
        booted = boot(*arguments, **named)
        booted.server.attach(MODULE, count)
        return booted

    setattr(gateway, "BINDINGS", (*gateway.BINDINGS, bindings()))  # noqa: B010 it is final for everybody else
    setattr(server, "boot", boot_with)  # noqa: B010
    cli.main()


if __name__ == "__main__":
    main()
