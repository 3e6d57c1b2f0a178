"""How the parts of a configuration refer to one another."""

from dataclasses import replace

import pytest

from agent.core.config import DeviceConfig, EsInterface, InterfaceFamily, Unit
from tests.support.devices import FAR, LOCAL, NEAR, device_config, unit
from tests.support.gateways import ALICE, policy

UNIT = unit(7, "sa", LOCAL, NEAR)
UP, DOWN = InterfaceFamily(True, "sa"), InterfaceFamily(False, "sa")


def config(each: Unit, *, enabled: bool = True) -> DeviceConfig:
    return DeviceConfig("r1", (), interfaces=(EsInterface("es-0/1/0", enabled=enabled, units=(each,)),))


def test_a_gateway_has_its_own_addresses_and_the_sources_of_its_tunnels_once_each() -> None:
    both = device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR), addresses=(ALICE,))
    assert both.local_addresses == (ALICE, LOCAL)
    assert both.addresses == (ALICE,)


def test_a_reference_is_found_by_the_security_association_and_has_the_name_of_the_unit() -> None:
    references = config(UNIT).references
    assert references["sa"].name == "es-0/1/0.7"
    assert "other" not in references


@pytest.mark.parametrize(
    ("inet", "inet6", "enabled", "is_up"),
    [
        (UP, None, True, True),
        (DOWN, None, True, False),
        (UP, None, False, False),
        (DOWN, UP, True, True),
        (DOWN, InterfaceFamily(True, None), True, False),
        (None, UP, True, True),
    ],
)
def test_it_is_up_while_a_family_that_names_it_is_and_the_interface_is(
    inet: InterfaceFamily | None, inet6: InterfaceFamily | None, enabled: bool, is_up: bool
) -> None:
    each = replace(UNIT, inet=inet, inet6=inet6)
    assert config(each, enabled=enabled).references["sa"].is_up("sa") == is_up


@pytest.mark.parametrize(
    ("inet", "inet6", "version"),
    [(UP, None, 4), (UP, UP, 4), (None, UP, 6), (DOWN, UP, 6), (InterfaceFamily(True, "other"), UP, 6)],
)
def test_the_traffic_is_ipv4_unless_only_ipv6_is_protected(
    inet: InterfaceFamily | None, inet6: InterfaceFamily | None, version: int
) -> None:
    each = replace(UNIT, inet=inet, inet6=inet6)
    assert config(each).references["sa"].ip_version("sa") == version


def test_a_backup_destination_is_a_destination_after_the_first() -> None:
    assert UNIT.tunnel is not None
    assert UNIT.tunnel.destinations == (NEAR,)
    assert replace(UNIT.tunnel, backup_destination=FAR).destinations == (NEAR, FAR)
