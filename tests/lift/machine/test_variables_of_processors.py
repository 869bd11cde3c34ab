"""A variable of which each processor has its own is an object, as long as one processor is meant."""

from collections.abc import Callable

import pytest

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.tree.overlay import HEADERS
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import BitVec, var

from .conftest import LiftedFile

_OURS = "".join(
    HEADERS[name].replace(f"#include_next <{name}>", "") for name in ("linux/percpu-defs.h", "asm/percpu.h")
)
_CODE = f"""
unsigned long __per_cpu_offset[64];
u32 counter;
{_OURS}
#define per_cpu(v, cpu) (*SHIFT_PERCPU_PTR(&(v), __per_cpu_offset[cpu]))
u64 same(u32 cpu, u32 x) {{ per_cpu(counter, cpu & 63) = x; return per_cpu(counter, cpu & 63); }}
u64 other(u32 cpu, u32 x) {{ per_cpu(counter, cpu & 63) = x; return per_cpu(counter, x & 63); }}
u64 written(u32 cpu, u32 x) {{ this_cpu_write_4(counter, x); return per_cpu(counter, this_processor_number); }}
u64 elsewhere(u32 cpu, u32 x) {{ this_cpu_write_4(counter, x); return per_cpu(counter, cpu & 63); }}
"""


@pytest.mark.parametrize("name", ["same", "written"])
def test_it_holds_what_was_written_for_the_same_processor(name: str, program: Callable[[str], LiftedFile]) -> None:
    assert evaluate(_run(program, name), {"cpu": 3, "x": 5, "this_processor_number": 3}) == 5


@pytest.mark.parametrize("name", ["other", "elsewhere"])
def test_that_of_two_processors_is_refused(name: str, program: Callable[[str], LiftedFile]) -> None:
    with pytest.raises(Refused, match="two processors"):
        _run(program, name)


def _run(program: Callable[[str], LiftedFile], name: str) -> BitVec:
    found = program(_CODE)
    result = found.machine().run(found.unit.function(name), [var("cpu", 32), var("x", 32)], Memory())
    assert isinstance(result, BitVec)
    return result
