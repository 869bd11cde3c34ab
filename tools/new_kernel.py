"""Tell what a new kernel asks of us: a page to work through, one item for each thing that has to be looked at.

It says which results are lost and why, what is refuted and no known finding, which assertions of KVM's nothing decides,
and which defects no longer fit.  With ``--like`` the older tree tells what is new about assertions and defects.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmuproof.cli.shared.process import RECURSION
from mmuproof.lift.errors import Gone, Refused, SourceError, Undefined
from mmuproof.lift.tree.source import KernelTree, open_source
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.edits import edited_files
from mmuproof.model.features import Contradiction
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.theorem import Claim
from mmuproof.proofs.warnings.conditions import DECIDED_ELSEWHERE, UNDECIDED
from mmuproof.proofs.warnings.met import AssertingFunction, undecided

_NOT_POSED = ("ERROR", "UNKNOWN", "VACUOUS")
Result = Mapping[str, Any]
"""A result as the results file has it."""


@dataclass(frozen=True)
class Unfit:
    """A defect whose edit does not fit, and why."""

    defect: str
    why: str


def results_of(kernel: str) -> Sequence[Result]:
    """What `mmuproof prove` says of a tree.

    Raises:
        SystemExit: it could not begin.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.json"
        command = ["prove", "--kernel", kernel, "--allow-known", "--json", str(file)]
        ended = subprocess.run(
            [sys.executable, "-m", "mmuproof.cli.main", *command], stdout=subprocess.DEVNULL, check=False
        )
        if not file.is_file():
            sys.exit(f"mmuproof prove ended with {ended.returncode} and without results")
        return list(json.loads(file.read_text("utf-8"))["results"])


def stated(kvm: Kvm) -> Iterator[tuple[str, Sequence[Claim]]]:
    """What can be stated of a tree; what cannot is among the results."""
    for theorem in THEOREMS:
        for vendor in theorem.vendors:
            with suppress(NotThere, Gone, Refused, Undefined, Contradiction):
                yield theorem.name, theorem.state(kvm, vendor)


def unfit(tree: KernelTree) -> Iterator[Unfit]:
    """The defects whose edits do not fit a tree."""
    for defect in DEFECTS.values():
        try:
            edited_files(tree.root, defect.edits)
        except SourceError as error:
            yield Unfit(defect.name, str(error))


def items(rows: Sequence[str], none: str) -> str:
    """A list to tick off."""
    return "".join(f"* [ ] {row}\n" for row in rows) or f"{none}\n"


def of_verdicts(results: Sequence[Result], *verdicts: str) -> list[str]:
    """The results with one of some verdicts, with the reason."""
    return [
        f"`{each['theorem']}` {each['vendor']}: {each['verdict']}: {each['reason']}"
        for each in results
        if each["verdict"] in verdicts and not each.get("known_findings")
    ]


def new_assertions(
    now: Mapping[AssertingFunction, set[str]], before: Mapping[AssertingFunction, set[str]] | None
) -> list[str]:
    """The assertions that nobody has looked at: more in a function than are listed, or than there were."""
    listed = Counter(AssertingFunction(each.file, each.function) for each in (*DECIDED_ELSEWHERE, *UNDECIDED))
    found = []
    for place, lines in sorted(now.items(), key=lambda item: (item[0].file, item[0].function)):
        former = None if before is None else len(before.get(place, ()))
        if place not in listed:
            what = "is neither decided nor listed"
        elif former is not None and len(lines) > former:
            what = f"had {former} before"
        elif len(lines) > listed[place]:
            what = f"has {listed[place]} that are listed"
        else:
            continue
        found.append(f"`{place.function}()` in `{place.file}`, line {', '.join(sorted(lines, key=int))}: {what}")
    return found


def page(
    name: str,
    results: Sequence[Result],
    assertions: Sequence[str],
    misfits: Sequence[Unfit],
    fitted: frozenset[str] | None,
) -> str:
    """The page.

    Args:
        name: what the kernel is called.
        results: of the whole catalogue.
        assertions: see `new_assertions`.
        misfits: the defects that do not fit.
        fitted: the defects that do not fit the older tree either; None if there is no older tree.
    """
    summary = Counter(str(each["verdict"]) for each in results)
    counted = ", ".join(f"{number} {verdict}" for verdict, number in sorted(summary.items()))
    old = frozenset[str]() if fitted is None else fitted
    fresh = [f"`{each.defect}`: {each.why}" for each in misfits if each.defect not in old]
    known = sum(each.defect in old for each in misfits)
    return (
        f"# {name}\n\n{len(results)} results: {counted}.\n\n"
        "## Lost\n\nThe feature is there, and something that the theorem looks for is not found.\n"
        "Teach `model/lifted/`, or the cut, what it is called in this tree.\n\n"
        f"{items(of_verdicts(results, 'LOST'), 'Nothing is lost.')}\n"
        "## Refuted\n\nRead the C: a bug of the kernel's, or of the model's.\n"
        "A bug of the kernel's goes into `docs/findings.md` and `proofs/known_findings.py`.\n\n"
        f"{items(of_verdicts(results, 'REFUTED'), 'Nothing but what is known is refuted.')}\n"
        "## Not decided\n\n"
        f"{items(of_verdicts(results, *_NOT_POSED), 'Every question could be posed and was answered.')}\n"
        "## Not applicable\n\nCheck that the feature is really gone.\n\n"
        f"{items(of_verdicts(results, 'NOT_APPLICABLE'), 'Every theorem applies.')}\n"
        "## Assertions that nothing decides\n\n"
        "Cover them in `proofs/warnings/runs.py`, or list them in `proofs/warnings/conditions.py`.\n\n"
        f"{items(assertions, 'All are decided or listed.')}\n"
        "## Defects that do not fit\n\nThe place that the edit changes is written otherwise here, or is gone.\n"
        + (f"{known} more do not fit the older tree either.\n" if known else "")
        + f"\n{items(fresh, 'All fit that fitted before.' if known else 'All fit.')}"
    )


def main() -> int:
    """Write the page to standard output."""
    sys.setrecursionlimit(RECURSION)
    parser = argparse.ArgumentParser(description="Tell what a new kernel asks of us.")
    parser.add_argument("--kernel", metavar="SOURCE", required=True, help="the new kernel")
    parser.add_argument("--like", metavar="SOURCE", help="an older kernel, by which what is new is told")
    options = parser.parse_args()
    before, fitted = None, None
    if options.like is not None:
        with open_source(options.like) as tree, open_kernel(tree) as kvm:
            before, fitted = undecided(stated(kvm)), frozenset(each.defect for each in unfit(tree))
    with open_source(options.kernel) as tree, open_kernel(tree) as kvm:
        assertions, misfits = new_assertions(undecided(stated(kvm)), before), tuple(unfit(tree))
        name = f"Linux {tree.version}" if tree.version else options.kernel
    sys.stdout.write(page(name, results_of(options.kernel), assertions, misfits, fitted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
