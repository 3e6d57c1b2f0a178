"""How the cost grows with the number of entries: reading all, editing one leaf, looking one up, for us and for peers.

Each size is ten times the one before. What takes a server too long with some entries is not asked with more, and a
server that takes too long to be given them is asked no more at all.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.bench import entries
from tests.bench.listing import OURS, Refused, check
from tests.bench.netconf_client import NetconfClient
from tests.bench.peers import install_peers, yuma123
from tests.bench.processes import Server, agent_arguments, serving
from tests.bench.rows import Row

SIZES = (100, 1_000, 10_000)
FULL_SIZES = (*SIZES, 100_000, 1_000_000)
AT_ONCE = 10_000
"""So many entries are created with one edit, since a message has an end."""
PATIENCE_SECONDS = 10.0
FULL_PATIENCE_SECONDS = 60.0
"""What takes longer is too long; to be given entries may take three times that."""
REPEATED = 3
WORK: Mapping[str, Callable[[int], bytes]] = {
    "get-config of all": lambda size: entries.read_all(),
    "one-leaf edit": lambda size: entries.change_leaf(size // 2),
    "one by key": lambda size: entries.read_one(size // 2),
}
Figures = dict[str, dict[str, dict[int, float]]]
"""Seconds by work, server and size."""


def growth(named: Mapping[str, Server], plot: Path | None, *, is_full: bool) -> Iterator[Row]:
    """A row for each work and size, and a plot of them all where it is to go."""
    figures: Figures = {work: {} for work in WORK}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        arguments = [*agent_arguments(root / "state"), "--yang", str(entries.MODULE)]
        servers = {OURS: stack.enter_context(serving(*arguments)), **named}
        if install_peers():
            servers["yuma123"] = stack.enter_context(yuma123(root / "yuma"))
        for name, server in servers.items():
            _measure(name, server, figures, is_full=is_full)
    for work, by_server in figures.items():
        for size, value in by_server[OURS].items():
            peers = {name: sizes[size] for name, sizes in by_server.items() if name != OURS and size in sizes}
            yield Row("growth", f"{work}, {size} entries", "s", value, peers=peers)
    if plot is not None:
        draw(figures, plot)


def _measure(name: str, server: Server, figures: Figures, *, is_full: bool) -> None:
    """Measure one server. A peer has its limits: what was measured until it met them stands."""
    sizes, patience = (FULL_SIZES, FULL_PATIENCE_SECONDS) if is_full else (SIZES, PATIENCE_SECONDS)
    try:
        asyncio.run(_grow(name, server, sizes, patience, figures))
    except (ConnectionError, TimeoutError, Refused) as error:
        if name == OURS:
            raise
        print(f"growth: {name} is asked no more: {type(error).__name__} {str(error)[:200]}", file=sys.stderr)


async def _grow(name: str, server: Server, sizes: tuple[int, ...], patience: float, figures: Figures) -> None:
    """Measure one server, size after size."""
    client = await NetconfClient.open(server.port, server.login)
    present = 0
    for size in sizes:
        for operation in _growing(present, size):
            began = time.perf_counter()
            check(await client.exchange(operation))
            if time.perf_counter() - began > 3 * patience:
                print(f"growth: {name} takes too long to be given {size} entries", file=sys.stderr)
                return
        for work, measured in WORK.items():
            taken = figures[work].setdefault(name, {})
            if all(seconds <= patience for seconds in taken.values()):
                taken[size] = await _best(client, measured, size)
        present = size
    await client.close()


def _growing(present: int, size: int) -> Iterator[bytes]:
    """Iterate over what gives a server so many entries: all anew where that is one edit, which costs a peer less."""
    if size <= AT_ONCE:
        yield entries.remove()
        yield entries.create(size)
        return
    for first in range(present, size, AT_ONCE):
        yield entries.create(min(size, first + AT_ONCE), first)


async def _best(client: NetconfClient, operation: Callable[[int], bytes], size: int) -> float:
    """Seconds for one exchange, the best of a few."""
    found = []
    for _ in range(REPEATED):
        began = time.perf_counter()
        await client.exchange_pieces(operation(size))
        found.append(time.perf_counter() - began)
        if found[-1] > 1:
            break
    return min(found)


def draw(figures: Figures, path: Path) -> None:
    """Plot time against entries, both on logarithmic scales."""
    from matplotlib.figure import Figure  # of the extra `bench`: no other benchmark needs it

    figure = Figure(figsize=(4.5 * len(figures), 4), layout="constrained")
    for axes, (work, by_server) in zip(figure.subplots(1, len(figures), sharey=True), figures.items(), strict=True):
        for name, sizes in by_server.items():
            axes.plot(list(sizes), list(sizes.values()), marker="o", label=name)
        axes.set(title=work, xscale="log", yscale="log", xlabel="entries present")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    figure.axes[0].set_ylabel("seconds")
    figure.savefig(path, dpi=150)
