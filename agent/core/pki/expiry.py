"""The ends of validity to come: told some days before, and when they are there.

Invariant: each certificate is told of at most once for either, and one that had ended when it came is not told of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.core.crypto.x509 import Certificate
from agent.core.events import CertificateDatabaseChanged, CertificateExpired, CertificateExpiring
from agent.core.identifiers import EntryId
from agent.core.pki.chain import end_of_validity
from agent.core.world import SECOND, Bus, Timer, World

DAY: Final = 86_400 * SECOND
"""Microseconds in a day."""


@dataclass(slots=True)
class _Watched:
    certificate: Certificate
    valid: Timer | None
    expiring: Timer
    expired: Timer


class ExpiryWatch:
    """Tells the bus of certificates that expire soon, or have expired."""

    def __init__(self, world: World, bus: Bus, warning_days: int) -> None:
        self._world = world
        self._bus = bus
        self._warning_us = warning_days * DAY
        self._watched: dict[EntryId, _Watched] = {}

    def watch(self, id_: EntryId, certificate: Certificate) -> None:
        """Begin to watch a certificate."""
        end = end_of_validity(certificate)
        if end <= self._world.now:
            return
        self._watched[id_] = _Watched(
            certificate,
            self._tell_when_valid(certificate),
            self._warn_later(id_, certificate),
            self._world.call_at(end, lambda: self._on_expired(id_)),
        )

    def forget(self, id_: EntryId) -> None:
        """Stop to watch a certificate; one that is not watched does no harm."""
        watched = self._watched.pop(id_, None)
        if watched is not None:
            if watched.valid is not None:
                watched.valid.cancel()
            watched.expiring.cancel()
            watched.expired.cancel()

    def set_warning_days(self, days: int) -> None:
        """Warn so many days before from now on; what was warned of is not warned of again."""
        if days * DAY == self._warning_us:
            return
        self._warning_us = days * DAY
        for id_, watched in self._watched.items():
            if watched.expiring.is_pending:
                watched.expiring.cancel()
                watched.expiring = self._warn_later(id_, watched.certificate)

    def _tell_when_valid(self, certificate: Certificate) -> Timer | None:
        """Tell when the validity begins, if that is to come: what leads over it may be trusted then."""
        if certificate.not_before <= self._world.now:
            return None
        changed = CertificateDatabaseChanged(certificate.not_before)
        return self._world.call_at(certificate.not_before, lambda: self._bus.publish(changed))

    def _warn_later(self, id_: EntryId, certificate: Certificate) -> Timer:
        at = end_of_validity(certificate) - self._warning_us
        return self._world.call_at(at, lambda: self._tell(CertificateExpiring, id_, certificate))

    def _on_expired(self, id_: EntryId) -> None:
        self._tell(CertificateExpired, id_, self._watched.pop(id_).certificate)

    def _tell(
        self,
        event: Callable[[int, EntryId, int, str, int], CertificateExpiring | CertificateExpired],
        id_: EntryId,
        certificate: Certificate,
    ) -> None:
        subject, not_after = certificate.subject.text, certificate.not_after
        self._bus.publish(event(self._world.now, id_, certificate.serial, subject, not_after))
