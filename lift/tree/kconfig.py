"""What a tree's Kconfig files say of their symbols, as far as values are made of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mmuproof.lift.errors import SourceError

# A line that goes on in the next is one.
_LINE = re.compile(r"(?:[^\n\\]|\\\n|\\)*\n?")
_ENTRY = re.compile(r"(?:menu)?config\s+(\w+)\s*$")
_BLOCK = re.compile(r"(if|menu|choice|endif|endmenu|endchoice|source|comment|mainmenu)\b\s*(.*)")
_TYPE = re.compile(r"(bool|boolean|tristate|int|hex|string)\b(.*)")
_DEFAULT = re.compile(r"(def_bool|def_tristate|default)\s+(.*?)(?:\s+if\s+(.*))?$")
_SELECT = re.compile(r"select\s+(\w+)(?:\s+if\s+(.*))?$")
_DEPENDS = re.compile(r"depends\s+on\s+(.*?)(?:\s+if\s+(.*))?$")
# What makes no value, or only bounds what a user may choose.
_NO_VALUE = re.compile(r"(prompt|range|visible|transitional|optional|modules)\b|$")
_HELP = ("help", "---help---")
CHOICE = "$(choice)"
"""Stands among what a member of a choice depends on; no condition can be read that has it."""


@dataclass(kw_only=True)
class KconfigEntry:
    """A symbol at one place of its definition.

    Args:
        symbol: its name, without ``CONFIG_``.
        at: ``file:line``.
        kind: ``bool``, ``tristate``, ``int``, ``hex`` or ``string``; empty where it is not said.
        prompt: whether a user may choose its value.
        defaults: values, each with its condition, of which the first that holds counts.
        selects: what it turns on, each with the condition.
        depends: conditions that all have to hold, those of the blocks around it among them.
        unread: the lines that are not understood.
    """

    symbol: str
    at: str
    kind: str = ""
    prompt: bool = False
    defaults: list[tuple[str, str]] = field(default_factory=list)
    selects: list[tuple[str, str]] = field(default_factory=list)
    depends: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Take notice of a line of the definition."""
        # A comment may follow; of a prompt nothing is read.
        plain = re.sub(r'("[^"]*")|\s*#.*', r"\1", line).strip()
        if found := _TYPE.match(plain):
            self.kind = found[1]
            self.prompt |= bool(found[2].strip())
        elif found := _DEFAULT.match(plain):
            if found[1] != "default":
                self.kind = found[1].removeprefix("def_")
            self.defaults.append((found[2], found[3] or ""))
        elif found := _SELECT.match(plain):
            self.selects.append((found[1], found[2] or ""))
        elif found := _DEPENDS.match(plain):
            self.depends.append(depends_on(*found.groups()))
        elif plain.startswith("prompt"):
            self.prompt = True
        elif not _NO_VALUE.match(plain):
            self.unread.append(plain)


def depends_on(condition: str, where: str | None) -> str:
    """The condition that a ``depends on`` stands for, which may itself hold only somewhere."""
    return f"!({where}) || ({condition})" if where else condition


def entries(text: str, file: str) -> Iterator[KconfigEntry]:
    """The entries of a Kconfig file, in its order; files that it includes are not read."""
    around: list[list[str]] = []
    entry: KconfigEntry | None = None
    block: list[str] | None = None
    number = 1
    for found in _LINE.finditer(text):
        line, at = found[0].replace("\\\n", " ").rstrip("\n"), f"{file}:{number}"
        number += found[0].count("\n")
        if begins := _ENTRY.match(line):
            if entry is not None:
                yield entry
            entry = KconfigEntry(symbol=begins[1], at=at, depends=[each for those in around for each in those])
            block = None
        elif begins := _BLOCK.match(line):
            if entry is not None:
                yield entry
            entry, block = None, None
            if begins[1] in ("if", "menu", "choice"):
                block = {"if": [begins[2].split("#")[0].strip()], "choice": [CHOICE]}.get(begins[1], [])
                around.append(block)
            elif begins[1].startswith("end") and around:
                around.pop()
        elif line.strip() in _HELP:
            if entry is not None:
                yield entry
            entry, block = None, None
        elif entry is not None:
            entry.add(line.strip())
        elif block is not None and (condition := _DEPENDS.match(line.strip())):
            block.append(depends_on(*condition.groups()))
    if entry is not None:
        yield entry


def read_entries(root: Path, name: str) -> list[KconfigEntry]:
    """The entries of a Kconfig file of a tree.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        text = (root / name).read_text("utf-8", errors="replace")
    except OSError as error:
        raise SourceError(f"the tree's {name} cannot be read: {error.strerror}") from error
    return list(entries(text, name))
