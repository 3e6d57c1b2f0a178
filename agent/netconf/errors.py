"""The one rendering of RpcError as rpc-error (RFC 6241 section 4.3, order of appendix B)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from agent.datastore.errors import ErrorInfo, InstancePath, PathStep, RpcError
from agent.datastore.markup import escape_text, quoted
from agent.datastore.schema import Kind, Module


def render_errors(errors: Iterable[RpcError]) -> str:
    """Return the rpc-error elements of one reply."""
    return "".join(_render(error) for error in errors)


def _render(error: RpcError) -> str:
    parts = [
        f"<error-type>{error.type.value}</error-type>",
        f"<error-tag>{error.tag}</error-tag>",
        "<error-severity>error</error-severity>",
    ]
    if error.app_tag:
        parts.append(f"<error-app-tag>{escape_text(error.app_tag)}</error-app-tag>")
    if error.place is not None:
        parts.append(f"<error-path>{escape_text(error.place)}</error-path>")
    elif error.path:
        parts.append(_path("error-path", error.path))
    parts.append(f'<error-message xml:lang="en">{escape_text(error.message)}</error-message>')
    if error.info:
        parts.append(f"<error-info>{''.join(_info(info) for info in error.info)}</error-info>")
    return f"<rpc-error>{''.join(parts)}</rpc-error>"


def _path(name: str, path: InstancePath, attributes: str = "") -> str:
    """Render an element whose text is the path of a node (RFC 6241 section 4.3), with the prefixes that it needs."""
    prefixes = _prefixes(path)
    declared = "".join(f" xmlns:{prefix}={quoted(module.namespace)}" for module, prefix in prefixes.items())
    return f"<{name}{attributes}{declared}>{escape_text(''.join(_step(step, prefixes) for step in path))}</{name}>"


def _prefixes(path: InstancePath) -> Mapping[Module, str]:
    """Return a prefix for each module: its own, or its name, which is unique, where two modules have the same."""
    modules = dict.fromkeys(step.node.module for step in path)
    own = Counter(module.prefix for module in modules)
    return {module: module.prefix if own[module.prefix] == 1 else module.name for module in modules}


def _step(step: PathStep, prefixes: Mapping[Module, str]) -> str:
    prefix = prefixes[step.node.module]
    if step.node.kind is Kind.LEAF_LIST and step.keys:
        return f"/{prefix}:{step.node.name}[.={_literal(step.keys[0])}]"
    keys = zip(step.node.keys, step.keys, strict=False)
    predicates = "".join(f"[{prefix}:{leaf.name}={_literal(value)}]" for leaf, value in keys)
    return f"/{prefix}:{step.node.name}{predicates}"


def _literal(value: str) -> str:
    """Return an XPath 1.0 literal, which has no escapes: the quote that the value does not hold."""
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value:
        return f'"{value}"'
    parts = "', \"'\", '".join(value.split("'"))
    return f"concat('{parts}')"


def _info(info: ErrorInfo) -> str:
    namespace = f" xmlns={quoted(info.namespace)}" if info.namespace is not None else ""
    if info.children:
        return f"<{info.name}{namespace}>{''.join(map(_info, info.children))}</{info.name}>"
    if not isinstance(info.value, str):
        return _path(info.name, info.value, namespace)
    return f"<{info.name}{namespace}>{escape_text(info.value)}</{info.name}>"
