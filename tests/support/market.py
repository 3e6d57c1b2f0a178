"""A shop whose datastores can be subscribed to: it tells of its customers, not of what it has sold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from agent.core.world import SECOND
from agent.datastore.notifications import LogLimits
from agent.datastore.registry import ChangeBinding, Registry, compile_bindings
from agent.datastore.schema import ModuleRequest, load_schema
from agent.netconf.monitoring import ACCESS_CONTROL, MONITORING
from agent.netconf.subscribed.state import PUSHED, SUBSCRIPTIONS
from agent.netconf.subscriptions import STREAMS
from agent.netconf.yang_library import YANG_LIBRARY
from tests.support.netconf_wire import Wire
from tests.support.shop import BINDINGS, STANDARD, TOY, Customer, ShopServer

SUBSCRIBED: Final = (
    ModuleRequest("ietf-subscribed-notifications", ("encode-xml", "replay", "subtree", "xpath")),
    ModuleRequest("ietf-yang-push", ("on-change",)),
    ModuleRequest("ipsec-agent-deviations"),
)
SHOP: Final = '<shop xmlns="urn:toy"/>'
CUSTOMERS: Final = '<shop xmlns="urn:toy"><customer/></shop>'
TOTALS: Final = '<shop xmlns="urn:toy"><totals/></shop>'


@dataclass(frozen=True, slots=True)
class CustomerSeen:
    """A customer came, went or bought something."""

    at: int
    number: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Everybody may have another name."""

    at: int


@cache
def registry() -> Registry:
    """Compile the bindings, once."""
    shop = replace(
        BINDINGS,
        changes=(
            ChangeBinding[CustomerSeen]("/toy:shop/customer", CustomerSeen, lambda event: ((event.number,),)),
            ChangeBinding[Moved]("/toy:shop/customer/name", Moved),
        ),
        unobserved=("/toy:shop/customer/purchase/count",),
    )
    served = (MONITORING, ACCESS_CONTROL, YANG_LIBRARY, STREAMS, SUBSCRIPTIONS, PUSHED)
    return compile_bindings(load_schema((TOY,), (*STANDARD, *SUBSCRIBED)), (shop, *served))


class Market(ShopServer):
    """A server of such a shop."""

    def __init__(self, config: str = "", log_limits: LogLimits | None = None) -> None:
        """Start with a configuration, given as top-level elements."""
        super().__init__(config, registry=registry(), log_limits=log_limits)
        self.server.attach(SUBSCRIPTIONS.module, self.server)

    def come(self, number: int, name: str = "ann", **purchases: int) -> None:
        """Let a customer come, or be seen otherwise."""
        self.shop.customers[number] = Customer(number, name, purchases)
        self.server.publish(CustomerSeen(self.world.now, number))

    def go(self, number: int) -> None:
        """Let a customer go."""
        del self.shop.customers[number]
        self.server.publish(CustomerSeen(self.world.now, number))

    def pass_time(self, seconds: float) -> None:
        """Let management time pass, and do what is due."""
        self.management_now += seconds
        self.server.advance(self.management_now)

    def live(self, seconds: float) -> None:
        """Let device time pass."""
        self.world.advance(self.world.now + round(seconds * SECOND))


def edit(content: str, target: str = "running") -> str:
    """Return an edit of the shop; the prefix nc is bound."""
    return (
        f'<edit-config xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><target><{target}/></target>'
        f'<config><shop xmlns="urn:toy">{content}</shop></config></edit-config>'
    )


def shown(wire: Wire, id_: int) -> dict[str, str]:
    """Return the leaves of a subscription as it is shown, by name."""
    sn = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
    data = wire.get(f'<subscriptions xmlns="{sn}"><subscription><id>{id_}</id></subscription></subscriptions>')
    return {str(leaf.tag).rpartition("}")[2]: leaf.text or "" for leaf in data.iter() if len(leaf) == 0 and leaf.text}
