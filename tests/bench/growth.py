"""How the cost grows with the number of entries: reading all, editing one leaf, looking one up, for us and for a peer.

Each size is ten times the one before. A server that has become slow is not asked for more.
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
from tests.bench.listing import OURS, check
from tests.bench.netconf_client import NetconfClient
from tests.bench.peers import install_peers, yuma123
from tests.bench.processes import Server, agent_arguments, serving
from tests.bench.rows import Row

SIZES = (100, 1_000, 10_000, 100_000)
FULL_SIZES = (*SIZES, 1_000_000)
AT_ONCE = 50_000
"""So many entries are created with one edit, since a message has an end."""
PATIENCE_SECONDS = 8.0
"""A server that takes longer to create a tenth of the next size is not asked for that."""
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
            try:
                asyncio.run(_grow(name, server, FULL_SIZES if is_full else SIZES, figures))
            except ConnectionError:  # a peer has its limits too; what was measured until then stands
                if name == OURS:
                    raise
                print(f"growth: {name} has ended the session, and is asked no more", file=sys.stderr)
    for work, by_server in figures.items():
        for size, value in by_server[OURS].items():
            peers = {name: sizes[size] for name, sizes in by_server.items() if name != OURS and size in sizes}
            yield Row("growth", f"{work}, {size} entries", "s", value, peers=peers)
    if plot is not None:
        draw(figures, plot)


async def _grow(name: str, server: Server, sizes: tuple[int, ...], figures: Figures) -> None:
    """Measure one server, size after size."""
    client = await NetconfClient.open(server.port, server.login)
    present = 0
    for size in sizes:
        began = time.perf_counter()
        for first in range(present, size, AT_ONCE):
            check(await client.exchange(entries.create(min(size, first + AT_ONCE), first)))
        created, present = time.perf_counter() - began, size
        for work, operation in WORK.items():
            figures[work].setdefault(name, {})[size] = await _best(client, operation, size)
        if created > PATIENCE_SECONDS or sum(sizes[name][size] for sizes in figures.values()) > PATIENCE_SECONDS:
            break
    await client.close()


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
