"""Write into ``docs/coverage.md`` of which lines theorems speak, for Linux 7.2 and the newest kernel in the cache.

With ``--check`` nothing is written: the exit status says whether the page is current.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmuproof.cli.coverage.reasons import REASONS
from mmuproof.cli.shared.caching import kernels_folder

PAGE = Path(__file__).resolve().parent.parent / "docs" / "coverage.md"
_MADE = re.compile(r"(<!-- coverage: made by make docs -->\n).*?(<!-- end -->)", re.DOTALL)
_FIRST = "7.2"
_MMU = "arch/x86/kvm/mmu"

Content = Mapping[str, Any]
"""The results file of a run."""


def trees() -> list[Path]:
    """The trees of the kernels."""
    cache = kernels_folder()
    series = (path.name.removeprefix("linux-") for path in cache.glob("linux-*") if (path / "Makefile").is_file())
    newest = max(series, key=lambda each: tuple(map(int, each.split("."))))
    return [cache / f"linux-{each}" for each in dict.fromkeys((_FIRST, newest))]


def measured(tree: Path) -> Content:
    """What `mmuproof coverage` says of a tree."""
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        made = Path(folder, "coverage.json")
        command = [sys.executable, "-m", "mmuproof.cli.main", "coverage", "--kernel", str(tree), "--json", str(made)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        content: Content = json.loads(made.read_text("utf-8"))
    return content


def cell(lines: Mapping[str, int] | None) -> str:
    """How much of a file is spoken of."""
    if lines is None:
        return ""
    share = f" ({100 * lines['spoken'] / lines['counted']:.1f} %)" if lines["counted"] else ""
    return f"{lines['spoken']} of {lines['counted']}{share}"


def table(kernels: Sequence[Content]) -> Iterator[str]:
    """A row for each file, those of the MMU first, and the total of its code."""
    heads = (f"{each['kernel']['version']}: lines spoken of | do not count" for each in kernels)
    yield f"| file | {' | '.join(heads)} |\n|---{'|---|---' * len(kernels)}|\n"
    total = [each["summary"]["mmu"] for each in kernels]
    yield from _row("**`mmu/*.c` and `mmu/paging_tmpl.h`**", total)
    files = {file for each in kernels for file in each["files"]}
    for file in sorted(files, key=lambda each: (not each.startswith(_MMU), each)):
        yield from _row(f"`{file.removeprefix('arch/x86/kvm/')}`", [each["files"].get(file) for each in kernels])


def _row(name: str, lines: Sequence[Mapping[str, int] | None]) -> Iterator[str]:
    cells = (f"{cell(each)} | {each['uncounted'] if each else ''}" for each in lines)
    yield f"| {name} | {' | '.join(cells)} |\n"


def silent(kernel: Content) -> Iterator[str]:
    """The functions of the MMU of which no theorem speaks, and whose lines count, file by file."""
    by_file: dict[str, list[str]] = {}
    for each in kernel["functions"]:
        if each["file"].startswith(_MMU) and each["lines"] and not each["spoken"] and each["uncounted"] is None:
            mark = " (cut)" if each["cut_by"] else ""
            by_file.setdefault(each["file"], []).append(f"`{each['function']}`{mark}")
    for file, names in by_file.items():
        yield f"* `{file.removeprefix('arch/x86/kvm/')}`: {', '.join(names)}\n"


def made() -> str:
    """What the page has between its marks."""
    kernels = [measured(tree) for tree in trees()]
    reasons = (f"* {why.value}: {', '.join(f'`{each}`' for each in names)}\n" for why, names in REASONS.items())
    newest = kernels[-1]
    return (
        f"{''.join(table(kernels))}\n"
        f"## Functions whose lines do not count\n\n{''.join(reasons)}\n"
        f"## Functions of the MMU of which no theorem speaks\n\n"
        f"Of Linux {newest['kernel']['version']}; where a theorem calls one and does not follow it, it is a cut.\n\n"
        f"{''.join(silent(newest))}"
    )


def main() -> int:
    """Write the page, or compare it."""
    before = PAGE.read_text("utf-8")
    text = made()
    after = _MADE.sub(lambda match: f"{match[1]}\n{text}\n{match[2]}", before)
    if "--check" in sys.argv[1:]:
        return int(before != after)
    PAGE.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
