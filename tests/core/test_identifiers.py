"""Addresses that keep what is computed of them are the same to everybody."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.identifiers import Address, kept

ADDRESSES = st.ip_addresses()


@given(ADDRESSES)
def test_a_kept_address_is_equal_to_the_one_it_was_made_of_wherever_it_is_looked_up(address: Address) -> None:
    one = kept(address)
    assert one == address
    assert {one: 1}[address] == {address: 1}[one] == 1
    assert (str(one), one.packed, one.version) == (str(address), address.packed, address.version)
    assert address in ip_network((one, one.max_prefixlen))


@given(ADDRESSES, ADDRESSES)
def test_two_kept_addresses_are_equal_and_in_order_as_the_addresses_are(one: Address, other: Address) -> None:
    assert (kept(one) == kept(other)) is (one == other)
    if one.version == other.version:
        assert (kept(one) < kept(other)) is (one < other)  # type: ignore[operator]


@pytest.mark.parametrize("text", ["10.0.0.1", "2001:db8::1", "fe80::1%eth0"])
def test_there_is_one_object_for_an_address_however_often_it_is_configured(text: str) -> None:
    assert kept(ip_address(text)) is kept(ip_address(text)) is kept(kept(ip_address(text)))
