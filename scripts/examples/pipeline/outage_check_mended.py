#!/usr/bin/env python3
"""The same check, mended: a tunnel is up while it has anything installed, under whatever SPI."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import outage_check
from outage_check import Spis


def outages(before: Spis, now: Spis) -> list[str]:
    """Return the tunnels that were up before and are down now."""
    return [name for name, spis in before.items() if spis and not now.get(name)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write down, or compare."""
    return outage_check.main(arguments, outages)


if __name__ == "__main__":
    sys.exit(main())
