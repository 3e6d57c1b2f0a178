"""Lists of counters: how often each member of an enumeration of core has occurred."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from agent.core.device import Device
from agent.datastore.registry import StateList

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Counted:
    """One entry: what is counted, and how often it happened."""

    name: str
    count: int


def counted_list(
    path: str, read: Callable[[Device], Mapping[E, int]], key: str, count: str
) -> StateList[Device, Counted]:
    """Return the binding of a list with an entry for each counter; `key` and `count` are its leaves."""

    def entries(device: Device) -> Iterator[Counted]:
        return (Counted(each.value, number) for each, number in read(device).items())

    return StateList[Device, Counted](
        path,
        entries,
        lambda device, wanted: next((entry for entry in entries(device) if entry.name == wanted[0]), None),
        {key: lambda entry: entry.name, count: lambda entry: entry.count},
    )
