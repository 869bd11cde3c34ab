"""What is said of a difference, in a sentence or two."""

from __future__ import annotations

from mmuproof.cli.diff.changes import Judgement, Witness
from mmuproof.cli.numbers.layout import ranges
from mmuproof.compare.claims import Change
from mmuproof.compare.outcomes import RESULT

_MOST_OTHERS = 4


def sentence_of(judgement: Judgement, witness: Witness) -> str:
    """In what two versions of a function differ."""
    what = witness.what
    sentences = {
        Change.MORE: f"{what} allows what it did not allow before.",
        Change.LESS: f"{what} no longer allows what it allowed before.",
    }
    other = "It returns something else." if what == RESULT or what.endswith("()") else f"There is another {what}."
    text = sentences.get(judgement.change, other.replace("another a ", "another ").replace("another the ", "another "))
    if judgement.bits:
        numbers = ranges(judgement.bits)
        called = f" ({', '.join(judgement.bit_names)})" if judgement.bit_names else ""
        text += f" Nothing else differs, and of it only bit{'s' if len(judgement.bits) > 1 else ''} {numbers}{called}."
    elif len(judgement.differs_in) > 1:
        others = [each for each in judgement.differs_in if each != what]
        more = f" and {len(others) - _MOST_OTHERS} more" if len(others) > _MOST_OTHERS else ""
        text += f" Also: {', '.join(others[:_MOST_OTHERS])}{more}."
    return text
