"""A gateway that becomes another one goes on being driven, and what waits for management time with it."""

from __future__ import annotations

import pytest

from agent.app.hosting import ManagementTimer
from agent.bindings.hand import BadScenario
from agent.core.world import SECOND
from agent.netconf.server import Client
from agent.transport.driver import Driver
from tests.support.chapter import Emulation, chapter
from tests.support.loop import FakeLoop

ASKING = Client("admin", "192.0.2.1", "netconf-ssh")


def test_the_driver_goes_on_with_the_time_of_the_other_scenario_at_the_pace_that_was() -> None:
    emulation, loop = Emulation(chapter(time_scale=10.0)), FakeLoop()
    gateway = emulation.gateway
    driver = Driver(gateway, loop)
    driver.start()
    loop.pass_time(1.0)
    began = gateway.load(gateway.server.caller(ASKING), "flapping-peer", None)
    assert gateway.now == began == gateway.world.now
    driver.catch_up()
    loop.pass_time(2.0)
    driver.catch_up()
    assert gateway.now == began + 20 * SECOND


def test_a_goal_in_the_other_world_is_made_for() -> None:
    emulation, loop = Emulation(chapter(time_scale=0.0)), FakeLoop()
    gateway = emulation.gateway
    driver = Driver(gateway, loop)
    driver.start()
    began = gateway.load(gateway.server.caller(ASKING), "pic-failure", None)
    reached: list[int] = []
    gateway.world.make_for(began + SECOND, lambda: reached.append(gateway.now))
    driver.catch_up()
    loop.settle()
    assert reached == [began + SECOND]


def test_who_waits_for_a_replacement_is_told_once_it_is_there_and_not_when_it_is_refused() -> None:
    gateway = Emulation().gateway
    names: list[str] = []
    gateway.when_replaced(lambda: names.append(gateway.device.name))
    with pytest.raises(BadScenario):
        gateway.load(gateway.server.caller(ASKING), "nonsense", None)
    assert names == []
    gateway.load(gateway.server.caller(ASKING), "demo", None)
    assert names == ["hub"]


def test_a_scenario_that_begins_today_begins_when_the_gateway_is_told_that_today_is() -> None:
    gateway = Emulation().gateway
    gateway.today = lambda: 1_800_000_000 * SECOND
    gateway.load(gateway.server.caller(ASKING), "demo", None)
    assert gateway.now == (1_800_000_000 + 15) * SECOND


def test_a_commit_that_nobody_confirms_is_undone_in_the_new_device_too() -> None:
    emulation, loop = Emulation(), FakeLoop()
    emulation.management_now = loop.now
    ManagementTimer(emulation.gateway, loop, lambda: None)  # type: ignore[arg-type]
    emulation.gateway.load(emulation.gateway.server.caller(ASKING), "demo", None)
    emulation.connect().rpc("<commit><confirmed/><confirm-timeout>5</confirm-timeout></commit>")
    loop.pass_time(4.0)
    assert emulation.gateway.server.stores.unconfirmed is not None
    loop.pass_time(2.0)
    assert emulation.gateway.server.stores.unconfirmed is None
