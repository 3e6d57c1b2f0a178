"""What a test takes hold of: a remote gateway, a path, a PIC.

Each acts through the RPCs of ipsec-agent-emulation, so it can do nothing that a client could not, and journals have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from agent.app.running import Gateway
from agent.app.scenario.assertions import get_of, select_texts
from agent.app.scenario.performing import HAND, OF_TIME, Outcome, act, perform

NAMESPACE: Final = "urn:ipsec-agent:emulation"
MILLISECONDS: Final = 1_000
MICROSECONDS: Final = 1_000_000

Given = str | int | float | bool | None
"""The value of a leaf; None leaves it out."""
Do = Callable[..., Mapping[str, str]]
"""Carries out an RPC, by its name, with leaves by name."""
Look = Callable[[str], tuple[str, ...]]
"""Returns what a path selects."""


class Refused(Exception):
    """The device does not do what a test asks for. `tags` are the error-tags, and error-app-tags, of its answer."""

    def __init__(self, what: str, outcome: Outcome) -> None:
        super().__init__(f"{what}: {'; '.join(error.message for error in outcome.refused)}")
        self.tags = outcome.words


def do(gateway: Gateway, rpc: str, leaves: Mapping[str, Given]) -> Mapping[str, str]:
    """Carry out an RPC of ipsec-agent-emulation that does not move time, and return the leaves of its answer.

    An underscore in the name of a leaf stands for a hyphen. Refused; ValueError for an RPC that moves time.
    """
    if rpc in OF_TIME:
        raise ValueError(f"{rpc}: time is moved by advance() and its kin")
    operation = etree.Element(f"{{{NAMESPACE}}}{rpc}", nsmap={"em": NAMESPACE})
    for name, value in leaves.items():
        if value is not None:
            etree.SubElement(operation, f"{{{NAMESPACE}}}{name.replace('_', '-')}").text = _text(value)
    outcome = act(gateway.server, operation)
    if outcome.refused:
        raise Refused(rpc, outcome)
    answer = etree.fromstring(f"<answer>{outcome.body}</answer>")
    return {etree.QName(leaf).localname: leaf.text or "" for leaf in answer.iter(etree.Element) if leaf is not answer}


def look(gateway: Gateway, path: str) -> tuple[str, ...]:
    """Return the texts of what a path selects in what `get` shows. Refused for what is no path."""
    registry = gateway.server.registry
    outcome = perform(gateway.server, HAND, get_of(path, registry))
    if outcome.refused:
        raise Refused(path, outcome)
    return tuple(select_texts(outcome.body, path, registry))


def _text(value: Given) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


class Peer:
    """A remote gateway that is emulated."""

    def __init__(self, address: str, do: Do, look: Look) -> None:
        self.address = address
        self._do = do
        self._look = look

    @property
    def established(self) -> int:
        """How many established IKE SAs it has."""
        (number,) = self._look(f"/em:emulation/em:peer[em:address='{self.address}']/em:established")
        return int(number)

    def unreachable(self) -> None:
        """Have it fall silent: it hears nothing, and nothing is heard of it."""
        self._set(reachable=False)

    def reachable(self) -> None:
        """Have it hear and be heard again."""
        self._set(reachable=True)

    def wrong_key(self) -> None:
        """Give it other pre-shared keys than the device's. SAs that there are stay until they are renewed."""
        self._set(fault="wrong-key")

    def refuses_proposals(self) -> None:
        """Have it allow none of what it is offered. SAs that there are stay until they are renewed."""
        self._set(fault="refuses-proposals")

    def well(self) -> None:
        """Have nothing be wrong with it any more: neither its keys nor its proposals."""
        self._set(fault="none")

    def slow(self, seconds: float) -> None:
        """Have it take so long over each datagram, in device time; 0 for not at all."""
        self._set(answer_delay=round(seconds * MILLISECONDS))

    def reboot(self, seconds: int = 30) -> None:
        """Have it forget every SA without a word, and come up again after so long in device time."""
        self._do("reboot-peer", address=self.address, seconds=seconds)

    def _set(self, **leaves: Given) -> None:
        self._do("set-peer", address=self.address, **leaves)


class Link:
    """The path between two addresses, in both directions or from the first to the second."""

    def __init__(self, source: str, destination: str, one_way: bool, do: Do) -> None:
        self._ends: Mapping[str, Given] = {"source": source, "destination": destination, "one_way": one_way}
        self._do = do

    def set(
        self,
        *,
        delay_seconds: float | None = None,
        jitter_seconds: float | None = None,
        loss: float | None = None,
        duplication: float | None = None,
        reordering: float | None = None,
    ) -> None:
        """Say how datagrams fare from now on. Probabilities are from 0 to 1; what is not given stays as it is."""
        self._do(
            "set-link",
            **self._ends,
            delay=_microseconds(delay_seconds),
            jitter=_microseconds(jitter_seconds),
            loss=loss,
            duplication=duplication,
            reordering=reordering,
        )

    def cut(self) -> None:
        """Lose every datagram."""
        self._do("set-link", **self._ends, partitioned=True)

    def mend(self) -> None:
        """Lose no more than before it was cut."""
        self._do("set-link", **self._ends, partitioned=False)


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * MICROSECONDS)


class Pic:
    """An encryption services PIC."""

    def __init__(self, interface: str, do: Do) -> None:
        self.interface = interface
        self._do = do

    def fault(self) -> None:
        """Let it fail. It stays so until it is brought online, or taken offline."""
        self._set("fault")

    def offline(self) -> None:
        """Take it out of service."""
        self._set("offline")

    def online(self) -> None:
        """Bring it up; it boots first."""
        self._set("online")

    def _set(self, state: str) -> None:
        self._do("set-pic", interface=self.interface, state=state)
