"""Who is let in, counted over every transport: connections that have not logged in, and sessions, in all and of a user.

Invariants: what was taken is given back once, however a connection ends; the limits hold over all transports together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What there may be at a time."""

    sessions: int = 256
    sessions_of_a_user: int = 0
    """0 for no limit but that on all."""
    logins: int = 64
    """Connections that have not logged in yet; 0 for no limit."""
    connections: int = 1024
    """Whatever is on them."""


@dataclass(slots=True)
class AdmissionCounters:
    """What has become of connections and sessions since the start."""

    connections: int = 0
    crowded_out: int = 0
    """Connections that were closed at once, because there were too many, or too many had not logged in."""
    abandoned: int = 0
    """Connections that ended, or were ended, before anybody had logged in: scanners, broken handshakes, wrong names."""
    timed_out: int = 0
    """Those of them that were ended because the time for handshake and login was over."""
    failed_passwords: int = 0
    slowed_tries: int = 0
    """Passwords that had to wait for their turn, or got none, because of wrong ones from the same address."""
    refused_channels: int = 0
    """Channels of SSH that would have been one too many on their connection."""
    sessions: int = 0
    refused_sessions: int = 0
    """Sessions that would have been one too many."""


class Visit:
    """One connection, from its arrival to its end."""

    def __init__(self, admission: Admission) -> None:
        """Use `Admission.arrive`."""
        self._admission = admission
        self._is_logging_in = True
        self._is_there = True

    def logged_in(self) -> None:
        """Learn that it is known who it is."""
        if self._is_logging_in:
            self._admission.logins -= 1
        self._is_logging_in = False

    def gone(self, *, is_late: bool = False) -> None:
        """Learn that the connection has ended: abandoned where nobody had logged in, `is_late` if there was time to."""
        if self._is_logging_in:
            self._admission.counters.abandoned += 1
            self._admission.counters.timed_out += is_late
        self.logged_in()
        if self._is_there:
            self._admission.connections -= 1
        self._is_there = False


class Admission:
    """The limits, and what is in use of them."""

    def __init__(self, limits: AdmissionLimits) -> None:
        """Begin with nobody."""
        self.counters = AdmissionCounters()
        self.logins = 0
        """How many connections have not logged in."""
        self.connections = 0
        """How many connections there are."""
        self.limits = limits
        self._sessions: Counter[str] = Counter()

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return self._sessions.total()

    def arrive(self) -> Visit | None:
        """Take note of a new connection; None when it has to be closed, because there are too many."""
        self.counters.connections += 1
        if 0 < self.limits.logins <= self.logins or self.connections >= self.limits.connections:
            self.counters.crowded_out += 1
            return None
        self.logins += 1
        self.connections += 1
        return Visit(self)

    def admit(self, user: str) -> bool:
        """Take a session of a user, to be released; False when it would be one too many."""
        of_a_user = self.limits.sessions_of_a_user
        if self.sessions >= self.limits.sessions or 0 < of_a_user <= self._sessions[user]:
            self.counters.refused_sessions += 1
            return False
        self.counters.sessions += 1
        self._sessions[user] += 1
        return True

    def release(self, user: str) -> None:
        """Give a session back."""
        self._sessions[user] -= 1
        if not self._sessions[user]:
            del self._sessions[user]
