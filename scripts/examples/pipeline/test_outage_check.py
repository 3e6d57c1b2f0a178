"""What the check says of a gateway over hours, which pass at once: the device's time is stepped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent import Device

pytestmark = pytest.mark.ipsec_scenario("demo", time_scale="step", seed=7)
Check = Callable[[], tuple[int, str]]


def test_a_tunnel_that_stays_up_is_not_down(ipsec_device: Device, check: Check) -> None:
    assert check() == (0, "")
    ipsec_device.advance(seconds=30)
    assert check() == (0, "")


def test_a_rekey_is_no_outage(ipsec_device: Device, check: Check) -> None:
    assert check() == (0, "")
    ipsec_device.expect_event("ipsec-sa-rekeyed", {"name": "sa-branch"}, within_hours=1)
    ipsec_device.advance(minutes=1)
    assert check() == (0, "")


def test_a_dead_peer_is_an_outage(ipsec_device: Device, check: Check) -> None:
    assert check() == (0, "")
    ipsec_device.peer("198.51.100.1").unreachable()
    ipsec_device.advance(hours=1)
    code, output = check()
    assert code == 1
    assert "sa-branch is down" in output
