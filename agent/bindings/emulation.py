"""ipsec-agent-emulation: the hand of whoever tests: the clock, the peers and the paths to them, PICs and families.

The faults of the management plane, and the loading of scenarios, are in faults.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final

from agent.bindings.faults import FAULTS, PACE_FIXED, PROBABILITY_DIGITS, clear_faults, inject_fault, load_scenario
from agent.bindings.hand import Emulated
from agent.bindings.leaves import decimal, required
from agent.bindings.traffic import send_traffic
from agent.core.device import Device
from agent.core.identifiers import Address
from agent.core.link import LinkProfile
from agent.core.peer import Peer, PeerFault
from agent.core.pic import PicCommand, UnknownInterface
from agent.core.world import SECOND, PaceFixed
from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import RpcError, input_path, invalid_value, operation_failed
from agent.datastore.registry import (
    Bindings,
    Caller,
    Output,
    Pending,
    RpcBinding,
    StateContainer,
    StateList,
    Value,
    snapshot,
)
from agent.datastore.tree import Branch, Key

MODULE: Final = "ipsec-agent-emulation"
ROOT: Final = f"/{MODULE}:emulation"
END_OF_TIME: Final = 253_402_300_799 * SECOND
"""The last second of the year 9999: later dates cannot be written."""
DONE: Final[Output] = MappingProxyType({})
MILLISECOND: Final = 1_000
"""Microseconds."""
PROFILE: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = MappingProxyType(
    {
        "delay": ("delay_us", int),
        "jitter": ("jitter_us", int),
        "loss": ("loss", float),
        "duplication": ("duplication", float),
        "reordering": ("reordering", float),
        "partitioned": ("is_partitioned", lambda text: text == "true"),
    }
)
"""The leaves of a path's profile, with what they are there and how they are read."""
Direction = tuple[tuple[Address, Address], LinkProfile]


def advance_time(emulated: Emulated, caller: Caller, parameters: Branch) -> Pending:
    """Move the device's time forward at full speed, and answer when it is there."""
    goal = emulated.device.world.now + round(Decimal(required(parameters, "seconds")) * SECOND)
    if goal > END_OF_TIME:
        message = "the time of the device ends with the year 9999"
        raise invalid_value(message, path=input_path(parameters, "seconds"))
    return _made_for(emulated, goal)


def advance_to_next_timer(emulated: Emulated, caller: Caller, parameters: Branch) -> Pending:
    """Move the device's time to the next thing that happens, and answer when it has; at once when nothing will."""
    deadline = emulated.device.world.next_deadline()
    return _made_for(emulated, emulated.device.world.now if deadline is None else deadline)


def _made_for(emulated: Emulated, goal: int) -> Pending:
    pending, world = Pending(), emulated.device.world
    try:
        world.make_for(goal, lambda: pending.complete({"now": date_and_time(world.now)}))
    except PaceFixed as error:
        raise operation_failed(str(error), app_tag=PACE_FIXED) from error
    return pending


def set_time_scale(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Set the pace of the device's time."""
    try:
        emulated.device.world.set_factor(float(required(parameters, "factor")))
    except PaceFixed as error:
        raise operation_failed(str(error), app_tag=PACE_FIXED) from error
    return DONE


def set_peer(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Make an emulated peer fall silent or speak again, be wrong, or slow."""
    peer = _peer(emulated, parameters)
    if (reachable := parameters.leaf("reachable")) is not None:
        peer.reachable = reachable == "true"
    if (fault := parameters.leaf("fault")) is not None:
        peer.set_fault(PeerFault(fault))
    if (delay := parameters.leaf("answer-delay")) is not None:
        peer.answer_delay_us = int(delay) * MILLISECOND
    return DONE


def reboot_peer(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Have an emulated peer forget everything, and come up again."""
    _peer(emulated, parameters).reboot(int(required(parameters, "seconds")))
    return DONE


def _peer(emulated: Emulated, parameters: Branch) -> Peer:
    address = required(parameters, "address")
    peer = emulated.device.peers.get(ip_address(address))
    if peer is None:
        message = f"no emulated peer has the address {address}"
        raise invalid_value(message, path=input_path(parameters, "address"), app_tag="unknown-peer")
    return peer


def set_link(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Set how datagrams between two addresses fare."""
    ends = ip_address(required(parameters, "source")), ip_address(required(parameters, "destination"))
    network = emulated.network
    for source, destination in (ends,) if parameters.leaf("one-way") == "true" else (ends, ends[::-1]):
        network.set_profile(source, destination, _changed(network.profile(source, destination), parameters))
    return DONE


def _changed(profile: LinkProfile, parameters: Branch) -> LinkProfile:
    """Return a profile with what is given in the place of what was."""
    changes: dict[str, Any] = {}
    for leaf, (name, convert) in PROFILE.items():
        if (text := parameters.leaf(leaf)) is not None:
            changes[name] = convert(text)
    return replace(profile, **changes)


def set_pic(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Bring a PIC up, take it out of service, or let it fail."""
    interface = required(parameters, "interface")
    try:
        emulated.device.set_pic(interface, PicCommand(required(parameters, "state")))
    except UnknownInterface as error:
        raise _unknown_interface(str(error), parameters, "interface") from error
    return DONE


def set_family(emulated: Emulated, caller: Caller, parameters: Branch) -> Output:
    """Take the families of a unit down, or up again."""
    interface, unit = required(parameters, "interface"), int(required(parameters, "unit"))
    try:
        emulated.device.set_family(interface, unit, required(parameters, "enabled") == "true")
    except UnknownInterface as error:
        leaf = "unit" if interface in emulated.device.interfaces else "interface"
        raise _unknown_interface(str(error), parameters, leaf) from error
    return DONE


def _unknown_interface(message: str, parameters: Branch, leaf: str) -> RpcError:
    return invalid_value(message, path=input_path(parameters, leaf), app_tag="unknown-interface")


def _find_peer(emulated: Emulated, key: Key) -> Peer | None:
    return emulated.device.peers.get(ip_address(key[0]))


def _find_link(emulated: Emulated, key: Key) -> Direction | None:
    ends = ip_address(key[0]), ip_address(key[1])
    profile = emulated.network.profiles.get(ends)
    return None if profile is None else (ends, profile)


def _link_leaves() -> Mapping[str, Callable[[Direction], Value]]:
    return {
        "source": lambda link: str(link[0][0]),
        "destination": lambda link: str(link[0][1]),
        "delay": lambda link: link[1].delay_us,
        "jitter": lambda link: link[1].jitter_us,
        "loss": lambda link: decimal(link[1].loss, PROBABILITY_DIGITS),
        "duplication": lambda link: decimal(link[1].duplication, PROBABILITY_DIGITS),
        "reordering": lambda link: decimal(link[1].reordering, PROBABILITY_DIGITS),
        "partitioned": lambda link: link[1].is_partitioned,
    }


EMULATION: Final = Bindings(
    module=MODULE,
    states=(
        StateContainer[Emulated, Device](
            f"{ROOT}/time",
            lambda emulated: emulated.device,
            {
                "now": lambda device: date_and_time(device.world.now),
                "scale": lambda device: decimal(device.world.factor),
            },
        ),
        StateList[Emulated, Peer](
            f"{ROOT}/peer",
            lambda emulated: snapshot(emulated.device.peers),
            _find_peer,
            {
                "address": lambda peer: str(peer.address),
                "reachable": lambda peer: peer.reachable,
                "established": lambda peer: peer.established,
                "fault": lambda peer: peer.fault.value,
                "booting": lambda peer: peer.is_booting,
            },
        ),
        StateList[Emulated, Direction](
            f"{ROOT}/link", lambda emulated: tuple(emulated.network.profiles.items()), _find_link, _link_leaves()
        ),
        FAULTS,
    ),
    rpcs=(
        RpcBinding[Emulated](f"/{MODULE}:advance-time", advance_time),
        RpcBinding[Emulated](f"/{MODULE}:advance-to-next-timer", advance_to_next_timer),
        RpcBinding[Emulated](f"/{MODULE}:set-time-scale", set_time_scale),
        RpcBinding[Emulated](f"/{MODULE}:set-peer", set_peer),
        RpcBinding[Emulated](f"/{MODULE}:reboot-peer", reboot_peer),
        RpcBinding[Emulated](f"/{MODULE}:set-link", set_link),
        RpcBinding[Emulated](f"/{MODULE}:set-pic", set_pic),
        RpcBinding[Emulated](f"/{MODULE}:set-family", set_family),
        RpcBinding[Emulated](f"/{MODULE}:send-traffic", send_traffic),
        RpcBinding[Emulated](f"/{MODULE}:inject-fault", inject_fault),
        RpcBinding[Emulated](f"/{MODULE}:clear-faults", clear_faults),
        RpcBinding[Emulated](f"/{MODULE}:load-scenario", load_scenario),
    ),
)
