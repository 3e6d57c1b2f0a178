"""What the commands do to the device: clear, switch, take a PIC out of service. Each refuses with Refused, or is done.

Invariant: the refusals are those of the RPCs in YANG, with the same app-tags.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from agent.core.keying import NoBackup, NotDynamic, UnknownPeer, UnknownSecurityAssociation
from agent.core.pic import BackupOffline, PicCommand, UnknownInterface
from agent.datastore.registry import Caller
from agent.junos.router import Arguments, Refused, Router


def clear_ike_sas(router: Router, caller: Caller, arguments: Arguments) -> None:
    """Delete the IKE SAs with one peer, or all."""
    address = arguments.get("peer-address")
    try:
        router.device.clear_ike_sas(ip_address(address) if address is not None else None)
    except UnknownPeer as error:
        message = f"there is no IKE policy and no IKE security association for {address}"
        raise Refused(message, "unknown-peer") from error


def clear_ipsec_sas(router: Router, caller: Caller, arguments: Arguments) -> None:
    """Delete the pairs of one security association, or of all that are dynamic."""
    name = arguments.get("sa-name")
    try:
        router.device.clear_ipsec_sas(name)
    except UnknownSecurityAssociation as error:
        raise Refused(f"there is no security association {name}", "unknown-security-association") from error
    except NotDynamic as error:
        raise Refused(f"security association {name} is manual", "not-dynamic") from error


def switch_interfaces(router: Router, caller: Caller, arguments: Arguments) -> None:
    """Switch one pair of PICs, or all that can be."""
    _switch(router.device.switch_interfaces, arguments.get("interface-name"))


def switch_tunnels(router: Router, caller: Caller, arguments: Arguments) -> None:
    """Turn the tunnel of one security association to its other peer, or all that have one."""
    _switch(router.device.switch_tunnels, arguments.get("sa-name"))


def _switch(switch: Callable[[str | None], object], name: str | None) -> None:
    try:
        switch(name)
    except UnknownInterface as error:
        raise Refused(f"there is no encryption interface {name}", "unknown-interface") from error
    except UnknownSecurityAssociation as error:
        raise Refused(f"there is no security association {name}", "unknown-security-association") from error
    except NoBackup as error:
        raise Refused(str(error), "no-backup") from error
    except BackupOffline as error:
        raise Refused(str(error), "backup-offline") from error


def set_pic(router: Router, caller: Caller, arguments: Arguments) -> None:
    """Take the PIC of a slot out of service, or bring it up."""
    name = f"es-{arguments['fpc-slot']}/{arguments['pic-slot']}/0"
    command = PicCommand.ONLINE if "online" in arguments else PicCommand.OFFLINE
    try:
        router.device.set_pic(name, command)
    except UnknownInterface as error:
        message = f"there is no encryption PIC in slot {arguments['pic-slot']} of FPC {arguments['fpc-slot']}"
        raise Refused(message, "unknown-interface") from error
