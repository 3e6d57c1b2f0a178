"""The anti-replay window (RFC 2402 sec. 3.4.3 and appendix C, RFC 2406 sec. 3.4.3).

Whether a number is fresh is asked before its packet is authenticated, and it is recorded after: a forged packet moves
nothing. Invariant: no number is taken twice, and none that lies below the window.
"""

from typing import Final

WINDOW_SIZES: Final = (0, 32, 64)
"""Packets; none means that nothing is refused."""


class ReplayWindow:
    """Which of the latest numbers have been taken. Bit n of `bitmap` is the number `top` - n."""

    __slots__ = ("_mask", "bitmap", "size", "top")

    def __init__(self, size: int) -> None:
        self.size = size
        self.top = 0
        self.bitmap = 0
        self._mask = (1 << size) - 1

    def is_fresh(self, number: int) -> bool:
        """Whether a packet of that number may be taken."""
        behind = self.top - number
        if behind < 0 or not self.size:
            return True
        return behind < self.size and number > 0 and not self.bitmap >> behind & 1

    def record(self, number: int) -> None:
        """Take a number that is fresh."""
        ahead = number - self.top
        if ahead <= 0:
            self.bitmap |= (1 << -ahead) & self._mask
            self.top = max(self.top, number)
            return
        self.bitmap = (self.bitmap << ahead | 1) & self._mask if ahead < self.size else 1 & self._mask
        self.top = number

    def record_run(self, count: int) -> None:
        """Take the next `count` numbers above the highest, at a cost that does not grow with them."""
        self.top += count
        self.bitmap = self._mask if count >= self.size else (self.bitmap << count | (1 << count) - 1) & self._mask
