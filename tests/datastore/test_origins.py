"""Origins of configuration (RFC 8342 section 5.3.4): which one a node has, and when its tag has to say so."""

from __future__ import annotations

import pytest

from agent.datastore.defaults import DefaultValue
from agent.datastore.origins import PLAIN, Origin, OriginView, StartTags, of_instance, of_value
from agent.datastore.tree import Branch
from tests.support.shop import toy_schema

SHOWN = OriginView(shown=True)
THERE = Branch(None)


def tags(path: str, view: OriginView = SHOWN) -> StartTags:
    """Return the tags of a node."""
    return StartTags(toy_schema().node(path), view)


def test_what_is_configured_is_intended_and_what_is_only_there_is_of_the_system() -> None:
    assert of_instance(THERE) is Origin.INTENDED
    assert of_instance(None) is Origin.SYSTEM
    assert of_value("x") is Origin.INTENDED
    assert of_value(DefaultValue("x")) is Origin.DEFAULT


@pytest.mark.parametrize("origin", list(Origin))
def test_every_origin_is_an_identity(origin: Origin) -> None:
    assert "ietf-origin:origin" in toy_schema().identities[origin.identity]


@pytest.mark.parametrize(
    ("parent", "own", "said"),
    [(THERE, THERE, None), (None, None, None), (THERE, None, "or:system"), (None, THERE, "or:intended")],
)
def test_a_node_says_its_origin_where_it_is_not_that_of_its_parent(
    parent: Branch | None, own: Branch | None, said: str | None
) -> None:
    tag = tags("/toy:shop/shelf").of(parent, own)
    assert (f'or:origin="{said}"' in tag) if said is not None else tag == "<shelf>"


@pytest.mark.parametrize(("own", "said"), [(THERE, "or:intended"), (None, "or:system")])
def test_a_top_level_node_always_says_it(own: Branch | None, said: str) -> None:
    assert f'or:origin="{said}"' in tags("/toy:shop").of(THERE, own)


def test_state_has_no_origin() -> None:
    assert tags("/toy:shop/customer").of(THERE, None) == "<customer>"


def test_nothing_is_said_that_is_not_asked_for() -> None:
    assert tags("/toy:shop/shelf", PLAIN).of(THERE, None) == "<shelf>"
