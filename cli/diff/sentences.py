"""What is said of a difference, in a sentence or two."""

from __future__ import annotations

import re

from mmuproof.cli.diff.changes import Judgement, Witness
from mmuproof.cli.numbers.layout import ranges
from mmuproof.compare.claims import Change
from mmuproof.compare.outcomes import RESULT

_MOST_OTHERS = 4
_CALLED = re.compile(r"a call of (\S+\(\))")
_ORDERED = re.compile(r"the order of (\S+\(\) and \S+\(\))")


def sentence_of(judgement: Judgement, witness: Witness) -> str:
    """In what two versions of a function differ."""
    what = witness.what
    sentences = {
        Change.MORE: f"{what} allows what it did not allow before.",
        Change.LESS: f"{what} no longer allows what it allowed before.",
    }
    text = sentences.get(judgement.change) or _otherwise(what)
    if judgement.bits:
        numbers = ranges(judgement.bits)
        called = f" ({', '.join(judgement.bit_names)})" if judgement.bit_names else ""
        text += f" Nothing else differs, and of it only bit{'s' if len(judgement.bits) > 1 else ''} {numbers}{called}."
    elif len(judgement.differs_in) > 1:
        others = [each for each in judgement.differs_in if each != what]
        more = f" and {len(others) - _MOST_OTHERS} more" if len(others) > _MOST_OTHERS else ""
        text += f" Also: {', '.join(others[:_MOST_OTHERS])}{more}."
    return text


def _otherwise(what: str) -> str:
    """That one thing is another; it is called as `mmuproof.compare.outcomes.Aspect` has it."""
    if what == RESULT or (what.endswith("()") and " " not in what):
        return "It returns something else."
    if called := _CALLED.fullmatch(what):
        return f"It calls {called[1]} in other cases."
    if ordered := _ORDERED.fullmatch(what):
        return f"It calls {ordered[1]} in another order."
    if what.startswith("what "):
        return f"There is something else in {what}."
    return f"There is another {what.removeprefix('a ').removeprefix('the ')}."
