"""Two versions of an MMU of a few lines, for what holds two versions against each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import reject

from mmuproof.compare.encodings import CONSTANTS, Bits, Kind
from mmuproof.compare.outcomes import Comparison
from mmuproof.compare.relation import Relation
from mmuproof.compare.versions import Pair, Pairing, Version, pair_functions, unchanged
from mmuproof.compare.ways import Compared, Given, SetUp
from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.tree.overlay import BUG_CALL, WARN_CALL
from mmuproof.model.lifted.unit_paths import MMU_C, TDP_MMU_C, is_of_mmu
from mmuproof.smt.obligation import Answer, Obligation, Verdict
from mmuproof.smt.solver import decide
from tests.lift.machine.conftest import CLANG, PROGRAMS

PREAMBLE = f"""
#define WARN_ON(c) {WARN_CALL}(!!(c))
#define BUG_ON(c) {BUG_CALL}(!!(c))
int {WARN_CALL}(int); void {BUG_CALL}(int);
enum {{ false, true }};
"""
BUDGET = 10_000_000


def version(folder: Path, text: str, elsewhere: str = "") -> Version:
    """A version of a unit, or of two; the types of programs/types.h, WARN_ON and BUG_ON are there."""
    (folder / MMU_C).parent.mkdir(parents=True)
    (folder / "before.h").write_text((PROGRAMS / "types.h").read_text() + PREAMBLE)
    printed = {}
    for path, content in ((MMU_C, text), (TDP_MMU_C, elsewhere)):
        if content:
            (folder / path).write_text(content)
            unit = Unit(folder, path, [*CLANG, "-include", str(folder / "before.h")], CONSTANTS)
            printed[path] = Printed(unit, is_of_mmu)
    return Version(printed)


@dataclass(frozen=True)
class Held:
    """A function of both versions held against each other under the first relation that makes it equal, or the last."""

    compared: Compared
    relation: Relation
    comparison: Comparison
    answer: Answer

    @property
    def equal(self) -> bool:
        """Whether both show the same for all inputs."""
        # A random function may be too hard for the budget; anywhere else this fails the test.
        if self.answer.verdict is Verdict.UNKNOWN:
            reject()
        assert self.answer.verdict in (Verdict.PROVED, Verdict.REFUTED), self.answer
        return self.answer.verdict is Verdict.PROVED

    @property
    def notes(self) -> tuple[str, ...]:
        """What is which, in words."""
        return self.relation.notes

    @property
    def differs_in(self) -> set[str]:
        """What may differ as far as terms tell."""
        return {each.name for each in self.comparison.aspects}


@dataclass(frozen=True)
class TwoVersions:
    """An old and a new version; ``names`` are names in the new one, with what they were in the old one."""

    old: Version
    new: Version
    names: Mapping[str, str]
    pairing: Pairing

    def pair(self, function: str) -> Pair:
        """A function, by its new name."""
        return next(each for each in self.pairing.pairs if each.new == function)

    @property
    def given(self) -> Given:
        """How names have changed, as far as it is known beforehand."""
        return Given(self.names, self.pairing)

    def unchanged(self, function: str = "f", moved: Collection[Kind] = ()) -> bool:
        """Whether a function and all that it calls says the same."""
        return unchanged(self.old, self.new, self.pair(function), {}, moved)

    def set_up(self, masks: tuple[Bits, Bits] | None = None) -> SetUp:
        """Masks of any value, or as given."""
        return SetUp("", self.old.constants, self.new.constants) if masks is None else SetUp("intel", *masks)

    def hold(self, function: str = "f", masks: tuple[Bits, Bits] | None = None) -> Held:
        """Hold a function of both against each other."""
        compared = Compared(self.old, self.new, self.pair(function), self.given, self.set_up(masks))
        found: Held | None = None
        for relation in compared.relations():
            comparison = compared.compare(relation)
            obligation = Obligation(comparison.assumptions, ~comparison.differs)
            answer = decide(obligation, BUDGET, small=False)
            found = Held(compared, relation, comparison, answer)
            if found.equal:
                break
        assert found is not None
        return found


Versions = Callable[..., TwoVersions]


@pytest.fixture
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """Read two versions; what comes first stands in both, and ``elsewhere`` in another unit of each."""

    def read(
        common: str, old: str, new: str, names: Mapping[str, str] | None = None, elsewhere: tuple[str, str] = ("", "")
    ) -> TwoVersions:
        folder = tmp_path_factory.mktemp("versions")
        before = version(folder / "old", common + old, elsewhere[0] and common + elsewhere[0])
        after = version(folder / "new", common + new, elsewhere[1] and common + elsewhere[1])
        return TwoVersions(before, after, names or {}, pair_functions(before, after, names or {}))

    return read
