"""Print a digest of every claim, to show that a redesign has left what is proved as it was.

A line for each claim: theorem, vendor, part, a digest of what is decided (the claim, its assumptions with their words,
what must not be undefined on the way; of a processor of which nothing is known), and one of what a counterexample would
be told with (symptoms, inputs, steps, cuts).  Terms are digested as they are, variables by name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from mmuproof.cli.shared.process import RECURSION
from mmuproof.lift.errors import Missing, Refused, Undefined
from mmuproof.lift.tree.source import open_source
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.digests import decided, told
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.digests import Digests
from mmuproof.spec.hardware import Hardware


def lines(theorem: Theorem, kvm: Kvm, vendor: Vendor, digests: Digests) -> Iterator[str]:
    """The lines of a theorem; what cannot be stated is a line of its own."""
    head = f"{theorem.name} {vendor.value}"
    try:
        claims = theorem.state(kvm, vendor)
    except (NotThere, Missing) as missing:
        yield f"{head} not defined: {', '.join(missing.names)}"
        return
    except (Refused, Undefined) as refused:
        yield f"{head} {type(refused).__name__}: {refused}"
        return
    for claim in (each.on(Hardware()) for each in claims):
        yield f"{head} {digests.of(decided(claim))} {digests.of(told(claim))} {claim.case.part}"


@contextmanager
def _opened(source: str | None) -> Iterator[Kvm]:
    if source is None:
        yield ReferenceKvm()
        return
    with open_source(source) as tree, open_kernel(tree) as kvm:
        yield kvm


def _is_of(theorem: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(theorem, pattern) for pattern in patterns)


def main() -> int:
    """Print the digests, or hold them against those of an earlier run."""
    sys.setrecursionlimit(RECURSION)
    parser = argparse.ArgumentParser(description="Print a digest of every claim.")
    parser.add_argument(
        "theorems", metavar="THEOREM", nargs="*", default=["*"], help="names, with * and ?; by default all"
    )
    parser.add_argument("--kernel", metavar="SOURCE", help="a kernel tree; the reference model by default")
    parser.add_argument("--against", metavar="FILE", type=Path, help="what an earlier run printed; only what differs")
    options = parser.parse_args()
    digests = Digests()
    with _opened(options.kernel) as kvm:
        now = [
            line
            for theorem in THEOREMS
            if _is_of(theorem.name, options.theorems)
            for vendor in theorem.vendors
            for line in lines(theorem, kvm, vendor, digests)
        ]
    if options.against is None:
        sys.stdout.writelines(f"{line}\n" for line in now)
        return 0
    before = [
        line
        for line in options.against.read_text("utf-8").splitlines()
        if _is_of(line.partition(" ")[0], options.theorems)
    ]
    for line in sorted(set(before) ^ set(now)):
        sys.stdout.write(f"{'-' if line in before else '+'} {line}\n")
    sys.stdout.write(f"{len(before)} claims before, {len(now)} now\n")
    return int(before != now)


if __name__ == "__main__":
    sys.exit(main())
