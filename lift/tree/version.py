"""Which kernel a tree is, from the first lines of its Makefile."""

import re
from pathlib import Path

from mmuproof.lift.errors import SourceError

_FIELDS = ("VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION")
_LINE = re.compile(rf"^({'|'.join(_FIELDS)})[ \t]*=[ \t]*(\S*)[ \t]*$", re.MULTILINE)


def kernel_version(root: Path) -> str:
    """The version as ``uname -r`` would start it: ``7.2.12`` or ``7.3.0-rc7``.

    Raises:
        SourceError: the folder has no Makefile with VERSION, PATCHLEVEL and SUBLEVEL.
    """
    major, minor, patch = version_numbers(root)
    return f"{major}.{minor}.{patch}{_fields(root).get('EXTRAVERSION', '')}"


def version_numbers(root: Path) -> tuple[int, int, int]:
    """VERSION, PATCHLEVEL and SUBLEVEL as numbers.

    Raises:
        SourceError: see `kernel_version`.
    """
    fields = _fields(root)
    try:
        return int(fields["VERSION"]), int(fields["PATCHLEVEL"]), int(fields["SUBLEVEL"] or 0)
    except (KeyError, ValueError):
        raise SourceError("the Makefile does not say a kernel version") from None


def _fields(root: Path) -> dict[str, str]:
    try:
        with (root / "Makefile").open(encoding="utf-8", errors="replace") as file:
            text = file.read(8192)
    except OSError:
        raise SourceError("there is no Makefile that can be read") from None
    fields: dict[str, str] = {}
    for name, value in _LINE.findall(text):
        fields.setdefault(name, value)
    return fields
