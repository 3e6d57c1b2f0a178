"""Small scenarios for tests, and lives lived through at full speed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from agent.app.scenario import Scenario, parse_scenario
from agent.app.scenario.assertions import Verdict
from agent.app.scenario.run import live
from agent.core.world import SECOND
from tests.support.chapter import registry

FOLDER = Path(__file__).parents[2] / "agent" / "scenarios"
SMALL = """\
name: small
description: The chapter with one peer
start: 2003-03-10T12:00:00Z
settle-seconds: 8
seed: small

device:
  name: host
  addresses: [4.4.4.5]
  configuration: [chapter.xml, access.xml]

peers:
  - address: 4.4.4.4
    configuration: chapter-4.4.4.4.xml
    #MORE
  - {address: 3.3.3.3, configuration: chapter-3.3.3.3.xml}

users: {admin: admin, operator: operator}
"""


def small(more: str = "", peer: str = "") -> str:
    """Return the text of a small scenario with more at its end, and more of its peer."""
    if "alike" in peer:
        text = SMALL.replace("  - {address: 3.3.3.3, configuration: chapter-3.3.3.3.xml}\n", "")
    else:
        text = SMALL
    return text.replace("#MORE", peer) + more


def lived(text: str, seconds: float) -> tuple[tuple[Verdict, ...], list[str]]:
    """Live through a scenario for some seconds; return the verdicts and the lines of events."""
    out = io.StringIO()
    verdicts = live(parse_scenario(text), registry(), round(seconds * SECOND), out)
    return verdicts, out.getvalue().splitlines()


def scenario(more: str = "", peer: str = "") -> Scenario:
    """Return a small scenario."""
    return parse_scenario(small(more, peer))


class Loader(yaml.SafeLoader):
    """Reads YAML as editors do: a date is a text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def complaints(text: str) -> list[str]:
    """Return what the published schema finds wrong with a scenario."""
    schema = json.loads((FOLDER / "scenario.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(yaml.load(text, Loader))]
