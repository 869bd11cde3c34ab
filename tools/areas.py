"""Write the table of areas into ``docs/tour.md``: of each its files, the theorems that ask it something, its tests.

With ``--check`` nothing is written: the exit status says whether the table is current.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from mmuproof.cli.shared.process import RECURSION
from mmuproof.model.kvm import Kvm
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.proofs.catalogue import THEOREMS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tour.md"
_TABLE = re.compile(r"(<!-- areas: made by make docs -->\n).*?(<!-- end -->)", re.DOTALL)
_FOLDERS = ("lifted", "reference", "cuts", "defects")
AREAS = tuple(sorted(name for name, value in vars(Kvm).items() if isinstance(value, property)))


@dataclass
class Watched:
    """An implementation of KVM that notes which of its areas are asked."""

    kvm: Kvm
    asked: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> object:
        self.asked.add(name)
        return getattr(self.kvm, name)


def theorems_by_area() -> dict[str, list[str]]:
    """For each area the theorems that ask it something of the reference model."""
    found: dict[str, list[str]] = {area: [] for area in AREAS}
    kvm = ReferenceKvm()
    for theorem in THEOREMS:
        watched = Watched(kvm)
        for vendor in theorem.vendors:
            theorem.state(cast(Kvm, watched), vendor)
        for area in watched.asked & found.keys():
            found[area].append(theorem.name)
    return found


def grouped(names: list[str]) -> Iterator[str]:
    """``group.*`` where all theorems of a group are among the names, the names else."""
    for group in dict.fromkeys(name.partition(".")[0] for name in names):
        mine = [name for name in names if name.startswith(f"{group}.")]
        all_of_it = [each.name for each in THEOREMS if each.name.startswith(f"{group}.")]
        yield from (f"`{name}`" for name in ([f"{group}.*"] if mine == all_of_it and len(mine) > 1 else mine))


def files(area: str) -> Iterator[str]:
    """The files of an area, in `model/`."""
    for folder in ("", *_FOLDERS):
        place = ROOT / "model" / folder
        if (place / f"{area}.py").is_file() or (place / area / "__init__.py").is_file():
            yield f"`{folder}/`" if folder else f"`{area}.py`"


def tests(area: str) -> Iterator[str]:
    """The files of tests that carry an area's name."""
    for path in sorted((ROOT / "tests" / "model").rglob(f"test_*{area}*.py")):
        yield f"`{path.relative_to(ROOT).as_posix()}`"


def table() -> str:
    """The table."""
    rows = ["| area of `model/` | files in | theorems that ask it | tests |\n|---|---|---|---|\n"]
    for area, names in theorems_by_area().items():
        cells = (f"`{area}`", *(", ".join(each) for each in (files(area), grouped(names), tests(area))))
        rows.append(f"| {' | '.join(cells)} |\n")
    return "".join(rows)


def main() -> int:
    """Write the table, or compare it."""
    sys.setrecursionlimit(RECURSION)
    before = PAGE.read_text("utf-8")
    after = _TABLE.sub(lambda match: match[1] + "\n" + table() + "\n" + match[2], before)
    if "--check" in sys.argv[1:]:
        return int(before != after)
    PAGE.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
