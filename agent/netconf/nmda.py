"""The operations of the network management datastore architecture: get-data and edit-data (RFC 8526).

What is intended is what runs: nothing is left out of it or put into it on the way. What is operational is that with the
defaults in use, and what the device shows of itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from agent.datastore import errors
from agent.datastore.defaults import DefaultsMode
from agent.datastore.errors import ErrorType, RpcError, input_path
from agent.datastore.origins import ALL, PLAIN, Origin, OriginView
from agent.datastore.rendering import Roots
from agent.datastore.selection import of_config, to_depth
from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from agent.netconf.editing import change
from agent.netconf.request import NMDA, Reply, Request

OPERATIONAL: Final = "ietf-datastores:operational"
INTENDED: Final = "ietf-datastores:intended"
UNBOUNDED: Final = "unbounded"
OF_ORIGINS: Final = ("origin-filter", "negated-origin-filter", "with-origin")
"""What only the operational datastore can be asked for."""


def get_data(request: Request) -> Reply:
    """Return a part of a datastore (section 3.1.1)."""
    host, origins = request.host, _origins(request)
    is_operational = request.input.leaf("datastore") == OPERATIONAL
    root, mode = _root(request), _mode(request)
    shown = host.with_defaults(root) if mode.shows_defaults else root

    def pieces(roots: Roots, view: OriginView = PLAIN) -> Iterator[str]:
        plan = host.plan(request.caller, roots, mode, state=is_operational, origins=view)
        return plan.pieces(shown, host.subjects)

    roots = request.selected
    if roots is None:
        budget, narrow = host.xpath_budget, partial(_narrowed, request)
        roots = host.filters.parse(request.element, request.input, pieces, budget, narrow)
    return _data(pieces(roots, origins))


def _narrowed(request: Request, roots: Roots) -> Roots:
    """Return what the other parameters leave of what the filter selects."""
    depth, config = request.given("max-depth"), request.given("config-filter")
    if depth not in (None, UNBOUNDED):
        roots = to_depth(roots, int(str(depth)))
    return roots if config is None else of_config(roots, config=config == "true")


def edit_data(request: Request) -> Reply:
    """Change a part of a datastore, whole or not at all (section 3.1.2)."""
    return change(request, _writable(request))


def _root(request: Request) -> Branch:
    if request.input.leaf("datastore") in (OPERATIONAL, INTENDED):
        return request.host.stores.running
    return request.host.stores.root(_writable(request))


def _writable(request: Request) -> Datastore:
    """Return the datastore that a request names; invalid-value for one that is only read, or that there is not."""
    name = str(request.input.leaf("datastore"))
    return request.conventional(name, input_path(request.input, "datastore"))


def _mode(request: Request) -> DefaultsMode:
    """Return how defaults are shown: those in use belong to what is operational (RFC 8342 section 5.3)."""
    if request.given("with-defaults") is None and request.input.leaf("datastore") == OPERATIONAL:
        return DefaultsMode.REPORT_ALL
    return request.defaults_mode


def _origins(request: Request) -> OriginView:
    """Return which origins are shown, and whether; invalid-value for a datastore that has none."""
    asked = [node.name for node in request.input.children if node.name in OF_ORIGINS]
    if asked and request.input.leaf("datastore") != OPERATIONAL:
        name = asked[0]
        raise _invalid(request, name, f"{name!r} says nothing of another datastore than the operational one")
    wanted, unwanted = (_of_origins(request, name) for name in ("origin-filter", "negated-origin-filter"))
    return OriginView("with-origin" in asked, (ALL if wanted is None else wanted) - (unwanted or frozenset()))


def _of_origins(request: Request, name: str) -> frozenset[Origin] | None:
    """Return the origins that a filter names, or that are derived from those; None where there is no filter."""
    identities = request.host.registry.schema.identities
    for node, named in request.input.children.items():
        if node.name == name and isinstance(named, tuple):
            return frozenset(origin for origin in ALL if identities[origin.identity].intersection(named))
    return None


def _invalid(request: Request, name: str, message: str) -> RpcError:
    return errors.invalid_value(message, path=input_path(request.input, name), kind=ErrorType.PROTOCOL)


def _data(pieces: Iterator[str]) -> Iterator[str]:
    yield f'<data xmlns="{NMDA}">'
    yield from pieces
    yield "</data>"
