"""The configuration under which an unconfigured tree is read.

An unbuilt tree has no ``.config``. The symbols of `kernel.config` stand in for one, and what those
``select`` is taken from the tree's own Kconfig files: without it the headers of no version parse. Prompts,
defaults and ``depends on`` are ignored, so the result is *a* configuration that the headers accept, not one
that a user's menu could have produced. It is printed with every result.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mmuproof.lift.errors import SourceError

_FILES = ("arch/x86/Kconfig", "arch/x86/kvm/Kconfig", "virt/kvm/Kconfig")
# Present from 6.15 on: which CPU features the build requires or rules out. Before that, headers say it.
_FEATURE_FILE = "arch/x86/Kconfig.cpufeatures"
_FEATURE = re.compile(r"X86_(?:REQUIRED|DISABLED)_FEATURE_\w+")

_ENTRY = re.compile(r"^(?:menu)?config\s+(\w+)\s*$", re.MULTILINE)
_SELECT = re.compile(r"^\s+select\s+(\w+)(?:\s+if\s+(.*))?$")
_DEPENDS = re.compile(r"^\s+depends\s+on\s+(.*?)(?:\s+if\s+(.*))?$")
_BLOCK_END = re.compile(r"^(?:config|menuconfig|menu|endmenu|choice|endchoice|if|endif|source|comment)\b")
_TOKEN = re.compile(r'\s*(&&|\|\||!=|<=|>=|[()!=<>]|"[^"]*"|\w+)')
_SYMBOL = re.compile(r"[A-Z0-9_]+")


@dataclass(frozen=True)
class _Entry:
    selects: tuple[tuple[str, str], ...]
    depends: tuple[str, ...]


def base_config() -> dict[str, str]:
    """The symbols that stand in for a ``.config``, from the data file `kernel.config`."""
    text = resources.files("mmuproof.lift.tree").joinpath("kernel.config").read_text("utf-8")
    return parse_config(text)


def parse_config(text: str) -> dict[str, str]:
    """Read ``NAME=value`` lines; blank lines and ``#`` comments are skipped.

    Raises:
        ValueError: there is any other line.
    """
    config: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not value or not _SYMBOL.fullmatch(name):
            raise ValueError(f"line {number} is not NAME=value: {stripped!r}")
        config[name] = value
    return config


def closed_config(root: Path, base: Mapping[str, str]) -> dict[str, str]:
    """``base`` together with what the tree's Kconfig files select for it, in alphabetical order.

    Raises:
        SourceError: the tree lacks those files, or an ``if`` in them cannot be read.
    """
    config = dict(base)
    entries: dict[str, list[_Entry]] = {}
    for name in _FILES:
        for symbol, entry in _entries(_read(root, name)):
            entries.setdefault(symbol, []).append(entry)
    # What is selected only if something is off comes second: it must see everything that is on.
    for with_negations in (False, True):
        while selected := _selected(entries, config, with_negations):
            config |= dict.fromkeys(selected, "y")
    if (root / _FEATURE_FILE).is_file():
        for symbol, entry in _entries(_read(root, _FEATURE_FILE)):
            if _FEATURE.fullmatch(symbol) and all(evaluate(line, config) for line in entry.depends):
                config.setdefault(symbol, "y")
    return dict(sorted(config.items()))


def _selected(entries: Mapping[str, list[_Entry]], config: Mapping[str, str], with_negations: bool) -> list[str]:
    """The symbols that enabled ones select and that are not yet enabled."""
    return [
        symbol
        for enabled in config
        for entry in entries.get(enabled, [])
        for symbol, condition in entry.selects
        if symbol not in config
        and (with_negations or "!" not in condition)
        and (not condition or evaluate(condition, config))
    ]


def evaluate(expression: str, config: Mapping[str, str]) -> bool:
    """Decide a Kconfig condition such as ``X86_64 && (PGTABLE_LEVELS > 2 || !SMP)`` under ``config``.

    A symbol that is absent is ``n``; ``m`` does not occur.

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

    def value(self) -> bool:
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

    def _either(self) -> bool:
        result = self._both()
        while self._next_is("||"):
            self._take()
            right = self._both()
            result = result or right
        return result

    def _both(self) -> bool:
        result = self._plain()
        while self._next_is("&&"):
            self._take()
            right = self._plain()
            result = result and right
        return result

    def _plain(self) -> bool:
        token = self._take()
        if token == "!":
            return not self._plain()
        if token == "(":
            result = self._either()
            if self._take() != ")":
                raise self._unreadable()
            return result
        left = self._operand(token)
        if not self._next_is("=", "!=", "<", ">", "<=", ">="):
            return left not in ("n", "")
        operator = self._take()
        right = self._operand(self._take())
        if operator in ("=", "!="):
            return (left == right) == (operator == "=")
        try:
            difference = int(left, 0) - int(right, 0)
        except ValueError:
            # A number that is not set is neither above nor below another.
            return False
        return {"<": difference < 0, ">": difference > 0, "<=": difference <= 0, ">=": difference >= 0}[operator]

    def _operand(self, token: str) -> str:
        if token.startswith('"'):
            return token[1:-1]
        if token in ("y", "m", "n") or token[0].isdigit():
            return token
        if not _SYMBOL.fullmatch(token):
            raise self._unreadable()
        return self._config.get(token, "n")


def _entries(text: str) -> Iterator[tuple[str, _Entry]]:
    text = text.replace("\\\n", " ")
    for match in _ENTRY.finditer(text):
        selects, depends = [], []
        for line in text[match.end() :].lstrip("\n").split("\n"):
            if _BLOCK_END.match(line) or line.strip() in ("help", "---help---"):
                break
            if found := _SELECT.match(line):
                selects.append((found[1], (found[2] or "").strip()))
            elif found := _DEPENDS.match(line):
                depends.append(f"!({found[2]}) || ({found[1]})" if found[2] else found[1])
        yield match[1], _Entry(tuple(selects), tuple(depends))


def _read(root: Path, name: str) -> str:
    try:
        return (root / name).read_text("utf-8", errors="replace")
    except OSError as error:
        raise SourceError(f"the tree's {name} cannot be read: {error.strerror}") from error
