"""The policy manager of a gateway, where IKE and IPsec meet: what is configured is negotiated, and stays so."""

from agent.core.keying.association import TunnelSa
from agent.core.keying.failover import NoBackup, TunnelRedundancy
from agent.core.keying.ike_sas import UnknownPeer
from agent.core.keying.pairs import NotDynamic, UnknownSecurityAssociation
from agent.core.keying.plan import InterfaceFamilyState
from agent.core.keying.policy_manager import Keying
from agent.core.keying.protection import Meter, Protection

__all__ = [
    "InterfaceFamilyState",
    "Keying",
    "Meter",
    "NoBackup",
    "NotDynamic",
    "Protection",
    "TunnelRedundancy",
    "TunnelSa",
    "UnknownPeer",
    "UnknownSecurityAssociation",
]
