"""``python -m tests.bench [NAME...] [--json FILE]``: run benchmarks, print a table, and write the rows as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.bench.ike import ike
from tests.bench.rows import Row, render_table
from tests.bench.rpc import rpc
from tests.bench.startup import startup
from tests.bench.tunnels import tunnels

BENCHES: Mapping[str, Callable[[], Iterator[Row]]] = MappingProxyType(
    {"startup": startup, "rpc": rpc, "ike": ike, "tunnels": tunnels}
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Each figure beside its limit on this machine.")
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    options = parser.parse_args()
    unknown = [name for name in options.name if name not in BENCHES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)}")
    rows = [row for name in options.name or BENCHES for row in BENCHES[name]()]
    print(render_table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
