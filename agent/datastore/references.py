"""The types whose values name identities or schema nodes (RFC 7950 sections 9.10 and 9.13, RFC 6991 xpath1.0).

Their texts hold XML prefixes, which mean something only beside the element's namespace declarations. Invariant: a
canonical value holds module names in place of prefixes, as RFC 7951 writes it, so that it can be kept and compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.datastore.restrictions import InvalidValue, Pattern, quote
from agent.datastore.values import NO_NAMESPACES, NO_PREFIXES, ValueType

_NAME = r"[A-Za-z_\u00c0-\uffff][\w.\-]*"
# Literals first, since they hide what looks like a name; an axis (name::) is no prefix.
_XPATH_TOKEN = re.compile(
    rf"""(?P<literal>"[^"]*"|'[^']*')|(?P<prefix>{_NAME}):(?P<local>{_NAME}|\*)|(?P<axis>{_NAME}::)"""
)


@dataclass(frozen=True, slots=True)
class ModuleNames:
    """What ties names, namespaces and prefixes of the loaded modules together."""

    by_namespace: Mapping[str, str]
    prefixes: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, modules: Mapping[str, tuple[str, str]]) -> ModuleNames:
        """From each module's (prefix, namespace); a prefix that two modules share is lengthened for the second."""
        prefixes: dict[str, tuple[str, str]] = {}
        taken: set[str] = set()
        for name, (prefix, namespace) in modules.items():
            while prefix in taken:
                prefix += "_"
            taken.add(prefix)
            prefixes[name] = (prefix, namespace)
        by_namespace = {namespace: name for name, (_, namespace) in modules.items()}
        return cls(MappingProxyType(by_namespace), MappingProxyType(prefixes))

    def module(self, prefix: str | None, namespaces: Mapping[str | None, str], text: str) -> str:
        """The module that a prefix in `text` stands for; None is the default namespace. Raises InvalidValue."""
        namespace = namespaces.get(prefix)
        shown = f"prefix '{prefix}'" if prefix else "default namespace"
        if namespace is None:
            raise InvalidValue(f"{quote(text)}: no {shown} is declared")
        if namespace not in self.by_namespace:
            raise InvalidValue(f"{quote(text)}: no module has the namespace '{namespace}' of the {shown}")
        return self.by_namespace[namespace]

    def as_namespaces(self) -> Mapping[str | None, str]:
        """The namespaces by module name, which read a canonical value."""
        return {name: namespace for name, (_, namespace) in self.prefixes.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identityref(ValueType):
    """One of the `identities`, which are canonical: 'module:name', in the order of their modules."""

    identities: tuple[str, ...]
    names: ModuleNames = field(repr=False)
    base: str = "identityref"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """'module:name'; without a prefix the default namespace is meant (section 9.10.3)."""
        prefix, _, name = text.rpartition(":")
        canonical = f"{self.names.module(prefix or None, namespaces, text)}:{name}"
        if canonical not in self.identities:
            raise InvalidValue(f"{quote(text)} is not an allowed identity; allowed: {', '.join(self.identities)}")
        return canonical

    def render(self, canonical: str) -> tuple[str, Mapping[str, str]]:
        """The identity with the prefix of its module."""
        module, _, name = canonical.partition(":")
        prefix, namespace = self.names.prefixes[module]
        return f"{prefix}:{name}", {prefix: namespace}

    def is_canonical(self, text: str) -> bool:
        """Whether it is one of the identities."""
        return text in self.identities

    @property
    def has_prefixes(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePath(ValueType):
    """An instance-identifier, or a string type that holds an XPath 1.0 expression.

    The expression is rewritten, not understood: whether the nodes exist is libyang's to judge.
    """

    names: ModuleNames = field(repr=False)
    patterns: tuple[Pattern, ...] = ()
    base: str = "instance-identifier"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The expression with module names in place of prefixes.

        In XPath a module's name is a prefix of its own where nothing else is declared as it (RFC 8639, RFC 8641).
        """
        if self.base == "instance-identifier" and not text.startswith("/"):
            raise InvalidValue(f"{quote(text)} is not an instance-identifier: it must begin with '/'")
        for pattern in self.patterns:
            pattern.check(text)
        own = () if self.base == "instance-identifier" else self.names.prefixes

        def module_of(prefix: str) -> str:
            is_name = prefix in own and prefix not in namespaces
            return prefix if is_name else self.names.module(prefix, namespaces, text)

        return _replace_prefixes(text, module_of)

    def render(self, canonical: str) -> tuple[str, Mapping[str, str]]:
        """The expression with the prefixes of the modules."""
        used: dict[str, str] = {}

        def prefix_of(module: str) -> str:
            prefix, namespace = self.names.prefixes[module]
            used[prefix] = namespace
            return prefix

        text = _replace_prefixes(canonical, prefix_of)
        return text, MappingProxyType(used) if used else NO_PREFIXES

    def is_canonical(self, text: str) -> bool:
        """Whether it parses with the modules' names as prefixes."""
        try:
            return self.parse(text, self.names.as_namespaces()) == text
        except InvalidValue:
            return False

    @property
    def has_prefixes(self) -> bool:
        """Always."""
        return True

    @property
    def needs_escape(self) -> bool:
        """A predicate can compare with < or hold an ampersand."""
        return True


def _replace_prefixes(expression: str, replace: Callable[[str], str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match["prefix"] is None:
            return match[0]
        return f"{replace(match['prefix'])}:{match['local']}"

    return _XPATH_TOKEN.sub(replaced, expression)
