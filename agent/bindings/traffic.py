"""ipsec-agent-emulation, continued: packets that are really sent between the gateway and its emulated peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent.bindings.hand import Emulated
from agent.bindings.leaves import required
from agent.core.config import Direction
from agent.core.device import Device
from agent.core.keying import UnknownSecurityAssociation
from agent.core.traffic import Delivery, NotEmulated, Variant
from agent.core.world import PaceFixed
from agent.datastore.errors import input_path, invalid_value, operation_failed
from agent.datastore.registry import Caller, Output, Pending
from agent.datastore.tree import Branch

AT_ONCE: Final = 32
"""Packets that are sent without a pause: a few milliseconds at most, so that nobody has to wait."""


def send_traffic(emulated: Emulated, caller: Caller, parameters: Branch) -> Output | Pending:
    """Send packets, and answer when the last has arrived: at once for a few."""
    device, name = emulated.device, required(parameters, "security-association")
    direction, variant = Direction(required(parameters, "direction")), Variant(required(parameters, "variant"))
    octets = int(required(parameters, "packet-size"))

    def send(packets: int) -> Delivery:
        return device.traffic.send(name, direction, packets, octets, variant)

    packets = int(required(parameters, "packets"))
    try:
        first = send(min(packets, AT_ONCE))
    except UnknownSecurityAssociation as error:
        path = input_path(parameters, "security-association")
        raise invalid_value(str(error), path=path, app_tag="unknown-security-association") from error
    except NotEmulated as error:
        path = input_path(parameters, "security-association")
        raise operation_failed(str(error), path=path, app_tag="not-emulated") from error
    return _Sending(device, send, packets - AT_ONCE, first).pending if packets > AT_ONCE else _output(first)


def _output(delivery: Delivery) -> Mapping[str, int]:
    return {"delivered": delivery.delivered, "dropped": delivery.dropped}


class _Sending:
    """Packets that are sent a few at a time, all at the device time at which it was asked for where that can be."""

    def __init__(self, device: Device, send: Callable[[int], Delivery], left: int, sent: Delivery) -> None:
        self.pending = Pending()
        self._world = device.world
        self._send = send
        self._left = left
        self._total = sent
        self._is_waited_for = True
        self._world.call_later(0, self._on_turn)
        try:
            self._world.make_for(self._world.now, self._on_sent)
        except PaceFixed:
            self._is_waited_for = False

    def _on_turn(self) -> None:
        count = min(self._left, AT_ONCE)
        self._left -= count
        try:
            self._total += self._send(count)
        except (UnknownSecurityAssociation, NotEmulated):
            # Another configuration has come in between.
            self._total += Delivery(dropped=count)
        if self._left:
            self._world.call_later(0, self._on_turn)
        elif not self._is_waited_for:
            self._on_sent()

    def _on_sent(self) -> None:
        self.pending.complete(_output(self._total))
