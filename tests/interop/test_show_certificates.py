"""The example for certificates renders what a device shows as the chapter does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from agent.core.identifiers import EntryId
from tests.support.certificate_server import Gateway
from tests.support.certificates import chapter_store, shipped, vector

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
BRIEF = """\
Database: Total entries: 3 Active entries: 3 Locked entries: 1
ID      Serial      Subject
5       22314868    C=us, O=x
4       22315496    C=us, O=x
1       1538512     C=FI, O=Company-ABC"""
DETAIL = """\
Database: Total entries: 3 Active entries: 3 Locked entries: 1
Subject: C=us, O=x
ID: 5, References: 0, Serial: 22314868
Flags: Trusted Non-root Crl-issuer
Validity period starts: 2003 Mar 1st, 01:20:42 GMT
Validity period ends: 2003 Mar 31st, 01:50:42 GMT
Alternative name information:
  IP address: 10.20.210.1
Issuer: C=FI, O=Company-ABC, CN=Company ABC class 2

Subject: C=us, O=x
ID: 4, References: 0, Serial: 22315496
Flags: Trusted Non-root Crl-issuer
Validity period starts: 2003 Mar 1st, 01:21:45 GMT
Validity period ends: 2003 Mar 31st, 01:51:45 GMT
Alternative name information:
  IP address: 10.20.210.20
Issuer: C=FI, O=Company-ABC, CN=Company ABC class 2

Subject: C=FI, O=Company-ABC, CN=Company ABC class 2
ID: 1, References: 1, Serial: 1538512
Flags: Trusted Root Non-crl-issuer
Validity period starts: 2001 Aug 1st, 07:08:32 GMT
Validity period ends: 2004 Aug 1st, 07:08:32 GMT
Alternative name information:
  Email address: certifier-support@ssh.com
Issuer: C=FI, O=Company-ABC, CN=Company ABC class 2"""
CRL = """\
CRL issuer: C=FI, O=Vectors, CN=Root
ID: 2, References: 0
Last update: 2003 Mar 1st, 00:00:00 GMT
Next update: 2003 Apr 1st, 00:00:00 GMT
Revoked certificates:
  Serial: 3, Revoked: 2003 Mar 1st, 12:00:00 GMT, Reason: superseded"""


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location("show_ipsec_certificates", EXAMPLES / "show_ipsec_certificates.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chapter() -> Gateway:
    """Serve the database of the chapter."""
    return Gateway(chapter_store(), shipped("chapter-root.pem"))


def shown(example: ModuleType, gateway: Gateway, level: str, id_: str | None = None) -> str:
    """Return what the example prints of a gateway."""
    return str(example.render(gateway.connect().get(example.subtree(id_, level)), level))


def test_brief_is_the_sample_of_the_chapter_but_for_its_slip_in_the_totals(example: ModuleType) -> None:
    assert shown(example, chapter(), "brief") == BRIEF


def test_detail_is_the_sample_of_the_chapter_but_for_its_slips(example: ModuleType) -> None:
    assert shown(example, chapter(), "detail") == DETAIL


def test_one_certificate_is_shown_by_its_id(example: ModuleType) -> None:
    output = shown(example, chapter(), "detail", "4")
    assert "Serial: 22315496" in output
    assert "Serial: 22314868" not in output


def test_an_expired_certificate_is_not_trusted(example: ModuleType) -> None:
    gateway = chapter()
    gateway.store.go_to("2003-04-01T00:00:00Z")
    output = shown(example, gateway, "detail")
    assert output.count("Flags: Not trusted Non-root Crl-issuer") == 2
    assert output.count("Flags: Trusted Root") == 1


def test_a_deleted_certificate_counts_in_the_total_alone(example: ModuleType) -> None:
    gateway = chapter()
    gateway.certificates.delete_certificate(EntryId(5))
    assert shown(example, gateway, "brief").startswith("Database: Total entries: 3 Active entries: 2 Locked entries: 1")


def test_a_revocation_list_is_shown_with_what_it_revokes(example: ModuleType) -> None:
    gateway = Gateway()
    gateway.certificates.import_crl(vector("crl-1"))
    assert shown(example, gateway, "crl") == CRL


def test_without_revocation_lists_nothing_is_shown(example: ModuleType) -> None:
    assert shown(example, chapter(), "crl") == ""


ORDINALS = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 20: "20th"}
ORDINALS |= {21: "21st", 22: "22nd", 23: "23rd", 24: "24th", 30: "30th", 31: "31st"}


@pytest.mark.parametrize(("day", "ordinal"), ORDINALS.items())
def test_a_day_has_its_ordinal(example: ModuleType, day: int, ordinal: str) -> None:
    assert example.date(f"2003-03-{day:02}T01:20:42+00:00") == f"2003 Mar {ordinal}, 01:20:42 GMT"
