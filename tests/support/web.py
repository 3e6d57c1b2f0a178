"""A module whose constraints reach far, and random configurations of it: to compare judging parts and wholes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.tree import Branch, Item, Key, entries

MODULE: Final = """module web {
  yang-version 1.1; namespace "urn:web"; prefix w;
  typedef name { type enumeration { enum a; enum b; enum c; enum d; enum e; enum f; } }
  typedef small { type uint8 { range 0..4; } }
  grouping conditional { leaf extra { type small; } }
  leaf mode { type enumeration { enum plain; enum fancy; } default plain; }
  container limits {
    leaf rules { type small; default 3; }
    leaf least { type small; }
    choice way {
      default slow;
      case slow { leaf speed { type small; default 1; } }
      case fast { leaf turbo { type small; } }
    }
  }
  container net {
    list node {
      key name; unique "place"; unique "at/row at/column";
      leaf name { type name; }
      leaf place { type small; }
      container at { leaf row { type small; } leaf column { type small; default 2; } }
      list port {
        key id; max-elements 3;
        leaf id { type small; }
        leaf label { type name; }
        leaf peer { type leafref { path "/w:net/w:node/w:port/w:label"; } }
        leaf mate { type leafref { path "../../port/id"; } must "current() != ../id"; }
        must "not(label) or count(../port[label = current()/label]) = 1";
      }
      leaf first { type leafref { path "../port/id"; } }
    }
    list rule {
      key "from to"; ordered-by user;
      leaf from { type leafref { path "../../node/name"; } }
      leaf to { type name; }
      leaf exit { type leafref { path "/w:net/w:node[w:name = current()/../from]/w:port/w:id"; } }
      leaf cost { type small; default 1; }
      leaf-list via { type leafref { path "/w:net/w:node/w:name"; } }
      leaf odd { when "../cost > 2"; type small; }
      leaf fancy { when "/w:mode = 'fancy'"; type small; }
      leaf deep { type name; must "deref(../from)/../place > 1"; }
      leaf quick { type small; must "/w:limits/w:speed >= ."; }
      must "not(/w:net/w:node[w:name = current()/to]/w:place = 0)";
      uses conditional { when "/w:limits/w:rules > 1"; }
    }
  }
  augment "/w:net" { when "/w:mode = 'fancy'"; list gem { key id; leaf id { type small; } leaf in { type name; } } }
  augment "/w:net/w:gem" { leaf set { type leafref { path "/w:net/w:gem/w:in"; } mandatory true; } }
}
"""
FAR: Final = """module far {
  yang-version 1.1; namespace "urn:far"; prefix f; import web { prefix w; }
  augment "/w:limits" { leaf least { type w:small; must "count(/w:net/w:rule) >= ."; } }
  augment "/w:net" {
    leaf best { type leafref { path "/w:net/w:rule/w:cost"; } }
    leaf twin { type w:name; must "../w:rule[w:from = current()][w:to = current()]"; }
    container order {
      leaf strict { type w:small; }
      must "count(../w:rule) <= /w:limits/w:rules";
      must "not(../w:rule[position() = 1]/w:cost = 4)";
    }
  }
}
"""
"""Constraints for which all of a list is read."""
LINKS: Final = """module links {
  yang-version 1.1; namespace "urn:links"; prefix l;
  typedef name { type enumeration { enum a; enum b; enum c; } }
  list node {
    key name; leaf name { type name; } leaf mark { type name; default a; }
    list port { key id; leaf id { type name; } leaf label { type name; } }
  }
  list link {
    key id; leaf id { type name; }
    leaf at { type leafref { path "/l:node/l:port/l:label"; } }
    leaf mark { type leafref { path "/l:node/l:mark"; } }
    leaf-list via { type leafref { path "/l:node/l:name"; } }
    leaf either { type union { type leafref { path "/l:node/l:name"; } type uint8; } }
    leaf next { type leafref { path "../../link/id"; } }
  }
}
"""
"""Nothing but references."""
ENUMERATED: Final = ("a", "b", "c", "d", "e", "f")


class Weaver:
    """Makes one random configuration from another."""

    def __init__(self, roots: Iterator[SchemaNode] | list[SchemaNode], random: Random) -> None:
        self._roots = list(roots)
        self._random = random

    def altered(self, root: Branch) -> Branch:
        """Return a tree that differs in a few places."""
        for _ in range(self._random.choice((1, 1, 2, 3))):
            root = self._altered(None, self._roots, root)
        return root

    def _altered(self, node: SchemaNode | None, below: list[SchemaNode], branch: Branch) -> Branch:
        children = dict(branch.children)
        keys = node.keys if node is not None else ()
        child = self._random.choice([each for each in below if each not in keys])
        item = self._item(child, children.pop(child, None))
        if item:
            for other in [other for other in children if _excludes(child, other)]:
                del children[other]
            children[child] = item
        return Branch(node, children)

    def _item(self, node: SchemaNode, item: Item | None) -> Item | None:
        below = list(node.children.values())
        if node.kind is Kind.CONTAINER:
            return self._altered(node, below, item if isinstance(item, Branch) else Branch(node))
        if node.kind is Kind.LIST:
            return self._entries(node, below, item)
        if self._random.random() < 0.25:
            return None
        if node.kind is Kind.LEAF_LIST:
            return tuple(dict.fromkeys(self._value(node) for _ in range(2)))
        return self._value(node)

    def _entries(self, node: SchemaNode, below: list[SchemaNode], item: Item | None) -> dict[Key, Branch]:
        listed = dict(entries(item))
        key = tuple(self._value(leaf) for leaf in node.keys)
        if listed and self._random.random() < 0.2:
            del listed[self._random.choice(list(listed))]
        elif listed and self._random.random() < 0.1 and node.ordered_by_user:
            listed = dict(reversed(listed.items()))
        else:
            entry = listed.get(key) or Branch(node, dict(zip(node.keys, key, strict=True)))
            for _ in range(self._random.choice((0, 1, 2)) if set(below) - set(node.keys) else 0):
                entry = self._altered(node, below, entry)
            listed[key] = entry
        return listed

    def _value(self, node: SchemaNode) -> str:
        candidates = [*ENUMERATED, "plain", "fancy", *map(str, range(5))]
        allowed = [text for text in candidates if node.type is not None and node.type.is_canonical(text)]
        return self._random.choice(allowed)


def _excludes(node: SchemaNode, other: SchemaNode) -> bool:
    chosen = dict(node.cases)
    return any(chosen.get(choice, case) != case for choice, case in other.cases)
