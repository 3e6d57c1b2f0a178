"""The log's way out: lines in their order, nobody waits for who does not read, and what was lost is told."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import pytest

from agent.app.outlet import Outlet

PIPE_OCTETS = 4096


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that has room for little: the end that is read, and that which is written."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_OCTETS)
    yield read, write
    os.close(read)
    os.close(write)


def test_lines_come_out_in_their_order(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    for number in range(100):
        outlet.write(f"{number}\n")
    outlet.close()
    assert os.read(pipe[0], PIPE_OCTETS).decode().split() == [str(number) for number in range(100)]
    assert outlet.lost == 0


def test_nobody_waits_for_who_does_not_read_and_the_loss_is_told_later(pipe: tuple[int, int]) -> None:
    outlet, line = Outlet(pipe[1], lines=10), "x" * 1000 + "\n"
    for _ in range(100):
        outlet.write(line)
    assert outlet.lost >= 100 - 10 - 5 - 1
    read = b""
    while b"lines of the log were lost" not in read:
        read += os.read(pipe[0], PIPE_OCTETS)
    outlet.close()
    assert b"%d lines of the log were lost\n" % outlet.lost in read


def test_an_end_that_nobody_reads_does_not_hold_up_the_end(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1], lines=2)
    for _ in range(50):
        outlet.write("x" * 1000)
    outlet.close()
    assert outlet.lost > 0
    os.read(pipe[0], PIPE_OCTETS)  # so that the thread's write returns, and the test leaves nothing behind


def test_an_outlet_that_is_closed_from_the_other_side_costs_nothing_but_lines() -> None:
    read, write = os.pipe()
    os.close(read)
    outlet = Outlet(write)
    outlet.write("line\n")
    outlet.close()
    os.close(write)
    assert outlet.lost == 1
