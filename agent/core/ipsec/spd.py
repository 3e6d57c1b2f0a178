"""The security policy database (RFC 2401 sec. 4.4.1): what is done with a packet, by its addresses, protocol and ports.

Policies are ordered, and the first that fits decides; a packet that none fits is discarded. Invariant: looking a packet
up costs the same however many policies there are, as long as their networks have few different lengths.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from agent.core.ip import flow

ANY: Final = 0
"""Any protocol, or any port."""

_MOST_FLOWS: Final = 4096
"""Flows of which the policy is remembered."""

Network = IPv4Network | IPv6Network


class Action(Enum):
    """What becomes of a packet."""

    PROTECT = auto()
    BYPASS = auto()
    DISCARD = auto()


@dataclass(frozen=True, slots=True)
class Selector:
    """Which traffic a policy is for, seen from this end. What is restricted to a port has that very port."""

    local: Network
    remote: Network
    protocol: int = ANY
    local_port: int = ANY
    remote_port: int = ANY


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done with some traffic; `name` is that of the security association where it is protected."""

    name: str
    selector: Selector
    action: Action = Action.PROTECT


@dataclass(frozen=True, slots=True)
class _Entry:
    """A policy for one direction, and its place in the order."""

    order: int
    policy: Policy
    source: Network
    destination: Network
    protocol: int
    source_port: int
    destination_port: int

    def fits(self, upper: flow.Upper) -> bool:
        protocol, source_port, destination_port = upper
        return (
            self.protocol in (ANY, protocol)
            and self.source_port in (ANY, source_port)
            and self.destination_port in (ANY, destination_port)
        )


_Lengths = tuple[int, int, int]
"""The version, and the lengths of the prefixes of source and destination."""
_Key = bytes | tuple[bytes, flow.Upper]


class _Table:
    """The policies of one direction, by the networks they are for."""

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self._by_lengths: dict[_Lengths, dict[tuple[int, int], list[_Entry]]] = {}
        self._flows: dict[_Key, Policy | None] = {}
        self._reads_upper = False
        for entry in entries:
            self._add(entry)

    def _add(self, entry: _Entry) -> None:
        source, destination = entry.source, entry.destination
        if source.version != destination.version:
            # No packet goes from the one version to the other.
            return
        self._reads_upper |= entry.protocol != ANY or entry.source_port != ANY or entry.destination_port != ANY
        lengths = source.version, source.prefixlen, destination.prefixlen
        pair = _prefix(source), _prefix(destination)
        self._by_lengths.setdefault(lengths, {}).setdefault(pair, []).append(entry)

    def find(self, packet: bytes) -> Policy | None:
        """Return the policy for a whole packet. Raises MalformedPacket where extension headers are cut."""
        addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
        key: _Key = (addresses, flow.upper(packet)) if self._reads_upper else addresses
        try:
            return self._flows[key]
        except KeyError:
            pass
        if len(self._flows) >= _MOST_FLOWS:
            self._flows.clear()
        policy = self._flows[key] = self._search(packet)
        return policy

    def _search(self, packet: bytes) -> Policy | None:
        source, destination = flow.endpoints(packet)
        version, bits = source.version, source.max_prefixlen
        upper = flow.upper(packet) if self._reads_upper else (ANY, ANY, ANY)
        found: _Entry | None = None
        for (of_version, source_length, destination_length), entries in self._by_lengths.items():
            if of_version != version:
                continue
            pair = int(source) >> bits - source_length, int(destination) >> bits - destination_length
            for entry in entries.get(pair, ()):
                if (found is None or entry.order < found.order) and entry.fits(upper):
                    found = entry
        return found.policy if found is not None else None


class Spd:
    """The policies of one interface, the first that fits deciding, for packets that leave and packets that arrive."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.policies = tuple(policies)
        self.outbound = _Table(_outbound(*each) for each in enumerate(self.policies)).find
        self.inbound = _Table(_inbound(*each) for each in enumerate(self.policies)).find


def _outbound(order: int, policy: Policy) -> _Entry:
    chosen = policy.selector
    ports = chosen.local_port, chosen.remote_port
    return _Entry(order, policy, chosen.local, chosen.remote, chosen.protocol, *ports)


def _inbound(order: int, policy: Policy) -> _Entry:
    chosen = policy.selector
    ports = chosen.remote_port, chosen.local_port
    return _Entry(order, policy, chosen.remote, chosen.local, chosen.protocol, *ports)


def _prefix(network: Network) -> int:
    return int(network.network_address) >> network.max_prefixlen - network.prefixlen
