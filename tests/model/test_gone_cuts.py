"""A function that is not followed and is gone: what it does is followed, and nothing is wrong for that alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.session import Session
from tests.lift.machine.conftest import CLANG, PROGRAMS

HELPER = "static void told(u32 *p) { *p = 1; elsewhere(); }\n"
CALLS = "u32 f(void) { u32 n; told(&n); return n; }\n"
MERGED = "u32 f(void) { u32 n; n = 1; elsewhere(); return n; }\n"
Open = Callable[[str, Sequence[str]], Session]


@pytest.fixture
def session(tmp_path: Path) -> Open:
    """A session in which told() is not followed, on a unit that is expected to have some names."""

    def made(text: str, expected: Sequence[str]) -> Session:
        (tmp_path / "types.h").write_text((PROGRAMS / "types.h").read_text())
        (tmp_path / "unit.c").write_text(f"void elsewhere(void);\n{text}")
        unit = Unit(tmp_path, "unit.c", [*CLANG, "-include", str(tmp_path / "types.h")])
        unit.expect(expected)
        return Session(unit, (Cut(function="told", reason="it is not looked at", writes=((0, ""),)),))

    return made


def test_what_is_refused_in_a_function_that_was_not_followed_is_told_by_that_functions_name(session: Open) -> None:
    opened = session(MERGED, ["told()"])
    with pytest.raises(NotThere) as lost:
        opened.integer(Memory(), "f", objects={})
    assert lost.value.names == ("told()",)
    assert opened.evidence().gone_cuts == ("told",)


def test_what_no_earlier_kernel_had_is_not_missed(session: Open) -> None:
    opened = session(MERGED, [])
    with pytest.raises(Refused, match="call of elsewhere"):
        opened.integer(Memory(), "f", objects={})
    assert opened.evidence().gone_cuts == ()


def test_what_is_there_is_not_missed_and_noted_as_found(session: Open) -> None:
    opened = session(HELPER + CALLS, ["told()"])
    opened.integer(Memory(), "f", objects={})
    assert opened.evidence().gone_cuts == ()
    assert "told()" in opened.unit.found
