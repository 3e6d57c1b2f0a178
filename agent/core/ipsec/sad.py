"""The security association database (RFC 2401 sec. 4.4.3): inbound SAs by their SPIs, and which SPIs are taken.

An inbound SPI is this end's choice, so it is unique here; an outbound one is its receiver's, so it says nothing here.
"""

from collections.abc import Callable
from typing import Final

from agent.core.config import LEAST_SPI, Direction
from agent.core.identifiers import Spi
from agent.core.ipsec.sa import IpsecSa, SaProtocol

_SPI_OCTETS: Final = 4

Draw = Callable[[str, int], bytes]
"""Draws octets of entropy for a purpose: 'spi' or 'iv'."""


class Sad:
    """The IPsec SAs of one gateway that packets can use."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._inbound: dict[tuple[SaProtocol, Spi], IpsecSa] = {}
        self._reserved: set[Spi] = set()
        self._installed = 0

    @property
    def installed(self) -> int:
        """How many SAs are installed, those of either direction counted."""
        return self._installed

    @property
    def reserved(self) -> int:
        """How many SPIs are taken by negotiations."""
        return len(self._reserved)

    def allocate(self) -> Spi:
        """Take an SPI for inbound packets that nobody here has."""
        while True:
            spi = Spi(int.from_bytes(self._draw("spi", _SPI_OCTETS)))
            if spi >= LEAST_SPI and not self._is_taken(spi):
                self._reserved.add(spi)
                return spi

    def release(self, spi: Spi) -> None:
        """Give an SPI back that no SA has come to use."""
        self._reserved.discard(spi)

    def install(self, sa: IpsecSa, now: int) -> None:
        """Let packets use an SA from now on, which is given in device time."""
        sa.installed_at = now
        self._installed += 1
        if sa.direction is Direction.INBOUND:
            for protocol, spi in sa.spis:
                self._inbound[protocol, spi] = sa
                self._reserved.discard(spi)

    def remove(self, sa: IpsecSa) -> None:
        """Take an SA away; one that is not there does no harm."""
        if not sa.is_installed:
            return
        sa.installed_at = None
        self._installed -= 1
        if sa.direction is Direction.INBOUND:
            for found in sa.spis:
                del self._inbound[found]

    def _is_taken(self, spi: Spi) -> bool:
        inbound = self._inbound
        return spi in self._reserved or (SaProtocol.ESP, spi) in inbound or (SaProtocol.AH, spi) in inbound

    def find(self, protocol: SaProtocol, spi: Spi) -> IpsecSa | None:
        """Return the SA of an inbound packet by its protocol on the wire (ESP or AH) and its SPI."""
        return self._inbound.get((protocol, spi))
