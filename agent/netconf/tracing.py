"""W3C Trace Context in the attributes of an rpc (draft-ietf-netconf-trace-ctx-extension): the trace it belongs to.

It is carried into the log. Invariant: nothing of a trace changes what is answered, and what is no trace is ignored.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

NAMESPACE: Final = "urn:ietf:params:xml:ns:netconf:w3ctc:1.0"
_PARENT: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_STATE: Final = re.compile(r"[\x20-\x7e\t]{1,512}")


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace and the span that a request belongs to; `state` is what tracing systems say beside, or empty."""

    trace_id: str
    span_id: str
    state: str = ""

    def __str__(self) -> str:
        """As the log shows it."""
        return f"trace {self.trace_id} span {self.span_id}" + (f" state {self.state}" if self.state else "")


def fields(trace: Trace | None) -> Mapping[str, str]:
    """Return the fields that a log record has of a trace."""
    if trace is None:
        return {}
    return {"trace_id": trace.trace_id, "span_id": trace.span_id, "trace_state": trace.state}


def note(log: logging.Logger, session_id: int, operation: etree._Element, trace: Trace | None) -> None:
    """Say in the log that a request with a trace is carried out."""
    if trace is not None:
        log.info("session %d: %s, %s", session_id, etree.QName(operation).localname, trace, extra=fields(trace))


def trace_of(rpc: etree._Element) -> Trace | None:
    """Return the trace of a request, None for one that has none, or none that the specification allows."""
    match = _PARENT.fullmatch(rpc.get(f"{{{NAMESPACE}}}traceparent", ""))
    if match is None or (match["version"] == "00" and match["more"]):
        return None
    state = rpc.get(f"{{{NAMESPACE}}}tracestate", "")
    return Trace(match["trace"], match["span"], state if _STATE.fullmatch(state) else "")
