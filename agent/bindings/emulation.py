"""ipsec-agent-emulation: the hand of whoever tests: the clock, the peers, the PICs, the families of an interface."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final

from agent.bindings.leaves import required
from agent.core.device import Device
from agent.core.peer import Peer
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
    snapshot,
)
from agent.datastore.tree import Branch, Key

MODULE: Final = "ipsec-agent-emulation"
ROOT: Final = f"/{MODULE}:emulation"
END_OF_TIME: Final = 253_402_300_799 * SECOND
"""The last second of the year 9999: later dates cannot be written."""
PACE_FIXED: Final = "pace-fixed"
DONE: Final[Output] = MappingProxyType({})


def advance_time(device: Device, caller: Caller, parameters: Branch) -> Pending:
    """Move the device's time forward at full speed, and answer when it is there."""
    goal = device.world.now + round(Decimal(required(parameters, "seconds")) * SECOND)
    if goal > END_OF_TIME:
        message = "the time of the device ends with the year 9999"
        raise invalid_value(message, path=input_path(parameters, "seconds"))
    return _made_for(device, goal)


def advance_to_next_timer(device: Device, caller: Caller, parameters: Branch) -> Pending:
    """Move the device's time to the next thing that happens, and answer when it has; at once when nothing will."""
    deadline = device.world.next_deadline()
    return _made_for(device, device.world.now if deadline is None else deadline)


def _made_for(device: Device, goal: int) -> Pending:
    pending = Pending()
    try:
        device.world.make_for(goal, lambda: pending.complete({"now": date_and_time(device.world.now)}))
    except PaceFixed as error:
        raise operation_failed(str(error), app_tag=PACE_FIXED) from error
    return pending


def set_time_scale(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Set the pace of the device's time."""
    try:
        device.world.set_factor(float(required(parameters, "factor")))
    except PaceFixed as error:
        raise operation_failed(str(error), app_tag=PACE_FIXED) from error
    return DONE


def set_peer(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Make an emulated peer fall silent, or speak again."""
    address = required(parameters, "address")
    peer = device.peers.get(ip_address(address))
    if peer is None:
        message = f"no emulated peer has the address {address}"
        raise invalid_value(message, path=input_path(parameters, "address"), app_tag="unknown-peer")
    peer.reachable = required(parameters, "reachable") == "true"
    return DONE


def set_pic(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Bring a PIC up, take it out of service, or let it fail."""
    interface = required(parameters, "interface")
    try:
        device.set_pic(interface, PicCommand(required(parameters, "state")))
    except UnknownInterface as error:
        raise _unknown_interface(str(error), parameters, "interface") from error
    return DONE


def set_family(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Take the families of a unit down, or up again."""
    interface, unit = required(parameters, "interface"), int(required(parameters, "unit"))
    try:
        device.set_family(interface, unit, required(parameters, "enabled") == "true")
    except UnknownInterface as error:
        leaf = "unit" if interface in device.interfaces else "interface"
        raise _unknown_interface(str(error), parameters, leaf) from error
    return DONE


def _unknown_interface(message: str, parameters: Branch, leaf: str) -> RpcError:
    return invalid_value(message, path=input_path(parameters, leaf), app_tag="unknown-interface")


def decimal(number: float) -> str:
    """Return the canonical text of a decimal64 with three fraction digits (RFC 7950 section 9.3.2)."""
    whole, _, fraction = f"{number:.3f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def _find_peer(device: Device, key: Key) -> Peer | None:
    return device.peers.get(ip_address(key[0]))


EMULATION: Final = Bindings(
    module=MODULE,
    states=(
        StateContainer[Device, Device](
            f"{ROOT}/time",
            lambda device: device,
            {
                "now": lambda device: date_and_time(device.world.now),
                "scale": lambda device: decimal(device.world.factor),
            },
        ),
        StateList[Device, Peer](
            f"{ROOT}/peer",
            lambda device: snapshot(device.peers),
            _find_peer,
            {
                "address": lambda peer: str(peer.address),
                "reachable": lambda peer: peer.reachable,
                "established": lambda peer: peer.established,
            },
        ),
    ),
    rpcs=(
        RpcBinding[Device](f"/{MODULE}:advance-time", advance_time),
        RpcBinding[Device](f"/{MODULE}:advance-to-next-timer", advance_to_next_timer),
        RpcBinding[Device](f"/{MODULE}:set-time-scale", set_time_scale),
        RpcBinding[Device](f"/{MODULE}:set-peer", set_peer),
        RpcBinding[Device](f"/{MODULE}:set-pic", set_pic),
        RpcBinding[Device](f"/{MODULE}:set-family", set_family),
    ),
)
