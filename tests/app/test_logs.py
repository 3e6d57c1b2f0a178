"""The log: one line for one entry, as text or JSON, and of what happens what is worth telling."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.app import logs
from agent.app.settings import LogFormat
from agent.core.events import IpsecSaInstalled, PeerUnreachable
from agent.core.identifiers import Spi
from tests.support.chapter import Emulation, registry
from tests.support.gateways import BOB

OURS = logging.getLogger("agent.somewhere")


@contextmanager
def logged(level: str = "info", format_: LogFormat = LogFormat.TEXT) -> Iterator[io.StringIO]:
    """Catch the log of a block."""
    out = io.StringIO()
    end = logs.set_up(out, level, format_)
    try:
        yield out
    finally:
        end()


def test_an_entry_is_a_line_with_its_level_and_where_it_comes_from() -> None:
    with logged() as out:
        OURS.warning("%d of them", 3)
    (line,) = out.getvalue().splitlines()
    assert all(part in line for part in ("warning", "3 of them", "agent.somewhere"))


def test_json_has_the_same_as_keys() -> None:
    with logged(format_=LogFormat.JSON) as out:
        OURS.warning("%d of them", 3)
    entry = json.loads(out.getvalue())
    assert (entry["event"], entry["level"], entry["logger"]) == ("3 of them", "warning", "agent.somewhere")
    assert entry["timestamp"].endswith("Z")


@pytest.mark.parametrize("format_", LogFormat)
def test_nothing_that_a_client_sends_makes_a_line_of_its_own(format_: LogFormat) -> None:
    with logged(format_=format_) as out:
        OURS.warning("user %s", "x\n2026-01-01 [info] all is well\x1b[2J\u2028")
    assert len(out.getvalue().splitlines()) == 1
    assert not {"\x1b", "\u2028"} & set(out.getvalue())


def test_a_level_hides_what_is_below_it_and_can_be_changed() -> None:
    with logged("warning") as out:
        OURS.info("hidden")
        logs.set_level("debug")
        OURS.debug("shown")
    assert "hidden" not in out.getvalue()
    assert "shown" in out.getvalue()


def test_libraries_are_heard_from_warning_on() -> None:
    with logged("debug") as out:
        logging.getLogger("asyncssh").info("chatter")
        logging.getLogger("asyncssh").warning("trouble")
    assert "chatter" not in out.getvalue()
    assert "trouble" in out.getvalue()


@pytest.mark.parametrize("format_", LogFormat)
def test_a_traceback_shows_no_values(format_: LogFormat) -> None:
    def fail(password: str) -> None:
        raise RuntimeError("a defect")

    with logged(format_=format_) as out:
        try:
            fail("hunter2")
        except RuntimeError:
            OURS.exception("failed")
    assert "a defect" in out.getvalue()
    assert "in fail" in out.getvalue()
    assert out.getvalue().count("hunter2") == 1, "the line of the call stands in the code, the value nowhere"


def test_after_its_end_nothing_is_written() -> None:
    with logged() as out:
        pass
    OURS.error("too late")
    assert out.getvalue() == ""


def test_a_loss_is_a_warning_and_an_installed_sa_is_for_debugging() -> None:
    with logged("info", LogFormat.JSON) as out:
        log = logs.EventLog(registry())
        log.happened(PeerUnreachable(0, BOB))
        log.happened(IpsecSaInstalled(0, "tunnel", Spi(1), Spi(2)))
    (entry,) = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (entry["event"], entry["level"], entry["remote_address"]) == ("peer-unreachable", "warning", str(BOB))
    assert entry["device_time"].startswith("1970-01-01T00:00:00")


def test_at_debug_every_event_is_told() -> None:
    with logged("debug") as out:
        logs.EventLog(registry()).happened(IpsecSaInstalled(0, "tunnel", Spi(1), Spi(2)))
    assert "ipsec-sa-installed" in out.getvalue()


def test_sessions_are_told_with_who_they_are() -> None:
    emulation = Emulation()
    with logged(format_=LogFormat.JSON) as out:
        emulation.gateway.server.record(logs.EventLog(registry()))
        emulation.connect("operator").rpc("<close-session/>")
    entries = [json.loads(line) for line in out.getvalue().splitlines()]
    told = [(entry["event"], entry["username"]) for entry in entries]
    assert told == [("netconf-session-start", "operator"), ("netconf-session-end", "operator")]
