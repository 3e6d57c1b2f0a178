"""Every display is laid out to the character as its hand-written layout says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.junos import text
from agent.junos.rows import (
    AssociationRow,
    CertificateRow,
    CrlRow,
    IkeSaRow,
    PicRedundancyRow,
    TotalsRow,
    TunnelRedundancyRow,
)
from tests.support.junos_rows import (
    BRANCH,
    BRIEF,
    BRIEF_SAMPLE,
    BUNDLED,
    BUSY,
    CRLS,
    DETAIL,
    DOWN,
    DYNAMIC,
    EMPTY,
    FIRST,
    HOST,
    IN_NEGOTIATION,
    LONG_SERIAL,
    MANUAL,
    MANY_NAMES,
    NO_NAMES,
    OTHER_PAIR,
    OVER_IPV6,
    PAIR,
    ROOT,
    SAMPLE,
    SECOND,
    TOTALS,
    TUNNEL,
    association,
    at,
)
from tests.support.layouts import LAYOUTS, layout


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("the sample", [BRIEF_SAMPLE]),
        ("several, one of them in negotiation", [BRIEF_SAMPLE, IN_NEGOTIATION, OVER_IPV6]),
        ("none", []),
    ],
)
def test_ike_sas_in_brief(case: str, rows: list[IkeSaRow]) -> None:
    assert [*text.ike_sas(rows, BRIEF)] == layout("ike-security-associations-brief")[case]


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("the sample", [SAMPLE]),
        ("several, the first in negotiation", [IN_NEGOTIATION, BUSY]),
        ("none", []),
    ],
)
def test_ike_sas_in_detail(case: str, rows: list[IkeSaRow]) -> None:
    assert [*text.ike_sas(rows, DETAIL)] == layout("ike-security-associations-detail")[case]


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("the sample", [MANUAL]),
        (
            "a bundle, transport mode, and one that is down",
            [
                association(
                    "sa-bundle",
                    "no-reference",
                    BUNDLED,
                    replace(BUNDLED, direction="outbound", spi=4294967295, aux_spi=257),
                ),
                association("sa-host", None, replace(HOST, direction="inbound", spi=1000), HOST),
                DOWN,
            ],
        ),
        ("none", []),
    ],
)
def test_security_associations_in_brief(case: str, rows: list[AssociationRow]) -> None:
    assert [*text.associations(rows, BRIEF)] == layout("ipsec-security-associations-brief")[case]


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("the samples", [MANUAL, DYNAMIC]),
        (
            "a bundle with kilobytes and a window, transport mode without authentication, and one that is down",
            [association("sa-bundle", "no-reference", BUNDLED), association("sa-host", None, HOST), DOWN],
        ),
        ("none", []),
    ],
)
def test_security_associations_in_detail(case: str, rows: list[AssociationRow]) -> None:
    assert [*text.associations(rows, DETAIL)] == layout("ipsec-security-associations-detail")[case]


@pytest.mark.parametrize(("case", "rows"), [("the sample", [PAIR]), ("several", [OTHER_PAIR, PAIR]), ("none", [])])
def test_redundancy_of_pics(case: str, rows: list[PicRedundancyRow]) -> None:
    assert [*text.pic_redundancy(rows, BRIEF)] == layout("ipsec-redundancy-interface")[case]


@pytest.mark.parametrize(("case", "rows"), [("the sample", [TUNNEL]), ("several", [BRANCH, TUNNEL]), ("none", [])])
def test_redundancy_of_tunnels(case: str, rows: list[TunnelRedundancyRow]) -> None:
    assert [*text.tunnel_redundancy(rows, BRIEF)] == layout("ipsec-redundancy-security-associations")[case]


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("the sample", [TOTALS, FIRST, SECOND, ROOT]),
        (
            "a long serial number, and subjects with more and with less",
            [
                TotalsRow(2, 1, 0),
                replace(FIRST, id=123456789, serial=LONG_SERIAL, subject=r"C=us, ST=CO, O=x\, y, CN=z"),
                replace(NO_NAMES, subject="CN=gateway"),
            ],
        ),
        ("none", [EMPTY]),
    ],
)
def test_certificates_in_brief(case: str, rows: list[TotalsRow | CertificateRow]) -> None:
    assert [*text.certificates(rows, BRIEF)] == layout("ipsec-certificates-brief")[case]


@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("the sample", [TOTALS, FIRST, SECOND, ROOT]),
        ("every kind of alternative name, and none", [TotalsRow(2, 2, 0), MANY_NAMES, NO_NAMES]),
        ("none", [EMPTY]),
    ],
)
def test_certificates_in_detail(case: str, rows: list[TotalsRow | CertificateRow]) -> None:
    assert [*text.certificates(rows, DETAIL)] == layout("ipsec-certificates-detail")[case]


@pytest.mark.parametrize(("case", "rows"), [("several", CRLS), ("none", [])])
def test_revocation_lists_in_brief(case: str, rows: list[CrlRow]) -> None:
    assert [*text.crls(rows, BRIEF)] == layout("ipsec-certificates-crl-brief")[case]


@pytest.mark.parametrize(("case", "rows"), [("several", CRLS), ("none", [])])
def test_revocation_lists_in_detail(case: str, rows: list[CrlRow]) -> None:
    assert [*text.crls(rows, DETAIL)] == layout("ipsec-certificates-crl-detail")[case]


@pytest.mark.parametrize("path", sorted(LAYOUTS.iterdir()), ids=lambda path: path.stem)
def test_every_layout_says_which_samples_it_follows(path: object) -> None:
    lines = (LAYOUTS / str(path)).read_text("utf-8").splitlines()
    head = "\n".join(line for line in lines if line.startswith("#"))
    assert "# Follows: " in head
    assert "# show " in head


ORDINALS = {
    1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 10: "10th", 11: "11th", 12: "12th", 13: "13th", 20: "20th", 21: "21st",
    22: "22nd", 23: "23rd", 24: "24th", 30: "30th", 31: "31st",
}  # fmt: skip


@pytest.mark.parametrize(("day", "ordinal"), ORDINALS.items())
def test_a_day_of_the_month_is_an_ordinal(day: int, ordinal: str) -> None:
    assert text.date(at(f"2003-12-{day:02}T00:00:00")) == f"2003 Dec {ordinal}, 00:00:00 GMT"
