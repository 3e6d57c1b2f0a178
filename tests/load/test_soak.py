"""Mixed clients for a while: whatever they took is given back. The long form is scripts/soak."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.load.soak import Remains, Soak
from tests.support.served import Served, served

TIME_SCALE = "20000"
"""So that an IPsec SA of eight hours is rekeyed each second, unless a client clears it before."""
WARM_UP = 20
CLIENTS = 40
MEMORY_OCTETS = 12_000_000
SETTINGS = '[monitoring]\nlisten = "127.0.0.1:0"\n[log]\nlevel = "warning"\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """The chapter, many times as fast as life."""
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    options = ("--scenario", "chapter", "--time-scale", TIME_SCALE, "--settings", str(settings))
    with served(tmp_path / "state", *options) as running:
        yield running


def test_what_mixed_clients_took_is_given_back(server: Served) -> None:
    async def play() -> Remains:
        soak = Soak(server, 7)
        await soak.run(lambda: soak.done < WARM_UP)
        before = await soak.settled()
        await soak.run(lambda: soak.done < WARM_UP + CLIENTS)
        await soak.seen(before)
        return Remains(before, await soak.settled(before))

    remains = asyncio.run(play())
    assert remains.memory < MEMORY_OCTETS
    assert remains.descriptors <= 1
    assert remains.tasks <= 1
    assert remains.subscriptions == 0
    assert remains.is_everything
