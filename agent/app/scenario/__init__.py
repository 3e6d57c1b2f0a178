"""Scenarios: what they are, how they are read, what they do to a gateway, and what they claim of it."""

from agent.app.scenario.plan import GatewayPlan, Scenario
from agent.app.scenario.reader import (
    UnknownScenario,
    load_scenario,
    load_shipped,
    parse_scenario,
    shipped_scenarios,
)

__all__ = [
    "GatewayPlan",
    "Scenario",
    "UnknownScenario",
    "load_scenario",
    "load_shipped",
    "parse_scenario",
    "shipped_scenarios",
]
