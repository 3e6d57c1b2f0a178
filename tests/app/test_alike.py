"""What is said once and means N times."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from lxml import etree

from agent.app.alike import expand, nth_address

EACH = 'xmlns:each="urn:ipsec-agent:scenario"'


def expanded(content: str, count: int = 2, number: int | None = None) -> str:
    """Return what becomes of some elements."""
    root = etree.fromstring(f"<r {EACH}>{content}</r>")
    expand(root, count, number)
    etree.cleanup_namespaces(root)
    return etree.tostring(root).decode().removeprefix("<r>").removesuffix("</r>")


def test_a_marked_element_is_there_n_times_in_its_place_and_the_mark_is_gone() -> None:
    assert expanded('<a/><b each:alike=""><c>${number}</c></b><d/>') == "<a/><b><c>1</c></b><b><c>2</c></b><d/>"


def test_addresses_and_networks_are_counted_on_from_those_given() -> None:
    found = expanded('<b each:alike="">${10.0.0.255} ${10.1.0.0/24} ${2001:db8::}</b>')
    assert found == "<b>10.0.1.0 10.1.1.0/24 2001:db8::1</b><b>10.0.1.1 10.1.2.0/24 2001:db8::2</b>"


def test_none_alike_is_none_at_all() -> None:
    assert expanded('<a/><b each:alike=""/>', count=0) == "<a/>"


def test_the_file_of_one_of_many_has_its_number_everywhere() -> None:
    assert expanded("<a>${number}</a><b>${10.0.0.0}</b>", number=7) == "<a>7</a><b>10.0.0.7</b>"


def test_without_a_number_what_is_not_marked_stays_as_it_is() -> None:
    assert expanded("<a>${number}</a>") == "<a>${number}</a>"


def test_what_cannot_be_counted_on_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        expanded('<b each:alike="">${nonsense}</b>')


def test_the_root_cannot_be_many() -> None:
    root = etree.fromstring(f'<r {EACH} each:alike=""/>')
    with pytest.raises(ValueError, match="root"):
        expand(root, 2, None)


def test_the_first_of_many_has_the_address_that_is_given() -> None:
    assert [str(nth_address(ip_address("10.0.0.1"), number)) for number in (1, 256)] == ["10.0.0.1", "10.0.1.0"]
