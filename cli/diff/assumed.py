"""What the user assumes of the old version's inputs, in the language of `mmuproof ask`, as terms."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mmuproof.cli.ask.mistakes import Written, understood, wrong_question
from mmuproof.cli.shared.caching import units_folders
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.errors import Refused
from mmuproof.lift.parsing.expression_text import called_names
from mmuproof.lift.parsing.probe import Compiled, QuestionWrong, compile_questions
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.source import KernelTree
from mmuproof.model.lifted.units import saved_units
from mmuproof.questions.posed import Posed, Questions
from mmuproof.questions.units import QuestionUnits
from mmuproof.smt.backend import DEFAULT_BUDGET
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.solver import satisfiable
from mmuproof.smt.terms import Bool, all_of


def assumptions_of(texts: Sequence[str], tree: KernelTree, given: DotConfig | None) -> tuple[Assumption, ...]:
    """Each text as an assumption on inputs, which have the names that C has for them.

    Args:
        texts: expressions of C, with declarations of free variables before a colon; these are parameters by name.
        tree: the old version.
        given: the user's configuration.

    Raises:
        UsageProblem: a text is not understood, or the assumptions cannot hold together.
        SourceError: a file of the tree cannot be read.
    """
    written = [Written(f"assumption {text!r}", text) for text in texts]
    questions = [understood(each) for each in written]

    def posed(compiled: Compiled) -> list[Posed]:
        return [Questions(compiled.unit).ask(each) for each in compiled.functions]

    pool = ThreadPoolExecutor(1)
    try:
        with units_folders() as folders:
            units = QuestionUnits(tree.root, saved_units(*folders), pool, given)
            called = called_names([token for each in questions for token in each.tokens])
            try:
                asked = units.answer(called, lambda opened: compile_questions(opened, questions), posed)
            except QuestionWrong as wrong:
                raise wrong_question(written, wrong, units.open) from None
            except Refused as refused:
                raise UsageProblem(f"the assumption is not understood: {refused}") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    found = tuple(Assumption(label_of(text), _taken(each)) for text, each in zip(texts, asked, strict=True))
    possible = satisfiable(all_of(*(each.term for each in found)), DEFAULT_BUDGET)
    if not possible:
        which = "the assumption" if len(found) == 1 else "the assumptions together"
        raise UsageProblem(
            f"{which} cannot hold: nothing would be compared"
            if possible is False
            else f"{which} could not be shown to be possible"
        )
    return found


def _taken(posed: Posed) -> Bool:
    """That it is true, and that nothing on the way to it ends or is undefined."""
    return all_of(
        posed.truth, *(each.holds for each in posed.premises), *(each.holds for each in posed.evidence.checks)
    )


def label_of(text: str) -> str:
    """What an assumption is called in reports."""
    return f"{' '.join(text.split())} (--assume)"
