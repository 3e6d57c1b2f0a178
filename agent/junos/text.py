"""The rows of the seven commands as text, to the character as in the chapter's samples.

Where those have no word on something, or differ among themselves, the files of tests/junos/layouts say what holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from agent.core.world import SECOND
from agent.junos.router import Arguments
from agent.junos.rows import (
    AssociationRow,
    CertificateRow,
    CrlRow,
    IkeSaRow,
    IpsecSaRow,
    LifetimeRow,
    NegotiationRow,
    PicRedundancyRow,
    TotalsRow,
    TunnelRedundancyRow,
)
from agent.junos.view import is_detailed, parted

NO_REDUNDANCY: Final = "No redundancy information"
EXPIRED: Final = "Expired"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ORDINALS: Final = MappingProxyType({1: "st", 2: "nd", 3: "rd"})
_RELATIVE_NAME: Final = re.compile(r"(?:[^,\\]|\\.)+")
"""One part of a distinguished name; within it a comma is escaped."""
_ALTERNATIVE_NAMES: Final = MappingProxyType(
    {"dns-name": "DNS name", "email-address": "Email address", "ip-address": "IP address", "uri": "URI"}
)


def phrase(value: str) -> str:
    """Return a name as a phrase: 'not-matured' as 'Not matured'."""
    return value.replace("-", " ").capitalize()


def phrases(flags: Iterable[str]) -> str:
    """Return flags as they are listed."""
    return ", ".join(map(phrase, flags)) or "None"


def date(at: int) -> str:
    """Return an instant, in microseconds since the Unix epoch: '2003 Mar 1st, 01:20:42 GMT'."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    ordinal = "th" if moment.day in (11, 12, 13) else _ORDINALS.get(moment.day % 10, "th")
    return f"{moment.year} {_MONTHS[moment.month - 1]} {moment.day}{ordinal}, {moment:%H:%M:%S} GMT"


def lifetime(left: LifetimeRow) -> tuple[str, ...]:
    """Return what is left of a lifetime, by each of its measures."""
    if left.is_expired:
        return (EXPIRED,)
    seconds = f"Expires in {left.seconds} seconds"
    return (seconds,) if left.kilobytes is None else (seconds, f"Expires in {left.kilobytes} kilobytes")


def ike_sas(rows: Iterable[IkeSaRow], arguments: Arguments) -> Iterator[str]:
    """Show IKE SAs."""
    return parted(map(_ike_sa, rows)) if is_detailed(arguments) else _brief_ike_sas(rows)


def _brief_ike_sas(rows: Iterable[IkeSaRow]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if not number:
            yield "Remote Address  State      Initiator cookie  Responder cookie"
            yield "Exchange type"
        cookies = f"{row.initiator_cookie} {row.responder_cookie}"
        yield f"{row.remote.address!s:<15} {phrase(row.state):<10} {cookies} {phrase(row.exchange_type)}"


def _ike_sa(row: IkeSaRow) -> Iterator[str]:
    yield f"IKE peer {row.remote.address}"
    yield f"  Role: {phrase(row.role)}, State: {phrase(row.state)}"
    yield f"  Initiator cookie: {row.initiator_cookie}, Responder cookie: {row.responder_cookie}"
    method = row.authentication_method.capitalize()
    yield f"  Exchange type: {phrase(row.exchange_type)}, Authentication method: {method}"
    yield f"  Local: {row.local}, Remote: {row.remote}"
    if row.lifetime_seconds is not None:
        yield f"  Lifetime: Expires in {row.lifetime_seconds} seconds"
    if row.algorithms is not None:
        yield "  Algorithms:"
        yield f"    Authentication      : {row.algorithms.authentication}"
        yield f"    Encryption          : {row.algorithms.encryption}"
        yield f"    Pseudo random function: {row.algorithms.pseudo_random_function}"
    yield "  Traffic statistics:"
    yield f"    Input bytes   :{row.input_bytes:>14}"
    yield f"    Output bytes  :{row.output_bytes:>14}"
    yield f"    Input packets:{row.input_packets:>12}"
    yield f"    Output packets:{row.output_packets:>11}"
    yield f"  Flags: {phrases(row.flags)}"
    yield f"  IPsec security associations: {row.created} created, {row.deleted} deleted"
    yield f"  Phase 2 negotiations in progress: {len(row.negotiations)}"
    for negotiation in row.negotiations:
        yield ""
        yield from _negotiation(negotiation)


def _negotiation(row: NegotiationRow) -> Iterator[str]:
    yield f"  Negotiation type: Quick mode, Role: {phrase(row.role)}, Message ID: {row.message_id}"
    yield f"  Local: {row.local}, Remote: {row.remote}"
    if row.local_identity is not None:
        yield f"  Local identity: {row.local_identity}"
    if row.remote_identity is not None:
        yield f"  Remote identity: {row.remote_identity}"
    yield f"  Flags: {phrases(row.flags)}"


def associations(rows: Iterable[AssociationRow], arguments: Arguments) -> Iterator[str]:
    """Show security associations."""
    show = _detailed_association if is_detailed(arguments) else _brief_association
    return parted(show(row, arguments) for row in rows)


def spi(number: int, arguments: Arguments) -> str:
    """Return an SPI in decimal, or in the eight digits of `hex` where that was asked for."""
    return f"0x{number:08x}" if "hex" in arguments else str(number)


def _association(row: AssociationRow) -> str:
    family = f", Interface family: {phrase(row.interface_family)}" if row.interface_family is not None else ""
    return f"Security association: {row.name}{family}"


def _brief_association(row: AssociationRow, arguments: Arguments) -> Iterator[str]:
    yield _association(row)
    if row.sas:
        yield "Direction SPI      AUX-SPI    Mode      Type      Protocol"
    for sa in row.sas:
        number, auxiliary = spi(sa.spi, arguments), spi(sa.aux_spi, arguments)
        yield f"{sa.direction:<8} {number:<11} {auxiliary:<10} {sa.mode:<9} {sa.type:<9} {sa.protocol}"


def _detailed_association(row: AssociationRow, arguments: Arguments) -> Iterator[str]:
    yield _association(row)
    for sa in row.sas:
        yield ""
        yield from _ipsec_sa(sa, arguments)


def _ipsec_sa(sa: IpsecSaRow, arguments: Arguments) -> Iterator[str]:
    state, auxiliary = "Installed" if sa.is_installed else "Not installed", spi(sa.aux_spi, arguments)
    yield f"Direction: {sa.direction}, SPI: {spi(sa.spi, arguments)}, AUX-SPI: {auxiliary}, State: {state}"
    yield f"Mode: {sa.mode}, Type: {sa.type}"
    authentication, encryption = sa.authentication or "none", sa.encryption or "None"
    yield f"Protocol: {sa.protocol}, Authentication: {authentication}, Encryption: {encryption}"
    for name, left in (("Soft", sa.soft_lifetime), ("Hard", sa.hard_lifetime)):
        if left is not None:
            yield from (f"{name} lifetime: {each}" for each in lifetime(left))
    if sa.replay_window_size:
        yield f"Anti-replay service: Enabled, Replay window size: {sa.replay_window_size}"
    else:
        yield "Anti-replay service: Disabled"


def pic_redundancy(rows: Iterable[PicRedundancyRow], arguments: Arguments) -> Iterator[str]:
    """Show pairs of PICs."""
    return parted([*map(_pic_redundancy, rows)] or ((NO_REDUNDANCY,),))


def _pic_redundancy(row: PicRedundancyRow) -> Iterator[str]:
    yield f"Failure counter: {row.failure_counter}"
    yield f"Primary interface: {row.primary}, State: {phrase(row.primary_state)}"
    yield f"Backup interface : {row.backup}, State: {phrase(row.backup_state)}"


def tunnel_redundancy(rows: Iterable[TunnelRedundancyRow], arguments: Arguments) -> Iterator[str]:
    """Show tunnels with two peers."""
    return parted([*map(_tunnel_redundancy, rows)] or ((NO_REDUNDANCY,),))


def _tunnel_redundancy(row: TunnelRedundancyRow) -> Iterator[str]:
    yield f"Security association: {row.name}, Failure counter: {row.failure_counter}"
    yield f"Local IP: {row.local}"
    yield f"Primary remote IP: {row.primary}, State: {phrase(row.primary_state)}"
    yield f"Backup remote IP : {row.backup}, State: {phrase(row.backup_state)}"


def certificates(rows: Iterable[TotalsRow | CertificateRow], arguments: Arguments) -> Iterator[str]:
    """Show the certificate database."""
    entries: list[CertificateRow] = []
    for row in rows:
        if isinstance(row, TotalsRow):
            yield f"Database: Total entries: {row.total} Active entries: {row.active} Locked entries: {row.locked}"
        else:
            entries.append(row)
    if is_detailed(arguments):
        yield from parted(map(_certificate, entries))
    elif entries:
        yield "ID      Serial      Subject"
        yield from (f"{row.id:<7} {row.serial:<11} {_short(row.subject)}" for row in entries)


def _short(name: str) -> str:
    """Return country and organization of a distinguished name, or all of it where it has neither."""
    parts = [part.strip() for part in _RELATIVE_NAME.findall(name)]
    return ", ".join(part for part in parts if part.startswith(("C=", "O="))) or name


def _certificate(row: CertificateRow) -> Iterator[str]:
    yield f"Subject: {row.subject}"
    yield f"ID: {row.id}, References: {row.references}, Serial: {row.serial}"
    yield f"Flags: {' '.join(certificate_flags(row))}"
    yield f"Validity period starts: {date(row.not_before)}"
    yield f"Validity period ends: {date(row.not_after)}"
    if row.alternative_names:
        yield "Alternative name information:"
        yield from (f"  {_ALTERNATIVE_NAMES[type_]}: {value}" for type_, value in row.alternative_names)
    yield f"Issuer: {row.issuer}"


def certificate_flags(row: CertificateRow) -> tuple[str, str, str]:
    """Return the words for the state of a certificate."""
    return (
        "Trusted" if row.is_trusted else "Not trusted",
        "Root" if row.is_root else "Non-root",
        "Crl-issuer" if row.is_crl_issuer else "Non-crl-issuer",
    )


def crls(rows: Iterable[CrlRow], arguments: Arguments) -> Iterator[str]:
    """Show certificate revocation lists."""
    return parted(map(_crl, rows)) if is_detailed(arguments) else _brief_crls(rows)


def _brief_crls(rows: Iterable[CrlRow]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if not number:
            yield "ID      Issuer"
        yield f"{row.id:<7} {row.issuer}"


def _crl(row: CrlRow) -> Iterator[str]:
    yield f"Issuer: {row.issuer}"
    yield f"ID: {row.id}, References: {row.references}"
    if row.revoked:
        yield "Serial      Revocation date"
    yield from (f"{each.serial:<11} {date(each.revoked_at)}" for each in row.revoked)
