"""The operations on dynamic subscriptions (RFC 8639 section 2.4, RFC 8641 section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.datastore import errors
from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import ErrorType, input_path
from agent.datastore.output import OK, render_output
from agent.datastore.registry import Value
from agent.netconf.request import Operation, Reply, Request
from agent.netconf.subscribed.asking import TermsReader
from agent.netconf.subscribed.delivery import Subscription
from agent.netconf.subscribed.on_change import OnChangeSubscription
from agent.netconf.subscribed.possible import Impossible
from agent.netconf.subscribed.refusal import NAMESPACE, PUSH_NAMESPACE, Ended, Refusal, hints, refused
from agent.netconf.subscribed.terms import PushTerms, StreamTerms, Terms

KILOBYTE: Final = 1024


def establish(request: Request) -> Reply:
    """Begin a subscription of this session."""
    publisher, receiver = request.host.publisher, request.session.receiver
    if request.session.is_subscribed:
        message = "this session has a subscription of the other kind, from create-subscription"
        raise errors.operation_not_supported(message, ErrorType.APPLICATION)
    maximum = request.session.maximum_subscriptions
    if len(receiver.subscriptions) >= maximum:
        request.host.exceeded("subscriptions")
        message = f"a session has {maximum} subscriptions at most"
        raise refused(Refusal.INSUFFICIENT_RESOURCES, message)
    terms = TermsReader(request).established()
    _require_possible(request, terms)
    subscription = publisher.establish(terms, receiver)
    try:
        _require_small(request, subscription)
    except errors.RpcError:
        publisher.delete(subscription)
        raise
    output: dict[str, Value] = {"id": subscription.id, "replay-start-time-revision": _revision(request, terms)}
    return render_output(request.rpc.output, output)


def _revision(request: Request, terms: Terms) -> str | None:
    """Return since when there is a log, where more was asked for."""
    if not isinstance(terms, StreamTerms) or terms.start_at is None:
        return None
    log = request.host.log
    begins_at = log.created_at if log.aged_at is None else log.aged_at
    return date_and_time(begins_at) if terms.start_at < begins_at else None


def modify(request: Request) -> Reply:
    """Have a subscription of this session go on under other terms."""
    subscription = _own(request)
    terms = TermsReader(request).modified(subscription.terms)
    _require_possible(request, terms)
    request.host.publisher.modify(subscription, terms)
    return iter((OK,))


def delete(request: Request) -> Reply:
    """End a subscription of this session."""
    request.host.publisher.delete(_own(request))
    return iter((OK,))


def kill(request: Request) -> Reply:
    """End a subscription of any session, with a word to its receiver."""
    subscription = request.host.publisher.subscriptions.get(_id(request))
    if subscription is None:
        raise _unknown(request, Refusal.NO_SUCH_SUBSCRIPTION)
    request.host.publisher.terminate(subscription, Ended.NO_SUCH_SUBSCRIPTION)
    return iter((OK,))


def resync(request: Request) -> Reply:
    """Send everything that an on-change subscription of this session selects."""
    subscription = _find_own(request)
    if subscription is None:
        raise _unknown(request, Refusal.NO_SUCH_SUBSCRIPTION_RESYNC)
    if not isinstance(subscription, OnChangeSubscription) or not subscription.trigger.sync_on_start:
        message = f"subscription {subscription.id} is not one that everything can be sent for"
        raise refused(Refusal.ON_CHANGE_SYNC_UNSUPPORTED, message, input_path(request.input, "id"))
    _require_small(request, subscription)
    subscription.synchronize()
    return iter((OK,))


def _own(request: Request) -> Subscription:
    subscription = _find_own(request)
    if subscription is None:
        raise _unknown(request, Refusal.NO_SUCH_SUBSCRIPTION)
    return subscription


def _find_own(request: Request) -> Subscription | None:
    subscription = request.host.publisher.subscriptions.get(_id(request))
    is_own = subscription is not None and subscription.receiver is request.session.receiver
    return subscription if is_own else None


def _id(request: Request) -> int:
    return int(str(request.input.leaf("id")))


def _unknown(request: Request, refusal: Refusal) -> errors.RpcError:
    return refused(refusal, f"there is no subscription {_id(request)} here", input_path(request.input, "id"))


def _require_possible(request: Request, terms: Terms) -> None:
    try:
        request.host.publisher.require_possible(terms, request.caller)
    except Impossible as error:
        of_datastore = isinstance(terms, PushTerms)
        info = hints(request.rpc, of_datastore=of_datastore, **error.hints) if error.hints else ()
        raise refused(error.refusal, str(error), info=info) from error


def _require_small(request: Request, subscription: Subscription) -> None:
    """Raise sync-too-big where everything is too much to be sent at once."""
    if not isinstance(subscription, OnChangeSubscription) or not subscription.trigger.sync_on_start:
        return
    size = len(subscription.watch.content()) if subscription.watch is not None else 0
    largest = subscription.receiver.limits.selection_characters
    if size > largest:
        request.host.exceeded("selection-characters")
        estimate, limit = size // KILOBYTE, largest // KILOBYTE
        hint = hints(request.rpc, of_datastore=True, kilobytes_estimate=estimate, kilobytes_limit=limit)
        raise refused(Refusal.SYNC_TOO_BIG, "the selection is too much to be sent at once", info=hint)


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        f"{{{NAMESPACE}}}establish-subscription": establish,
        f"{{{NAMESPACE}}}modify-subscription": modify,
        f"{{{NAMESPACE}}}delete-subscription": delete,
        f"{{{NAMESPACE}}}kill-subscription": kill,
        f"{{{PUSH_NAMESPACE}}}resync-subscription": resync,
    }
)
