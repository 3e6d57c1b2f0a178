"""``python -m tests.bench [NAME...] [--json FILE] [--peer NAME=…]``: run benchmarks, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from tests.bench.day import ALL_TUNNELS, TUNNELS, day
from tests.bench.esp import esp
from tests.bench.failover import failover
from tests.bench.fleet import fleet
from tests.bench.growth import growth
from tests.bench.ike import ike
from tests.bench.listing import listing
from tests.bench.memory import ALL_SAS, SAS, memory
from tests.bench.peers import parse_peer
from tests.bench.processes import Server
from tests.bench.push import push
from tests.bench.rows import Row, render_table
from tests.bench.sas import ALL_SIZES, SIZES, sas
from tests.bench.scheduler import scheduler
from tests.bench.sessions import sessions
from tests.bench.startup import startup
from tests.bench.streaming import streaming
from tests.bench.tunnels import tunnels

Bench = Callable[[], Iterator[Row]]
OTHERS: Mapping[str, Bench] = MappingProxyType({"ike": ike, "esp": esp, "failover": failover, "fleet": fleet})
"""What is measured when it is asked for: by name, or with everything."""


def benches(peers: Mapping[str, Server], plot: Path | None = None, *, is_full: bool = False) -> dict[str, Bench]:
    """All benchmarks by name; the peers are for those that compare. Full ones are as large as anybody asks for."""
    return {
        "startup": startup,
        "list": partial(listing, peers),
        "sessions": partial(sessions, peers),
        "streaming": streaming,
        "sas": partial(sas, ALL_SIZES if is_full else SIZES),
        "memory": partial(memory, ALL_SAS if is_full else SAS),
        "push": push,
        "scheduler": scheduler,
        "day": partial(day, ALL_TUNNELS if is_full else TUNNELS),
        "growth": partial(growth, peers, plot, is_full=is_full),
        "tunnels": tunnels,
        **OTHERS,
    }


def main() -> None:
    names = list(benches({}))
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Each figure beside its limit on this machine.")
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; default: all up to tunnels")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=[USER[:PASSWORD]@]HOST:PORT",
        help="another NETCONF server over SSH to compare with, which has tests/bench/bench-entries.yang loaded",
    )
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw what 'growth' finds")
    parser.add_argument(
        "--full", action="store_true", help="all of them, and with nothing reckoned: a million entries, 100,000 SAs"
    )
    options = parser.parse_args()
    unknown = [name for name in options.name if name not in names]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(names)}")
    try:
        peers = dict(map(parse_peer, options.peer))
    except ValueError as error:
        parser.error(str(error))
    chosen = benches(peers, options.plot, is_full=options.full)
    rows = []
    for name in options.name or [name for name in names if options.full or name not in OTHERS]:
        for row in chosen[name]():
            print(f"{row.bench}: {row.case}: {row.value:.4g} {row.unit}", file=sys.stderr, flush=True)
            rows.append(row)
    print(render_table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
