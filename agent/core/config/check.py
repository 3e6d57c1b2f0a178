"""Whether a configuration makes sense as a whole.

Each rule names what it is about and what is wrong; the first that is broken is the one that is told.
"""

from collections.abc import Iterable
from typing import Final

from agent.core.config.device import DeviceConfig, UnitReference
from agent.core.config.ike import EncryptionAlgorithm
from agent.core.config.ipsec import (
    AUTHENTICATION_KEY_OCTETS,
    ENCRYPTION_KEY_OCTETS,
    LEAST_SPI,
    DynamicSa,
    IpsecAuthentication,
    IpsecProtocol,
    ManualDirection,
    ManualKeys,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
)

_REPLAY_WINDOWS: Final = frozenset({0, 32, 64})
_SPIS: Final = range(LEAST_SPI, 2**32)
_PAIR: Final = frozenset({ManualDirection.INBOUND, ManualDirection.OUTBOUND})


def check(config: DeviceConfig) -> None:
    """Raise ValueError, with a message for a person, unless a gateway can do as it is configured."""
    by_name = {association.name: association for association in config.security_associations}
    if len(by_name) != len(config.security_associations):
        raise ValueError("two security associations have one name")
    for association in config.security_associations:
        _check_association(association)
    _check_inbound_spis(config)
    _check_references(config, by_name)


def _check_association(association: SecurityAssociationConfig) -> None:
    where = f"security association {association.name}"
    if isinstance(association.keying, ManualSa):
        _check_manual(association.keying, where)
    else:
        _check_dynamic(association.keying, association.mode, where)


def _check_dynamic(dynamic: DynamicSa, mode: SaMode, where: str) -> None:
    if mode is not SaMode.TUNNEL:
        raise ValueError(f"{where}: a dynamic one has tunnel mode only")
    if dynamic.replay_window_size not in _REPLAY_WINDOWS:
        raise ValueError(f"{where}: a replay window of {dynamic.replay_window_size} packets")
    if not dynamic.policy.proposals:
        raise ValueError(f"{where}: policy {dynamic.policy.name} has no proposal")
    for proposal in dynamic.policy.proposals:
        algorithms = proposal.authentication_algorithm, proposal.encryption_algorithm
        _check_algorithms(proposal.protocol, *algorithms, f"proposal {proposal.name}")
    local, remote = dynamic.local_identity, dynamic.remote_identity
    if local is not None and remote is not None and local.network.version != remote.network.version:
        raise ValueError(f"{where}: its identities are of two families of addresses")


def _check_algorithms(
    protocol: IpsecProtocol,
    authentication: IpsecAuthentication | None,
    encryption: EncryptionAlgorithm | None,
    where: str,
) -> None:
    if authentication is None and encryption is None:
        raise ValueError(f"{where}: neither authentication nor encryption")
    if authentication is None and protocol is not IpsecProtocol.ESP:
        raise ValueError(f"{where}: AH needs authentication, and so does a bundle")
    if encryption is None and protocol is IpsecProtocol.BUNDLE:
        raise ValueError(f"{where}: a bundle needs encryption")
    if encryption is not None and protocol is IpsecProtocol.AH:
        raise ValueError(f"{where}: AH does not encrypt")


def _check_manual(manual: ManualSa, where: str) -> None:
    directions = [keys.direction for keys in manual.keys]
    if directions != [ManualDirection.BIDIRECTIONAL] and (len(directions) != 2 or frozenset(directions) != _PAIR):
        raise ValueError(f"{where}: needs the inbound and the outbound direction, or the bidirectional one alone")
    for keys in manual.keys:
        _check_keys(keys, f"{where}, {keys.direction.value}")


def _check_keys(keys: ManualKeys, where: str) -> None:
    authentication, encryption = keys.authentication, keys.encryption
    _check_algorithms(
        keys.protocol,
        authentication.algorithm if authentication is not None else None,
        encryption.algorithm if encryption is not None else None,
        where,
    )
    if authentication is not None:
        _check_length(authentication.key, AUTHENTICATION_KEY_OCTETS[authentication.algorithm], "authentication", where)
    if encryption is not None:
        _check_length(encryption.key, ENCRYPTION_KEY_OCTETS[encryption.algorithm], "encryption", where)
    if (keys.protocol is IpsecProtocol.BUNDLE) != (keys.auxiliary_spi is not None):
        raise ValueError(f"{where}: a bundle has an auxiliary SPI, and nothing else has")
    for spi in (keys.spi, keys.auxiliary_spi):
        if spi is not None and spi not in _SPIS:
            raise ValueError(f"{where}: SPI {spi} is not one of {LEAST_SPI} to {_SPIS[-1]}")


def _check_length(key: bytes, octets: int, use: str, where: str) -> None:
    if len(key) != octets:
        raise ValueError(f"{where}: the {use} key has {len(key)} octets instead of {octets}")


def _check_inbound_spis(config: DeviceConfig) -> None:
    """Inbound packets are told apart by protocol and SPI alone."""
    seen: dict[tuple[IpsecProtocol, int], str] = {}
    for association in config.security_associations:
        manual = association.keying
        inbound = _inbound(manual.keys) if isinstance(manual, ManualSa) else ()
        for keys in inbound:
            for used in _spis(keys):
                if used in seen:
                    raise ValueError(
                        f"security associations {seen[used]} and {association.name} have the inbound SPI {used[1]}"
                    )
                seen[used] = association.name


def _inbound(keys: Iterable[ManualKeys]) -> tuple[ManualKeys, ...]:
    return tuple(each for each in keys if each.direction is not ManualDirection.OUTBOUND)


def _spis(keys: ManualKeys) -> tuple[tuple[IpsecProtocol, int], ...]:
    if keys.auxiliary_spi is None:
        return ((keys.protocol, keys.spi),)
    return (IpsecProtocol.ESP, keys.spi), (IpsecProtocol.AH, keys.auxiliary_spi)


def _check_references(config: DeviceConfig, by_name: dict[str, SecurityAssociationConfig]) -> None:
    found: dict[str, UnitReference] = {}
    for name, reference in config.each_reference():
        association = by_name.get(name)
        if association is None:
            raise ValueError(f"{reference.name}: there is no security association {name}")
        other = found.setdefault(name, reference)
        if other.name != reference.name:
            raise ValueError(f"security association {name} is named by {other.name} and by {reference.name}")
        if association.mode is SaMode.TRANSPORT:
            raise ValueError(f"{reference.name}: security association {name} has transport mode and belongs to no unit")
        _check_tunnel(config, association, reference)


def _check_tunnel(config: DeviceConfig, association: SecurityAssociationConfig, reference: UnitReference) -> None:
    tunnel = reference.unit.tunnel
    if tunnel is None:
        raise ValueError(f"{reference.name}: names security association {association.name}, but has no tunnel")
    for destination in tunnel.destinations if association.is_dynamic else ():
        if config.ike.policy_for(destination) is None:
            raise ValueError(f"{reference.name}: there is no IKE policy for {destination}, where its tunnel leads")
