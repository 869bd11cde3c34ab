"""What is told of a commit beside its totals, in as few lines as there is room for in a mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mmuproof.cli.check.findings import CheckedStep
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.sentences import sentence_of
from mmuproof.cli.shared.console import few

Styled = str | tuple[str, str]
Line = tuple[Styled, ...]
"""The parts of a line."""
MOST_NAMES = 4
"""No more names stand in a line; the rest is a number."""


def why_no_function_is_equal(step: CheckedStep) -> Iterator[Line]:
    """Of the functions that are not equal one in a line: in what it differs, or why it could not be compared.

    That is one whose own text has changed, if there is one; where one differs, nothing is said of what is open.
    """
    open_ones = [each for each in step.judgements if not each.is_decided and each.reason]
    differing = [each for each in step.judgements if each.witness is not None]
    for each in _first(differing) or _first(open_ones):
        if each.witness is None:
            yield (f"    {each.function}: {each.reason}",)
        else:
            said = sentence_of(each, each.witness)
            named = said if said.startswith(f"{each.function}() ") else f"{each.function}: {said}"
            yield (f"    {named}  ({each.new_at})",)


def _first(judgements: Sequence[Judgement]) -> Sequence[Judgement]:
    return sorted(judgements, key=lambda each: not each.directly)[:1]


@dataclass(frozen=True)
class TurnedAlike:
    """A theorem that is turned in the same way for one vendor or several."""

    turns: tuple[Turn, ...]

    @property
    def name(self) -> str:
        """The theorem, and for which vendors."""
        return f"{self.turns[0].after.theorem} {', '.join(each.after.vendor.value for each in self.turns)}"

    @property
    def verdicts(self) -> str:
        """What it was, and what it is."""
        return _verdicts(self.turns[0])

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is told of it: that it is turned, and how one sees that."""
        if not (self.turns[0].is_worse or self.turns[0].is_open):
            return ((f"    {self.name}: {self.verdicts}",),)
        style = "bold red" if self.turns[0].is_worse else "yellow"
        said = _said(self.turns[0])
        turned: Line = ("    ", (self.verdicts, style), f"  {self.name}")
        return (turned, (f"      {said}",)) if said else (turned,)


def alike(turns: Iterable[Turn]) -> tuple[TurnedAlike, ...]:
    """Turns, those of a theorem together of which the same is told."""
    found: dict[tuple[str, str, str], list[Turn]] = {}
    for each in turns:
        found.setdefault((each.after.theorem, _verdicts(each), _said(each)), []).append(each)
    return tuple(TurnedAlike(tuple(each)) for each in found.values())


def told_turns(step: CheckedStep, room: int | None) -> Iterator[Line]:
    """The theorems with another result, the worse first, in no more lines than there is room for; None for all."""
    every = sorted(alike(step.new), key=lambda each: not (each.turns[0].is_worse or each.turns[0].is_open))
    left = sum(len(each.lines) for each in every)
    for number, each in enumerate(every):
        # What is left out is told in a line as well.
        if room is not None and left > room and len(each.lines) >= room:
            yield (f"    and {len(every) - number} more; -v tells all",)
            return
        yield from each.lines
        left -= len(each.lines)
        room = None if room is None else room - len(each.lines)


def why_not_fine(step: CheckedStep, *claims: str) -> str:
    """What is not fine about a commit, in a line; what is said of its claim comes first."""
    turned = [each.name for each in alike(each for each in step.new if each.is_worse or each.is_open)]
    return "; ".join([*filter(None, [step.unusable]), *claims, *([few(turned, MOST_NAMES)] if turned else [])])


def _verdicts(turn: Turn) -> str:
    before, after = turn.before.verdict.value, turn.after.verdict.value
    return f"{before} -> {after}" if before != after else f"{after} in another way"


def _said(turn: Turn) -> str:
    told = turn.after.counterexample
    if told is None:
        return turn.after.reason or ""
    return f"{told.sentence}  ({told.at})" if told.at else told.sentence
