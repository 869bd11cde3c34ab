"""Small C programs: lifted to terms, and compiled with gcc to compare."""

import ctypes
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import strategies as st

from mmuproof.lift.c_types import CType, IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import NotedCheck
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.syntax import Function
from mmuproof.smt.graph import evaluate_all
from mmuproof.smt.terms import BitVec, to_signed, var, zext
from tests.hangs import HANGS

PROGRAMS = Path(__file__).parent / "programs"
DIALECT = ("-std=gnu11", "-fms-extensions", "-funsigned-char", "-fno-strict-aliasing", "-w")
CLANG = ("-x", "c", "-target", "x86_64-linux-gnu", "-nostdinc", "-fno-strict-overflow", "-ferror-limit=0", *DIALECT)
GCC = ("-fwrapv", "-fPIC", "-shared", *DIALECT)

#: Every random choice of these tests follows from it; MMUPROOF_SEED repeats a run.
SEED = int(os.environ.get("MMUPROOF_SEED") or random.SystemRandom().randrange(1 << 32))

#: Numbers near the edges of the types, and any others.
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2, 3, 5, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535]),
    st.builds(lambda bits, by: (1 << bits) + by, st.integers(0, 63), st.integers(-2, 2)),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 20),
).flatmap(lambda value: st.sampled_from([value, -value]))


@dataclass(frozen=True)
class Lifted:
    """A function as a term over its parameters, which are the variables ``p0``, ``p1``, ..."""

    function: Function
    result: BitVec
    checks: tuple[NotedCheck, ...]

    def evaluate(self, values: Sequence[int]) -> int | None:
        """The result as C's type has it, or None where a check does not hold."""
        names = {f"p{number}": value for number, value in enumerate(values)}
        result, *held = evaluate_all([self.result, *(check.holds for check in self.checks)], names)
        return interpret(result, self.function.result) if all(held) else None


@dataclass
class LiftedFile:
    """One C file."""

    unit: Unit
    lifted: dict[str, Lifted] = field(default_factory=dict)

    def machine(self, *cuts: Cut) -> Machine:
        return Machine(self.unit, cuts)

    def lift(self, name: str, *cuts: Cut) -> Lifted:
        """A function run on symbolic parameters."""
        found = self.lifted.get(name)
        if found is None or cuts:
            machine, function = self.machine(*cuts), self.unit.function(name)
            arguments = [parameter(f"p{number}", each.type) for number, each in enumerate(function.parameters)]
            result = machine.run(function, arguments, Memory())
            assert isinstance(result, BitVec)
            found = self.lifted[name] = Lifted(function, result, tuple(machine.checks))
        return found

    def arguments(self, name: str, values: Sequence[int]) -> list[int]:
        """The values as the parameters' types have them."""
        types = [each.type for each in self.lift(name).function.parameters]
        return [interpret(value, type_) for value, type_ in zip(values, types, strict=False)]


def parameter(name: str, type_: CType) -> BitVec:
    assert isinstance(type_, IntType)
    return zext(var(name, 1), 8) if type_.is_bool else var(name, type_.bits)


def interpret(value: int, type_: CType) -> int:
    """A number cut off to a type."""
    assert isinstance(type_, IntType)
    if type_.is_bool:
        return int(value & 1)
    value &= (1 << type_.bits) - 1
    return to_signed(value, type_.bits) if type_.signed else value


_CTYPES: Mapping[tuple[int, bool], type] = {
    (8, False): ctypes.c_uint8,
    (16, False): ctypes.c_uint16,
    (32, False): ctypes.c_uint32,
    (64, False): ctypes.c_uint64,
    (8, True): ctypes.c_int8,
    (16, True): ctypes.c_int16,
    (32, True): ctypes.c_int32,
    (64, True): ctypes.c_int64,
}


class BuiltFile:
    """One C file compiled without and with optimisation."""

    def __init__(self, text: str, folder: Path) -> None:
        source = folder / "program.c"
        source.write_text(text)
        self._libraries: dict[str, ctypes.CDLL] = {}
        running = {}
        for level in ("-O0", "-O2"):
            running[level] = subprocess.Popen(
                ["gcc", level, *GCC, "-o", str(folder / f"program{level}.so"), str(source)],
                stderr=subprocess.PIPE,
                text=True,
            )
        for level, process in running.items():
            _, errors = process.communicate(timeout=HANGS)
            assert process.returncode == 0, errors
            self._libraries[level] = ctypes.CDLL(str(folder / f"program{level}.so"))

    def call(self, function: Function, values: Sequence[int]) -> dict[str, int]:
        """The results by optimisation level."""
        results = {}
        for level, library in self._libraries.items():
            compiled = library[function.name]
            compiled.argtypes = [_ctype(each.type) for each in function.parameters]
            compiled.restype = _ctype(function.result)
            results[level] = int(compiled(*values))
        return results


def _ctype(type_: CType) -> type:
    assert isinstance(type_, IntType)
    return ctypes.c_bool if type_.is_bool else _CTYPES[type_.bits, type_.signed]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LiftedFile]:
    """Parse a C text; the types of programs/types.h are there."""
    known: dict[str, LiftedFile] = {}

    def parse(text: str) -> LiftedFile:
        if text not in known:
            folder = tmp_path_factory.mktemp("program")
            (folder / "types.h").write_text((PROGRAMS / "types.h").read_text())
            (folder / "program.c").write_text(text)
            known[text] = LiftedFile(Unit(folder, "program.c", [*CLANG, "-include", str(folder / "types.h")]))
        return known[text]

    return parse


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], BuiltFile]:
    """Compile a C text with gcc; the types of programs/types.h are there."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    known: dict[str, BuiltFile] = {}

    def build(text: str) -> BuiltFile:
        if text not in known:
            known[text] = BuiltFile((PROGRAMS / "types.h").read_text() + text, tmp_path_factory.mktemp("compiled"))
        return known[text]

    return build
