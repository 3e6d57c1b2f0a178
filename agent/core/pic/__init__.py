"""Encryption services PICs: how they fail and take over from one another, and what of a configuration they carry."""

from agent.core.pic.chassis import Chassis, UnknownInterface
from agent.core.pic.counters import PicCounters, PicMeter
from agent.core.pic.pic import PIC_BOOT_US, Pic, PicCommand, PicState
from agent.core.pic.redundancy import BackupOffline, RedundancyGroup

__all__ = [
    "PIC_BOOT_US",
    "BackupOffline",
    "Chassis",
    "Pic",
    "PicCommand",
    "PicCounters",
    "PicMeter",
    "PicState",
    "RedundancyGroup",
    "UnknownInterface",
]
