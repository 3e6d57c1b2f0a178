"""The flags of negotiations, in phase 1 and in phase 2."""

from agent.core.enumeration import Enumeration


class IkeSaFlag(Enumeration):
    """Where a negotiation stands between its two ends, its caller and the peer's retransmission timers."""

    CALLER_NOTIFICATION_SENT = "caller-notification-sent"
    WAITING_FOR_DONE = "waiting-for-done"
    WAITING_FOR_REMOVE = "waiting-for-remove"
    WAITING_FOR_POLICY_MANAGER = "waiting-for-policy-manager"
