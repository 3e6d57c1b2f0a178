"""Packets through the processor: policy, SA, cipher, HMAC, headers, window, counters. The limit: cryptography alone.

The limit is one context of the cryptography library that encrypts or decrypts the same octets, packet after packet
without a new initialization vector, and an HMAC over them by the one call of the standard library. Figures are those of
the slower direction, and the least of many short measurements, turn by turn: at this scale, whatever else the machine
does only adds.
"""

from __future__ import annotations

import gc
import hmac
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from agent.core.config import EncryptionAlgorithm, IpsecAuthentication
from agent.core.ipsec.sa import SaProtocol
from tests.bench.rows import Row
from tests.support.protection import INTERFACE, TRANSFORMS, Transform, one_way, packet

ROUNDS = 40
PACKETS = 50
SIZES = (64, 512, 1400)
MTU = 1600
"""So that the longest is not cut."""

MOST_US = 12.0
"""What a packet may cost above the cryptography, whatever protects it."""
LEAST_SHARE = 0.8
"""Of the limit, that long packets have to reach with triple DES."""

DIGESTS = {IpsecAuthentication.HMAC_MD5_96: "md5", IpsecAuthentication.HMAC_SHA1_96: "sha1"}


@dataclass(frozen=True)
class Case:
    """Packets of one size, protected one way."""

    transform: Transform
    size: int

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.transform}, {self.size} octets"

    @property
    def is_ambitious(self) -> bool:
        """Whether it has to come close to the limit."""
        is_triple_des = self.transform.encryption is EncryptionAlgorithm.TRIPLE_DES_CBC
        return is_triple_des and self.transform.protocol is SaProtocol.ESP and self.size == SIZES[-1]


def esp() -> Iterator[Row]:
    """Every way of protection, at three sizes."""
    for transform in TRANSFORMS:
        for size in SIZES:
            case = Case(transform, size)
            figures = least(sides(case))
            us = max(figures["protect"], figures["open"])
            yield from rows(case, us, max(figures["encrypt"], figures["decrypt"]))


def least(measures: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Take each measurement in every round, and the least of each."""
    gc.collect()
    gc.disable()
    taken = [{side: measure() for side, measure in measures.items()} for _ in range(ROUNDS)]
    gc.enable()
    return {side: min(each[side] for each in taken) for side in measures}


def rows(case: Case, us: float, limit_us: float) -> Iterator[Row]:
    """What one packet's time comes to."""
    rate, limit = case.size / us, case.size / limit_us
    yield Row("esp", case.name, "MB/s", rate, limit, target=LEAST_SHARE * limit if case.is_ambitious else None)
    yield Row("esp", case.name, "packets/s", 1e6 / us, 1e6 / limit_us)
    yield Row("esp", f"{case.name}, above the limit", "us", us - limit_us, target=MOST_US)


def sides(case: Case) -> dict[str, Callable[[], float]]:
    """What is measured of a case, each in microseconds a packet."""
    octets = packet(case.size)
    way = one_way(case.transform, mtu=MTU, forwards=True)
    wires: list[bytes] = []

    def protect() -> float:
        send = way.sender.processor.outbound
        sent: list[object] = []
        us = timed(lambda: sent.extend([send(octets, INTERFACE) for _ in range(PACKETS)]))
        wires[:] = [wire for each in sent if isinstance(each, tuple) for wire in each]
        return us

    def open_() -> float:
        receive = way.receiver.processor.inbound
        before = way.inbound.statistics.packets
        us = timed(lambda: [receive(wire, 0) for wire in wires])
        if way.inbound.statistics.packets != before + PACKETS:
            raise RuntimeError(f"{case.name}: not every packet was taken")
        return us

    alone = [cryptography_alone(case, encrypts) for encrypts in (True, False)]
    return {
        "protect": protect,
        "open": open_,
        "encrypt": lambda: timed(lambda: [alone[0]() for _ in range(PACKETS)]),
        "decrypt": lambda: timed(lambda: [alone[1]() for _ in range(PACKETS)]),
    }


def timed(work: Callable[[], object]) -> float:
    """Microseconds a packet."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) / PACKETS * 1e6


def cryptography_alone(case: Case, encrypts: bool) -> Callable[[], object]:
    """What has to be computed for one packet, and nothing else."""
    transform, keys = case.transform, case.transform.keys
    text = bytes(case.size + 2 + -(case.size + 2) % 8)
    covered = bytes(16) + text if transform.protocol is SaProtocol.ESP else bytes(60) + text
    steps: list[Callable[[], object]] = []
    if transform.encryption is not None:
        key = keys.encryption if len(keys.encryption) == 24 else keys.encryption * 3
        cipher = Cipher(TripleDES(key), CBC(bytes(8)))
        update = (cipher.encryptor() if encrypts else cipher.decryptor()).update
        steps.append(lambda: update(text))
    if transform.authentication is not None:
        digest = DIGESTS[transform.authentication]
        steps.append(lambda: hmac.digest(keys.authentication, covered, digest))
    return steps[0] if len(steps) == 1 else lambda: (steps[0](), steps[1]())
