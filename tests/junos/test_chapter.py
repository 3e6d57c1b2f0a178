"""Every sample of the chapter comes out of the chapter's device; what differs is said here, and nothing else does.

A test brings the device to the moment that the sample shows and types the same command. Values that are another
device's, or another moment's, are masked on both sides; slips of the chapter and what a layout overrides stand as a
difference, line by line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from agent.app.router import open_shell
from agent.core.device import Device
from agent.junos.shell import Shell
from agent.netconf.server import Client
from tests.support.chapter import Emulation, chapter
from tests.support.layouts import SAMPLES, difference, sample

MASKS = (
    ("<cookie>", r"\b[0-9a-f]{16}\b", "cookies are drawn by the two ends"),
    ("<message id>", r"(?<=Message ID: )\d+", "message ids are drawn by the initiator"),
    (
        "<spi>",
        r"(?<=SPI: )[1-9]\d*|(?<=^inbound  )\d+|(?<=^outbound )\d+|(?<=^outbound  )\d+",
        "SPIs are drawn by the receiver",
    ),
    ("<seconds>", r"(?<=Expires in )\d+(?= seconds)", "lifetimes run"),
    ("<count>", r"(?<=bytes   :)\s+\d+|(?<=bytes  :)\s+\d+|(?<=packets:)\s+\d+", "traffic depends on what was retried"),
)
"""The values that must vary: what stands for each, what it looks like, and why."""


def masked(lines: Iterable[str]) -> list[str]:
    """Return lines with the values that vary taken out."""
    found = []
    for line in lines:
        for stand_in, pattern, _ in MASKS:
            line = re.sub(pattern, stand_in, line)
        found.append(line)
    return found


def prompt(emulation: Emulation) -> Shell:
    """Return the prompt of somebody who may do everything."""
    return open_shell(emulation.gateway.server, Client("user", "127.0.0.1", "cli", ("admin",)))


def typed(emulation: Emulation, name: str) -> list[tuple[list[str], list[str]]]:
    """Type the commands of a sample; return for each what the chapter shows and what comes out."""
    shell = prompt(emulation)
    return [(expected, [*shell.run(command)]) for command, expected in sample(name)]


def step_until(emulation: Emulation, condition: Callable[[Device], bool]) -> None:
    """Let one thing after the other happen until a condition holds."""
    world = emulation.gateway.world
    for _ in range(10_000):
        if condition(emulation.gateway.device):
            return
        deadline = world.next_deadline()
        assert deadline is not None
        world.advance(deadline)
    pytest.fail("the moment never comes")


def test_show_ike_security_associations() -> None:
    ((expected, shown),) = typed(Emulation(), "show-ike-security-associations")
    assert difference(masked(expected), masked(shown)) == []


def phase_1_is_over(device: Device) -> bool:
    """Whether the IKE SA has forgotten its phase 1, and not yet its phase 2 negotiation."""
    (sa,) = device.ike_sas.values()
    return not sa.is_settling and len(sa.negotiations) == 1


def test_show_ike_security_associations_detail() -> None:
    emulation = Emulation()
    step_until(emulation, phase_1_is_over)
    ((expected, shown),) = typed(emulation, "show-ike-security-associations-detail")
    assert difference(masked(expected), masked(shown)) == []


def test_show_ipsec_certificates() -> None:
    ((expected, shown),) = typed(Emulation(), "show-ipsec-certificates")
    # A slip: there are no more active entries than entries.
    assert difference(expected, shown) == [
        "-Database: Total entries: 3 Active entries: 4 Locked entries: 1",
        "+Database: Total entries: 3 Active entries: 3 Locked entries: 1",
    ]


def test_show_ipsec_certificates_detail() -> None:
    ((expected, shown),) = typed(Emulation(), "show-ipsec-certificates-detail")
    # The same slip; and the root has one name in the whole chapter but here, which its chain needs.
    assert difference(expected, shown) == [
        "-Database: Total entries: 3 Active entries: 4 Locked entries: 1",
        "+Database: Total entries: 3 Active entries: 3 Locked entries: 1",
        "-Subject: C=FI, O=SSH Company-ABC, CN=Company ABC class 2",
        "+Subject: C=FI, O=Company-ABC, CN=Company ABC class 2",
    ]


def test_show_ipsec_redundancy_interface() -> None:
    ((expected, shown),) = typed(Emulation(), "show-ipsec-redundancy-interface")
    assert difference(expected, shown) == []


def test_show_ipsec_redundancy_security_associations_before_there_is_a_connection() -> None:
    ((expected, shown),) = typed(Emulation(chapter(settle=0)), "show-ipsec-redundancy-security-associations")
    # The sample was taken on the device at the other end of the tunnel.
    assert difference(expected, shown) == [
        "-Local IP: 4.4.4.4",
        "-Primary remote IP: 4.4.4.5, State: Standby",
        "+Local IP: 4.4.4.5",
        "+Primary remote IP: 4.4.4.4, State: Standby",
    ]


def test_show_ipsec_security_associations_brief_of_a_manual_one() -> None:
    ((expected, shown),) = typed(Emulation(), "show-ipsec-security-associations-sa-manual-brief")
    assert difference(expected, shown) == []


def test_show_ipsec_security_associations_detail_of_a_manual_one() -> None:
    ((expected, shown),) = typed(Emulation(), "show-ipsec-security-associations-sa-manual-detail")
    # A slip: a manual security association is not dynamic.
    assert difference(expected, shown) == ["-Mode: tunnel, Type: dynamic", "+Mode: tunnel, Type: manual"] * 2


def test_show_ipsec_security_associations_brief_of_a_dynamic_one() -> None:
    ((expected, shown),) = typed(Emulation(), "show-ipsec-security-associations-sa-dynamic-brief")
    # The layout is that of the manual one, whose columns are wider; and the proposal is ESP, as after the clear.
    assert [" ".join(line.split()) for line in masked(expected)] == [
        "Security association: sa-dynamic, Interface family: Up",
        "Direction SPI AUX-SPI Mode Type Protocol",
        "inbound <spi> 0 tunnel dynamic AH",
        "outbound <spi> 0 tunnel dynamic AH",
    ]
    assert masked(shown) == [
        "Security association: sa-dynamic, Interface family: Up",
        "Direction SPI      AUX-SPI    Mode      Type      Protocol",
        "inbound  <spi>  0          tunnel    dynamic   ESP",
        "outbound <spi>  0          tunnel    dynamic   ESP",
    ]


def soft_lifetime_is_over(device: Device) -> bool:
    """Whether the soft lifetime is over and the successor not there yet."""
    sas = device.security_associations["sa-dynamic"].sas
    return any(sa.soft_lifetime is not None and sa.soft_lifetime.is_expired for sa in sas.values())


def test_show_ipsec_security_associations_detail_of_a_dynamic_one_between_its_soft_and_its_hard_end() -> None:
    emulation = Emulation()
    emulation.advance(6 * 3600)
    step_until(emulation, soft_lifetime_is_over)
    ((expected, shown),) = typed(emulation, "show-ipsec-security-associations-sa-dynamic-detail")
    # The proposal is ESP, as after the clear.
    assert (
        difference(masked(expected), masked(shown))
        == [
            "-Protocol: AH, Authentication: hmac-md5-96, Encryption: None",
            "+Protocol: ESP, Authentication: hmac-md5-96, Encryption: None",
        ]
        * 2
    )


def test_clear_ipsec_security_associations() -> None:
    emulation = Emulation()
    shell = prompt(emulation)
    (before, cleared, after) = sample("clear-ipsec-security-associations")
    # The layout is that of the other samples, with the AUX-SPI and the anti-replay service. The sample's device has no
    # other security association.
    shown = []
    for command, expected in (before, after):
        found = [*shell.run(command)]
        lines = found[: found.index("Security association: sa-manual, Interface family: Up") - 1]
        assert difference(masked(expected), masked(lines)) == [
            "-Direction: inbound, SPI: <spi>, State: Installed",
            "+Direction: inbound, SPI: <spi>, AUX-SPI: 0, State: Installed",
            "+Anti-replay service: Disabled",
            "-Direction: outbound, SPI: <spi>, State: Installed",
            "+Direction: outbound, SPI: <spi>, AUX-SPI: 0, State: Installed",
            "+Anti-replay service: Disabled",
        ]
        shown.append(lines)
        if command is before[0]:
            assert [*shell.run(cleared[0])] == cleared[1] == []
            emulation.advance(3)
    spis = [re.findall(r"SPI: ([1-9]\d*)", "\n".join(lines)) for lines in shown]
    assert len(set(spis[0]) | set(spis[1])) == 4


def test_every_sample_of_the_chapter_is_typed_here() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [path.stem for path in SAMPLES.iterdir() if f'"{path.stem}"' not in source] == []


@pytest.mark.parametrize("mask", MASKS, ids=[mask[0] for mask in MASKS])
def test_every_mask_hides_something_and_says_why(mask: tuple[str, str, str]) -> None:
    stand_in, pattern, reason = mask
    lines = [line for path in SAMPLES.iterdir() for line in path.read_text("utf-8").splitlines()]
    assert any(re.search(pattern, line) for line in lines)
    assert stand_in
    assert reason


def test_to_show_something_changes_nothing() -> None:
    emulation = Emulation()
    now, scheduled = emulation.gateway.world.now, emulation.gateway.world.next_deadline()
    ((_, first),) = typed(emulation, "show-ike-security-associations")
    ((_, second),) = typed(emulation, "show-ike-security-associations")
    assert first == second
    assert (emulation.gateway.world.now, emulation.gateway.world.next_deadline()) == (now, scheduled)
