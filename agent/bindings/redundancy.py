"""ipsec-agent-redundancy: pairs of PICs and tunnels with two peers out, and their switching by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent.bindings.leaves import instant
from agent.core import events
from agent.core.device import Device
from agent.core.identifiers import Address
from agent.core.keying import NoBackup, TunnelRedundancy, UnknownSecurityAssociation
from agent.core.pic import BackupOffline, RedundancyGroup, UnknownInterface
from agent.datastore.errors import InstancePath, RpcError, input_path, invalid_value, operation_failed
from agent.datastore.registry import (
    Bindings,
    Caller,
    ChangeBinding,
    NotificationBinding,
    Output,
    RpcBinding,
    StateList,
    Value,
    snapshot,
)
from agent.datastore.tree import Branch

MODULE: Final = "ipsec-agent-redundancy"
ROOT: Final = f"/{MODULE}:redundancy"

Refusal = UnknownInterface | UnknownSecurityAssociation | NoBackup | BackupOffline
"""What the gateway says when it switches nothing."""
REFUSALS: Final = (UnknownInterface, UnknownSecurityAssociation, NoBackup, BackupOffline)


def switch_interface(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Switch one pair of PICs, or all that can be."""
    return _switched(parameters, "interface", device.switch_interfaces)


def switch_tunnel(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Switch one tunnel to its other peer, or all that have one."""
    return _switched(parameters, "security-association", device.switch_tunnels)


def _switched(parameters: Branch, leaf: str, switch: Callable[[str | None], tuple[str, ...]]) -> Output:
    """Return what was switched; RpcError, at the input leaf if there is one, for what is refused."""
    name = parameters.leaf(leaf)
    try:
        return {"switched": switch(name)}
    except REFUSALS as refusal:
        raise _error(refusal, input_path(parameters, leaf) if name is not None else ()) from refusal


def _error(refusal: Refusal, path: InstancePath) -> RpcError:
    message = str(refusal)
    match refusal:
        case UnknownInterface():
            return invalid_value(message, path=path, app_tag="unknown-interface")
        case UnknownSecurityAssociation():
            return invalid_value(message, path=path, app_tag="unknown-security-association")
        case NoBackup():
            return operation_failed(message, path=path, app_tag="no-backup")
        case BackupOffline():
            return operation_failed(message, path=path, app_tag="backup-offline")


def _switch_leaves() -> Mapping[str, Callable[[RedundancyGroup | TunnelRedundancy], Value]]:
    return {
        "primary-state": lambda either: either.primary_state.value,
        "backup-state": lambda either: either.backup_state and either.backup_state.value,
        "failure-counter": lambda either: either.failure_counter,
        "last-switch-at": lambda either: instant(either.last_switch_at),
        "last-switch-reason": lambda either: either.last_switch_reason and either.last_switch_reason.value,
    }


def _interface_leaves() -> Mapping[str, Callable[[RedundancyGroup], Value]]:
    return {
        "primary-interface": lambda group: group.primary_interface,
        "backup-interface": lambda group: group.backup_interface,
        "mirrored-sas": lambda group: sum(len(sas) for sas in group.mirror.copies.values()),
        "lost-packets": lambda group: group.lost_packets,
        **_switch_leaves(),
    }


def _tunnel_leaves() -> Mapping[str, Callable[[TunnelRedundancy], Value]]:
    return {
        "security-association": lambda tunnel: tunnel.name,
        "local-address": lambda tunnel: str(tunnel.local_address),
        "primary-remote-address": lambda tunnel: str(tunnel.primary_remote_address),
        "backup-remote-address": lambda tunnel: str(tunnel.backup_remote_address),
        **_switch_leaves(),
    }


def _switch(
    event: events.InterfaceSwitched | events.TunnelSwitched, before: str | Address, after: str | Address
) -> dict[str, Value]:
    return {
        "from": str(before),
        "to": str(after),
        "reason": event.reason.value,
        "failure-counter": event.failure_counter,
    }


REDUNDANCY: Final = Bindings(
    module=MODULE,
    states=(
        StateList[Device, RedundancyGroup](
            f"{ROOT}/interface",
            lambda device: snapshot(device.interface_redundancy),
            lambda device, key: device.interface_redundancy.get(key[0]),
            _interface_leaves(),
        ),
        StateList[Device, TunnelRedundancy](
            f"{ROOT}/tunnel",
            lambda device: snapshot(device.tunnel_redundancy),
            lambda device, key: device.tunnel_redundancy.get(key[0]),
            _tunnel_leaves(),
        ),
    ),
    changes=(
        ChangeBinding[events.InterfaceSwitched](
            f"{ROOT}/interface", events.InterfaceSwitched, lambda event: ((event.primary_interface,),)
        ),
        ChangeBinding[events.PicStateChanged](f"{ROOT}/interface", events.PicStateChanged),
        ChangeBinding[events.TunnelSwitched](
            f"{ROOT}/tunnel", events.TunnelSwitched, lambda event: ((event.security_association,),)
        ),
        ChangeBinding[events.IpsecSaInstalled](f"{ROOT}/tunnel", events.IpsecSaInstalled, lambda e: ((e.name,),)),
        ChangeBinding[events.IpsecSaDeleted](f"{ROOT}/tunnel", events.IpsecSaDeleted, lambda e: ((e.name,),)),
        ChangeBinding[events.IpsecSaRekeyed](f"{ROOT}/tunnel", events.IpsecSaRekeyed, lambda e: ((e.name,),)),
        *(
            ChangeBinding[events.InterfacesChanged](f"{ROOT}/{pairs}", events.InterfacesChanged)
            for pairs in ("interface", "tunnel")
        ),
    ),
    unobserved=(f"{ROOT}/interface/mirrored-sas", f"{ROOT}/interface/lost-packets"),
    rpcs=(
        RpcBinding[Device](f"/{MODULE}:switch-interface", switch_interface),
        RpcBinding[Device](f"/{MODULE}:switch-tunnel", switch_tunnel),
    ),
    notifications=(
        NotificationBinding[events.InterfaceSwitched](
            f"/{MODULE}:interface-switched",
            events.InterfaceSwitched,
            lambda event: {
                "primary-interface": event.primary_interface,
                **_switch(event, event.from_interface, event.to_interface),
            },
        ),
        NotificationBinding[events.TunnelSwitched](
            f"/{MODULE}:tunnel-switched",
            events.TunnelSwitched,
            lambda event: {
                "security-association": event.security_association,
                **_switch(event, event.from_address, event.to_address),
            },
        ),
        NotificationBinding[events.PicStateChanged](
            f"/{MODULE}:pic-state-changed",
            events.PicStateChanged,
            lambda event: {"interface": event.interface, "state": event.state.value},
        ),
    ),
)
