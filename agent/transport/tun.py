"""Packets of hosts behind the device: those that the kernel routes into a TUN interface, and those it is handed there.

Linux only, and for root. Addresses and routes are the operator's; the interface is made, sized and brought up here.
Invariants: what the interface does not take at once is lost and counted; no turn of the loop takes more than a few
packets from it, so that nobody else has to wait.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from fcntl import ioctl
from struct import pack, unpack_from
from typing import Final

DEVICE: Final = "/dev/net/tun"
NAME_OCTETS: Final = 15
MTU: Final = 1400
"""Octets of a packet that is no longer than 1500 once it is protected, whatever protects it."""
PACKETS_A_TURN: Final = 64

_LONGEST: Final = 0xFFFF
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFMTU = 0x8913, 0x8914, 0x8922
_IFF_UP: Final = 0x0001


def open_tun(name: str, mtu: int = MTU) -> int:
    """Make a TUN interface that is up, or take the one there is, and return its descriptor, which does not block.

    It is gone with the descriptor unless somebody else has made it to stay. OSError where that cannot be done.
    """
    encoded = name.encode()
    if not 0 < len(encoded) <= NAME_OCTETS or "/" in name or not name.isascii():
        raise OSError(f"{name!r} cannot be the name of an interface")
    try:
        descriptor = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        raise OSError(error.errno, f"{DEVICE}: {error.strerror}") from error
    try:
        ioctl(descriptor, _TUNSETIFF, pack("16sH22x", encoded, _IFF_TUN | _IFF_NO_PI))
        _bring_up(encoded, mtu)
    except OSError as error:
        os.close(descriptor)
        raise OSError(error.errno, f"interface {name}: {error.strerror}") from error
    return descriptor


def _bring_up(name: bytes, mtu: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        ioctl(control, _SIOCSIFMTU, pack("16si20x", name, mtu))
        (flags,) = unpack_from("H", ioctl(control, _SIOCGIFFLAGS, pack("16s24x", name)), 16)
        ioctl(control, _SIOCSIFFLAGS, pack("16sH22x", name, flags | _IFF_UP))


class TunCarrier:
    """Carries between a TUN interface and whoever handles its packets.

    `deliver` takes each packet that was routed into the interface; `before_input` is called before it, and brings the
    device up to now.
    """

    def __init__(
        self, descriptor: int, *, deliver: Callable[[bytes], object], before_input: Callable[[], object]
    ) -> None:
        self.lost = 0
        """Packets that the interface did not take."""
        self._descriptor = descriptor
        self._deliver = deliver
        self._before_input = before_input
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to carry, in the loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._on_readable)

    def send(self, packet: bytes) -> None:
        """Hand a packet to the hosts behind the device, or lose it."""
        try:
            os.write(self._descriptor, packet)
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Carry no more; the interface is gone, unless it was made to stay."""
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _on_readable(self) -> None:
        self._before_input()
        for _ in range(PACKETS_A_TURN):
            try:
                packet = os.read(self._descriptor, _LONGEST)
            except BlockingIOError:
                return
            except OSError:
                # The interface is down, or gone: there is nothing to be read until it is up again.
                return
            self._deliver(packet)
