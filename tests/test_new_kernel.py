"""What the report for a new kernel lists, and what it leaves out."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from mmuproof.proofs.warnings.conditions import UNDECIDED
from mmuproof.proofs.warnings.met import AssertingFunction

TOOL = Path(__file__).parents[1] / "tools" / "new_kernel.py"


def load() -> ModuleType:
    """The tool, which stands in no package."""
    spec = importlib.util.spec_from_file_location("new_kernel_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["new_kernel_tool"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load()


def result(verdict: str, reason: str | None = None, known: tuple[int, ...] = ()) -> dict[str, object]:
    return {
        "theorem": f"some.{verdict.lower()}",
        "vendor": "intel",
        "verdict": verdict,
        "reason": reason,
        "known_findings": list(known),
    }


def test_what_is_lost_and_what_is_refuted_is_listed_and_what_is_known_is_not() -> None:
    results = [
        result("PROVED"),
        result("LOST", "not found: f()"),
        result("REFUTED", "bad"),
        result("REFUTED", "3", (3,)),
    ]
    page = tool.page("Linux 9.9", results, [], [], None)
    assert "4 results: 1 LOST, 1 PROVED, 2 REFUTED." in page
    assert "* [ ] `some.lost` intel: LOST: not found: f()" in page
    assert page.count("`some.refuted`") == 1
    assert "All fit." in page


def test_only_assertions_that_nobody_has_looked_at_are_listed() -> None:
    known = AssertingFunction(UNDECIDED[0].file, UNDECIDED[0].function)
    listed = sum(AssertingFunction(each.file, each.function) == known for each in UNDECIDED)
    lines = {str(number) for number in range(listed)}
    new = AssertingFunction("a.c", "f")
    assert tool.new_assertions({known: lines, new: {"20", "3"}}, None) == [
        "`f()` in `a.c`, line 3, 20: is neither decided nor listed"
    ]
    grown = tool.new_assertions({known: {"1", "2"}}, {known: {"7"}})
    assert len(grown) == 1
    assert "had 1 before" in grown[0]
    assert f"has {listed} that are listed" in tool.new_assertions({known: {*lines, str(listed)}}, None)[0]


def test_defects_that_fit_no_tree_are_only_counted() -> None:
    misfits = [tool.Unfit("old-one", "no"), tool.Unfit("new-one", "matches 0 times")]
    page = tool.page("Linux 9.9", [], [], misfits, frozenset({"old-one"}))
    assert "* [ ] `new-one`: matches 0 times" in page
    assert "`old-one`" not in page
    assert "1 more do not fit the older tree either." in page
