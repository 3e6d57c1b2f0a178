"""A device whose PIC has a backup, and whose tunnel has two peers that protect the same traffic."""

from __future__ import annotations

from dataclasses import replace

from agent.core.config import (
    DeviceConfig,
    DynamicSa,
    EsInterface,
    IpsecAuthentication,
    IpsecProtocol,
    ManualAuthentication,
    ManualDirection,
    ManualKeys,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
    UnitTunnel,
)
from agent.core.events import InterfaceSwitched, PicStateChanged, RedundancyState, TunnelSwitched
from tests.support.devices import FAR, LOCAL, NEAR, Lab, device_config, peer_config, traffic_of, unit
from tests.support.gateways import policy

PRIMARY, BACKUP = "es-1/3/0", "es-1/1/0"
SA = f"to-{NEAR}"
ACTIVE, STANDBY, OFFLINE = RedundancyState.ACTIVE, RedundancyState.STANDBY, RedundancyState.OFFLINE


def with_backup_pic(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration in which another PIC backs the first one up."""
    (interface,) = config.interfaces
    return replace(config, interfaces=(replace(interface, backup_interface=BACKUP), EsInterface(BACKUP)))


def with_backup_peer(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration in which the tunnel of the first unit has the far peer as its backup."""
    first, *others = config.interfaces
    leading, *units = first.units
    leading = replace(leading, tunnel=UnitTunnel(LOCAL, NEAR, FAR))
    return replace(config, interfaces=(replace(first, units=(leading, *units)), *others))


def standing_in(config: DeviceConfig) -> DeviceConfig:
    """Return the configuration of the far peer with the traffic of the near one."""
    return replace(config, security_associations=tuple(_standing_in(each) for each in config.security_associations))


def _standing_in(association: SecurityAssociationConfig) -> SecurityAssociationConfig:
    assert isinstance(association.keying, DynamicSa)
    return replace(association, keying=replace(association.keying, local_identity=traffic_of(NEAR)))


ONE_PEER = device_config(policy(NEAR), policy(FAR))
TWO_PEERS = with_backup_peer(ONE_PEER)
TWO_PICS = with_backup_pic(ONE_PEER)
TWO_OF_BOTH = with_backup_pic(TWO_PEERS)


def lab(config: DeviceConfig = TWO_OF_BOTH, *, pic_boot_us: int = 0, seed: int = 7) -> Lab:
    """Return a device whose peers would both protect the traffic of its first tunnel."""
    return Lab(config, far=standing_in(peer_config(FAR)), pic_boot_us=pic_boot_us, seed=seed)


def pic_states(lab: Lab) -> tuple[RedundancyState, ...]:
    """Return what each PIC is, in the order of the configuration."""
    return tuple(pic.state for pic in lab.device.pics.values())


def peer_states(lab: Lab) -> tuple[RedundancyState, RedundancyState]:
    """Return what the primary and the backup peer of the tunnel are."""
    tunnel = lab.device.tunnel_redundancy[SA]
    return tunnel.primary_state, tunnel.backup_state


def interface_switches(lab: Lab) -> list[InterfaceSwitched]:
    """Return the switches of PICs that were told of."""
    return [event for event in lab.pic_events if isinstance(event, InterfaceSwitched)]


def tunnel_switches(lab: Lab) -> list[TunnelSwitched]:
    """Return the switches of tunnels that were told of."""
    return [event for event in lab.events if isinstance(event, TunnelSwitched)]


def pic_story(lab: Lab) -> list[str]:
    """Return what was told of the PICs: an interface and its new state, or from where to where was switched."""
    return [
        f"{event.interface} {event.state.value}"
        if isinstance(event, PicStateChanged)
        else f"{event.from_interface} > {event.to_interface}"
        for event in lab.pic_events
    ]


def with_manual(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration with one more tunnel to the near peer, keyed by hand, at unit 5 of the first interface."""
    authentication = ManualAuthentication(IpsecAuthentication.HMAC_MD5_96, b"sixteen octets..")
    keys = ManualKeys(ManualDirection.BIDIRECTIONAL, IpsecProtocol.AH, 5000, None, authentication, None)
    manual = SecurityAssociationConfig("manual", SaMode.TUNNEL, ManualSa((keys,)))
    first, *others = config.interfaces
    first = replace(first, units=(*first.units, unit(5, "manual", LOCAL, NEAR)))
    associations = (*config.security_associations, manual)
    return replace(config, security_associations=associations, interfaces=(first, *others))


def with_second_tunnel(config: DeviceConfig, *, backup: bool = False) -> DeviceConfig:
    """Return a configuration with one more negotiated tunnel to the near peer, for other traffic, at unit 9."""
    config = with_traffic_of_second(config)
    first, *others = config.interfaces
    *units, last = first.units
    last = replace(last, tunnel=UnitTunnel(LOCAL, NEAR, FAR if backup else None))
    return replace(config, interfaces=(replace(first, units=(*units, last)), *others))


def with_traffic_of_second(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration with one more security association like the first, for its TCP traffic alone."""
    model, (first, *others) = config.security_associations[0], config.interfaces
    assert isinstance(model.keying, DynamicSa)
    local, remote = model.keying.local_identity, model.keying.remote_identity
    assert local is not None
    assert remote is not None
    keying = replace(
        model.keying, local_identity=replace(local, protocol=6), remote_identity=replace(remote, protocol=6)
    )
    leading = first.units[0]
    assert leading.inet is not None
    tcp = replace(leading, id=9, inet=replace(leading.inet, ipsec_sa="second"))
    return replace(
        config,
        security_associations=(*config.security_associations, replace(model, name="second", keying=keying)),
        interfaces=(replace(first, units=(*first.units, tcp)), *others),
    )
