"""The page: one file that needs nothing else, with what is wrong first, and words that stay words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.cli.formats.cases import CaseSide, Ending, JudgedRun
from mmuproof.cli.formats.exhibits import Exhibits, Gallery, RunFact
from mmuproof.cli.formats.html import html_text
from mmuproof.cli.shared.console import shown
from mmuproof.cli.shared.drawing import Box, Drawing, Figure, Wording
from mmuproof.cli.shared.results import Counterexample, CutNote, Input, TracedStep
from tests.cli.formats.page_rules import checked_page
from tests.cli.formats.runs import CASES, FILE, HOSTILE, case, run

TOLD = Counterexample(
    symptom="wrong",
    sentence=HOSTILE,
    inputs=(Input(HOSTILE, HOSTILE, HOSTILE),),
    values={},
    steps=(TracedStep(f"{FILE}:2", HOSTILE, HOSTILE),),
    actual=HOSTILE,
    expected=HOSTILE,
    at=f"{FILE}:2",
)
FIGURE = Figure(
    title=HOSTILE,
    drawings=(
        Drawing(
            title=HOSTILE,
            says=HOSTILE,
            width=100,
            height=50,
            boxes=(
                Box(x=1, y=1, width=9, height=9, lines=(HOSTILE,), says=HOSTILE, about="good.one"),
                Box(x=1, y=1, width=9, height=9, lines=(HOSTILE,), turned=True, about="not on this page"),
            ),
            labels=(Wording(x=1, y=2, text=HOSTILE),),
        ),
    ),
    caption=HOSTILE,
    head=(HOSTILE,),
    rows=((HOSTILE,),),
    about=HOSTILE,
)


def hostile() -> JudgedRun:
    """A run in which everything that can come from a tree means no good."""
    odd = replace(
        case("odd.all", Ending.WRONG, "REFUTED", text=HOSTILE, at=f"{FILE}:2"),
        told=TOLD,
        steps=TOLD.steps,
        again=HOSTILE,
        assumptions=(HOSTILE,),
        cuts=(CutNote(HOSTILE, HOSTILE, HOSTILE, (HOSTILE,)),),
        function=HOSTILE,
        variant=HOSTILE,
    )
    named = replace(case("x", Ending.OPEN, "LOST", text=HOSTILE), name=HOSTILE, group=HOSTILE, at=HOSTILE)
    sides = tuple(CaseSide(title=HOSTILE, shows=HOSTILE, steps=TOLD.steps, reads=HOSTILE) for _ in range(2))
    compared = replace(odd, name="odd.compared", told=None, sides=sides)
    found = run(cases=(*CASES, odd, named, compared))
    return replace(found, notes=(HOSTILE,), gone=(HOSTILE,), baseline=HOSTILE)


EXHIBITS = Exhibits(
    facts=(RunFact(HOSTILE, HOSTILE),),
    configuration=(HOSTILE,),
    texts={FILE: f"first\n{HOSTILE}\nthird"},
    former_texts={FILE: f"formerly\n{HOSTILE}"},
    galleries=(Gallery(HOSTILE, HOSTILE, (FIGURE,), (HOSTILE,)),),
    paths={("odd", f"odd.all {HOSTILE}"): (FIGURE,)},
    numbers={("odd", f"odd.all {HOSTILE}"): (FIGURE,)},
)


def test_a_page_keeps_the_rules() -> None:
    page = checked_page(html_text(run()))
    assert "mmuproof prove: linux" in page.text
    assert {"main", "header", "nav", "section"} <= {tag for tag, _ in page.tags}


@pytest.mark.parametrize("cases", [(), CASES[:1]])
def test_a_run_without_findings_has_a_page(cases: tuple[object, ...]) -> None:
    page = checked_page(html_text(run(cases=CASES[: len(cases)])))
    assert "Nothing is wrong." in page.text


def test_what_is_wrong_comes_first_and_what_is_known_last() -> None:
    page = checked_page(html_text(run()))
    places = [page.text.index(each) for each in ("bad.new", "odd.text", "bad.lost", "bad.known", "good.one")]
    assert places == sorted(places)


def test_all_that_is_wrong_may_be_known() -> None:
    known = tuple(each for each in CASES if not each.outcome.counts)
    assert "All that is wrong is known." in checked_page(html_text(run(cases=known))).text


def test_what_a_tree_says_is_text_and_nothing_else() -> None:
    text = html_text(hostile(), EXHIBITS)
    page = checked_page(text)
    assert "<b>" not in text
    assert not {"\x1b", "\u202e", "\udcff"} & set(text)
    words = " ".join(shown(HOSTILE).split())
    # As often as it was told: none of it has gone to where nobody sees it.
    assert page.text.count(words) > 30


def test_a_page_shows_the_lines_of_c_with_their_steps() -> None:
    page = checked_page(html_text(hostile(), EXHIBITS))
    assert "1first 2" in page.text
    steps = [given for tag, given in page.tags if tag == "li" and given.get("class") == "step"]
    assert steps


def test_two_versions_stand_side_by_side_with_their_own_lines() -> None:
    text = checked_page(html_text(hostile(), EXHIBITS)).text
    compared = text[text.index("odd.compared") :]
    assert compared.index("1formerly 2") < compared.index("1first 2")


def test_only_the_lines_around_a_step_are_shown() -> None:
    texts = {FILE: "\n".join(f"line <{number}>;" for number in range(1, 400))}
    page = checked_page(html_text(run(), Exhibits(texts=texts)))
    assert "line <305>;" in page.text
    assert "line <309>;" not in page.text
    assert "line <305>;" not in checked_page(html_text(run())).text


def test_theorems_have_links_to_what_they_rest_on() -> None:
    text = html_text(hostile(), EXHIBITS)
    page = checked_page(text)
    assert "#cut-1" in page.links
    drawn = [given for tag, given in page.tags if tag == "a" and "aria-label" in given]
    assert [each["href"] for each in drawn] == ["#entry-1-1"] * 3
