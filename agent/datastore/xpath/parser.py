"""The reading of an XPath 1.0 expression (XPath 1.0 section 3.7 for the tokens, sections 2 and 3 for the grammar)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agent.datastore.restrictions import quote
from agent.datastore.xpath.syntax import (
    FUNCTIONS,
    Axis,
    Call,
    Expression,
    Literal,
    NameTest,
    Negation,
    NodeType,
    Number,
    Operation,
    Path,
    Step,
    Type,
    type_of,
)

_NAME: Final = r"[^\W\d][\w.\-\u00b7]*"
_TOKEN: Final = re.compile(
    rf"""\s*(?:
      (?P<literal>"[^"]*"|'[^']*')
    | (?P<number>\d+(?:\.\d*)?|\.\d+)
    | (?P<name>{_NAME}(?::(?!:)(?:{_NAME}|\*))?)
    | (?P<symbol>::|//|\.\.|!=|<=|>=|[()\[\].@,/|+\-=<>*$])
    )""",
    re.VERBOSE,
)
_OPERATOR_NAMES: Final = frozenset({"and", "or", "mod", "div"})
_BEFORE_OPERAND: Final = frozenset(
    {"", "@", "::", "(", "[", ",", "/", "//", "|", "+", "-", "=", "!=", "<", "<=", ">", ">="}
)
"""The tokens after which a star is a name test, and a name is a name."""
_LEVELS: Final = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))
"""The binary operators, from those that bind least."""
MAXIMUM_DEPTH: Final = 30
"""How deeply expressions may be nested."""
XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"


class XPathError(ValueError):
    """An expression that cannot be evaluated, with the reason."""


@dataclass(frozen=True, slots=True)
class _Token:
    """One token; operators that are names are symbols."""

    kind: str
    text: str


_END: Final = _Token("end", "")


def parse(text: str, namespaces: Mapping[str | None, str]) -> Expression:
    """Read an expression whose names have the prefixes of `namespaces`.

    A name without a prefix is in the namespace of None, if there is one, else in no namespace, as XPath 1.0 has it.
    Raises XPathError with what is wrong.
    """
    parser = _Parser(text, namespaces)
    expression = parser.expression()
    if parser.token is not _END:
        raise parser.unexpected()
    return expression


def _tokens(text: str) -> Iterator[_Token]:
    position, before = 0, ""
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise XPathError(f"{quote(text)}: {quote(text[position:].strip())} is no XPath")
        kind, token = match.lastgroup, match[match.lastgroup]
        if kind == "name" and before not in _BEFORE_OPERAND and token in _OPERATOR_NAMES:
            kind = "symbol"
        elif token == "*" and before in _BEFORE_OPERAND:
            kind = "name"
        # What stands before the next token: an operator that is a name, or the times sign, is followed by an operand.
        is_operator = kind == "symbol" and (token in _OPERATOR_NAMES or token == "*")
        before = "=" if is_operator else token if kind == "symbol" else "operand"
        position = match.end()
        yield _Token(kind, token)


class _Parser:
    """A recursive descent over the tokens, one level for each precedence."""

    def __init__(self, text: str, namespaces: Mapping[str | None, str]) -> None:
        self._text = text
        self._namespaces = namespaces
        self._tokens = (*_tokens(text), _END, _END)
        self._position = 0
        self._depth = 0

    @property
    def token(self) -> _Token:
        return self._tokens[self._position]

    def unexpected(self) -> XPathError:
        found = f"{self.token.text!r} is not expected" if self.token is not _END else "more is expected"
        return XPathError(f"{quote(self._text)}: {found}")

    def expression(self, level: int = 0) -> Expression:
        """Read the operators of a level and of those that bind more."""
        if level == len(_LEVELS):
            return self._unary()
        depth = self._depth
        operators = _LEVELS[level]
        operands = [self.expression(level + 1)]
        while self.token.kind == "symbol" and self.token.text in operators:
            operator = self._take()
            operands.append(self.expression(level + 1))
            if len(operators) > 1:  # 'or' and 'and' are gathered, the others bind to the left, each a level deeper.
                operands = [Operation(operator, tuple(operands))]
                self._deepen()
        self._depth = depth
        return operands[0] if len(operands) == 1 else Operation(operators[0], tuple(operands))

    def _within(self) -> Expression:
        """Read an expression between parentheses or brackets, a level deeper."""
        self._deepen()
        expression = self.expression()
        self._depth -= 1
        return expression

    def _deepen(self) -> None:
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise XPathError(f"{quote(self._text)}: nested more than {MAXIMUM_DEPTH} levels deep")

    def _unary(self) -> Expression:
        minuses = 0
        while self._accept("-"):
            minuses += 1
        expression = self._union()
        if not minuses:
            return expression
        return Negation(expression if minuses % 2 else Negation(expression))

    def _union(self) -> Expression:
        operands = [self._path()]
        while self._accept("|"):
            operands.append(self._path())
        if len(operands) == 1:
            return operands[0]
        for operand in operands:
            self._require_nodes(operand, "'|'")
        return Operation("|", tuple(operands))

    def _path(self) -> Expression:
        start = self._primary() if self._begins_primary() else None
        if start is None:
            return self._location_path()
        filters = tuple(self._predicates())
        steps = tuple(self._more_steps())
        if not filters and not steps:
            return start
        self._require_nodes(start, "a path or a predicate")
        return Path(steps, start=start, filters=filters)

    def _begins_primary(self) -> bool:
        if self.token.kind in ("literal", "number") or self.token.text in ("(", "$"):
            return True
        is_call = self.token.kind == "name" and self._tokens[self._position + 1].text == "("
        return is_call and self.token.text not in (kind.value for kind in NodeType)

    def _primary(self) -> Expression:
        kind, text = self.token.kind, self._take()
        if kind == "literal":
            return Literal(text[1:-1])
        if kind == "number":
            return Number(text)
        if text == "$":
            raise XPathError(f"{quote(self._text)}: there are no variables")
        if kind == "name":
            return self._call(text)
        inner = self._within()
        self._expect(")")
        return inner

    def _call(self, name: str) -> Expression:
        signature = FUNCTIONS.get(name)
        if signature is None:
            raise XPathError(f"{quote(self._text)}: there is no function {name!r}")
        arguments = []
        self._expect("(")
        if not self._accept(")"):
            arguments.append(self._within())
            while self._accept(","):
                arguments.append(self._within())
            self._expect(")")
        if len(arguments) < signature.least or (signature.most is not None and len(arguments) > signature.most):
            raise XPathError(f"{quote(self._text)}: {name}() does not take {len(arguments)} arguments")
        if signature.takes_nodes and arguments:
            self._require_nodes(arguments[0], f"{name}()")
        return Call(name, tuple(arguments))

    def _require_nodes(self, expression: Expression, user: str) -> None:
        if type_of(expression) is not Type.NODES:
            raise XPathError(f"{quote(self._text)}: {user} needs a node-set, not a {type_of(expression).value}")

    def _location_path(self) -> Expression:
        if self._accept("/"):
            return Path(tuple(self._relative_steps()) if self._begins_step() else (), is_absolute=True)
        if self._accept("//"):
            return Path((_descend(), *self._relative_steps()), is_absolute=True)
        return Path(tuple(self._relative_steps()))

    def _begins_step(self) -> bool:
        return self.token.kind == "name" or self.token.text in (".", "..", "@")

    def _relative_steps(self) -> Iterator[Step]:
        yield self._step()
        yield from self._more_steps()

    def _more_steps(self) -> Iterator[Step]:
        while self.token.text in ("/", "//") and self.token.kind == "symbol":
            if self._take() == "//":
                yield _descend()
            yield self._step()

    def _step(self) -> Step:
        if self._accept("."):
            return Step(Axis.SELF, NodeType.NODE)
        if self._accept(".."):
            return Step(Axis.PARENT, NodeType.NODE)
        axis = self._axis()
        return Step(axis, self._test(axis), tuple(self._predicates()))

    def _axis(self) -> Axis:
        if self._accept("@"):
            return Axis.ATTRIBUTE
        if self._tokens[self._position + 1].text != "::":
            return Axis.CHILD
        name = self._take()
        self._expect("::")
        try:
            return Axis(name)
        except ValueError:
            raise XPathError(f"{quote(self._text)}: there is no axis {name!r}") from None

    def _test(self, axis: Axis) -> NameTest | NodeType:
        if self.token.kind != "name":
            raise self.unexpected()
        name = self._take()
        if self._accept("("):
            return self._node_type(name)
        if name == "*":
            return NameTest(None, None)
        prefix, _, local = name.rpartition(":")
        return NameTest(self._namespace(prefix), None if local == "*" else local)

    def _node_type(self, name: str) -> NodeType:
        try:
            kind = NodeType(name)
        except ValueError:
            raise XPathError(f"{quote(self._text)}: {name}() is no step") from None
        if kind is NodeType.INSTRUCTION and self.token.kind == "literal":
            self._take()
        self._expect(")")
        return kind

    def _namespace(self, prefix: str) -> str:
        if not prefix:
            return self._namespaces.get(None, "")
        if prefix == "xml":
            return XML_NAMESPACE
        if prefix not in self._namespaces:
            raise XPathError(f"{quote(self._text)}: the prefix {prefix!r} is not declared")
        return self._namespaces[prefix]

    def _predicates(self) -> Iterator[Expression]:
        while self._accept("["):
            yield self._within()
            self._expect("]")

    def _take(self) -> str:
        taken = self.token.text
        self._position += 1
        return taken

    def _accept(self, symbol: str) -> bool:
        if self.token.kind != "symbol" or self.token.text != symbol:
            return False
        self._position += 1
        return True

    def _expect(self, symbol: str) -> None:
        if not self._accept(symbol):
            raise self.unexpected()


def _descend() -> Step:
    """Return what '//' stands for."""
    return Step(Axis.DESCENDANT_OR_SELF, NodeType.NODE)
