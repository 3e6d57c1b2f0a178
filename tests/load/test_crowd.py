"""A thousand sessions at once, each with work: all are answered, one more is refused, and nothing is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.load.client import Samples, connection, crowd, metrics, session
from tests.load.soak import Soak
from tests.support.served import Served, served

SESSIONS = 1000
OF_A_CONNECTION = 125
SESSION_OCTETS = 150_000
"""What one session may take of the server's memory, its SSH channel included."""
SETTINGS = f"""
[limits]
sessions = {SESSIONS}
[monitoring]
listen = "127.0.0.1:0"
[log]
level = "warning"
"""
WORK = '<get><filter><ike xmlns="urn:ipsec-agent:ike"><security-associations/></ike></filter></get>'
OPEN = 'ipsec_agent_sessions{transport="netconf-ssh"}'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """The chapter, with room for a thousand."""
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    with served(tmp_path / "state", "--scenario", "chapter", "--settings", str(settings)) as running:
        yield running


def memory(samples: Samples) -> float:
    """Return the octets that the server takes."""
    return samples["process_resident_memory_bytes"]


def test_a_thousand_sessions_work_at_once_in_bounded_memory_and_leave_nothing(server: Served) -> None:
    async def play() -> None:
        before = await metrics(server)
        async with crowd(server, SESSIONS, OF_A_CONNECTION) as clients:
            await asyncio.gather(*(client.do(WORK) for client in clients))
            amid = await metrics(server)
            assert amid[OPEN] == SESSIONS
            assert memory(amid) - memory(before) < SESSIONS * SESSION_OCTETS
            async with await connection(server) as another:
                with pytest.raises(asyncssh.ChannelOpenError):
                    await session(another)
                assert another.get_extra_info("username") == "admin"
            assert (await metrics(server))['ipsec_agent_admission_total{what="refused_sessions"}'] == 1
        after = await Soak(server, 7).settled()
        assert after["process_open_fds"] <= before["process_open_fds"] + 1
        assert after['ipsec_agent_queued{queue="tasks"}'] <= before['ipsec_agent_queued{queue="tasks"}'] + 1

    asyncio.run(play())
