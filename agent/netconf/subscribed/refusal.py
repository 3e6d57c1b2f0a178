"""Why a subscription cannot be had, or goes on no longer: the identities of RFC 8639 and RFC 8641.

As errors of an rpc they have the tags of RFC 8640 section 7.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from agent.datastore.errors import ErrorInfo, ErrorType, InstancePath, RpcError
from agent.datastore.schema import SchemaNode

SUBSCRIBED: Final = "ietf-subscribed-notifications"
PUSH: Final = "ietf-yang-push"
NAMESPACE: Final = f"urn:ietf:params:xml:ns:yang:{SUBSCRIBED}"
PUSH_NAMESPACE: Final = f"urn:ietf:params:xml:ns:yang:{PUSH}"


class Refusal(Enum):
    """Why an rpc is refused: the module and the name of an identity, and the error-tag that goes with it."""

    ENCODING_UNSUPPORTED = (SUBSCRIBED, "encoding-unsupported", "invalid-value")
    FILTER_UNSUPPORTED = (SUBSCRIBED, "filter-unsupported", "invalid-value")
    INSUFFICIENT_RESOURCES = (SUBSCRIBED, "insufficient-resources", "resource-denied")
    NO_SUCH_SUBSCRIPTION = (SUBSCRIBED, "no-such-subscription", "invalid-value")
    DATASTORE_NOT_SUBSCRIBABLE = (PUSH, "datastore-not-subscribable", "invalid-value")
    NO_SUCH_SUBSCRIPTION_RESYNC = (PUSH, "no-such-subscription-resync", "invalid-value")
    ON_CHANGE_UNSUPPORTED = (PUSH, "on-change-unsupported", "operation-not-supported")
    ON_CHANGE_SYNC_UNSUPPORTED = (PUSH, "on-change-sync-unsupported", "operation-not-supported")
    PERIOD_UNSUPPORTED = (PUSH, "period-unsupported", "invalid-value")
    SYNC_TOO_BIG = (PUSH, "sync-too-big", "too-big")
    UNCHANGING_SELECTION = (PUSH, "unchanging-selection", "operation-failed")

    @property
    def identity(self) -> str:
        """The name with that of the module."""
        module, name, _ = self.value
        return f"{module}:{name}"


class Ended(Enum):
    """Why the server ends a subscription, or interrupts it."""

    FILTER_UNAVAILABLE = f"{SUBSCRIBED}:filter-unavailable"
    NO_SUCH_SUBSCRIPTION = f"{SUBSCRIBED}:no-such-subscription"
    STREAM_UNAVAILABLE = f"{SUBSCRIBED}:stream-unavailable"
    DATASTORE_NOT_SUBSCRIBABLE = f"{PUSH}:datastore-not-subscribable"
    UNSUPPORTABLE_VOLUME = f"{SUBSCRIBED}:unsupportable-volume"
    UPDATE_TOO_BIG = f"{PUSH}:update-too-big"
    SYNC_TOO_BIG = f"{PUSH}:sync-too-big"


def refused(refusal: Refusal, message: str, path: InstancePath = (), info: tuple[ErrorInfo, ...] = ()) -> RpcError:
    """Return the error of an rpc."""
    _, _, tag = refusal.value
    return RpcError(ErrorType.APPLICATION, tag, message, app_tag=refusal.identity, path=path, info=info)


def hints(rpc: SchemaNode, *, of_datastore: bool, **values: str | int) -> tuple[ErrorInfo, ...]:
    """Return the structure that tells the subscriber what might succeed instead; underscores stand for hyphens."""
    target, namespace = ("datastore", PUSH_NAMESPACE) if of_datastore else ("stream", NAMESPACE)
    children = tuple(ErrorInfo(name.replace("_", "-"), str(value)) for name, value in values.items())
    name = "resync-subscription-error" if rpc.name == "resync-subscription" else f"{rpc.name}-{target}-error-info"
    return (ErrorInfo(name, namespace=namespace, children=children),)
