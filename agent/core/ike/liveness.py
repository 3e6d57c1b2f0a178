"""Whether the two ends of an IKE SA are there: probes and their answers (RFC 3706), keepalives (RFC 3948 sec. 4)."""

from collections.abc import Callable

from agent.core.config import DeadPeerDetection
from agent.core.ike import dpd
from agent.core.ike.message import CookiePair
from agent.core.ike.natt import Keepalive
from agent.core.ike.numbers import NotifyType
from agent.core.ike.payloads import Notification
from agent.core.ike.phase1 import Draw
from agent.core.world import World


class Liveness:
    """What one end of an IKE SA does about it. To answer is all that it does of its own accord."""

    __slots__ = ("_answerer", "_cookies", "_draw", "_keepalive", "_prober", "_world")

    def __init__(self, world: World, draw: Draw, cookies: CookiePair) -> None:
        self._world = world
        self._draw = draw
        self._cookies = cookies
        self._answerer = dpd.Answerer()
        self._prober: dpd.Prober | None = None
        self._keepalive: Keepalive | None = None

    def watch(
        self, detection: DeadPeerDetection, send: Callable[[Notification], object], on_dead: Callable[[], None]
    ) -> None:
        """Ask from now on whether the peer is there, whenever nothing is heard of it."""
        self._prober = dpd.Prober(
            world=self._world,
            detection=detection,
            draw=self._draw,
            send=lambda sequence: send(dpd.probe(self._cookies, sequence)),
            on_dead=on_dead,
        )

    def keep_alive(self, interval_us: int, send: Callable[[], None]) -> None:
        """Send something from now on, whenever nothing else was sent for an interval in microseconds."""
        self._keepalive = Keepalive(self._world, interval_us, send)

    def note_heard(self, at: int) -> None:
        """See something authentic of the peer that came at a device time."""
        if self._prober is not None:
            self._prober.run(dpd.Input.SIGN_OF_LIFE, at)

    @property
    def due_at(self) -> int | None:
        """When it matters next whether the peer has been heard of, in device time; None where it never does."""
        return self._prober.due_at if self._prober is not None else None

    def note_sent(self) -> None:
        """See something sent to the peer."""
        if self._keepalive is not None:
            self._keepalive.note_sent()

    def on_notification(self, notification: Notification) -> Notification | None:
        """Hear a question or an answer, and return the answer to a question. Raises Discarded."""
        if notification.notify == NotifyType.R_U_THERE:
            sequence = dpd.sequence_of(notification, self._cookies)
            self._answerer.note(sequence)
            return dpd.acknowledgement(self._cookies, sequence)
        if notification.notify == NotifyType.R_U_THERE_ACK and self._prober is not None:
            self._prober.run(dpd.Input.ACKNOWLEDGED, dpd.sequence_of(notification, self._cookies))
        return None

    def close(self) -> None:
        """Stop every timer: the IKE SA is gone."""
        if self._prober is not None:
            self._prober.close()
            self._prober = None
        if self._keepalive is not None:
            self._keepalive.close()
            self._keepalive = None
