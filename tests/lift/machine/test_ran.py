"""Which lines a run has evaluated, of those on which something can be executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.parsing.executable import executable
from mmuproof.lift.ran import collected
from mmuproof.smt.terms import BitVec, bv, var

from .conftest import LiftedFile

TEXT = """\
#define SET(x, to) do { x = (to); } while (0)
u32 unknown(u32 a);
static u32 callee(u32 a)
{
	return a + 1;
}
u32 ignored(u32 a)
{
	return a + 2;
}
u32 branches(u32 a, u32 b)
{
	u32 unset;
	u32 set = b;

	if (a > 3)
		set = callee(set);
	else
		set =
			2;
	SET(unset, 3);
	if (b) {
		;
		return unset;
	}
	return set;
}
u32 early(u32 a)
{
	if (a)
		return ignored(a);
	a = 7;
	return a;
}
u32 loop(u32 a)
{
	u32 i, sum = 0;

	for (i = 0; i < a; i++) {
		if (i == 1)
			continue;
		sum += i;
	}
	do {
		sum++;
	} while (sum < 2);
	while (0)
		sum = 9;
	return sum;
}
u32 choice(u32 a)
{
	switch (a) {
	case 1:
		a = 2;
		break;
	default:
		goto out;
	}
	a = ({
		u32 inner = a;
		inner;
	});
out:
	return a;
}
u32 not_understood(u32 a)
{
	return a ? unknown(a) : 0;
}
u32 beyond(u32 a)
{
	u32 n = 0;

	while (n < a)
		n++;
	return n;
}
u32 around(u32 a)
{
	a = beyond(a);
	return a;
}
"""


def line(text: str, number: int = 0) -> int:
    """The line that begins with a text, or a further one."""
    return [at for at, each in enumerate(TEXT.splitlines(), 1) if each.strip().startswith(text)][number]


def ran(program: LiftedFile, name: str, arguments: Sequence[BitVec], *cuts: Cut) -> tuple[set[int], frozenset[str]]:
    """The lines that a run has evaluated, and the functions that were cut."""
    with collected() as found:
        program.machine(*cuts).run(program.unit.function(name), list(arguments), Memory())
    return {each.line for each in found.places() if each.file == "program.c"}, found.all_cuts()


def lines(program: LiftedFile, name: str) -> frozenset[int]:
    return executable(program.unit, name, "program.c").lines


@pytest.fixture(scope="module")
def small(program: Callable[[str], LiftedFile]) -> LiftedFile:
    return program(TEXT)


A, B = var("a", 32), var("b", 32)


def test_both_branches_are_run_and_what_is_called(small: LiftedFile) -> None:
    found, _ = ran(small, "branches", [A, B])
    assert found >= lines(small, "branches")
    assert line("return a + 1;") in found
    assert line("return a + 2;") not in found


def test_a_branch_that_no_path_takes_is_not_run(small: LiftedFile) -> None:
    found, _ = ran(small, "branches", [bv(2, 32), B])
    left = lines(small, "branches") - found
    assert left == {line("set = callee(set);")}
    assert line("return a + 1;") not in found
    found, _ = ran(small, "branches", [A, bv(0, 32)])
    assert lines(small, "branches") - found == {line("return unset;")}


def test_what_can_be_executed_is_where_statements_begin(small: LiftedFile) -> None:
    begins = ("u32 set = b;", "if (a > 3)", "set = callee(set);", "SET(", "if (b)", "return unset;", "return set;")
    # The statement that goes on in the next line counts once, where it begins.
    assert lines(small, "branches") == {line(each) for each in begins} | {line("set =", 1)}
    each = executable(small.unit, "branches", "program.c")
    assert (each.first, each.last) == (line("u32 branches"), line("u32 early") - 1)
    assert "callee" in each.names
    assert "ignored" not in each.names


def test_a_path_that_returns_early_runs_nothing_behind(small: LiftedFile) -> None:
    found, _ = ran(small, "early", [bv(1, 32)])
    assert lines(small, "early") - found == {line("a = 7;"), line("return a;")}
    found, _ = ran(small, "early", [bv(0, 32)])
    assert lines(small, "early") - found == {line("return ignored(a);")}


def test_a_callee_that_is_cut_is_not_run_and_told_as_cut(small: LiftedFile) -> None:
    found, cuts = ran(small, "early", [A], Cut(function="ignored", reason="for this test"))
    assert found >= lines(small, "early")
    assert line("return a + 2;") not in found
    assert cuts == {"ignored"}
    assert ran(small, "early", [A])[1] == frozenset()


@pytest.mark.parametrize(
    ("rounds", "left"),
    [(0, ["if (i == 1)", "continue;", "sum += i;", "sum = 9;"]), (1, ["continue;", "sum = 9;"]), (2, ["sum = 9;"])],
)
def test_of_a_loop_the_rounds_count_that_are_made(small: LiftedFile, rounds: int, left: list[str]) -> None:
    found, _ = ran(small, "loop", [bv(rounds, 32)])
    assert lines(small, "loop") - found == {line(each) for each in left}


def test_cases_and_labels_are_no_statements_of_their_own(small: LiftedFile) -> None:
    found, _ = ran(small, "choice", [bv(1, 32)])
    assert lines(small, "choice") - found == {line("goto out;")}
    found, _ = ran(small, "choice", [bv(5, 32)])
    assert lines(small, "choice") - found == {line("a = 2;"), line("break;"), line("a = ({")}
    assert line("case 1:") not in lines(small, "choice")
    assert line("out:") not in lines(small, "choice")


def test_a_run_that_is_refused_says_nothing(small: LiftedFile) -> None:
    with collected() as found, pytest.raises(Refused):
        small.machine().run(small.unit.function("not_understood"), [A], Memory())
    assert found.places() == frozenset()


def test_a_function_that_is_given_up_is_only_read(small: LiftedFile) -> None:
    found, cuts = ran(small, "around", [A])
    assert found >= lines(small, "around")
    assert not found & lines(small, "beyond")
    assert cuts == {"beyond"}


def test_each_run_of_a_machine_is_for_itself(small: LiftedFile) -> None:
    machine = small.machine()
    early = small.unit.function("early")
    machine.run(early, [bv(0, 32)], Memory())
    with collected() as found:
        machine.run(early, [bv(1, 32)], Memory())
    assert line("a = 7;") not in {each.line for each in found.places()}
