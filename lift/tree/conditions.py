"""Conditions of Kconfig, evaluated as Kconfig does."""

import re
from collections.abc import Mapping

from mmuproof.lift.errors import SourceError

OFF, MODULE, ON = range(3)
"""The values of a condition: ``n``, ``m`` and ``y``; && is the smaller of two, || the larger."""

_TOKEN = re.compile(r'\s*(&&|\|\||!=|<=|>=|[()!=<>]|"[^"]*"|\w+)')
_SYMBOL = re.compile(r"[A-Z0-9_]+")


def evaluate(expression: str, config: Mapping[str, str]) -> bool:
    """Whether a Kconfig condition such as ``X86_64 && (PGTABLE_LEVELS > 2 || !SMP)`` is not ``n`` under ``config``.

    Raises:
        SourceError: the condition cannot be read.
    """
    return tristate(expression, config) > OFF


def tristate(expression: str, config: Mapping[str, str]) -> int:
    """A Kconfig condition's value under ``config``: `OFF`, `MODULE` or `ON`.  A symbol that is absent is ``n``.

    Raises:
        SourceError: the condition cannot be read.
    """
    return _Condition(expression, config).value()


class _Condition:
    """Recursive descent over one condition; what binds tighter comes first: comparison, !, &&, ||."""

    def __init__(self, expression: str, config: Mapping[str, str]) -> None:
        self._expression = expression
        self._config = config
        self._tokens = self._split(expression.split("#", 1)[0].strip())

    def value(self) -> int:
        result = self._either()
        if self._tokens:
            raise self._unreadable()
        return result

    def _split(self, text: str) -> list[str]:
        tokens, position = [], 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._unreadable()
            tokens.append(match[1])
            position = match.end()
        return tokens

    def _unreadable(self) -> SourceError:
        return SourceError(f"the tree's Kconfig has a condition that cannot be read: {self._expression!r}")

    def _take(self) -> str:
        if not self._tokens:
            raise self._unreadable()
        return self._tokens.pop(0)

    def _next_is(self, *tokens: str) -> bool:
        return bool(self._tokens) and self._tokens[0] in tokens

    def _either(self) -> int:
        result = self._both()
        while self._next_is("||"):
            self._take()
            result = max(result, self._both())
        return result

    def _both(self) -> int:
        result = self._plain()
        while self._next_is("&&"):
            self._take()
            result = min(result, self._plain())
        return result

    def _plain(self) -> int:
        token = self._take()
        if token == "!":
            return ON - self._plain()
        if token == "(":
            result = self._either()
            if self._take() != ")":
                raise self._unreadable()
            return result
        left = self._operand(token)
        if not self._next_is("=", "!=", "<", ">", "<=", ">="):
            return {"n": OFF, "": OFF, "m": MODULE}.get(left, ON)
        operator = self._take()
        right = self._operand(self._take())
        if operator in ("=", "!="):
            return ON if (left == right) == (operator == "=") else OFF
        try:
            difference = int(left, 0) - int(right, 0)
        except ValueError:
            # A number that is not set is neither above nor below another.
            return OFF
        holds = {"<": difference < 0, ">": difference > 0, "<=": difference <= 0, ">=": difference >= 0}[operator]
        return ON if holds else OFF

    def _operand(self, token: str) -> str:
        if token.startswith('"'):
            return token[1:-1]
        if token in ("y", "m", "n") or token[0].isdigit():
            return token
        if not _SYMBOL.fullmatch(token):
            raise self._unreadable()
        return self._config.get(token, "n").strip('"')
