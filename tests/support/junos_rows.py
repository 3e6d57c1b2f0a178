"""Rows of the router's displays that were made by hand: those of the chapter's samples, and others beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address

from agent.core.identifiers import Endpoint
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
    RevokedRow,
    TotalsRow,
    TunnelRedundancyRow,
)

BRIEF: Arguments = {}
DETAIL: Arguments = {"detail": ""}
LOCAL = Endpoint(ip_address("4.4.4.5"), 500)
REMOTE = Endpoint(ip_address("4.4.4.4"), 500)
SENT, DONE = "caller-notification-sent", "waiting-for-done"
SAMPLE = IkeSaRow(
    role="initiator",
    state="matured",
    initiator_cookie="cf22bd81a7000001",
    responder_cookie="fe83795c2800002e",
    exchange_type="main",
    authentication_method="pre-shared-keys",
    local=LOCAL,
    remote=REMOTE,
    lifetime_seconds=187,
    algorithms=IkeAlgorithmsRow("md5", "3des-cbc", "group2"),
    input_bytes=1000,
    output_bytes=1280,
    input_packets=5,
    output_packets=9,
    flags=(SENT,),
    created=2,
    deleted=0,
    negotiations=(
        NegotiationRow(
            "initiator",
            3582889153,
            LOCAL,
            REMOTE,
            "ipv4_subnet(tcp:80,[0..7]=10.1.1.0/24)",
            "ipv4_subnet(tcp:100,[0..7]=10.1.2.0/24)",
            (SENT, DONE),
        ),
    ),
)
IN_NEGOTIATION = replace(
    SAMPLE,
    state="not matured",
    role="responder",
    initiator_cookie="0102030405060708",
    responder_cookie="0000000000000000",
    exchange_type="aggressive",
    remote=Endpoint(ip_address("3.3.3.3"), 500),
    lifetime_seconds=None,
    algorithms=None,
    input_bytes=0,
    output_bytes=0,
    input_packets=0,
    output_packets=0,
    flags=(),
    created=0,
    negotiations=(),
)
BUSY = replace(
    SAMPLE,
    lifetime_seconds=1,
    algorithms=IkeAlgorithmsRow("sha1", "des-cbc", "group1"),
    input_bytes=1234567890123,
    input_packets=1234567890,
    output_packets=123456789,
    deleted=2,
    negotiations=(),
)
BRIEF_SAMPLE = replace(SAMPLE, initiator_cookie="93870456fa000011", responder_cookie="723a20713700003e")
OVER_IPV6 = replace(
    SAMPLE,
    remote=Endpoint(ip_address("2001:db8:0:1:2:3:4:5"), 500),
    initiator_cookie="1112131415161718",
    responder_cookie="2122232425262728",
)


def ipsec_sa(direction: str, spi: int, type_: str = "manual", protocol: str = "AH") -> IpsecSaRow:
    """Return an SA as in the samples."""
    return IpsecSaRow(
        direction=direction,
        spi=spi,
        aux_spi=0,
        is_installed=True,
        mode="tunnel",
        type=type_,
        protocol=protocol,
        authentication="hmac-md5-96",
        encryption=None,
        soft_lifetime=LifetimeRow(0, is_expired=True) if type_ == "dynamic" else None,
        hard_lifetime=LifetimeRow(120) if type_ == "dynamic" else None,
        replay_window_size=0,
    )


def association(name: str, family: str | None, *sas: IpsecSaRow) -> AssociationRow:
    """Return a security association with SAs."""
    return AssociationRow(name, family, None, None, None, sas)


MANUAL = association("sa-manual", "up", ipsec_sa("inbound", 2908734119), ipsec_sa("outbound", 3494029335))
DYNAMIC = association(
    "sa-dynamic", "up", ipsec_sa("inbound", 2908734119, "dynamic"), ipsec_sa("outbound", 3494029335, "dynamic")
)
BUNDLED = replace(
    ipsec_sa("inbound", 256, "dynamic", "AH+ESP"),
    aux_spi=4294967295,
    authentication="hmac-sha1-96",
    encryption="3des-cbc",
    soft_lifetime=LifetimeRow(22979, 3276),
    hard_lifetime=LifetimeRow(28739, 4096),
    replay_window_size=64,
)
HOST = replace(
    ipsec_sa("outbound", 1001, protocol="ESP"),
    mode="transport",
    authentication=None,
    encryption="des-cbc",
    is_installed=False,
)
DOWN = association("sa-down", "down")


PAIR = PicRedundancyRow(0, "es-1/3/0", "active", "es-1/1/0", "standby")
OTHER_PAIR = PicRedundancyRow(12, "es-0/0/0", "offline", "es-0/1/0", "active")


def tunnel(name: str, counter: int, addresses: tuple[str, str, str], states: tuple[str, str]) -> TunnelRedundancyRow:
    """Return a tunnel with two peers."""
    local, primary, backup = map(ip_address, addresses)
    return TunnelRedundancyRow(name, counter, local, primary, states[0], backup, states[1])


TUNNEL = tunnel("sa-dynamic", 0, ("4.4.4.4", "4.4.4.5", "3.3.3.3"), ("standby", "standby"))
BRANCH = tunnel("sa-branch", 3, ("192.0.2.1", "198.51.100.1", "198.51.100.2"), ("standby", "active"))


ROOT_NAME = "C=FI, O=Company-ABC, CN=Company ABC class 2"


def at(text_: str) -> int:
    """Return an instant in microseconds."""
    return round(datetime.fromisoformat(f"{text_}+00:00").timestamp() * 1_000_000)


FIRST = CertificateRow(
    id=5,
    references=0,
    serial=22314868,
    subject="C=us, O=x",
    is_trusted=True,
    is_root=False,
    is_crl_issuer=True,
    not_before=at("2003-03-01T01:20:42"),
    not_after=at("2003-03-31T01:50:42"),
    alternative_names=(("ip-address", "10.20.210.1"),),
    issuer=ROOT_NAME,
)
SECOND = replace(
    FIRST,
    id=4,
    serial=22315496,
    not_before=at("2003-03-01T01:21:45"),
    not_after=at("2003-03-31T01:51:45"),
    alternative_names=(("ip-address", "10.20.210.20"),),
)
ROOT = replace(
    FIRST,
    id=1,
    references=1,
    serial=1538512,
    subject=ROOT_NAME,
    is_root=True,
    is_crl_issuer=False,
    not_before=at("2001-08-01T07:08:32"),
    not_after=at("2004-08-01T07:08:32"),
    alternative_names=(("email-address", "certifier-support@ssh.com"),),
)
TOTALS = TotalsRow(3, 4, 1)
EMPTY = TotalsRow(0, 0, 0)
MANY_NAMES = replace(
    FIRST,
    id=3,
    serial=8,
    subject="CN=gateway",
    is_trusted=False,
    is_crl_issuer=False,
    not_before=at("2003-02-02T00:00:00"),
    not_after=at("2003-11-13T23:59:59"),
    alternative_names=(
        ("dns-name", "gateway.example.net"),
        ("email-address", "admin@example.net"),
        ("ip-address", "192.0.2.1"),
        ("uri", "http://example.net/"),
    ),
    issuer="CN=root",
)
NO_NAMES = replace(
    MANY_NAMES,
    id=2,
    serial=7,
    subject="CN=other",
    not_before=at("2003-02-03T00:00:00"),
    not_after=at("2003-11-22T23:59:59"),
    alternative_names=(),
)
LONG_SERIAL = 2**128 - 1


CRLS = [
    CrlRow(
        2,
        2,
        ROOT_NAME,
        (RevokedRow(22314868, at("2003-03-11T10:00:00")), RevokedRow(LONG_SERIAL, at("2003-03-12T00:00:01"))),
    ),
    CrlRow(123456789, 0, "CN=other", ()),
]
