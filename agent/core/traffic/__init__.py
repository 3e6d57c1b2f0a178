"""Packets between a gateway and the peers that are emulated with it: sent by hand, or by a profile in virtual time."""

from agent.core.traffic.bursts import Delivery, Variant
from agent.core.traffic.profile import LEAST_OCTETS, TrafficProfile
from agent.core.traffic.sides import NotEmulated
from agent.core.traffic.traffic import Traffic

__all__ = ["LEAST_OCTETS", "Delivery", "NotEmulated", "Traffic", "TrafficProfile", "Variant"]
