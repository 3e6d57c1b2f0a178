"""Texts that were read are kept for the plan and the tree that they are of, and for nothing else."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.datastore.edit import parse_configuration
from agent.datastore.kept_texts import NO_SUBJECTS, SHORTEST_CHARACTERS, KeptTexts
from agent.datastore.registry import Registry, compile_bindings
from agent.datastore.rendering import Plan, compile_plan, everything
from agent.datastore.tree import Branch
from tests.support.schemas import load_texts

MODULE = """module items { namespace "urn:items"; prefix i;
  list item { key name; leaf name { type string; } leaf text { type string; } leaf secret { type string; } } }"""
MANY = 1000


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return compile_bindings(load_texts(tmp_path_factory.mktemp("items"), MODULE), ())


def tree(registry: Registry, count: int = MANY) -> Branch:
    item = '<item xmlns="urn:items"><name>{}</name><text>some text</text><secret>s</secret></item>'
    items = "".join(item.format(number) for number in range(count))
    return parse_configuration(registry.schema, etree.fromstring(f"<config>{items}</config>"))


def plan(registry: Registry, hidden: str = "") -> Plan:
    return compile_plan(registry, everything(registry), lambda node: node.name != hidden, state=False)


def rendered(plan: Plan, branch: Branch) -> str:
    return "".join(plan.pieces(branch, NO_SUBJECTS))


class Counting:
    """A plan that counts how often it is asked."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.asked = 0

    def pieces(self, config: Branch, subjects: object) -> object:
        self.asked += 1
        return self.plan.pieces(config, NO_SUBJECTS)


def read(texts: KeptTexts, asked: Plan | Counting, branch: Branch) -> str:
    return "".join(texts.pieces(asked, branch))  # type: ignore[arg-type]


def test_what_is_read_again_is_the_same_and_not_put_together_again(registry: Registry) -> None:
    texts, counting, branch = KeptTexts(), Counting(plan(registry)), tree(registry)
    assert {read(texts, counting, branch) for _ in range(3)} == {rendered(counting.plan, branch)}
    assert counting.asked == 1


def test_another_tree_shows_what_is_in_it(registry: Registry) -> None:
    texts, shown, one, other = KeptTexts(), plan(registry), tree(registry), tree(registry, MANY + 1)
    for branch in (one, other, one, other):
        assert read(texts, shown, branch) == rendered(shown, branch)


def test_an_equal_tree_is_another(registry: Registry) -> None:
    texts, counting = KeptTexts(), Counting(plan(registry))
    read(texts, counting, tree(registry))
    read(texts, counting, tree(registry))
    assert counting.asked == 2


def test_another_plan_never_shows_what_was_read_with_one(registry: Registry) -> None:
    texts, branch = KeptTexts(), tree(registry)
    assert "<secret>" in read(texts, plan(registry), branch)
    assert "<secret>" not in read(texts, plan(registry, "secret"), branch)
    for _ in range(50):  # Plans that are gone leave their places in memory to others.
        assert "<text>" not in read(texts, plan(registry, "text"), branch)
        assert "<secret>" not in read(texts, plan(registry, "secret"), branch)


def test_what_is_forgotten_is_put_together_again(registry: Registry) -> None:
    texts, counting, branch = KeptTexts(), Counting(plan(registry)), tree(registry)
    read(texts, counting, branch)
    texts.forget()
    assert texts.size == 0
    read(texts, counting, branch)
    assert counting.asked == 2


def test_what_is_forgotten_while_it_is_read_is_not_kept(registry: Registry) -> None:
    texts, shown, branch = KeptTexts(), plan(registry), tree(registry)
    pieces = texts.pieces(shown, branch)
    first = next(pieces)
    texts.forget()
    assert first + "".join(pieces) == rendered(shown, branch)
    assert texts.size == 0


def test_half_a_text_is_not_kept(registry: Registry) -> None:
    texts, counting, branch = KeptTexts(), Counting(plan(registry)), tree(registry)
    next(texts.pieces(counting, branch))  # type: ignore[arg-type]
    assert texts.size == 0
    assert read(texts, counting, branch) == rendered(counting.plan, branch)


def test_a_short_text_is_not_kept(registry: Registry) -> None:
    texts, shown, branch = KeptTexts(), plan(registry), tree(registry, 10)
    assert 0 < len(read(texts, shown, branch)) < SHORTEST_CHARACTERS
    assert texts.size == 0


def test_no_more_is_kept_than_may_be_and_what_came_last_stays(registry: Registry) -> None:
    branch = tree(registry)
    size = len(rendered(plan(registry), branch))
    limit = round(2.5 * size)
    texts, counting = KeptTexts(limit), [Counting(plan(registry)) for _ in range(3)]
    for each in counting:
        read(texts, each, branch)
        assert texts.size <= limit
    for each in reversed(counting):
        read(texts, each, branch)
    assert [each.asked for each in counting] == [2, 1, 1]


def test_a_text_over_the_limit_is_read_whole_and_not_kept(registry: Registry) -> None:
    branch, shown = tree(registry), plan(registry)
    texts = KeptTexts(len(rendered(shown, branch)) // 2)
    assert [read(texts, shown, branch) for _ in range(2)] == 2 * [rendered(shown, branch)]
    assert texts.size == 0
