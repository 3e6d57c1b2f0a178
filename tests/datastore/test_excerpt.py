"""After a change a part of the configuration is judged: it gets the verdict of the whole, and it is small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from lxml import etree

from agent.datastore.constraints import Constraints
from agent.datastore.edit import BASE, Operation, edit, parse_configuration
from agent.datastore.excerpt import Opaque, excerpt
from agent.datastore.registry import compile_bindings
from agent.datastore.rendering import compile_plan, everything
from agent.datastore.schema import Schema, Violation
from agent.datastore.tree import Branch
from tests.support.schemas import load_texts
from tests.support.web import FAR, LINKS, MODULE, Weaver

STEPS = 400


class Judge:
    """libyang on trees."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        registry = compile_bindings(schema, ())
        self._plan = compile_plan(registry, everything(registry), lambda node: True, state=False)

    def problems(self, root: Branch) -> set[tuple[Violation, str]]:
        """The kinds and places of all problems; of two entries that are alike, libyang blames one or the other."""
        xml = "".join(self._plan.pieces(root, {})).encode()
        return {(problem.kind, " ".join(problem.leaves) or problem.path) for problem in self.schema.validate(xml)}


def size(branch: Branch) -> int:
    """How many list entries there are."""
    found = 0
    for item in branch.children.values():
        if isinstance(item, Branch):
            found += size(item)
        elif isinstance(item, Mapping):
            found += sum(1 + size(entry) for entry in item.values())
    return found


@pytest.fixture(scope="module", params=[(MODULE,), (MODULE, FAR), (LINKS,)], ids=["near", "far", "links"])
def judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(load_texts(tmp_path_factory.mktemp("web"), *request.param))


@pytest.mark.parametrize("seed", range(3))
def test_a_part_gets_the_verdict_of_the_whole(judge: Judge, seed: int) -> None:
    weaver = Weaver(list(judge.schema.roots.values()), Random(seed))
    constraints = Constraints(judge.schema.roots)
    valid, refused = Branch(None), 0
    for _ in range(STEPS):
        after = weaver.altered(valid)
        whole = judge.problems(after)
        assert judge.problems(excerpt(constraints, valid, after)) == whole
        refused += bool(whole)
        if not whole:
            valid = after
    assert STEPS // 10 < refused < STEPS * 9 // 10, "both verdicts have to come often"


FARM = """module farm {
  yang-version 1.1; namespace "urn:farm"; prefix f;
  container farm {
    leaf open { type boolean; default true; }
    list cow { key id; unique tag; leaf id { type uint16; } leaf tag { type string; } leaf name { type string; } }
    list herd {
      key id; leaf id { type uint16; }
      leaf leader { type leafref { path "/f:farm/f:cow/f:id"; } must "/f:farm/f:cow[f:id = current()]/f:name"; }
    }
  }
}
"""
COWS = 500


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_texts(tmp_path_factory.mktemp("farm"), FARM)


def cow(number: int, name: str = "Berta", tag: str = "") -> str:
    return f"<cow><id>{number}</id><tag>{tag or number}</tag><name>{name}</name></cow>"


def herd(number: int) -> str:
    return f"<herd><id>{number}</id><leader>{number}</leader></herd>"


def config(content: str) -> etree._Element:
    return etree.fromstring(f'<config xmlns:nc="{BASE}"><farm xmlns="urn:farm">{content}</farm></config>')


@pytest.fixture(scope="module")
def full(farm: Schema) -> Branch:
    return parse_configuration(farm, config("".join(f"{cow(number)}{herd(number)}" for number in range(COWS))))


def kept(farm: Schema, full: Branch, content: str) -> dict[str, list[str]]:
    """The keys of what is judged after an edit, by list."""
    edited = edit(farm, full, config(content), Operation.MERGE)
    assert edited.errors == ()
    part = excerpt(Constraints(farm.roots), full, edited.root)
    inner = part.children[farm.node("/farm:farm")]
    assert isinstance(inner, Branch)
    return {name: [key for (key,) in inner.entries(name)] for name in ("cow", "herd")}


def test_nothing_is_judged_but_the_entry_that_has_changed_and_who_reads_it(farm: Schema, full: Branch) -> None:
    assert kept(farm, full, cow(7, "Rosa")) == {"cow": ["7"], "herd": ["7"]}


def test_what_an_entry_refers_to_is_judged_with_it(farm: Schema, full: Branch) -> None:
    moved = "<herd><id>3</id><leader>400</leader></herd>"
    assert kept(farm, full, moved) == {"cow": ["400"], "herd": ["3"]}


def test_who_refers_to_what_has_gone_is_judged(farm: Schema, full: Branch) -> None:
    assert kept(farm, full, '<cow nc:operation="delete"><id>9</id></cow>') == {"cow": [], "herd": ["9"]}


def test_entries_that_have_become_alike_are_judged_together(farm: Schema, full: Branch) -> None:
    assert kept(farm, full, cow(7, tag="8"))["cow"] == ["7", "8"]


def test_a_change_beside_the_lists_has_no_entry_judged(farm: Schema, full: Branch) -> None:
    assert kept(farm, full, "<open>false</open>") == {"cow": [], "herd": []}


def test_where_nobody_can_tell_what_is_read_all_is_judged(tmp_path: Path) -> None:
    text = """module blind { namespace "urn:blind"; prefix b;
      list a { key k; leaf k { type string; } leaf at { type instance-identifier; } } }"""
    schema = load_texts(tmp_path, text)
    xml = '<config><a xmlns="urn:blind"><k>x</k>{}</a></config>'
    before = parse_configuration(schema, etree.fromstring(xml.format("")))
    after = parse_configuration(schema, etree.fromstring(xml.format("<at>/a</at>")))
    constraints = Constraints(schema.roots)
    assert size(excerpt(constraints, Branch(None), before)) == 1
    with pytest.raises(Opaque):
        excerpt(constraints, before, after)
