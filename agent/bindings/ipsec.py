"""ipsec-agent-ipsec: security associations in, their pairs and what happens to them out, and their clearing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from agent.bindings.counted import counted_list
from agent.bindings.leaves import address_text, key_octets, required, word
from agent.core import events
from agent.core.config import (
    DhGroup,
    Direction,
    DynamicSa,
    EncryptionAlgorithm,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    ManualAuthentication,
    ManualDirection,
    ManualEncryption,
    ManualKeys,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
    TrafficIdentity,
)
from agent.core.device import Device
from agent.core.identifiers import Address, Spi
from agent.core.ipsec.lifetime import Lifetime
from agent.core.ipsec.sa import IpsecSa, SaStatistics
from agent.core.keying import NotDynamic, TunnelSa, UnknownSecurityAssociation
from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import input_path, invalid_value
from agent.datastore.registry import (
    Bindings,
    Built,
    Caller,
    ChangeBinding,
    ConfigBinding,
    NotificationBinding,
    Output,
    RpcBinding,
    StateContainer,
    StateList,
    Unseal,
    Value,
    kept,
    snapshot,
)
from agent.datastore.tree import Branch, Key

MODULE: Final = "ipsec-agent-ipsec"
ROOT: Final = f"/{MODULE}:ipsec"
ASSOCIATION: Final = f"{ROOT}/security-association"
SA: Final = f"{ASSOCIATION}/sa"
KEYS: Final = f"{ASSOCIATION}/manual/direction"
CARRIED: Final = ("interface-family", "type", "current-local-address", "current-remote-address", "interface")
"""What depends on the unit that a security association belongs to, and on who carries it."""
ANY: Final = 0
"""The protocol, or the port, of an identity that does not say which."""
PROTOCOL_NUMBERS: Final = MappingProxyType({"icmp": 1, "tcp": 6, "udp": 17})


def build_ipsec(branch: Branch, unseal: Unseal) -> tuple[SecurityAssociationConfig, ...]:
    """Return the security associations in the order of their list, each dynamic one with its policy."""
    policies = _policies(branch)
    return tuple(_association(entry, policies, unseal) for entry in branch.entries("security-association").values())


def rebuild_ipsec(branch: Branch, unseal: Unseal, before: Built) -> tuple[SecurityAssociationConfig, ...]:
    """Do the same; as long as proposals and policies are the same, so are associations that have not changed."""
    is_same = all(branch.entries(name) == before.branch.entries(name) for name in ("proposal", "policy"))
    if not is_same or not isinstance(before.value, tuple):
        return build_ipsec(branch, unseal)
    policies = _policies(branch)
    known = [each for each in before.value if isinstance(each, SecurityAssociationConfig)]
    now, then = (each.entries("security-association") for each in (branch, before.branch))
    return kept(now, then, known, lambda entry: _association(entry, policies, unseal))


def _policies(branch: Branch) -> Mapping[str, IpsecPolicy]:
    proposals = {name: _proposal(entry) for (name,), entry in branch.entries("proposal").items()}
    return {name: _policy(entry, proposals) for (name,), entry in branch.entries("policy").items()}


def _proposal(entry: Branch) -> IpsecProposal:
    authentication, encryption = entry.leaf("authentication-algorithm"), entry.leaf("encryption-algorithm")
    return IpsecProposal(
        name=required(entry, "name"),
        protocol=IpsecProtocol(required(entry, "protocol")),
        authentication_algorithm=IpsecAuthentication(authentication) if authentication is not None else None,
        encryption_algorithm=EncryptionAlgorithm(encryption) if encryption is not None else None,
        lifetime_seconds=int(required(entry, "lifetime-seconds")),
        lifetime_kilobytes=_number(entry, "lifetime-kilobytes"),
    )


def _policy(entry: Branch, proposals: Mapping[str, IpsecProposal]) -> IpsecPolicy:
    group = entry.leaf("perfect-forward-secrecy")
    return IpsecPolicy(
        name=required(entry, "name"),
        proposals=tuple(proposals[name] for name in entry.leaf_list("proposal")),
        perfect_forward_secrecy=DhGroup(group) if group is not None else None,
    )


def _association(entry: Branch, policies: Mapping[str, IpsecPolicy], unseal: Unseal) -> SecurityAssociationConfig:
    manual, dynamic = entry.container("manual"), entry.container("dynamic")
    assert manual is not None
    assert dynamic is not None
    return SecurityAssociationConfig(
        name=required(entry, "name"),
        mode=SaMode(required(entry, "mode")),
        keying=_manual(manual, unseal) if manual.children else _dynamic(dynamic, policies),
    )


def _manual(manual: Branch, unseal: Unseal) -> ManualSa:
    return ManualSa(
        keys=tuple(_keys(entry, unseal) for entry in manual.entries("direction").values()),
        local_address=_address(manual, "local-address"),
        remote_address=_address(manual, "remote-address"),
    )


def _keys(entry: Branch, unseal: Unseal) -> ManualKeys:
    authentication, encryption = entry.container("authentication"), entry.container("encryption")
    return ManualKeys(
        direction=ManualDirection(required(entry, "direction")),
        protocol=IpsecProtocol(required(entry, "protocol")),
        spi=int(required(entry, "spi")),
        auxiliary_spi=_number(entry, "auxiliary-spi"),
        authentication=_authentication(authentication, unseal) if authentication is not None else None,
        encryption=_encryption(encryption, unseal) if encryption is not None else None,
    )


def _authentication(branch: Branch, unseal: Unseal) -> ManualAuthentication:
    algorithm = IpsecAuthentication(required(branch, "algorithm"))
    return ManualAuthentication(algorithm, key_octets(branch, "key", unseal))


def _encryption(branch: Branch, unseal: Unseal) -> ManualEncryption:
    algorithm = EncryptionAlgorithm(required(branch, "algorithm"))
    return ManualEncryption(algorithm, key_octets(branch, "key", unseal))


def _dynamic(dynamic: Branch, policies: Mapping[str, IpsecPolicy]) -> DynamicSa:
    return DynamicSa(
        policy=policies[required(dynamic, "ipsec-policy")],
        replay_window_size=int(required(dynamic, "replay-window-size")),
        local_identity=_identity(dynamic.container("local-identity")),
        remote_identity=_identity(dynamic.container("remote-identity")),
    )


def _identity(branch: Branch | None) -> TrafficIdentity | None:
    if branch is None:
        return None
    protocol = branch.leaf("protocol")
    return TrafficIdentity(
        network=ip_network(required(branch, "prefix")),
        protocol=ANY if protocol is None else PROTOCOL_NUMBERS.get(protocol) or int(protocol),
        port=_number(branch, "port") or ANY,
    )


def _number(branch: Branch, name: str) -> int | None:
    text = branch.leaf(name)
    return int(text) if text is not None else None


def _address(branch: Branch, name: str) -> Address | None:
    text = branch.leaf(name)
    return ip_address(text) if text is not None else None


def clear(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Clear one dynamic security association or all; a manual one that is named is refused, else left alone."""
    name = parameters.leaf("name")
    try:
        return {"cleared": device.clear_ipsec_sas(name)}
    except (UnknownSecurityAssociation, NotDynamic) as error:
        is_unknown = isinstance(error, UnknownSecurityAssociation)
        message = f"there is no security association {name}" if is_unknown else f"security association {name} is manual"
        app_tag = "unknown-security-association" if is_unknown else "not-dynamic"
        raise invalid_value(message, path=input_path(parameters, "name"), app_tag=app_tag) from error


def _find_sa(association: TunnelSa, key: Key) -> IpsecSa | None:
    return association.sas.get((Direction(key[0]), Spi(int(key[1]))))


def _association_leaves() -> Mapping[str, Callable[[TunnelSa], Value]]:
    return {
        "name": attrgetter("name"),
        "interface-family": lambda association: word(association.interface_family),
        "type": attrgetter("type._value_"),
        "current-local-address": lambda association: address_text(association.current_local_address),
        "current-remote-address": lambda association: address_text(association.current_remote_address),
        "interface": attrgetter("interface"),
        "rekeys": attrgetter("rekeys"),
    }


def _sa_leaves() -> Mapping[str, Callable[[IpsecSa], Value]]:
    return {
        "direction": attrgetter("direction._value_"),
        "spi": attrgetter("spi"),
        "aux-spi": attrgetter("aux_spi"),
        "state": lambda sa: "installed" if sa.is_installed else "not-installed",
        "mode": attrgetter("mode._value_"),
        "type": attrgetter("type._value_"),
        "protocol": attrgetter("protocol._value_"),
        "authentication-algorithm": lambda sa: "none" if (one := sa.authentication_algorithm) is None else one._value_,
        "encryption-algorithm": lambda sa: "none" if (one := sa.encryption_algorithm) is None else one._value_,
        "installed-at": lambda sa: None if sa.installed_at is None else date_and_time(sa.installed_at),
        "expires-at": lambda sa: None if (at := sa.expires_at) is None else date_and_time(at),
        "anti-replay-service": lambda sa: "enabled" if sa.replay_window_size else "disabled",
        "replay-window-size": attrgetter("replay_window_size"),
    }


def _traffic_leaves() -> Mapping[str, Callable[[SaStatistics], Value]]:
    return {"bytes": attrgetter("bytes"), "packets": attrgetter("packets")}


def _drop_leaves() -> Mapping[str, Callable[[SaStatistics], Value]]:
    return {
        "replay-drops": attrgetter("replay_drops"),
        "authentication-failures": attrgetter("authentication_failures"),
        "decryption-failures": attrgetter("decryption_failures"),
    }


def _lifetime(name: str, select: Callable[[IpsecSa], Lifetime | None]) -> StateContainer[IpsecSa, Lifetime]:
    return StateContainer[IpsecSa, Lifetime](
        f"{SA}/{name}",
        select,
        {
            "remaining-seconds": attrgetter("remaining_seconds"),
            "remaining-kilobytes": attrgetter("remaining_kilobytes"),
            "expired": attrgetter("is_expired"),
        },
    )


PairEvent = events.IpsecSaInstalled | events.IpsecSaExpired | events.IpsecSaDeleted


def _pair(event: PairEvent) -> dict[str, Value]:
    return {"name": event.name, "inbound-spi": event.inbound_spi, "outbound-spi": event.outbound_spi}


def _rekeyed(event: events.IpsecSaRekeyed) -> Output:
    return {
        "name": event.name,
        "inbound-spi": event.new_inbound_spi,
        "outbound-spi": event.new_outbound_spi,
        "inbound": {"old-spi": event.old_inbound_spi, "new-spi": event.new_inbound_spi},
        "outbound": {"old-spi": event.old_outbound_spi, "new-spi": event.new_outbound_spi},
    }


def _sas(event: PairEvent) -> tuple[tuple[Value, ...], ...]:
    """Return the keys of both SAs of a pair."""
    inbound, outbound = Direction.INBOUND.value, Direction.OUTBOUND.value
    return (event.name, inbound, event.inbound_spi), (event.name, outbound, event.outbound_spi)


def _associations(device: Device) -> Iterator[TunnelSa]:
    return snapshot(device.security_associations)


IPSEC: Final = Bindings(
    module=MODULE,
    configs=(ConfigBinding(ROOT, build_ipsec, rebuild_ipsec),),
    states=(
        StateList[Device, TunnelSa](
            ASSOCIATION,
            _associations,
            lambda device, key: device.security_associations.get(key[0]),
            _association_leaves(),
        ),
        StateList[TunnelSa, IpsecSa](SA, TunnelSa.each_sa, _find_sa, _sa_leaves(), few=True),
        StateContainer[TunnelSa, SaStatistics](
            f"{ASSOCIATION}/statistics/inbound",
            attrgetter("inbound"),
            {**_traffic_leaves(), **_drop_leaves()},
        ),
        StateContainer[TunnelSa, SaStatistics](
            f"{ASSOCIATION}/statistics/outbound", attrgetter("outbound"), _traffic_leaves()
        ),
        StateContainer[IpsecSa, SaStatistics](
            f"{SA}/statistics", attrgetter("statistics"), {**_traffic_leaves(), **_drop_leaves()}
        ),
        _lifetime("soft-lifetime", attrgetter("soft_lifetime")),
        _lifetime("hard-lifetime", attrgetter("hard_lifetime")),
        counted_list(f"{ROOT}/statistics/dropped", lambda device: device.dropped_packets, "reason", "packets"),
        StateContainer[Device, Device](
            f"{ROOT}/statistics",
            lambda device: device,
            {
                "unroutable-packets": lambda device: device.unroutable,
                "reassembly-failures": lambda device: device.protection.processor.reassembler.failed,
            },
        ),
    ),
    changes=(
        ChangeBinding[events.IpsecSaInstalled](SA, events.IpsecSaInstalled, _sas),
        ChangeBinding[events.IpsecSaExpired](SA, events.IpsecSaExpired, _sas),
        ChangeBinding[events.IpsecSaDeleted](SA, events.IpsecSaDeleted, _sas),
        ChangeBinding[events.IpsecSaRekeyed](
            f"{ASSOCIATION}/rekeys", events.IpsecSaRekeyed, lambda event: ((event.name,),)
        ),
        *(
            ChangeBinding[events.TunnelSwitched](
                f"{ASSOCIATION}/{leaf}", events.TunnelSwitched, lambda event: ((event.security_association,),)
            )
            for leaf in CARRIED
        ),
        *(
            ChangeBinding[events.InterfacesChanged](f"{ASSOCIATION}/{leaf}", events.InterfacesChanged)
            for leaf in CARRIED
        ),
    ),
    unobserved=(
        f"{ROOT}/statistics",
        f"{ASSOCIATION}/statistics",
        f"{SA}/statistics",
        *(
            f"{SA}/{lifetime}-lifetime/remaining-{unit}"
            for lifetime in ("soft", "hard")
            for unit in ("seconds", "kilobytes")
        ),
    ),
    rpcs=(RpcBinding[Device](f"/{MODULE}:clear-ipsec-security-associations", clear),),
    notifications=(
        NotificationBinding[events.IpsecSaInstalled](f"/{MODULE}:ipsec-sa-installed", events.IpsecSaInstalled, _pair),
        NotificationBinding[events.IpsecSaRekeyed](f"/{MODULE}:ipsec-sa-rekeyed", events.IpsecSaRekeyed, _rekeyed),
        NotificationBinding[events.IpsecSaExpired](
            f"/{MODULE}:ipsec-sa-expired",
            events.IpsecSaExpired,
            lambda event: {**_pair(event), "lifetime": event.lifetime.value},
        ),
        NotificationBinding[events.IpsecSaDeleted](
            f"/{MODULE}:ipsec-sa-deleted",
            events.IpsecSaDeleted,
            lambda event: {**_pair(event), "reason": event.reason.value},
        ),
        NotificationBinding[events.IpsecNegotiationFailed](
            f"/{MODULE}:ipsec-negotiation-failed",
            events.IpsecNegotiationFailed,
            lambda event: {
                "name": event.name,
                "remote-address": str(event.remote_address),
                "reason": event.reason.value,
            },
        ),
    ),
    secrets=tuple(
        f"{KEYS}/{use}/key/{form}" for use in ("authentication", "encryption") for form in ("ascii-text", "hexadecimal")
    ),
)
