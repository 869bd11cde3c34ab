"""In which translation unit a question is asked, and the masks as they are set up for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

from mmuproof.lift.errors import Refused, SourceError
from mmuproof.lift.parsing.probe import AddedTo, OpenUnit, QuestionWrong
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.tree.defined import seems_to_define
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.stand_ins import StandIns, clang_arguments
from mmuproof.lift.waiting import result_of
from mmuproof.model.lifted.masks import LiftedMasks
from mmuproof.model.lifted.unit_paths import (
    CPUID_C,
    MMU_C,
    NESTED_SVM_C,
    NESTED_VMX_C,
    REGS_C,
    SPTE_C,
    SVM_C,
    TDP_MMU_C,
    VMX_C,
    X86_C,
)
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.vendor import Vendor

_KVM = "arch/x86/kvm"
_ORDER = (SPTE_C, MMU_C, TDP_MMU_C, CPUID_C, REGS_C, X86_C, VMX_C, NESTED_VMX_C, SVM_C, NESTED_SVM_C)
_MODULES = {Vendor.INTEL: (VMX_C,), Vendor.AMD: (SVM_C,), Vendor.SHADOW: (VMX_C, SVM_C)}
# What another unit may know: the name of a function or type, or a type's members.
_ELSEWHERE = re.compile(r"undeclared|unknown type name|incomplete|no member named|forward declaration")

_NOT_LIFTED = re.compile(r"call of (\w+)\(\): neither lifted")


class InOneUnit(Protocol):
    """Questions that have been compiled in a unit."""

    @property
    def missing(self) -> Sequence[str]:
        """The functions that they call and that the unit does not define."""


_Compiled = TypeVar("_Compiled", bound=InOneUnit)
_Answer = TypeVar("_Answer")


class QuestionUnits:
    """The translation units of a tree, as far as questions need them.

    Args:
        root: the tree's folder.
        saved: where parsed units are kept.
        pool: where they are parsed; clang runs outside the interpreter's lock, so they are parsed side by side.
        given: the user's configuration; ours if there is none.
    """

    def __init__(self, root: Path, saved: SavedUnits, pool: ThreadPoolExecutor, given: DotConfig | None = None) -> None:
        self._root, self._saved, self._pool, self._given = root, saved, pool, given
        self._opened: dict[str, Future[OpenUnit]] = {}
        self._masks: dict[tuple[AddedTo, Vendor], ShadowMasks] = {}

    @cached_property
    def stand_ins(self) -> StandIns:
        """The headers that the tree lacks, and the configuration that they stand for."""
        return self._saved.stand_ins(self._root, self._given)

    def start(self, paths: Iterable[str]) -> None:
        """Begin to parse units that will be asked for, as far as the tree has them."""
        for path in paths:
            if path not in self._opened and (self._root / path).is_file():
                arguments = clang_arguments(self._root, self.stand_ins, path)
                self._opened[path] = self._pool.submit(OpenUnit, self._root, path, arguments, self._saved)

    def open(self, path: str) -> OpenUnit:
        """A unit.

        Raises:
            ParseFailed: it does not parse.
            SourceError: the tree has no such file, or it cannot be read.
        """
        if not (self._root / path).is_file():
            raise SourceError(f"the tree has no {path}")
        self.start([path])
        return result_of(self._opened[path])

    def start_masks(self, vendors: Sequence[Vendor]) -> None:
        """Begin to parse and to read what the set-up of masks needs."""
        for vendor in vendors:
            self.start((SPTE_C, *_MODULES[vendor]))
        for path in dict.fromkeys(path for vendor in vendors for path in _MODULES[vendor]):
            # What this waits for has been begun before it.
            self._pool.submit(self._read, path)

    def _read(self, path: str) -> AddedTo:
        return self.open(path).plain

    def masks(self, unit: AddedTo, vendor: Vendor) -> ShadowMasks:
        """The masks as they are set up for a vendor, in the unit of a question if it has them."""
        key = (unit, vendor)
        if key not in self._masks:
            of_masks = unit if unit.path == SPTE_C else self.open(SPTE_C).plain
            # A module that is not loaded for these processors is not asked anything.
            vmx, svm = (
                (unit if path == unit.path else self.open(path).plain) if path in _MODULES[vendor] else of_masks
                for path in (VMX_C, SVM_C)
            )
            self._masks[key] = LiftedMasks(of_masks, svm, vmx).shadow_masks(vendor)
        return self._masks[key]

    def constants(self, names: Iterable[str]) -> dict[str, int]:
        """The values of some constants of SPTEs, as far as the kernel defines them."""
        unit = self.open(SPTE_C).plain
        return {name: value for name in names if (value := unit.constant(name)) is not None}

    # -- finding the unit -------------------------------------------------------------------------

    def answer(
        self,
        called: Sequence[str],
        compiled_in: Callable[[OpenUnit], _Compiled],
        asked_of: Callable[[_Compiled], _Answer],
        only: str | None = None,
    ) -> _Answer:
        """Ask a question in the first unit that has bodies for all that it calls.

        Args:
            called: the names of functions in it.
            compiled_in: compiles it in a unit.
            asked_of: runs it there.
            only: the one unit to look at.

        Raises:
            QuestionWrong: it compiles in no unit; the reason is that of the first one.
            Refused: it can be run in none of those in which it compiles; likewise.
            SourceError: a unit cannot be read.
        """
        wrong: QuestionWrong | None = None
        refused: Refused | None = None
        incomplete: _Compiled | None = None
        tried: list[str] = []
        wanted = list(called)
        while (path := self._next(wanted, tried, wrong) if only is None else only) is not None and path not in tried:
            tried.append(path)
            try:
                compiled = compiled_in(self.open(path))
                missing = self._elsewhere(compiled.missing, tried)
                if not missing:
                    return asked_of(compiled)
                incomplete = incomplete or compiled
            except QuestionWrong as error:
                wrong = wrong or error
                if not any(_ELSEWHERE.search(each.message) for each in error.problems):
                    break
                continue
            except Refused as error:
                # A function that is called further down may be defined in another unit.
                refused = refused or error
                missing = self._elsewhere(_NOT_LIFTED.findall(error.reason), tried)
                if not missing:
                    break
            wanted += missing
        if incomplete is not None and refused is None:
            return asked_of(incomplete)
        raise refused or wrong or SourceError(f"the tree has none of {', '.join(_ORDER)}")

    def _elsewhere(self, names: Sequence[str], tried: Sequence[str]) -> list[str]:
        """Which functions another unit seems to define."""
        others = [path for path in self._texts if path not in tried]
        return [name for name in names if any(self._defines(path, [name]) for path in others)]

    def _next(self, wanted: Sequence[str], tried: Sequence[str], wrong: QuestionWrong | None) -> str | None:
        """The unit to try next."""
        left = (path for path in self._candidates(wanted) if path not in tried)
        return next((path for path in left if wrong is None or self._may_help(path, wrong)), None)

    def _candidates(self, called: Sequence[str]) -> Iterator[str]:
        """The units in the order in which they are tried: first those whose own text defines what is called."""
        rank = {path: position for position, path in enumerate(_ORDER)}
        usual = [path for path in _ORDER if path in self._texts]
        counts = {path: self._defines(path, called) for path in self._texts}
        defining = [path for path, count in counts.items() if count]
        defining.sort(key=lambda path: (-counts[path], rank.get(path, len(rank)), path))
        yield from dict.fromkeys([*defining, *usual])

    @cached_property
    def _texts(self) -> dict[str, str]:
        """The text of each unit of KVM."""
        found = {}
        for file in sorted((self._root / _KVM).rglob("*.c")):
            found[file.relative_to(self._root).as_posix()] = file.read_text("utf-8", errors="replace")
        return found

    @cached_property
    def _headers(self) -> str:
        """The text of KVM's own headers."""
        files = sorted((self._root / _KVM).rglob("*.h"))
        return "\n".join(file.read_text("utf-8", errors="replace") for file in files)

    def _defines(self, path: str, names: Sequence[str]) -> int:
        """How many of some functions a unit's own text seems to define: only a hint where to look first."""
        return sum(seems_to_define(self._texts[path], name) for name in names)

    def _may_help(self, path: str, wrong: QuestionWrong) -> bool:
        """Whether a unit can know what another did not; the text of mmu.c spells out few of its functions' names."""
        if path == MMU_C:
            return True
        names = [each.undeclared for each in wrong.problems if each.undeclared]
        if not names:
            return True
        texts = (self._texts.get(path, ""), self._headers)
        return all(any(re.search(rf"\b{re.escape(name)}\b", text) for text in texts) for name in names)
