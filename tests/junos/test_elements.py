"""The same rows as elements, with the tags that Junos gives them."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from agent.junos import elements
from agent.junos.markup import Element, Reply, render
from tests.support.junos import plain
from tests.support.junos_rows import (
    BRIEF,
    BRIEF_SAMPLE,
    BUNDLED,
    BUSY,
    CRLS,
    DETAIL,
    DOWN,
    HOST,
    IN_NEGOTIATION,
    MANUAL,
    MANY_NAMES,
    NO_NAMES,
    PAIR,
    SAMPLE,
    TOTALS,
    TUNNEL,
    association,
)


def shown(children: Iterable[Element]) -> etree._Element:
    """Return elements in a reply."""
    return plain(etree.fromstring("".join(render(Reply("reply", "x", children)))))


def texts(element: etree._Element, path: str) -> list[str]:
    return [each.text or "" for each in element.iterfind(path)]


def test_ike_sas_stand_one_after_the_other_in_brief_and_by_their_peers_in_detail() -> None:
    brief = shown(elements.ike_sas([SAMPLE, BUSY, IN_NEGOTIATION], BRIEF))
    assert [each.tag for each in brief] == ["ike-security-associations"] * 3
    detail = shown(elements.ike_sas([SAMPLE, BUSY, IN_NEGOTIATION], DETAIL))
    assert texts(detail, "ike-security-associations-block/ike-sa-remote-address") == ["4.4.4.4", "3.3.3.3"]
    assert [len(block.findall("ike-security-associations")) for block in detail] == [2, 1]


def test_an_ike_sa_in_detail_says_what_its_text_says() -> None:
    ((_, sa),) = shown(elements.ike_sas([SAMPLE], DETAIL))
    said = {each.tag.removeprefix("ike-sa-"): each.text for each in reversed([*sa.iter()]) if not len(each)}
    assert (said["role"], said["state"], said["lifetime"]) == ("initiator", "matured", "Expires in 187 seconds")
    assert (said["authentication-algorithm"], said["encryption-algorithm"]) == ("md5", "3des-cbc")
    assert (said["input-bytes"], said["output-packets"]) == ("1000", "9")
    assert (said["num-ipsec-sas-created"], said["num-phase2-negotiations"]) == ("2", "1")
    assert said["msg-id"] == "3582889153"
    assert texts(sa, "ike-sa-phase2-information/ike-sa-flags") == ["Caller notification sent, Waiting for done"]


def test_an_ike_sa_in_negotiation_has_no_lifetime_and_no_algorithms() -> None:
    reply = shown(elements.ike_sas([IN_NEGOTIATION], DETAIL))
    assert reply.find(".//ike-sa-lifetime") is None
    assert reply.find(".//ike-sa-algorithms") is None
    assert texts(reply, ".//ike-sa-flags") == ["None"]


def test_ike_sas_in_brief_have_no_detail() -> None:
    (sa,) = shown(elements.ike_sas([BRIEF_SAMPLE], BRIEF))
    assert len(sa) == 5
    assert sa.find("ike-sa-role") is None


def test_a_bundle_shows_both_spis_and_both_measures_of_its_lifetimes() -> None:
    reply = shown(elements.associations([association("sa-bundle", "no-reference", BUNDLED)], DETAIL))
    assert texts(reply, ".//sa-block-state") == ["No reference"]
    assert (texts(reply, ".//sa-spi"), texts(reply, ".//sa-aux-spi")) == (["256"], ["4294967295"])
    assert texts(reply, ".//sa-soft-lifetime") == ["Expires in 22979 seconds", "Expires in 3276 kilobytes"]
    assert (texts(reply, ".//sa-anti-replay-service"), texts(reply, ".//sa-replay-window-size")) == (
        ["enabled"],
        ["64"],
    )


def test_transport_mode_has_no_block_state() -> None:
    reply = shown(elements.associations([association("sa-host", None, HOST)], DETAIL))
    assert reply.find(".//sa-block-state") is None
    assert (texts(reply, ".//sa-state"), texts(reply, ".//sa-authentication-algorithm")) == (
        ["not installed"],
        ["none"],
    )


def test_a_security_association_without_sas_says_so_and_others_do_not() -> None:
    for style in (BRIEF, DETAIL):
        down, up = shown(elements.associations([DOWN, MANUAL], style))
        assert down.find("sa-tunnel-information/sa-no-information") is not None
        assert up.find(".//sa-no-information") is None


def test_redundancy_has_counters_and_states_or_says_that_there_is_none() -> None:
    pics = shown(elements.pic_redundancy([PAIR], BRIEF))
    assert texts(pics, ".//ipsec-redundancy-backup-state") == ["Standby"]
    tunnels = shown(elements.tunnel_redundancy([TUNNEL], BRIEF))
    assert texts(tunnels, ".//ipsec-tunnel-redundancy-backup-remote-address") == ["3.3.3.3"]
    assert shown(elements.pic_redundancy([], BRIEF)).find(".//ipsec-redundancy-pic-no-information") is not None
    assert shown(elements.tunnel_redundancy([], BRIEF)).find(".//ipsec-redundancy-tunnel-no-information") is not None


def test_certificates_show_their_particulars_in_detail_alone() -> None:
    detail = shown(elements.certificates([TOTALS, MANY_NAMES, NO_NAMES], DETAIL))
    assert texts(detail, "cert-database/*") == ["3", "4", "1"]
    assert texts(detail, "certificate[1]/cert-flag") == ["Not trusted", "Non-root", "Non-crl-issuer"]
    assert [each.tag for each in detail.iterfind("certificate[1]/cert-alternative-names/*")] == [
        "cert-dns-name", "cert-email-address", "cert-ip-address", "cert-uri",
    ]  # fmt: skip
    assert detail.find("certificate[2]/cert-alternative-names") is None
    brief = shown(elements.certificates([TOTALS, MANY_NAMES], BRIEF))
    assert [each.tag for each in brief[1]] == ["cert-id", "cert-serial-number", "cert-subject"]


def test_a_revocation_list_names_what_it_revokes_in_detail_alone() -> None:
    detail = shown(elements.crls(CRLS, DETAIL))
    assert texts(detail, "crl[1]/crl-list/serial")[0] == "22314868"
    assert texts(detail, "crl/cert-references") == ["2", "0"]
    assert [[leaf.tag for leaf in each] for each in shown(elements.crls(CRLS, BRIEF))] == [["cert-issuer"]] * 2


def test_rows_become_elements_one_by_one() -> None:
    taken = []

    def rows() -> Iterable[object]:
        for number in range(1000):
            taken.append(number)
            yield MANUAL

    pieces = render(Reply("reply", "x", elements.associations(rows(), BRIEF)))  # type: ignore[arg-type]
    for _ in range(3):
        next(pieces)
    assert len(taken) == 2
