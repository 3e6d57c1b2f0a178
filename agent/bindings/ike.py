"""ipsec-agent-ike: policies in, IKE security associations out, and their clearing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final

from agent.bindings.counted import counted_list
from agent.bindings.leaves import instant, key_octets, required
from agent.core import events
from agent.core.config import (
    AuthenticationMethod,
    DeadPeerDetection,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkeConfig,
    IkePolicy,
    IkeProposal,
)
from agent.core.device import Device
from agent.core.identifiers import IkeSaId, MessageId
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
from agent.core.keying import UnknownPeer
from agent.datastore.errors import input_path, invalid_value
from agent.datastore.registry import (
    Bindings,
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
    snapshot,
)
from agent.datastore.tree import Branch, Key

MODULE: Final = "ipsec-agent-ike"
ROOT: Final = f"/{MODULE}:ike"
SA: Final = f"{ROOT}/security-associations/security-association"


def build_ike(branch: Branch, unseal: Unseal) -> IkeConfig:
    """Return the IKE configuration; the proposals of a policy are in the order of its leaf-list."""
    proposals = {name: _proposal(entry) for (name,), entry in branch.entries("proposal").items()}
    return IkeConfig(tuple(_policy(entry, proposals, unseal) for entry in branch.entries("policy").values()))


def _proposal(entry: Branch) -> IkeProposal:
    return IkeProposal(
        name=required(entry, "name"),
        authentication_method=AuthenticationMethod(required(entry, "authentication-method")),
        authentication_algorithm=HashAlgorithm(required(entry, "authentication-algorithm")),
        encryption_algorithm=EncryptionAlgorithm(required(entry, "encryption-algorithm")),
        dh_group=DhGroup(required(entry, "dh-group")),
        lifetime_seconds=int(required(entry, "lifetime-seconds")),
    )


def _policy(entry: Branch, proposals: Mapping[str, IkeProposal], unseal: Unseal) -> IkePolicy:
    return IkePolicy(
        peer_address=ip_address(required(entry, "peer-address")),
        mode=ExchangeMode(required(entry, "mode")),
        proposals=tuple(proposals[name] for name in entry.leaf_list("proposal")),
        pre_shared_key=key_octets(entry, "pre-shared-key", unseal),
        remote_port=int(required(entry, "remote-port")),
        remote_nat_port=int(required(entry, "remote-nat-port")),
        dead_peer_detection=_dead_peer_detection(entry),
    )


def _dead_peer_detection(entry: Branch) -> DeadPeerDetection | None:
    detection = entry.container("dead-peer-detection")
    if detection is None:
        return None
    return DeadPeerDetection(
        interval_seconds=int(required(detection, "interval")),
        retries=int(required(detection, "retries")),
        retry_interval_seconds=int(required(detection, "retry-interval")),
    )


def clear(device: Device, caller: Caller, parameters: Branch) -> Output:
    """Clear the IKE SAs with one peer, or all; an unknown peer is an error, a known one without an SA is not."""
    text = parameters.leaf("peer-address")
    try:
        return {"cleared": device.clear_ike_sas(ip_address(text) if text is not None else None)}
    except UnknownPeer as error:
        message = f"there is no IKE policy and no IKE security association for {text}"
        path = input_path(parameters, "peer-address")
        raise invalid_value(message, path=path, app_tag="unknown-peer") from error


def _find_sa(device: Device, key: Key) -> IkeSa | None:
    return device.ike_sas.get(IkeSaId(int(key[0])))


def _sa_leaves() -> Mapping[str, Callable[[IkeSa], Value]]:
    return {
        "id": lambda sa: sa.id,
        "remote-address": lambda sa: str(sa.remote.address),
        "remote-port": lambda sa: sa.remote.port,
        "local-address": lambda sa: str(sa.local.address),
        "local-port": lambda sa: sa.local.port,
        "role": lambda sa: sa.role.value,
        "state": lambda sa: "matured" if sa.is_matured else "not-matured",
        "initiator-cookie": lambda sa: sa.initiator_cookie.hex(),
        "responder-cookie": lambda sa: sa.responder_cookie.hex(),
        "exchange-type": lambda sa: sa.exchange_type.value,
        "authentication-method": lambda sa: sa.authentication_method.value,
        "lifetime-remaining": lambda sa: sa.remaining_seconds,
        "established-at": lambda sa: instant(sa.established_at),
        "expires-at": lambda sa: instant(sa.expires_at),
        "statistics/input-bytes": lambda sa: sa.statistics.input_bytes,
        "statistics/output-bytes": lambda sa: sa.statistics.output_bytes,
        "statistics/input-packets": lambda sa: sa.statistics.input_packets,
        "statistics/output-packets": lambda sa: sa.statistics.output_packets,
        "flags": lambda sa: [flag.value for flag in sa.flags],
        "ipsec-sas-created": lambda sa: sa.ipsec_sas_created,
        "ipsec-sas-deleted": lambda sa: sa.ipsec_sas_deleted,
        "negotiations-in-progress": lambda sa: len(sa.negotiations),
    }


def _algorithm_leaves() -> Mapping[str, Callable[[IkeProposal], Value]]:
    return {
        "authentication": lambda chosen: chosen.authentication_algorithm.value,
        "encryption": lambda chosen: chosen.encryption_algorithm.value,
        "pseudo-random-function": lambda chosen: f"hmac-{chosen.authentication_algorithm.value}",
        "dh-group": lambda chosen: chosen.dh_group.value,
    }


def _negotiation_leaves() -> Mapping[str, Callable[[Phase2Negotiation], Value]]:
    return {
        "message-id": lambda negotiation: negotiation.message_id,
        "negotiation-type": lambda negotiation: "quick-mode",
        "role": lambda negotiation: negotiation.role.value,
        "local-address": lambda negotiation: str(negotiation.local.address),
        "local-port": lambda negotiation: negotiation.local.port,
        "remote-address": lambda negotiation: str(negotiation.remote.address),
        "remote-port": lambda negotiation: negotiation.remote.port,
        "local-identity": lambda negotiation: negotiation.local_identity,
        "remote-identity": lambda negotiation: negotiation.remote_identity,
        "flags": lambda negotiation: [flag.value for flag in negotiation.flags],
    }


IkeSaEvent = events.IkeSaChanged | events.IkeSaEstablished | events.IkeSaDeleted | events.IkeNegotiationFailed


def _id(event: IkeSaEvent) -> tuple[tuple[Value, ...], ...]:
    """Return the key of the IKE SA that an event is about; a negotiation may have failed before it had one."""
    return ((event.sa_id,),) if event.sa_id is not None else ()


def _names(event: events.IkeSaEstablished | events.IkeSaDeleted | events.IkeNegotiationFailed) -> dict[str, Value]:
    return {
        "id": event.sa_id,
        "remote-address": str(event.remote_address),
        "initiator-cookie": event.initiator_cookie.hex(),
        "responder-cookie": event.responder_cookie.hex(),
    }


IKE: Final = Bindings(
    module=MODULE,
    configs=(ConfigBinding(ROOT, build_ike),),
    states=(
        StateList[Device, IkeSa](SA, lambda device: snapshot(device.ike_sas), _find_sa, _sa_leaves()),
        StateContainer[IkeSa, IkeProposal](f"{SA}/algorithms", lambda sa: sa.proposal, _algorithm_leaves()),
        StateList[IkeSa, Phase2Negotiation](
            f"{SA}/negotiation",
            lambda sa: snapshot(sa.negotiations),
            lambda sa, key: sa.negotiations.get(MessageId(int(key[0]))),
            _negotiation_leaves(),
        ),
        StateContainer[Device, Device](
            f"{ROOT}/statistics",
            lambda device: device,
            {"half-open": lambda device: device.ike_statistics.half_open},
        ),
        counted_list(f"{ROOT}/statistics/dropped", lambda device: device.ike_statistics.dropped, "reason", "packets"),
        counted_list(
            f"{ROOT}/statistics/negotiation-outcome",
            lambda device: device.ike_statistics.negotiations,
            "outcome",
            "count",
        ),
    ),
    changes=(
        ChangeBinding[events.IkeSaChanged](SA, events.IkeSaChanged, _id),
        ChangeBinding[events.IkeSaEstablished](SA, events.IkeSaEstablished, _id),
        ChangeBinding[events.IkeSaDeleted](SA, events.IkeSaDeleted, _id),
        ChangeBinding[events.IkeNegotiationFailed](SA, events.IkeNegotiationFailed, _id),
    ),
    unobserved=(
        f"{SA}/lifetime-remaining",
        f"{SA}/statistics",
        f"{SA}/flags",
        f"{SA}/ipsec-sas-created",
        f"{SA}/ipsec-sas-deleted",
        f"{SA}/negotiations-in-progress",
        f"{SA}/negotiation",
    ),
    rpcs=(RpcBinding[Device](f"/{MODULE}:clear-ike-security-associations", clear),),
    notifications=(
        NotificationBinding[events.IkeSaEstablished](f"/{MODULE}:ike-sa-established", events.IkeSaEstablished, _names),
        NotificationBinding[events.IkeSaDeleted](
            f"/{MODULE}:ike-sa-deleted",
            events.IkeSaDeleted,
            lambda event: {**_names(event), "reason": event.reason.value},
        ),
        NotificationBinding[events.IkeNegotiationFailed](
            f"/{MODULE}:ike-negotiation-failed",
            events.IkeNegotiationFailed,
            lambda event: {**_names(event), "reason": event.reason.value},
        ),
        NotificationBinding[events.PeerUnreachable](
            f"/{MODULE}:peer-unreachable",
            events.PeerUnreachable,
            lambda event: {"remote-address": str(event.remote_address)},
        ),
        NotificationBinding[events.PeerReachable](
            f"/{MODULE}:peer-reachable",
            events.PeerReachable,
            lambda event: {"remote-address": str(event.remote_address)},
        ),
    ),
    secrets=(f"{ROOT}/policy/pre-shared-key/ascii-text", f"{ROOT}/policy/pre-shared-key/hexadecimal"),
)
