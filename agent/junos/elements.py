"""The rows of the seven commands as elements, with the tags that Junos gives them.

Of the certificate database only the name of the whole, `cert-issuer`, `cert-id` and `cert-references` are published:
the other tags of it are our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from agent.junos.markup import Element, leaf, leaves
from agent.junos.router import Arguments
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
    TotalsRow,
    TunnelRedundancyRow,
)
from agent.junos.text import certificate_flags, date, lifetime, phrase, phrases, spi
from agent.junos.view import is_detailed


def ike_sas(rows: Iterable[IkeSaRow], arguments: Arguments) -> Iterator[Element]:
    """Return IKE SAs: one after the other in brief, in blocks by their peers in detail."""
    if not is_detailed(arguments):
        return map(_brief_ike_sa, rows)
    return (
        Element(
            "ike-security-associations-block",
            (leaf("ike-sa-remote-address", peer), *map(_ike_sa, sas)),
        )
        for peer, sas in groupby(rows, lambda row: row.remote.address)
    )


def _brief_ike_sa(row: IkeSaRow) -> Element:
    values = {
        "ike-sa-remote-address": row.remote.address,
        "ike-sa-state": row.state,
        "ike-sa-initiator-cookie": row.initiator_cookie,
        "ike-sa-responder-cookie": row.responder_cookie,
        "ike-sa-exchange-type": row.exchange_type,
    }
    return Element("ike-security-associations", leaves(values))


def _ike_sa(row: IkeSaRow) -> Element:
    left = row.lifetime_seconds
    head = {
        "ike-sa-remote-address": row.remote.address,
        "ike-sa-role": row.role,
        "ike-sa-state": row.state,
        "ike-sa-initiator-cookie": row.initiator_cookie,
        "ike-sa-responder-cookie": row.responder_cookie,
        "ike-sa-exchange-type": row.exchange_type,
        "ike-sa-authentication-method": row.authentication_method,
        "ike-sa-local-address": row.local.address,
        "ike-sa-local-port": row.local.port,
        "ike-sa-remote-port": row.remote.port,
        "ike-sa-lifetime": f"Expires in {left} seconds" if left is not None else None,
    }
    traffic = {
        "ike-sa-input-bytes": row.input_bytes,
        "ike-sa-output-bytes": row.output_bytes,
        "ike-sa-input-packets": row.input_packets,
        "ike-sa-output-packets": row.output_packets,
    }
    rest = {
        "ike-sa-flags": phrases(row.flags),
        "ike-sa-num-ipsec-sas-created": row.created,
        "ike-sa-num-ipsec-sas-deleted": row.deleted,
        "ike-sa-num-phase2-negotiations": len(row.negotiations),
    }
    return Element(
        "ike-security-associations",
        (
            *leaves(head),
            *([_algorithms(row.algorithms)] if row.algorithms is not None else ()),
            Element("ike-sa-traffic-statistics", leaves(traffic)),
            Element("ike-sa-misc", leaves(rest)),
            *map(_negotiation, row.negotiations),
        ),
    )


def _algorithms(row: IkeAlgorithmsRow) -> Element:
    values = {
        "ike-sa-authentication-algorithm": row.authentication,
        "ike-sa-encryption-algorithm": row.encryption,
        "ike-sa-prf-algorithm": row.pseudo_random_function,
        "ike-sa-dhgroup": row.dh_group,
    }
    return Element("ike-sa-algorithms", leaves(values))


def _negotiation(row: NegotiationRow) -> Element:
    values = {
        "ike-sa-phase2-type": "Quick mode",
        "ike-sa-role": row.role,
        "ike-sa-msg-id": row.message_id,
        "ike-sa-local-address": row.local.address,
        "ike-sa-local-port": row.local.port,
        "ike-sa-remote-address": row.remote.address,
        "ike-sa-remote-port": row.remote.port,
        "ike-sa-local-id": row.local_identity,
        "ike-sa-remote-id": row.remote_identity,
        "ike-sa-flags": phrases(row.flags),
    }
    return Element("ike-sa-phase2-information", leaves(values))


def associations(rows: Iterable[AssociationRow], arguments: Arguments) -> Iterator[Element]:
    """Return a block for each security association."""
    return (_association(row, arguments) for row in rows)


def _association(row: AssociationRow, arguments: Arguments) -> Element:
    detailed = is_detailed(arguments)
    family = phrase(row.interface_family) if row.interface_family is not None else None
    tunnel = {
        "sa-local-gateway-interface": row.interface,
        "sa-local-gateway": row.local,
        "sa-remote-gateway": row.remote,
    }
    information = (*(leaves(tunnel) if detailed else ()), *(() if row.sas else (Element("sa-no-information"),)))
    return Element(
        "security-associations-block",
        (
            *leaves({"sa-name": row.name, "sa-block-state": family}),
            *((Element("sa-tunnel-information", information),) if information else ()),
            *(_ipsec_sa(sa, arguments) for sa in row.sas),
        ),
    )


def _ipsec_sa(sa: IpsecSaRow, arguments: Arguments) -> Element:
    detailed = is_detailed(arguments)
    values = {
        "sa-direction": sa.direction,
        "sa-spi": spi(sa.spi, arguments),
        "sa-aux-spi": spi(sa.aux_spi, arguments),
        **({"sa-state": "installed" if sa.is_installed else "not installed"} if detailed else {}),
        "sa-mode": sa.mode,
        "sa-type": sa.type,
        "sa-protocol": sa.protocol,
    }
    return Element("security-associations", (*leaves(values), *(_particulars(sa) if detailed else ())))


def _particulars(sa: IpsecSaRow) -> Iterator[Element]:
    yield leaf("sa-authentication-algorithm", sa.authentication or "none")
    yield leaf("sa-encryption-algorithm", sa.encryption or "None")
    yield from _lifetime("sa-soft-lifetime", sa.soft_lifetime)
    yield from _lifetime("sa-hard-lifetime", sa.hard_lifetime)
    yield leaf("sa-anti-replay-service", "enabled" if sa.replay_window_size else "disabled")
    yield leaf("sa-replay-window-size", sa.replay_window_size)


def _lifetime(name: str, left: LifetimeRow | None) -> Iterator[Element]:
    return (leaf(name, each) for each in (lifetime(left) if left is not None else ()))


def pic_redundancy(rows: Iterable[PicRedundancyRow], arguments: Arguments) -> Iterable[Element]:
    """Return pairs of PICs, or that there is none."""
    none = Element("ipsec-pic-redundancy", (Element("ipsec-redundancy-pic-no-information"),))
    return [*map(_pic_redundancy, rows)] or (none,)


def _pic_redundancy(row: PicRedundancyRow) -> Element:
    values = {
        "ipsec-redundancy-counter": row.failure_counter,
        "ipsec-pic-redundancy-primary-interface": row.primary,
        "ipsec-redundancy-primary-state": row.primary_state.capitalize(),
        "ipsec-pic-redundancy-backup-interface": row.backup,
        "ipsec-redundancy-backup-state": row.backup_state.capitalize(),
    }
    return Element("ipsec-pic-redundancy", leaves(values))


def tunnel_redundancy(rows: Iterable[TunnelRedundancyRow], arguments: Arguments) -> Iterable[Element]:
    """Return tunnels with two peers, or that there is none."""
    none = Element("ipsec-tunnel-redundancy", (Element("ipsec-redundancy-tunnel-no-information"),))
    return [*map(_tunnel_redundancy, rows)] or (none,)


def _tunnel_redundancy(row: TunnelRedundancyRow) -> Element:
    values = {
        "sa-name": row.name,
        "ipsec-redundancy-counter": row.failure_counter,
        "ipsec-tunnel-redundancy-local-address": row.local,
        "ipsec-tunnel-redundancy-primary-remote-address": row.primary,
        "ipsec-redundancy-primary-state": row.primary_state.capitalize(),
        "ipsec-tunnel-redundancy-backup-remote-address": row.backup,
        "ipsec-redundancy-backup-state": row.backup_state.capitalize(),
    }
    return Element("ipsec-tunnel-redundancy", leaves(values))


def certificates(rows: Iterable[TotalsRow | CertificateRow], arguments: Arguments) -> Iterator[Element]:
    """Return the totals of the certificate database, and its entries."""
    detailed = is_detailed(arguments)
    return (_totals(row) if isinstance(row, TotalsRow) else _certificate(row, detailed=detailed) for row in rows)


def _totals(row: TotalsRow) -> Element:
    values = {
        "cert-total-entries": row.total,
        "cert-active-entries": row.active,
        "cert-locked-entries": row.locked,
    }
    return Element("cert-database", leaves(values))


def _certificate(row: CertificateRow, *, detailed: bool) -> Element:
    head = {"cert-id": row.id, "cert-serial-number": row.serial, "cert-subject": row.subject}
    return Element("certificate", (*leaves(head), *(_certificate_particulars(row) if detailed else ())))


def _certificate_particulars(row: CertificateRow) -> Iterator[Element]:
    yield leaf("cert-references", row.references)
    yield from (leaf("cert-flag", flag) for flag in certificate_flags(row))
    yield leaf("cert-validity-starts", date(row.not_before))
    yield leaf("cert-validity-ends", date(row.not_after))
    if row.alternative_names:
        names = tuple(leaf(f"cert-{type_}", value) for type_, value in row.alternative_names)
        yield Element("cert-alternative-names", names)
    yield leaf("cert-issuer", row.issuer)


def crls(rows: Iterable[CrlRow], arguments: Arguments) -> Iterator[Element]:
    """Return certificate revocation lists."""
    detailed = is_detailed(arguments)
    return (
        Element("crl", (leaf("cert-issuer", row.issuer), *(_crl_particulars(row) if detailed else ()))) for row in rows
    )


def _crl_particulars(row: CrlRow) -> Iterator[Element]:
    yield from leaves({"cert-id": row.id, "cert-references": row.references})
    for each in row.revoked:
        yield Element("crl-list", leaves({"serial": each.serial, "revocation-date": date(each.revoked_at)}))
