"""Kernels lifted and compiled, side by side, and the comparison of the two."""

import os
import platform
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.lifted.kernel import LiftedKvm
from mmuproof.smt.graph import evaluate_all, variables
from mmuproof.smt.terms import Term, all_of, negate
from tests.kernels import opened_kernel
from tests.long_run import kernels

from .program import Program, build

#: Every random choice of these tests follows from it; MMUPROOF_SEED repeats a run.
SEED = int(os.environ.get("MMUPROOF_SEED") or random.SystemRandom().randrange(1 << 32))
#: How many cases a comparison has.
CASES = 3000

#: A random number for one input.
Draw = Callable[[random.Random], int]
Case = dict[str, int]

#: The result of a probe that tells whether a WARN has fired.
WARNED = "a WARN fires"


def word(bits: int) -> Draw:
    """Any number of so many bits."""
    return lambda chance: chance.getrandbits(bits)


def among(first: int, last: int) -> Draw:
    """A number from a range."""
    return lambda chance: chance.randint(first, last)


def sparse(bits: int) -> Draw:
    """Mostly zero, else a number with few bits set."""
    return lambda chance: chance.choice((0, 0, 0, 1 << chance.randrange(bits)))


ANY_BIT, WORD, ZERO, ONE = word(1), word(64), among(0, 0), among(1, 1)


@dataclass(frozen=True)
class TermsAndProgram:
    """One kernel: its functions as terms, and the same functions as gcc compiles them."""

    version: str
    lifted: LiftedKvm
    program: Program

    def compare(
        self,
        probe: str,
        inputs: Mapping[str, Draw],
        results: Mapping[str, Term],
        evidence: Evidence | None = None,
        adjust: Callable[[random.Random, Case], None] = lambda chance, case: None,
    ) -> None:
        """Fail unless both compute the same in random cases.

        Args:
            probe: the probe that calls the compiled functions.
            inputs: its inputs, in order, under the names that the terms' variables have.
            results: its results, in order.
            evidence: what the lifted functions demand.  Cases that C does not define are left out; if this is
                given, the probe's last result is whether a WARN has fired.
            adjust: changes a case.
        """
        terms = dict(results)
        checks = evidence.checks if evidence is not None else ()
        if evidence is not None:
            terms[WARNED] = negate(all_of(*(each.holds for each in checks if each.kind is CheckKind.WARN)))
        defined = all_of(*(each.holds for each in checks if each.kind is not CheckKind.WARN))
        unnamed = variables(*terms.values(), defined).keys() - inputs.keys()
        assert not unnamed, f"the terms depend on what the probe is not given: {unnamed}"

        chance = random.Random(f"{SEED} {self.version} {probe} {list(inputs)}")
        cases, expected = [], []
        for _ in range(CASES):
            case = {name: draw(chance) for name, draw in inputs.items()}
            adjust(chance, case)
            is_defined, *values = evaluate_all([defined, *terms.values()], case)
            if is_defined:
                cases.append(case)
                expected.append(tuple(values))
        assert len(cases) > CASES // 2, "too few cases are defined"

        actual = self.program.run(probe, [list(case.values()) for case in cases], len(terms))
        for case, lifted, compiled in zip(cases, expected, actual, strict=True):
            wrong = {
                name: f"lifted {mine:#x}, compiled {theirs:#x}"
                for name, mine, theirs in zip(terms, lifted, compiled, strict=True)
                if mine != theirs
            }
            assert not wrong, f"MMUPROOF_SEED={SEED} linux-{self.version} {probe}: {wrong} for {_hexadecimal(case)}"
        for (name, term), *values in zip(terms.items(), *expected, strict=True):
            assert term.is_const or len(set(values)) > 1, f"MMUPROOF_SEED={SEED} {probe}: {name} has never varied"


def _hexadecimal(case: Case) -> str:
    return ", ".join(f"{name} = {value:#x}" for name, value in case.items())


@pytest.fixture(scope="session", params=kernels("7.2", "6.12"))
def both(
    request: pytest.FixtureRequest, kernel_tree: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TermsAndProgram]:
    """A real kernel, lifted and compiled."""
    if platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("needs gcc for x86-64")
    version = str(request.param)
    with open_source(str(kernel_tree(version))) as tree, opened_kernel(tree) as lifted:
        folder = tmp_path_factory.mktemp(f"linux-{version}")
        yield TermsAndProgram(version, lifted, build(tree.root, folder))
