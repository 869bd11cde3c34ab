"""A run with every kind of case, and with text that no format may take for its own."""

from __future__ import annotations

from pathlib import Path

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.shared.results import TracedStep

HOSTILE = "50% of <b>bits</b>, # not ok: \x1b[31m\n::error::\u202e ]]> `x` | y \udcff é"
FILE = "arch/x86/kvm/mmu/spte.c"


def case(name: str, outcome: Ending, verdict: str, *, text: str = "", at: str = "", known: str = "") -> JudgedCase:
    return JudgedCase(
        rule=Rule(name, f"Claim of {name}. It has two sentences.", "SDM 1.2"),
        group=name.partition(".")[0],
        name=name,
        variant="intel",
        verdict=verdict,
        outcome=outcome,
        text=text,
        details=("x=1", HOSTILE) if outcome.is_finding else (),
        at=at,
        function="make_spte" if at else "",
        steps=(TracedStep(f"{FILE}:304", "spte = 0"),) if outcome is Ending.WRONG else (),
        known=known,
        seconds=1.25,
        marks=("part: symptom",) if outcome is Ending.WRONG else (),
    )


CASES = (
    case("good.one", Ending.PASSED, "PROVED"),
    case("good.absent", Ending.SKIPPED, "NOT_APPLICABLE", text="this kernel lacks it"),
    case("bad.lost", Ending.OPEN, "LOST", text="not found: is_new"),
    case("bad.known", Ending.KNOWN, "REFUTED", text="Wrong, and known.", at=FILE, known="known finding 7"),
    case("bad.new", Ending.WRONG, "REFUTED", text="It is wrong.", at=f"{FILE}:305"),
    case("odd.text", Ending.WRONG, "REFUTED", text=HOSTILE, at=f"{FILE}:7"),
    case("absent.all", Ending.SKIPPED, "NOT_APPLICABLE", text="not there"),
)


def run(root: Path | None = None, cases: tuple[JudgedCase, ...] = CASES) -> JudgedRun:
    return JudgedRun(
        command="prove",
        subject=f"linux {HOSTILE}",
        root="" if root is None else str(root),
        cases=cases,
        seconds=12.3456,
        notes=("a note",),
    )


def tree(folder: Path) -> Path:
    """A kernel tree with the file."""
    file = folder / FILE
    file.parent.mkdir(parents=True)
    file.write_text("")
    return folder
