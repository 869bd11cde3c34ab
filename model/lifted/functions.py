"""Which functions KVM has, and on which lines of them something is done: what theorems could speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmuproof.lift.errors import ParseFailed
from mmuproof.lift.parsing.executable import Executable, executable
from mmuproof.model.lifted.unit_paths import MMU_UNITS, UNITS, is_of_mmu
from mmuproof.model.lifted.units import Units

_KVM = "arch/x86/kvm/"
_FURTHER = tuple(f"{_KVM}{each}.c" for each in ("*", "vmx/*", "svm/*"))


@dataclass(frozen=True, kw_only=True)
class KernelFunction:
    """A function's text, which several functions are made of where it is included several times.

    Args:
        name: how a reader finds it: its name, or ``FNAME(walk_addr)`` for what is included several times.
        names: of the functions that are made of it.
        file: where it stands, relative to the tree.
        first: the line of its name.
        last: its last line.
        lines: those on which a statement begins that does something.
        of_mmu: whether it is one of the MMU's, and not only calls these.
        calls_mmu: whether it names a function of the MMU's.
    """

    name: str
    names: tuple[str, ...]
    file: str
    first: int
    last: int
    lines: frozenset[int]
    of_mmu: bool
    calls_mmu: bool


@dataclass(frozen=True)
class KernelFunctions:
    """The functions of KVM, file by file, and the units that do not parse, each with why."""

    functions: tuple[KernelFunction, ...]
    not_read: tuple[str, ...] = ()


def kernel_functions(units: Units) -> KernelFunctions:
    """The functions of the MMU, of the other units that are lifted, and of those that mention a function of the MMU."""
    reading = _Reading(units)
    reading.read(dict.fromkeys((*MMU_UNITS, *UNITS)))
    reading.read(units.mentioning(reading.of_mmu, *_FURTHER))
    of_mmu = reading.of_mmu
    functions = (_joined(tuple(each.values()), of_mmu) for _, each in sorted(reading.found.items()))
    return KernelFunctions(tuple(functions), tuple(reading.not_read))


class _Reading:
    """What has been read of some units: the functions by where they stand and by name."""

    def __init__(self, units: Units) -> None:
        self._units, self._seen = units, set[str]()
        self.found: dict[tuple[str, int], dict[str, Executable]] = {}
        self.not_read: list[str] = []
        self._known: set[tuple[str, str]] = set()

    @property
    def of_mmu(self) -> frozenset[str]:
        """The names of the MMU's functions."""
        return frozenset(name for (file, _), these in self.found.items() if is_of_mmu(file) for name in these)

    def read(self, paths: Iterable[str]) -> None:
        """Read the units that there are and that have not been read yet."""
        new = [path for path in paths if path not in self._seen and self._units.has(path)]
        self._seen.update(new)
        self._units.load(new)
        for path in new:
            try:
                unit = self._units.get(path)
            except ParseFailed as failed:
                self.not_read.append(failed.message)
                continue
            for name, file in unit.functions_in(_is_of_kvm).items():
                # What headers define is read once.
                if (file, name) not in self._known:
                    self._known.add((file, name))
                    each = executable(unit, name, file)
                    self.found.setdefault((file, each.first), {})[name] = each


def _is_of_kvm(file: str) -> bool:
    return file.startswith(_KVM) and (is_of_mmu(file) or "/mmu/" not in file)


def _joined(made: Sequence[Executable], of_mmu: frozenset[str]) -> KernelFunction:
    """What stands at one place, which may be included several times."""
    names = tuple(sorted(each.name for each in made))
    ends = {name.partition("_")[2] for name in names}
    return KernelFunction(
        name=f"FNAME({ends.pop()})" if len(names) > len(ends) == 1 else ", ".join(names),
        names=names,
        file=made[0].file,
        first=made[0].first,
        last=max(each.last for each in made),
        lines=frozenset().union(*(each.lines for each in made)),
        of_mmu=is_of_mmu(made[0].file),
        calls_mmu=any(not each.names.isdisjoint(of_mmu) for each in made),
    )
