"""What a configuration wants of its security associations."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from agent.core.config import DynamicSa, InterfaceFamily, TrafficIdentity
from agent.core.keying.plan import Ends, InterfaceFamilyState, Plan, plans
from tests.support.devices import LOCAL, NEAR, device_config, disabled, traffic_of
from tests.support.gateways import policy

CONFIG = device_config(policy(NEAR))


def plan(local: TrafficIdentity | None, remote: TrafficIdentity | None, *, is_ipv6: bool = False) -> Plan:
    """Return the plan for a security association with these identities, at a family of IPv4 or of IPv6."""
    (association,), (interface,) = CONFIG.security_associations, CONFIG.interfaces
    assert isinstance(association.keying, DynamicSa)
    keying = replace(association.keying, local_identity=local, remote_identity=remote)
    family = InterfaceFamily(True, association.name)
    units = (replace(interface.units[0], inet=None, inet6=family),) if is_ipv6 else interface.units
    config = replace(
        CONFIG,
        security_associations=(replace(association, keying=keying),),
        interfaces=(replace(interface, units=units),),
    )
    (found,) = plans(config).values()
    return found


def test_a_tunnel_that_is_up_is_a_demand_between_its_ends() -> None:
    (each,) = plans(CONFIG).values()
    assert each.demand == each.ends == Ends(LOCAL, NEAR)
    assert each.interface == "es-1/3/0.0"
    assert each.is_wanted


def test_a_tunnel_that_is_down_has_ends_but_is_no_demand() -> None:
    (each,) = plans(disabled(CONFIG)).values()
    assert each.interface_family is InterfaceFamilyState.DOWN
    assert each.ends == Ends(LOCAL, NEAR)
    assert each.demand is None


def test_without_a_reference_there_is_neither() -> None:
    (each,) = plans(replace(CONFIG, interfaces=())).values()
    assert each.interface_family is InterfaceFamilyState.NO_REFERENCE
    assert each.ends is each.demand is each.interface is None


ALL_IPV4, ALL_IPV6 = (TrafficIdentity(ip_network(each)) for each in ("0.0.0.0/0", "::/0"))
SOME_IPV6 = TrafficIdentity(ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("local", "remote", "is_ipv6", "expected"),
    [
        (None, None, False, (ALL_IPV4, ALL_IPV4)),
        (None, None, True, (ALL_IPV6, ALL_IPV6)),
        (traffic_of(LOCAL), None, False, (traffic_of(LOCAL), ALL_IPV4)),
        (None, SOME_IPV6, False, (ALL_IPV6, SOME_IPV6)),
        (traffic_of(LOCAL), None, True, (traffic_of(LOCAL), ALL_IPV4)),
    ],
)
def test_an_absent_identity_is_all_traffic_of_the_family(
    local: TrafficIdentity | None,
    remote: TrafficIdentity | None,
    is_ipv6: bool,
    expected: tuple[TrafficIdentity, TrafficIdentity],
) -> None:
    each = plan(local, remote, is_ipv6=is_ipv6)
    assert (each.local_identity, each.remote_identity) == expected
