"""The mirror of a standby PIC holds every SA that it would inherit, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from agent.core.ipsec.sa import IpsecSa
from agent.core.pic import PicCommand
from tests.support.devices import Lab
from tests.support.gateways import UNTOLD
from tests.support.redundancy import BACKUP, PRIMARY, SA, TWO_PICS, lab, with_manual


def copies(each: Lab) -> dict[str, tuple[IpsecSa, ...]]:
    """Return what the standby PIC holds."""
    return dict(each.device.interface_redundancy[PRIMARY].mirror.copies)


def inherited(each: Lab) -> dict[str, tuple[IpsecSa, ...]]:
    """Return what there is to hold."""
    return {name: tuple(association.sas.values()) for name, association in each.device.security_associations.items()}


def test_a_pic_that_stands_by_holds_both_sas_of_every_pair() -> None:
    each = lab(with_manual(TWO_PICS)).start()
    assert copies(each) == inherited(each)
    assert {name: len(sas) for name, sas in copies(each).items()} == {SA: 2, "manual": 2}


def test_the_mirror_follows_a_new_pair_and_the_deletion_of_the_old() -> None:
    each = lab(TWO_PICS).start()
    before = copies(each)
    each.device.clear_ipsec_sas()
    assert copies(each) == {}
    each.run(seconds=1)
    assert copies(each) == inherited(each)
    assert copies(each) != before


def test_the_mirror_holds_both_pairs_while_one_takes_the_place_of_the_other() -> None:
    each = lab(TWO_PICS).start(seconds=23_042)
    assert len(copies(each)[SA]) == 4
    assert copies(each) == inherited(each)
    each.run(seconds=120)
    assert len(copies(each)[SA]) == 2


def test_without_a_standby_pic_nothing_is_held_and_one_that_comes_back_holds_everything() -> None:
    each = lab(TWO_PICS).start()
    each.device.set_pic(BACKUP, PicCommand.FAULT)
    assert copies(each) == {}
    each.device.clear_ipsec_sas()
    each.run(seconds=1)
    assert copies(each) == {}
    each.device.set_pic(BACKUP, PicCommand.ONLINE)
    assert copies(each) == inherited(each) != {}


def test_after_a_take_over_nothing_is_held_until_the_other_pic_stands_by() -> None:
    each = lab(TWO_PICS).start()
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    assert copies(each) == {}
    each.device.set_pic(PRIMARY, PicCommand.ONLINE)
    assert copies(each) == inherited(each) != {}


def test_what_is_held_is_there_for_the_pic_that_takes_over() -> None:
    each = lab(TWO_PICS).start()
    before = copies(each)
    seen: list[dict[str, tuple[IpsecSa, ...]]] = []
    each.world.bus.subscribe(lambda event: None if isinstance(event, UNTOLD) else seen.append(copies(each)))
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    # When the primary is offline, when the backup is Active, when the switch is told of.
    assert seen == [before, {}, {}]
    assert seen[0][SA] is before[SA], "the very copies: there is nobody left to make others from"


def test_a_switch_by_hand_leaves_everything_with_the_pic_that_was_active() -> None:
    each = lab(TWO_PICS).start()
    each.device.switch_interfaces()
    assert copies(each) == inherited(each) != {}


def test_an_sa_of_another_pair_is_not_held() -> None:
    first, second = TWO_PICS.interfaces
    other, standby = replace(first, name="es-2/0/0", backup_interface="es-2/1/0"), replace(second, name="es-2/1/0")
    each = lab(replace(TWO_PICS, interfaces=(other, standby, replace(first, units=()), second))).start()
    assert copies(each) == {}
    held = each.device.interface_redundancy["es-2/0/0"].mirror.copies
    assert dict(held) == inherited(each) != {}


def test_an_sa_that_moves_to_another_pair_is_held_there_and_here_no_more() -> None:
    first, second = TWO_PICS.interfaces
    other, standby = replace(first, name="es-2/0/0", backup_interface="es-2/1/0"), replace(second, name="es-2/1/0")
    each = lab(replace(TWO_PICS, interfaces=(first, second, replace(other, units=()), standby))).start()
    pairs = each.association().pairs
    each.device.reconfigure(replace(TWO_PICS, interfaces=(replace(first, units=()), second, other, standby)))
    assert each.association().pairs == pairs
    assert copies(each) == {}
    assert dict(each.device.interface_redundancy["es-2/0/0"].mirror.copies) == inherited(each) != {}


def test_a_reconfiguration_that_makes_a_pair_fills_its_mirror() -> None:
    first, second = TWO_PICS.interfaces
    apart = replace(TWO_PICS, interfaces=(replace(first, backup_interface=None), second))
    each = lab(apart).start()
    each.device.reconfigure(TWO_PICS)
    assert copies(each) == inherited(each) != {}
