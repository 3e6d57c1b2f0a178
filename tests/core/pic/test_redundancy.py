"""One PIC of a pair is Active, and the other takes over with every SA as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.config import EsInterface
from agent.core.events import InterfaceSwitched, SwitchReason
from agent.core.keying import NoBackup
from agent.core.pic import BackupOffline, PicCommand
from agent.core.pic.redundancy import backups
from agent.core.world import SECOND
from tests.support.devices import Lab, spis
from tests.support.redundancy import (
    ACTIVE,
    BACKUP,
    OFFLINE,
    ONE_PEER,
    PRIMARY,
    STANDBY,
    TWO_PICS,
    interface_switches,
    lab,
    pic_states,
    pic_story,
    with_manual,
)

DOWN = (PicCommand.FAULT, PicCommand.OFFLINE)


def pair_lab() -> Lab:
    """Return a started device whose tunnel is up on the primary PIC."""
    return lab(TWO_PICS).start()


def test_the_primary_is_active_and_the_backup_stands_by_once_both_have_booted() -> None:
    each = lab(TWO_PICS, pic_boot_us=3 * SECOND)
    assert pic_states(each) == (OFFLINE, OFFLINE)
    each.start(seconds=2)
    assert pic_states(each) == (OFFLINE, OFFLINE)
    assert each.network.sent == []
    each.run(seconds=2)
    assert pic_states(each) == (ACTIVE, STANDBY)
    assert pic_story(each) == ["es-1/3/0 standby", "es-1/3/0 active", "es-1/1/0 standby"]
    group = each.device.interface_redundancy[PRIMARY]
    assert (group.failure_counter, group.last_switch_at, group.last_switch_reason) == (0, None, None)


def test_the_primary_is_active_whatever_the_order_of_the_interfaces() -> None:
    each = lab(replace(TWO_PICS, interfaces=TWO_PICS.interfaces[::-1]), pic_boot_us=1).start()
    assert pic_states(each) == (STANDBY, ACTIVE)
    assert interface_switches(each) == []


@pytest.mark.parametrize("command", DOWN)
def test_a_pic_without_a_backup_is_active_alone_and_nobody_takes_over_from_it(command: PicCommand) -> None:
    each = lab(ONE_PEER).start()
    assert pic_states(each) == (ACTIVE,)
    assert each.device.interface_redundancy == {}
    each.device.set_pic(PRIMARY, command)
    assert pic_states(each) == (OFFLINE,)
    assert interface_switches(each) == []


@pytest.mark.parametrize("command", DOWN)
def test_the_backup_inherits_every_sa_of_a_pic_that_fails_and_nothing_is_negotiated(command: PicCommand) -> None:
    each = pair_lab()
    before, ike_sas, sent = each.association().pairs, each.matured, len(each.network.sent)
    each.device.set_pic(PRIMARY, command)
    assert pic_states(each) == (OFFLINE, ACTIVE)
    assert each.association().pairs == before
    assert each.association().interface == f"{BACKUP}.0"
    each.run(seconds=60)
    assert each.association().pairs == before
    assert each.matured == ike_sas
    assert len(each.network.sent) == sent
    assert each.story == ["IkeSaEstablished", "IpsecSaInstalled"]


def test_a_failure_is_told_counted_and_dated_once() -> None:
    each = pair_lab()
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    switched = InterfaceSwitched(1 * SECOND, PRIMARY, PRIMARY, BACKUP, SwitchReason.FAILURE, 1)
    assert interface_switches(each) == [switched]
    assert pic_story(each)[-3:] == ["es-1/3/0 offline", "es-1/1/0 active", "es-1/3/0 > es-1/1/0"]
    group = each.device.interface_redundancy[PRIMARY]
    shown = group.failure_counter, group.last_switch_at, group.last_switch_reason
    assert shown == (1, 1 * SECOND, SwitchReason.FAILURE)


def test_a_primary_that_comes_back_stands_by() -> None:
    each = pair_lab()
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    each.device.set_pic(PRIMARY, PicCommand.ONLINE)
    each.run(seconds=60)
    assert pic_states(each) == (STANDBY, ACTIVE)
    assert len(interface_switches(each)) == 1


def test_a_backup_that_fails_switches_nothing() -> None:
    each = pair_lab()
    each.device.set_pic(BACKUP, PicCommand.FAULT)
    assert pic_states(each) == (ACTIVE, OFFLINE)
    assert interface_switches(each) == []


# By hand


@pytest.mark.parametrize("name", [PRIMARY, BACKUP, None])
def test_either_interface_and_none_name_the_pair(name: str | None) -> None:
    each = pair_lab()
    before, sent = [spis(pair) for pair in each.association().pairs], len(each.network.sent)
    assert each.device.switch_interfaces(name) == (PRIMARY,)
    each.run(seconds=10)
    assert pic_states(each) == (STANDBY, ACTIVE)
    assert [spis(pair) for pair in each.association().pairs] == before
    assert len(each.network.sent) == sent
    assert interface_switches(each) == [InterfaceSwitched(1 * SECOND, PRIMARY, PRIMARY, BACKUP, SwitchReason.MANUAL, 1)]


def test_a_second_switch_leads_back() -> None:
    each = pair_lab()
    each.device.switch_interfaces(PRIMARY)
    each.device.switch_interfaces(PRIMARY)
    assert pic_states(each) == (ACTIVE, STANDBY)
    assert each.device.interface_redundancy[PRIMARY].failure_counter == 2
    assert each.association().interface == f"{PRIMARY}.0"


@pytest.mark.parametrize("name", [PRIMARY, BACKUP, None])
@pytest.mark.parametrize("broken", [PRIMARY, BACKUP])
def test_a_switch_to_an_offline_pic_is_refused_and_not_counted(broken: str, name: str | None) -> None:
    each = pair_lab()
    each.device.set_pic(broken, PicCommand.FAULT)
    before, counter = pic_states(each), each.device.interface_redundancy[PRIMARY].failure_counter
    with pytest.raises(BackupOffline) as raised:
        each.device.switch_interfaces(name)
    assert raised.value.name == broken
    assert pic_states(each) == before
    assert each.device.interface_redundancy[PRIMARY].failure_counter == counter


@pytest.mark.parametrize("name", [PRIMARY, None])
def test_a_pic_without_a_backup_is_not_switched(name: str | None) -> None:
    each = lab(ONE_PEER).start()
    with pytest.raises(NoBackup):
        each.device.switch_interfaces(name)
    assert pic_states(each) == (ACTIVE,)


def test_of_several_pairs_those_are_switched_that_can_be() -> None:
    others = (EsInterface("es-2/0/0", backup_interface="es-2/1/0"), EsInterface("es-2/1/0"))
    each = lab(replace(TWO_PICS, interfaces=(*TWO_PICS.interfaces, *others))).start()
    each.device.set_pic(BACKUP, PicCommand.OFFLINE)
    assert each.device.switch_interfaces() == ("es-2/0/0",)
    assert pic_states(each) == (ACTIVE, OFFLINE, STANDBY, ACTIVE)
    assert [event.primary_interface for event in interface_switches(each)] == ["es-2/0/0"]


# Both


def test_without_any_pic_the_family_is_down_and_the_pair_goes_with_its_peer_told() -> None:
    each = pair_lab()
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    each.device.set_pic(BACKUP, PicCommand.FAULT)
    each.run(seconds=1)
    assert pic_states(each) == (OFFLINE, OFFLINE)
    assert each.ipsec_story == ["IpsecSaInstalled", "IpsecSaDeleted(interface-down)"]
    assert each.association().sas == {}
    assert each.opposite().pairs == ()
    assert len(interface_switches(each)) == 1, "nobody took over the second time"
    with pytest.raises(BackupOffline):
        each.device.switch_interfaces(PRIMARY)


@pytest.mark.parametrize(("returning", "switches"), [(BACKUP, 1), (PRIMARY, 2)])
def test_the_first_pic_that_is_back_is_active_and_all_is_negotiated_anew(returning: str, switches: int) -> None:
    each = pair_lab()
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    each.device.set_pic(BACKUP, PicCommand.FAULT)
    each.run(seconds=60)
    each.device.set_pic(returning, PicCommand.ONLINE)
    each.run(seconds=1)
    assert each.association().interface == f"{returning}.0"
    assert len(each.association().pairs) == len(each.opposite().pairs) == 1
    # The backup was the last to be Active: its return is no switch, that of the primary is one.
    assert len(interface_switches(each)) == switches
    assert each.device.interface_redundancy[PRIMARY].failure_counter == switches


def test_what_is_keyed_by_hand_is_not_installed_without_a_pic_and_is_again_with_one() -> None:
    each = lab(with_manual(TWO_PICS)).start()
    manual = each.device.security_associations["manual"]
    before = list(manual.sas)
    each.device.set_pic(BACKUP, PicCommand.OFFLINE)
    each.device.set_pic(PRIMARY, PicCommand.OFFLINE)
    assert [sa.is_installed for sa in manual.sas.values()] == [False, False]
    assert each.device.sad.installed == 0
    each.device.set_pic(BACKUP, PicCommand.ONLINE)
    each.run(seconds=1)
    assert [sa.is_installed for sa in manual.sas.values()] == [True, True]
    assert list(manual.sas) == before
    assert manual.interface == f"{BACKUP}.5"


# Which pairs there can be


@pytest.mark.parametrize(
    ("pairs", "complaint"),
    [
        ({"a": "a"}, "another pair"),
        ({"a": "c"}, "no encryption services PIC"),
        ({"a": "b", "b": "a"}, "another pair"),
        ({"a": "x", "b": "x"}, "another pair"),
    ],
)
def test_an_interface_belongs_to_one_pair(pairs: dict[str, str], complaint: str) -> None:
    names = ("a", "b", "x")
    with pytest.raises(ValueError, match=complaint):
        backups(EsInterface(name, backup_interface=pairs.get(name)) for name in names)


def test_a_refused_pair_changes_nothing() -> None:
    each = pair_lab()
    first, second = TWO_PICS.interfaces
    wrong = replace(TWO_PICS, interfaces=(first, replace(second, backup_interface=PRIMARY)))
    with pytest.raises(ValueError, match="another pair"):
        each.device.reconfigure(wrong)
    assert each.device.config is TWO_PICS
    assert pic_states(each) == (ACTIVE, STANDBY)
