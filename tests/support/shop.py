"""A server for a module nobody sells anything with: what datastore and netconf do for any YANG module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lxml import etree

from agent.core.world import World
from agent.datastore.edit import parse_configuration
from agent.datastore.errors import input_path, invalid_value
from agent.datastore.notifications import LogLimits
from agent.datastore.registry import (
    Bindings,
    Caller,
    ConfigBinding,
    NotificationBinding,
    Output,
    Pending,
    Registry,
    RpcBinding,
    StateContainer,
    StateList,
    compile_bindings,
    snapshot,
)
from agent.datastore.schema import ModuleRequest, Schema, load_schema
from agent.datastore.stores import Stores
from agent.datastore.transaction import Configured
from agent.datastore.tree import Branch, Key
from agent.netconf.base_notifications import BASE_NOTIFICATIONS
from agent.netconf.limits import SessionLimits
from agent.netconf.monitoring import ACCESS_CONTROL, MONITORING
from agent.netconf.server import NO_FILES, Client, Clocks, Server
from agent.netconf.subscriptions import STREAMS
from agent.netconf.url import Files
from agent.netconf.yang_library import YANG_LIBRARY
from tests.support.netconf_wire import Wire

TOY = Path(__file__).parent / "toy.yang"
STARTED_AT = 1_047_297_600_000_000


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who bought something."""

    number: int
    name: str
    purchases: Mapping[str, int]


@dataclass(slots=True)
class Shop:
    """The subject of the toy bindings."""

    customers: dict[int, Customer] = field(default_factory=dict)
    sold: int = 0
    weights: dict[tuple[int, str], int] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    bought: list[tuple[str, str]] = field(default_factory=list)
    looked_up: list[Key] = field(default_factory=list)
    iterations: int = 0
    visited: int = 0

    def iterate(self) -> Iterator[Customer]:
        """Iterate over the customers, and count that somebody did, and how far."""
        self.iterations += 1
        for customer in snapshot(self.customers):
            self.visited += 1
            yield customer

    def welcome(self, count: int) -> None:
        """Take so many customers in, numbered from 1."""
        for number in range(1, count + 1):
            self.customers[number] = Customer(number, f"customer {number}", {})

    def find(self, key: Key) -> Customer | None:
        """Look a customer up, and note that somebody did."""
        self.looked_up.append(key)
        return self.customers.get(int(key[0]))


@dataclass(frozen=True)
class Unreadable(Mapping[str, int]):
    """Purchases that cannot be read."""

    error: Exception

    def __getitem__(self, article: str) -> int:
        raise self.error

    def __iter__(self) -> Iterator[str]:
        raise self.error

    def __len__(self) -> int:
        raise self.error


@dataclass(frozen=True, slots=True)
class SoldOut:
    """An article is gone."""

    at: int
    article: str
    colours: tuple[str, ...] = ()
    buyer: str | None = None
    substitutes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closed:
    """The shop is closed, which not everybody is told."""

    at: int


@dataclass(frozen=True, slots=True)
class Untold:
    """Something that no notification tells of."""

    at: int


def sold_out(event: SoldOut) -> Output:
    """Return the content of the notification."""
    return {
        "article": event.article,
        "colour": event.colours,
        "buyer": None if event.buyer is None else {"name": event.buyer},
        "substitute": [{"article": article, "price": price} for article, price in event.substitutes.items()],
    }


def wait(shop: Shop, caller: Caller, parameters: Branch) -> Pending:
    """Answer when the test says so."""
    shop.pending.append(Pending())
    return shop.pending[-1]


def sell(shop: Shop, caller: Caller, parameters: Branch) -> Output:
    """Buy what there is, or refuse with the path of the input."""
    article = str(parameters.leaf("article"))
    if article == "moon":
        raise invalid_value("not for sale", path=input_path(parameters, "article"), app_tag="unknown-article")
    shop.bought.append((caller.user, article))
    return {"bought": [{"article": article}, {"article": "bag"}]}


def break_(shop: Shop, caller: Caller, parameters: Branch) -> Output:
    """Fail as a defect of ours would."""
    raise RuntimeError("a defect")


BINDINGS = Bindings(
    module="toy",
    configs=(ConfigBinding("/toy:shop", lambda branch, unseal: branch.leaf("name")),),
    states=(
        StateContainer[Shop, Shop](
            "/toy:shop/totals",
            lambda shop: shop,
            {
                "sold": lambda shop: shop.sold,
                "is-full": lambda shop: shop.sold > 10,
                "moods": lambda shop: ["calm", "busy"] if shop.sold else None,
            },
        ),
        StateList[Shop, tuple[tuple[int, str], int]](
            "/toy:shop/shelf",
            lambda shop: iter(tuple(shop.weights.items())),
            lambda shop, key: next(
                ((place, weight) for place, weight in shop.weights.items() if (str(place[0]), place[1]) == key), None
            ),
            {"row": lambda item: item[0][0], "column": lambda item: item[0][1], "weight": lambda item: item[1]},
        ),
        StateList[Shop, Customer](
            "/toy:shop/customer",
            lambda shop: shop.iterate(),
            lambda shop, key: shop.find(key),
            {"number": lambda customer: customer.number, "name": lambda customer: customer.name},
        ),
        StateList[Customer, tuple[str, int]](
            "/toy:shop/customer/purchase",
            lambda customer: customer.purchases.items(),
            lambda customer, key: next((item for item in customer.purchases.items() if item[0] == key[0]), None),
            {"article": lambda item: item[0], "count": lambda item: item[1]},
        ),
    ),
    rpcs=(
        RpcBinding[Shop]("/toy:wait", wait),
        RpcBinding[Shop]("/toy:buy", sell),
        RpcBinding[Shop]("/toy:break", break_),
    ),
    notifications=(
        NotificationBinding[SoldOut]("/toy:sold-out", SoldOut, sold_out),
        NotificationBinding[Closed]("/toy:closed", Closed, lambda event: {}),
    ),
    deviations=("/toy:unbound", "/toy:forbidden"),
)
STANDARD = (
    ModuleRequest(
        "ietf-netconf",
        (
            "writable-running",
            "candidate",
            "confirmed-commit",
            "rollback-on-error",
            "validate",
            "startup",
            "url",
            "xpath",
        ),
    ),
    ModuleRequest("ietf-netconf-nmda", ("origin", "with-defaults")),
    *(
        ModuleRequest(name)
        for name in (
            "ietf-origin",
            "ietf-netconf-monitoring",
            "ietf-netconf-acm",
            "ietf-datastores",
            "ietf-yang-library",
            "ietf-netconf-with-defaults",
            "notifications",
            "nc-notifications",
            "ietf-netconf-notifications",
            "ietf-netconf-partial-lock",
            "ietf-nmda-compare",
        )
    ),
)


@cache
def toy_schema() -> Schema:
    """Load the toy module and the standard ones, once."""
    return load_schema((TOY,), STANDARD)


@cache
def toy_registry(*, of_itself: bool = False) -> Registry:
    """Compile the toy bindings, once; with what the server tells of itself, or without, for tests of other things."""
    served = (MONITORING, ACCESS_CONTROL, YANG_LIBRARY, STREAMS, *((BASE_NOTIFICATIONS,) if of_itself else ()))
    return compile_bindings(toy_schema(), (BINDINGS, *served))


def buy(article: str) -> str:
    """Return the operation of a purchase, which leaves a mark."""
    return f'<buy xmlns="urn:toy"><article>{article}</article></buy>'


def configuration(xml: str, schema: Schema | None = None) -> Branch:
    """Return the configuration tree of top-level elements."""
    return parse_configuration(schema or toy_schema(), etree.fromstring(f"<config>{xml}</config>"))


class ShopServer:
    """A server of a shop, and clients of it that speak over no wire."""

    def __init__(
        self,
        config: str = "",
        limits: SessionLimits | None = None,
        targets: Sequence[Configured] = (),
        keep_startup: Callable[[Branch], None] = lambda root: None,
        keep_rollback: Callable[[Branch | None], None] = lambda root: None,
        log_limits: LogLimits | None = None,
        tells_of_itself: bool = False,
        files: Files = NO_FILES,
        recovery_users: frozenset[str] = frozenset(),
        registry: Registry | None = None,
    ) -> None:
        """Start with a configuration, given as top-level elements; it is applied to `targets`.

        Without a `registry` it serves the toy module and those that go with every server.
        """
        self.registry = registry or toy_registry(of_itself=tells_of_itself)
        self.shop = Shop()
        self.management_now = 0.0
        self.world = World(now=STARTED_AT, seed=0)
        self.stores = Stores(lambda: self.world.now, keep_startup, keep_rollback)
        clocks = Clocks(lambda: self.world.now, lambda: self.management_now, self.world.call_at)
        self.server = Server(
            self.registry,
            self.stores,
            clocks,
            limits or SessionLimits(),
            targets,
            log_limits=log_limits or LogLimits(),
            files=files,
            recovery_users=recovery_users,
        )
        for table in (MONITORING, ACCESS_CONTROL, YANG_LIBRARY, STREAMS):
            self.server.attach(table.module, self.server)
        self.server.attach("toy", self.shop)
        self.woken = 0
        self.configure(config)

    def configure(self, config: str) -> None:
        """Make top-level elements the running configuration."""
        self.server.transactions.commit(configuration(config, self.registry.schema))

    def connect(self, user: str = "admin", wake: Callable[[], None] | None = None) -> Wire:
        """Open a session and exchange hellos for base:1.1."""
        wire = self.open(user, wake)
        wire.hello()
        return wire

    def open(self, user: str = "admin", wake: Callable[[], None] | None = None) -> Wire:
        """Open a session; the client has said nothing yet."""
        client = Client(user, "192.0.2.1", "netconf-ssh")
        return Wire(self.server.open_session(client, wake or self._wake), self.registry.schema)

    def _wake(self) -> None:
        self.woken += 1
