"""What is called for a variable where its scope is left, however it is left."""
# A C function reads best on one line.

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.lift.errors import Refused
from tests.lift.machine.conftest import BuiltFile, LiftedFile, compiled, program
from tests.lift.machine.test_atomics_and_bits import compare

__all__ = ["compiled", "program"]

_SCOPES = """
typedef struct { u64 *log; u64 mark; } guard_t;
static guard_t guard_begin(u64 *log, u64 mark) { guard_t made = { log, mark }; *log = *log * 5 + mark; return made; }
static void guard_end(guard_t *at) { *at->log = *at->log * 7 + at->mark + 1; }
#define guard(log, mark) guard_t __attribute__((cleanup(guard_end))) each_##mark = guard_begin(log, mark)
#define scoped(log, mark, label) for (guard_t scope __attribute__((cleanup(guard_end))) = guard_begin(log, mark); 1; ({ goto label; })) if (0) { label: break; } else
static u64 log_and(u64 *log, u64 v) { return *log * 3 + v; }
u64 falls_out(u64 v) { u64 log = v; { guard(&log, 1); log += 2; } return log; }
u64 in_reverse(u64 v) { u64 log = v; { guard(&log, 1); guard(&log, 2); log ^= 4; } return log; }
static u64 gives(u64 *log, u64 v) { guard(log, 1); if (v & 1) return *log; guard(log, 2); if (v & 2) return log_and(log, v); return *log + v; }
u64 returns(u64 v) { u64 log = v >> 3; u64 given = gives(&log, v); return log * 31 + given; }
u64 breaks(u64 v) { u64 log = v; for (int i = 0; i < 3; i++) { guard(&log, 1); if ((v >> i) & 1) break; guard(&log, 2); if ((v >> i) & 2) continue; log++; } return log; }
u64 goes(u64 v) { u64 log = v; { guard(&log, 1); if (v & 1) goto out; { guard(&log, 2); if (v & 2) goto out; log += 5; } log += 9; } log ^= 11; out: return log; }
u64 switches(u64 v) { u64 log = v; switch (v & 3) { case 0: { guard(&log, 1); break; } case 1: { guard(&log, 2); } default: log++; } return log; }
u64 scopes(u64 v) { u64 log = v; scoped(&log, 1, done) log += 3; return log; }
u64 leaves_a_scope(u64 v) { u64 log = v; scoped(&log, 1, done) { if (v & 1) break; log += 3; scoped(&log, 2, inner) { log ^= 1; if (v & 2) return log; } } return log; }
u64 in_an_expression(u64 v) { u64 log = v; u64 seen = ({ guard(&log, 1); log + 1; }); return log * 3 + seen; }
"""
NAMES = [
    "falls_out",
    "in_reverse",
    "returns",
    "breaks",
    "goes",
    "switches",
    "scopes",
    "leaves_a_scope",
    "in_an_expression",
]


@pytest.mark.compiler
@pytest.mark.parametrize("name", NAMES)
def test_a_scope_is_left_as_the_compiler_has_it(
    name: str, program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    assert compare(program(_SCOPES), compiled(_SCOPES), name)


def test_what_cannot_be_called_there_is_refused(program: Callable[[str], LiftedFile]) -> None:
    lifted = program("void end(u64 *at); u64 f(u64 v) { u64 w __attribute__((cleanup(end))) = v; return w; }")
    with pytest.raises(Refused, match=r"call of end\(\)"):
        lifted.lift("f")


def test_what_is_called_there_counts_among_what_a_function_writes(program: Callable[[str], LiftedFile]) -> None:
    counting = "static u64 seen; static void count(u64 *at) { seen++; } "
    scope = "void only(u64 v) { u64 w __attribute__((cleanup(count))) = v; } void none(u64 v) { u64 w = v; }"
    unit = program(counting + scope).unit
    writes = {name: unit.effects(name) for name in ("only", "none")}
    assert writes["only"] is not None
    assert writes["only"].writes
    assert writes["none"] is not None
    assert not writes["none"].writes
