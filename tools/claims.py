"""Write into ``docs/mbec-gmet.md`` what becomes of each claim of the MBEC/GMET series on each cached kernel.

With ``--check`` nothing is written: the exit status says whether the table is current.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.lift.tree.version import kernel_version

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "mbec-gmet.md"
_TABLE = re.compile(r"(<!-- verdicts: made by make docs -->\n).*?(<!-- end -->)", re.DOTALL)
SERIES = ("6.12", "7.2", "7.3")
"""The kernels: before the series, with it, and the newest that the documentation speaks of."""
CLAIMS: Mapping[str, tuple[str, ...]] = {
    "each ACC_* bit is one bit of the page tables": ("acc.one-to-one", "acc.gpte-access"),
    "no vendor's bit reaches the other's tables": ("spte.vendor-separation",),
    "the hardware allows what the access allows": ("spte.permissions",),
    "execute-only pages need no special case": (
        "exec-only.fetch",
        "exec-only.read",
        "exec-only.spte",
        "exec-only.tracking",
        "exec-only.misconfig",
    ),
    "XS equals XU where L1 is mapped directly": ("spte.direct-execution",),
    "MBEC goes by the U bit of page tables": ("permission.ept-mbec", "exit.ept-violation", "nested.user-address"),
    "walk and bitmask together judge as the manual does": ("nested.judgement",),
    "GMET ignores U for data": ("permission.npt-gmet", "nested.gmet", "nested.non-gmet-user"),
    "the root's access reaches every page": ("role.root-tdp", "role.root-access"),
    "MBEC needs EPT and advanced exit information": ("gating.mbec-needs-advanced-info", "gating.ept-capabilities"),
    "MBEC and GMET are offered to L1 only if they are on": ("gating.advertised-only-when-on",),
    "L1 cannot enter L2 with MBEC and without EPT": ("gating.entry-without-ept",),
    "L2 runs with MBEC or GMET exactly if L1 asks for it": (
        "gating.vmcs02",
        "gating.evmcs",
        "gating.vmcb12-cache",
        "gating.vmcb02",
    ),
    "L1's EPT is judged by what L1 was offered": ("gating.nested-ept", "role.vendor-bit"),
    "bits of SPTEs do not get into each other's way": (
        "layout.disjoint",
        "layout.software-bits-ignored",
        "layout.kinds-exclusive",
        "layout.frozen",
    ),
    "access tracking and MMIO generations survive": ("tracking.*", "mmio.generation-round-trip"),
    "every operation keeps the invariant of SPTEs": ("lifecycle.*",),
}
"""What the letter, or a patch of the series, claims, and the theorems that prove it."""


def kernel(series: str) -> Path:
    """A tree that ``make kernels`` has left."""
    return kernels_folder() / f"linux-{series}"


def results(series: str) -> Sequence[Mapping[str, Any]]:
    """What `mmuproof prove` finds of the theorems."""
    names = [name for names in CLAIMS.values() for name in names]
    command = [sys.executable, "-m", "mmuproof.cli.main", "prove", *names, "--kernel", str(kernel(series))]
    done = subprocess.run([*command, "--json", "-"], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        raise SystemExit(done.stderr)
    found: Sequence[Mapping[str, Any]] = json.loads(done.stdout)["results"]
    return found


def cell(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> str:
    """What becomes of a claim: of all its theorems together, or of each where they differ."""
    told: dict[str, list[Mapping[str, Any]]] = {}
    vendors = Counter(each["theorem"] for each in found)
    for each in found:
        if any(_fits(name, each["theorem"]) for name in names):
            findings = each["known_findings"]
            known = f" ([finding {', '.join(map(str, findings))}](findings.md))" if findings else ""
            told.setdefault(f"{each['verdict']}{known}", []).append(each)
    if len(told) == 1:
        return next(iter(told))
    return "; ".join(f"{verdict}: {', '.join(_named(theirs, vendors))}" for verdict, theirs in told.items())


def _named(results: Sequence[Mapping[str, Any]], vendors: Mapping[str, int]) -> Iterator[str]:
    """The theorems of some results, with the vendors where these are not all."""
    mine: dict[str, list[str]] = {}
    for each in results:
        mine.setdefault(each["theorem"], []).append(each["vendor"])
    for theorem, which in mine.items():
        yield f"`{theorem}`" if len(which) == vendors[theorem] else f"`{theorem}` ({', '.join(which)})"


def _fits(name: str, theorem: str) -> bool:
    return theorem.startswith(name[:-1]) if name.endswith("*") else theorem == name


def rows() -> Iterator[str]:
    """The table."""
    found = {series: results(series) for series in SERIES}
    yield f"| claim | theorems | {' | '.join(f'Linux {kernel_version(kernel(series))}' for series in SERIES)} |"
    yield f"|---|---|{'---|' * len(SERIES)}"
    for claim, names in CLAIMS.items():
        cells = (cell(names, found[series]) for series in SERIES)
        yield f"| {claim} | {', '.join(f'`{name}`' for name in names)} | {' | '.join(cells)} |"


def main() -> int:
    """Write the table, or with ``--check`` look whether it is current."""
    missing = [f"linux-{series}" for series in SERIES if not kernel(series).is_dir()]
    if missing:
        raise SystemExit(f"claims: {', '.join(missing)} is not cached: make kernels")
    page = PAGE.read_text("utf-8")
    table = "".join(f"{row}\n" for row in rows())
    new = _TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", page)
    if "--check" in sys.argv[1:]:
        return 0 if new == page else 1
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
