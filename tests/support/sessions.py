"""Toy sessions, of the shape of ``agent.transport.endpoint.Session``, and who may open them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent.transport.endpoint import Peer


@dataclass
class ToySession:
    """Echoes its input and remembers what was done to it; tests set its knobs."""

    peer: Peer | None = None
    wake: Callable[[], None] = lambda: None
    output: bytearray = field(default_factory=bytearray)
    endless: bytes = b""
    """Sent again and again once ``output`` is gone."""
    received: bytearray = field(default_factory=bytearray)
    transmitted: int = 0
    losses: int = 0
    advanced_at: list[float] = field(default_factory=list)
    deadline: float | None = None
    wants_input: bool = True
    is_finished: bool = False
    finish_on: bytes | None = None
    """Input after which the session is finished, once its output is gone."""

    def receive(self, data: bytes) -> None:
        assert self.wants_input, "no input while none is wanted"
        assert not self.losses, "nothing after the loss"
        self.received += data
        self.output += data

    def transmit(self, limit: int) -> bytes:
        assert not self.losses, "nothing after the loss"
        data = bytes(self.output[:limit]) or self.endless[:limit]
        del self.output[:limit]
        self.transmitted += len(data)
        self.is_finished = not self.output and self.finish_on is not None and self.received.endswith(self.finish_on)
        return data

    def lost(self) -> None:
        self.losses += 1

    def advance(self, now: float) -> None:
        self.advanced_at.append(now)
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None

    def next_deadline(self) -> float | None:
        return self.deadline


@dataclass
class ToyAuthenticator:
    """Users with plain passwords and keys."""

    passwords: dict[str, str] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)
    is_quick: bool = False

    def check_password(self, user: str, password: str) -> bool:
        self.checked.append(user)
        return self.passwords.get(user) == password

    def authorized_keys(self, user: str) -> Sequence[str]:
        return self.keys.get(user, [])
