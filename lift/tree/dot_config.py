"""Reading a kernel's ``.config``: a configuration of the user's."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmuproof.lift.errors import SourceError

_SET = re.compile(r"CONFIG_(\w+)=(.*)")
_UNSET = re.compile(r"# CONFIG_(\w+) is not set")
# Three values, a number, or a string in which only quotes and backslashes are escaped.
_VALUE = re.compile(r'[ymn]|-?\d+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\["\\])*"')
_OF = re.compile(r"# Linux/(\S+) .*Kernel Configuration")
_MOST_BYTES = 1 << 24
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class DotConfig:
    """A ``.config`` as it was written.

    Args:
        file: what the user called it.
        digest: SHA-256 of the file.
        values: each symbol that it names, without ``CONFIG_``, with its value as it is written; ``n`` if it is not set.
        lines: the line of each.
        remarks: what is odd about it.
    """

    file: str
    digest: str
    values: Mapping[str, str]
    lines: Mapping[str, int]
    remarks: tuple[str, ...] = ()

    def at(self, symbol: str) -> str:
        """``file:line`` of a symbol that it names."""
        return f"{self.file}:{self.lines[symbol]}"


def read_dot_config(path: Path) -> DotConfig:
    """Read the ``.config`` of a 64-bit x86 kernel with KVM.

    Raises:
        SourceError: it is no such file; with the line.
    """
    content = _content(path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}:{content[: error.start].count(10) + 1}: this is no text in UTF-8") from None
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    remarks = []
    for number, symbol, value in _settings(str(path), text):
        if values.get(symbol, value) != value:
            remarks.append(f"CONFIG_{symbol} is set in {path}:{lines[symbol]} and again in line {number}, which counts")
        values[symbol], lines[symbol] = value, number
    given = DotConfig(
        file=str(path), digest=hashlib.sha256(content).hexdigest(), values=values, lines=lines, remarks=tuple(remarks)
    )
    _check(given, text)
    return given


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder; the configuration is the file {path / '.config'} in it")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if content.startswith(_GZIP):
        raise SourceError(f"{path} is compressed: unpack it first, as with zcat")
    if len(content) > _MOST_BYTES:
        raise SourceError(f"{path} is too large for a configuration")
    return content


def _settings(file: str, text: str) -> Iterator[tuple[int, str, str]]:
    """The line, symbol and value of each line that says something of a symbol."""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip()
        if unset := _UNSET.fullmatch(line):
            yield number, unset[1], "n"
        elif given := _SET.fullmatch(line):
            if not _VALUE.fullmatch(given[2]):
                raise SourceError(f"{file}:{number}: {given[2]!r} is no value: y, m, n, a number or a quoted string is")
            yield number, given[1], given[2]
        elif line and not line.startswith("#"):
            raise SourceError(f"{file}:{number}: this is not CONFIG_NAME=value: {line[:60]!r}")


def _check(given: DotConfig, text: str) -> None:
    if given.values.get("X86_64") != "y":
        for number, line in enumerate(text.split("\n"), 1):
            if (found := _OF.match(line)) and found[1] not in ("x86", "x86_64"):
                raise SourceError(
                    f"{given.file}:{number}: this is the configuration of a kernel for {found[1]}, not for 64-bit x86"
                )
        raise SourceError(f"{_where(given, text, 'X86_64', '64BIT', 'X86_32')}: CONFIG_X86_64 is not set")
    if given.values.get("KVM", "n") == "n":
        raise SourceError(f"{_where(given, text, 'KVM', 'VIRTUALIZATION')}: CONFIG_KVM is not set: there is no KVM")
    if all(given.values.get(vendor, "n") == "n" for vendor in ("KVM_INTEL", "KVM_AMD")):
        raise SourceError(
            f"{_where(given, text, 'KVM_INTEL', 'KVM_AMD', 'KVM')}: neither CONFIG_KVM_INTEL nor CONFIG_KVM_AMD is set"
        )


def _where(given: DotConfig, text: str, *symbols: str) -> str:
    """The place that tells it: that of the first symbol that is named, or the end of the file."""
    for symbol in symbols:
        if symbol in given.lines:
            return given.at(symbol)
    return f"{given.file}:{text.rstrip().count(chr(10)) + 1}"
