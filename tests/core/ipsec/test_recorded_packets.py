"""Packets recorded between two strongSwan daemons are opened, and made again octet by octet."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from pathlib import Path as File
from typing import Any

import pytest

from agent.core.config import Direction, EncryptionAlgorithm, IpsecAuthentication, SaMode
from agent.core.crypto.ciphers import BLOCK_OCTETS, BlockCipher
from agent.core.identifiers import Spi
from agent.core.ipsec.path import DfRule, Path, UdpPorts
from agent.core.ipsec.processor import Processor
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.sa import IpsecSa, SaKeys, SaProtocol, SaType
from agent.core.ipsec.sad import Sad
from agent.core.ipsec.spd import Policy, Selector

FILES = sorted((File(__file__).parents[2] / "vectors" / "esp").glob("*.json"))
ANY = ip_network("0.0.0.0/0")
ROLES = ("initiator", "responder")

SENDERS_CHOICE = slice(4, 6), slice(10, 12), slice(26, 28)
"""Of the outer headers: the identification, the checksum that follows from it, and UDP's, which may be zero."""


def recording(file: File) -> dict[str, Any]:
    return json.loads(file.read_text())  # type: ignore[no-any-return]


def packets(data: dict[str, Any], sender: str) -> list[dict[str, Any]]:
    return [each for each in data["packets"] if each["from"] == sender]


def algorithms(data: dict[str, Any]) -> tuple[IpsecAuthentication, EncryptionAlgorithm | None]:
    transform = data["esp_transform"]
    encryption = transform["encryption"]
    authentication = IpsecAuthentication(transform["authentication"])
    return authentication, None if encryption == "null" else EncryptionAlgorithm(encryption)


def nonces(data: dict[str, Any], key: bytes, sender: str) -> bytes:
    """What has to be drawn so that the encryption of it, chained to the packet before, is the recorded IV."""
    _, encryption = algorithms(data)
    drawn, last = b"", bytes(BLOCK_OCTETS)
    if encryption is None:
        return drawn
    for each in packets(data, sender):
        drawn += BlockCipher(encryption, key).decrypt(last, bytes.fromhex(each["iv"]))
        last = bytes.fromhex(each["esp_hex"])[:-12][-BLOCK_OCTETS:]
    return drawn


def processor(data: dict[str, Any], sender: str, direction: Direction) -> tuple[Processor, IpsecSa]:
    """One end with the SA of the packets of a sender, sending or receiving."""
    receiver = ROLES[sender == "initiator"]
    quick = data["keys"]["quick"][0][f"{sender}_to_{receiver}"]
    authentication, encryption = algorithms(data)
    key = bytes.fromhex(quick.get("encryption_key") or "")
    sa = IpsecSa(
        direction=direction,
        spi=Spi(int(quick["spi"], 16)),
        aux_spi=Spi(0),
        mode=SaMode.TUNNEL,
        type=SaType.DYNAMIC,
        protocol=SaProtocol.ESP,
        authentication_algorithm=authentication,
        encryption_algorithm=encryption,
        keys=SaKeys(bytes.fromhex(quick["integrity_key"]), key),
        replay_window_size=64,
    )
    drawn = nonces(data, key, sender)
    sad = Sad(lambda name, count: drawn.ljust(count, b"\0"))
    end = Processor(sad, lambda name, count: drawn.ljust(count, b"\0"))
    sad.install(sa, now=0)
    here, there = (sender, receiver) if direction is Direction.OUTBOUND else (receiver, sender)
    local, remote = (ip_address(data["addresses"][each]) for each in (here, there))
    ports = UdpPorts(4500, 4500)
    end.attach(sa, Path("c", "tun", local, remote, ports=ports, df=DfRule.SET, forwards=False))
    end.set_policies("tun", [Policy("c", Selector(ANY, ANY))])
    if direction is Direction.OUTBOUND:
        end.send_with(sa)
    return end, sa


CASES = [pytest.param(file, sender, id=f"{file.stem} {sender}") for file in FILES for sender in ROLES]


def test_there_are_recordings() -> None:
    assert len(FILES) == 4


@pytest.mark.parametrize(("file", "sender"), CASES)
def test_recorded_packets_are_opened(file: File, sender: str) -> None:
    data = recording(file)
    end, sa = processor(data, sender, Direction.INBOUND)
    for each in packets(data, sender):
        assert end.inbound(bytes.fromhex(each["outer_hex"]), now=0) == bytes.fromhex(each["inner_hex"])
    assert sa.statistics.packets == 5
    assert sa.statistics.bytes == sum(len(each["inner_hex"]) // 2 for each in packets(data, sender))
    assert not any(end.drops.values())


@pytest.mark.parametrize(("file", "sender"), CASES)
def test_recorded_packets_are_made_octet_by_octet(file: File, sender: str) -> None:
    data = recording(file)
    end, _ = processor(data, sender, Direction.OUTBOUND)
    for each in packets(data, sender):
        recorded = bytearray.fromhex(each["outer_hex"])
        sent = end.outbound(bytes.fromhex(each["inner_hex"]), "tun")
        assert isinstance(sent, tuple)
        made = bytearray(sent[0])
        assert made[28:].hex() == each["esp_hex"]
        for field in SENDERS_CHOICE:
            made[field] = recorded[field] = b"\0\0"
        assert made == recorded


@pytest.mark.parametrize(("file", "sender"), CASES)
def test_no_octet_of_a_recorded_packet_may_be_another(file: File, sender: str) -> None:
    data = recording(file)
    end, sa = processor(data, sender, Direction.INBOUND)
    recorded = bytes.fromhex(packets(data, sender)[0]["outer_hex"])
    for at in range(32, len(recorded)):
        tampered = bytearray(recorded)
        tampered[at] ^= 0x80
        dropped = end.inbound(bytes(tampered), now=0)
        assert isinstance(dropped, Drop)
        assert dropped.reason is DropReason.AUTHENTICATION
    assert sa.statistics.packets == 0
    assert sa.statistics.authentication_failures == len(recorded) - 32
    assert end.inbound(recorded, now=0) is not None
    assert sa.statistics.packets == 1
