"""What the seven commands find on the device at this moment, as rows.

They are made one by one, over a snapshot of what there is, and skip what vanished. What somebody names
that is not there is Refused: never an empty answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final

from agent.core.device import Device
from agent.core.identifiers import Address
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.lifetime import Lifetime
from agent.core.ipsec.sa import IpsecSa, SaProtocol
from agent.core.keying import TunnelRedundancy, TunnelSa
from agent.core.pic import RedundancyGroup
from agent.core.pki import CertificateEntry, CrlEntry
from agent.datastore.registry import Caller, snapshot
from agent.junos.router import Arguments, Refused, Router
from agent.junos.rows import (
    AssociationRow,
    CertificateRow,
    CrlRow,
    IkeAlgorithmsRow,
    IkeSaRow,
    IpsecSaRow,
    LifetimeRow,
    NegotiationRow,
    PicRedundancyRow,
    RevokedRow,
    TotalsRow,
    TunnelRedundancyRow,
)


def ike_sas(router: Router, caller: Caller, arguments: Arguments) -> Iterator[IkeSaRow]:
    """Return the IKE SAs in the order of their ids, with one peer or with all."""
    device, text = router.device, arguments.get("peer-address")
    if text is None:
        return map(_ike_sa, snapshot(device.ike_sas))
    peer = ip_address(text)
    require_peer(device, peer)
    return (_ike_sa(sa) for sa in snapshot(device.ike_sas) if sa.remote.address == peer)


def require_peer(device: Device, peer: Address) -> None:
    """Refuse an address with neither a policy nor an IKE SA."""
    if device.config.ike.policy_for(peer) is None and all(sa.remote.address != peer for sa in device.ike_sas.values()):
        raise Refused(f"there is no IKE policy and no IKE security association for {peer}", "unknown-peer")


def _ike_sa(sa: IkeSa) -> IkeSaRow:
    chosen, counted = sa.proposal, sa.statistics
    return IkeSaRow(
        role=sa.role.value,
        state="matured" if sa.is_matured else "not matured",
        initiator_cookie=sa.initiator_cookie.hex(),
        responder_cookie=sa.responder_cookie.hex(),
        exchange_type=sa.exchange_type.value,
        authentication_method=sa.authentication_method.value,
        local=sa.local,
        remote=sa.remote,
        lifetime_seconds=sa.remaining_seconds,
        algorithms=None
        if chosen is None
        else IkeAlgorithmsRow(
            chosen.authentication_algorithm.value, chosen.encryption_algorithm.value, chosen.dh_group.value
        ),
        input_bytes=counted.input_bytes,
        output_bytes=counted.output_bytes,
        input_packets=counted.input_packets,
        output_packets=counted.output_packets,
        flags=tuple(flag.value for flag in sa.flags),
        created=sa.ipsec_sas_created,
        deleted=sa.ipsec_sas_deleted,
        negotiations=tuple(map(_negotiation, sa.negotiations.values())),
    )


def _negotiation(negotiation: Phase2Negotiation) -> NegotiationRow:
    return NegotiationRow(
        negotiation.role.value,
        negotiation.message_id,
        negotiation.local,
        negotiation.remote,
        negotiation.local_identity,
        negotiation.remote_identity,
        tuple(flag.value for flag in negotiation.flags),
    )


_PROTOCOLS: Final = MappingProxyType({SaProtocol.ESP: "ESP", SaProtocol.AH: "AH", SaProtocol.AH_ESP: "AH+ESP"})


def associations(router: Router, caller: Caller, arguments: Arguments) -> Iterator[AssociationRow]:
    """Return the security associations in the order of the configuration, one or all."""
    configured, name = router.device.security_associations, arguments.get("sa-name")
    if name is None:
        return map(_association, snapshot(configured))
    require_association(router.device, name)
    return iter((_association(configured[name]),))


def require_association(device: Device, name: str) -> None:
    """Refuse a name that no security association is configured by."""
    if name not in device.security_associations:
        raise Refused(f"there is no security association {name}", "unknown-security-association")


def _association(association: TunnelSa) -> AssociationRow:
    family = association.interface_family
    return AssociationRow(
        association.name,
        family.value if family is not None else None,
        association.interface,
        association.current_local_address,
        association.current_remote_address,
        tuple(map(_ipsec_sa, association.sas.values())),
    )


def _ipsec_sa(sa: IpsecSa) -> IpsecSaRow:
    return IpsecSaRow(
        direction=sa.direction.value,
        spi=sa.spi,
        aux_spi=sa.aux_spi,
        is_installed=sa.is_installed,
        mode=sa.mode.value,
        type=sa.type.value,
        protocol=_PROTOCOLS[sa.protocol],
        authentication=sa.authentication_algorithm.value if sa.authentication_algorithm is not None else None,
        encryption=sa.encryption_algorithm.value if sa.encryption_algorithm is not None else None,
        soft_lifetime=_lifetime(sa.soft_lifetime),
        hard_lifetime=_lifetime(sa.hard_lifetime),
        replay_window_size=sa.replay_window_size,
    )


def _lifetime(lifetime: Lifetime | None) -> LifetimeRow | None:
    if lifetime is None:
        return None
    return LifetimeRow(lifetime.remaining_seconds, lifetime.remaining_kilobytes, lifetime.is_expired)


def pic_redundancy(router: Router, caller: Caller, arguments: Arguments) -> Sequence[PicRedundancyRow]:
    """Return the pairs of PICs: all, or the one that an interface belongs to, on whichever side."""
    device, name = router.device, arguments.get("interface-name")
    if name is not None:
        require_interface(device, name)
    pairs = [group for group in device.interface_redundancy.values() if name is None or name in _names(group)]
    return [_pic_redundancy(group) for group in pairs]


def require_interface(device: Device, name: str) -> None:
    """Refuse a name that is no encryption services PIC's."""
    if name not in device.pics:
        raise Refused(f"there is no encryption interface {name}", "unknown-interface")


def _names(group: RedundancyGroup) -> tuple[str | None, ...]:
    return group.primary_interface, group.backup_interface


def _pic_redundancy(group: RedundancyGroup) -> PicRedundancyRow:
    backup, state = group.backup_interface, group.backup_state
    assert backup is not None, "a pair has a backup"
    assert state is not None, "a backup has a state"
    return PicRedundancyRow(
        group.failure_counter, group.primary_interface, group.primary_state.value, backup, state.value
    )


def tunnel_redundancy(router: Router, caller: Caller, arguments: Arguments) -> Sequence[TunnelRedundancyRow]:
    """Return the tunnels with two peers: all, or that of one security association."""
    device, name = router.device, arguments.get("security-association-name")
    if name is not None:
        require_association(device, name)
    tunnels = device.tunnel_redundancy.values()
    return [_tunnel_redundancy(tunnel) for tunnel in tunnels if name is None or tunnel.name == name]


def _tunnel_redundancy(tunnel: TunnelRedundancy) -> TunnelRedundancyRow:
    return TunnelRedundancyRow(
        tunnel.name,
        tunnel.failure_counter,
        tunnel.local_address,
        tunnel.primary_remote_address,
        tunnel.primary_state.value,
        tunnel.backup_remote_address,
        tunnel.backup_state.value,
    )


def certificates(router: Router, caller: Caller, arguments: Arguments) -> Sequence[TotalsRow | CertificateRow]:
    """Return the totals and then the certificates, the latest entry first: all, or those of a serial number."""
    database, serial = router.device.certificates, arguments.get("serial-number")
    if serial is None:
        entries = [*database.certificates()]
    elif not (entries := [*database.with_serial(int(serial))]):
        raise Refused(f"there is no certificate with the serial number {serial}", "unknown-certificate")
    totals = database.totals
    rows = map(_certificate, sorted(entries, key=lambda entry: entry.id, reverse=True))
    return [TotalsRow(totals.total, totals.active, totals.locked), *rows]


def _certificate(entry: CertificateEntry) -> CertificateRow:
    certificate = entry.certificate
    return CertificateRow(
        id=entry.id,
        references=entry.references,
        serial=certificate.serial,
        subject=certificate.subject.text,
        is_trusted=entry.distrust is None,
        is_root=entry.is_root,
        is_crl_issuer=certificate.may_sign_crls,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        alternative_names=tuple((name.type.value, name.value) for name in certificate.alternative_names),
        issuer=certificate.issuer.text,
    )


def crls(router: Router, caller: Caller, arguments: Arguments) -> Sequence[CrlRow]:
    """Return the revocation lists: all, or that of an issuer, whose name is given as it is shown."""
    database, issuer = router.device.certificates, arguments.get("crl-name")
    if issuer is None:
        return [_crl(entry) for entry in database.crls()]
    entry = database.crl(issuer)
    if entry is None:
        raise Refused(f"there is no certificate revocation list of {issuer}", "unknown-crl")
    return [_crl(entry)]


def _crl(entry: CrlEntry) -> CrlRow:
    revoked = (RevokedRow(each.serial, each.revoked_at) for each in entry.crl.revoked.values())
    return CrlRow(entry.id, entry.references, entry.crl.issuer.text, tuple(revoked))
