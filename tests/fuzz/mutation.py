"""Inputs that are almost right: seeds that chance spoils, cuts, doubles and mixes, in octets and in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

INTERESTING = (0, 1, 7, 8, 9, 16, 32, 64, 127, 128, 255, 256, 1024, 32767, 32768, 65535, 65536, 2**31 - 1, 2**32 - 1)
WORD = re.compile(rb"[A-Za-z0-9_.:-]+|\s+|.", re.DOTALL)
MAXIMUM_OCTETS = 20_000
ROUNDS = 6


class Mutator:
    """Makes inputs of seeds, the same ones for the same number to begin with."""

    def __init__(self, seeds: Sequence[bytes], words: Sequence[bytes], number: int) -> None:
        self._seeds = seeds
        self._random = Random(number)
        known: dict[bytes, None] = dict.fromkeys(
            word for seed in seeds for word in WORD.findall(seed) if len(word) < 200
        )
        self._words: tuple[bytes, ...] = (*words, *list(known)[:2000])
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._flip,
            self._number,
            self._cut,
            self._double,
            self._insert,
            self._splice,
            self._replace_word,
            self._repeat_word,
        )

    def next(self) -> bytes:
        """Return one more input."""
        return self.spoiled(self._random.choice(self._seeds))

    def spoiled(self, data: bytes) -> bytes:
        """Return an input that comes of another one."""
        for _ in range(self._random.randint(1, ROUNDS)):
            data = self._random.choice(self._ways)(data)[:MAXIMUM_OCTETS]
        return data

    def _at(self, data: bytes) -> int:
        return self._random.randint(0, len(data))

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._at(data)
        return start, min(len(data), start + self._random.choice((1, 1, 2, 4, 8, 30, 200)))

    def _flip(self, data: bytes) -> bytes:
        changed = bytearray(data or b"\0")
        for _ in range(self._random.randint(1, 4)):
            changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return bytes(changed)

    def _number(self, data: bytes) -> bytes:
        """Put a number where one may be, in octets or in digits."""
        number, start = self._random.choice(INTERESTING), self._at(data)
        width = self._random.choice((1, 2, 4))
        text = str(number).encode()
        octets = (number % 256**width).to_bytes(width) if self._random.random() < 0.7 else text
        return data[:start] + octets + data[start + len(octets) :]

    def _cut(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:start] + data[end:]

    def _double(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:end] + data[start:end] * self._random.choice((1, 1, 2, 20)) + data[end:]

    def _insert(self, data: bytes) -> bytes:
        start = self._at(data)
        return data[:start] + self._random.choice(self._words) + data[start:]

    def _splice(self, data: bytes) -> bytes:
        other = self._random.choice(self._seeds)
        return data[: self._at(data)] + other[self._at(other) :]

    def _replace_word(self, data: bytes) -> bytes:
        found = list(WORD.finditer(data))
        if not found:
            return self._insert(data)
        word = self._random.choice(found)
        return data[: word.start()] + self._random.choice(self._words) + data[word.end() :]

    def _repeat_word(self, data: bytes) -> bytes:
        """Nest and lengthen: what grows with its input shows here."""
        found: list[bytes] = WORD.findall(data)
        if not found:
            return data
        return data + self._random.choice(found) * self._random.choice((2, 50, 300))


def smallest(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Return an input that fails too, and of which nothing more can be left out, as far as halves and pieces tell."""
    step = max(1, len(data) // 2)
    while step:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + step :]
            if fails(shorter):
                data = shorter
            else:
                at += step
        step //= 2
    return data
