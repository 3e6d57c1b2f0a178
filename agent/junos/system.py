"""What an operator looks at first: how long the router is up, what it is, what is in its slots.

All of it is of this device: the slots are those of its encryption PICs, the serial number is made from its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from agent.core.world import SECOND
from agent.datastore.registry import Caller
from agent.junos.markup import Element, leaf, leaves
from agent.junos.router import MODEL, RELEASE, Arguments, Router
from agent.junos.view import View

BUILD: Final = f"{RELEASE}.7"
PIC_NAME: Final = "1x Encryption"


@dataclass(frozen=True, slots=True)
class UptimeRow:
    """The time of the device and that of its start, in microseconds since the Unix epoch."""

    now: int
    booted_at: int

    @property
    def seconds(self) -> int:
        """How many whole seconds it is up."""
        return (self.now - self.booted_at) // SECOND

    @property
    def length(self) -> str:
        """How long it is up: '1d 02:03' or '02:03:04'."""
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        return f"{days}d {hours:02}:{minutes:02}" if days else f"{hours:02}:{minutes:02}:{seconds:02}"


@dataclass(frozen=True, slots=True)
class SoftwareRow:
    """What runs, and where."""

    host_name: str
    version: str


@dataclass(frozen=True, slots=True)
class SlotRow:
    """An FPC and the slots of the PICs in it."""

    fpc: int
    pics: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChassisRow:
    """The chassis and what is in it."""

    serial_number: str
    slots: tuple[SlotRow, ...]


def date_time(at: int) -> str:
    """Return an instant, in microseconds since the Unix epoch: '2003-03-10 12:00:00 UTC'."""
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _uptime(router: Router, caller: Caller, arguments: Arguments) -> Iterable[UptimeRow]:
    return (UptimeRow(router.now, router.booted_at),)


def _uptime_text(rows: Iterable[UptimeRow], arguments: Arguments) -> Iterator[str]:
    for row in rows:
        yield f"Current time: {date_time(row.now)}"
        yield f"System booted: {date_time(row.booted_at)} ({row.length} ago)"
        yield f"Protocols started: {date_time(row.booted_at)} ({row.length} ago)"


def _moment(name: str, at: int, length: str | None, seconds: int) -> Element:
    when = leaf("date-time", date_time(at), seconds=str(at // SECOND))
    since = () if length is None else (leaf("time-length", length, seconds=str(seconds)),)
    return Element(name, (when, *since))


def _uptime_elements(rows: Iterable[UptimeRow], arguments: Arguments) -> Iterator[Element]:
    for row in rows:
        yield _moment("current-time", row.now, None, 0)
        yield _moment("system-booted-time", row.booted_at, row.length, row.seconds)
        yield _moment("protocols-started-time", row.booted_at, row.length, row.seconds)
        up = leaf("up-time", row.length, seconds=str(row.seconds))
        yield Element("uptime-information", (leaf("date-time", date_time(row.now)), up))


UPTIME: Final = View[UptimeRow]("system-uptime-information", "", _uptime, _uptime_text, _uptime_elements)


def _software(router: Router, caller: Caller, arguments: Arguments) -> Iterable[SoftwareRow]:
    return (SoftwareRow(router.host_name, router.version),)


def _software_text(rows: Iterable[SoftwareRow], arguments: Arguments) -> Iterator[str]:
    for row in rows:
        yield f"Hostname: {row.host_name}"
        yield f"Model: {MODEL}"
        yield from (comment for _, comment in _packages(row))


def _packages(row: SoftwareRow) -> tuple[tuple[str, str], ...]:
    return ("junos", f"JUNOS Base OS boot [{BUILD}]"), ("ipsec-agent", f"ipsec-agent, an emulation [{row.version}]")


def _software_elements(rows: Iterable[SoftwareRow], arguments: Arguments) -> Iterator[Element]:
    for row in rows:
        head = {
            "host-name": row.host_name,
            "product-model": MODEL,
            "product-name": MODEL,
            "junos-version": BUILD,
        }
        yield from leaves(head)
        for name, comment in _packages(row):
            yield Element("package-information", leaves({"name": name, "comment": comment}))


SOFTWARE: Final = View[SoftwareRow]("software-information", "", _software, _software_text, _software_elements)


def _chassis(router: Router, caller: Caller, arguments: Arguments) -> Iterable[ChassisRow]:
    slots: dict[int, list[int]] = {}
    for name in router.device.pics:
        fpc, pic, _ = name.removeprefix("es-").split("/")
        slots.setdefault(int(fpc), []).append(int(pic))
    number = int.from_bytes(sha256(router.device.name.encode()).digest()[:4]) % 100_000
    return (ChassisRow(f"{number:05}", tuple(SlotRow(fpc, tuple(sorted(slots[fpc]))) for fpc in sorted(slots))),)


def _chassis_text(rows: Iterable[ChassisRow], arguments: Arguments) -> Iterator[str]:
    yield "Hardware inventory:"
    yield "Item             Version  Part number  Serial number     Description"
    for row in rows:
        yield f"{'Chassis':<39}{row.serial_number:<18}{MODEL.upper()}"
        for slot in row.slots:
            yield f"{f'FPC {slot.fpc}':<57}FPC"
            yield from (f"{f'  PIC {pic}':<57}{PIC_NAME}" for pic in slot.pics)


def _chassis_elements(rows: Iterable[ChassisRow], arguments: Arguments) -> Iterator[Element]:
    for row in rows:
        head = {"name": "Chassis", "serial-number": row.serial_number, "description": MODEL.upper()}
        yield Element("chassis", (*leaves(head), *map(_fpc, row.slots)))


def _fpc(slot: SlotRow) -> Element:
    pics = (Element("chassis-sub-module", leaves({"name": f"PIC {pic}", "description": PIC_NAME})) for pic in slot.pics)
    return Element("chassis-module", (*leaves({"name": f"FPC {slot.fpc}", "description": "FPC"}), *pics))


CHASSIS: Final = View[ChassisRow]("chassis-inventory", "chassis", _chassis, _chassis_text, _chassis_elements)


def _engine_text(rows: Iterable[UptimeRow], arguments: Arguments) -> Iterator[str]:
    for row in rows:
        yield "Routing Engine status:"
        yield "  Slot 0:"
        yield "    Current state                  Master"
        yield f"    Start time                     {date_time(row.booted_at)}"
        yield f"    Uptime                         {row.length}"


def _engine_elements(rows: Iterable[UptimeRow], arguments: Arguments) -> Iterator[Element]:
    for row in rows:
        head = {"slot": 0, "mastership-state": "master", "status": "OK", "model": f"RE-{MODEL}"}
        start = leaf("start-time", date_time(row.booted_at), seconds=str(row.booted_at // SECOND))
        up = leaf("up-time", row.length, seconds=str(row.seconds))
        yield Element("route-engine", (*leaves(head), start, up))


ROUTING_ENGINE: Final = View[UptimeRow]("route-engine-information", "chassis", _uptime, _engine_text, _engine_elements)


def _home(router: Router, caller: Caller, arguments: Arguments) -> Iterable[str]:
    return (_home_of(caller),)


def _home_of(caller: Caller) -> str:
    return f"/var/home/{caller.user}"


def _home_text(rows: Iterable[str], arguments: Arguments) -> Iterator[str]:
    return (f"{path}:" for path in rows)


def _home_elements(rows: Iterable[str], arguments: Arguments) -> Iterator[Element]:
    return (Element("directory", leaves({"directory-name": path})) for path in rows)


HOME: Final = View[str](
    "directory-list",
    "",
    _home,
    _home_text,
    _home_elements,
    attributes=lambda caller: {"root-path": _home_of(caller)},
)
"""The home of whoever asks: there is nothing in it."""
