"""A run as one page for a browser, which needs nothing else: no script, no font, and nothing from the net."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule, counted
from mmuproof.cli.formats.excerpts import Excerpt, excerpts_of, texts_of_lines
from mmuproof.cli.formats.exhibits import Exhibits
from mmuproof.cli.shared.console import shown
from mmuproof.cli.shared.drawing import Drawing, Figure
from mmuproof.cli.shared.results import CutNote
from mmuproof.cli.shared.version import tool_commit, tool_version

if TYPE_CHECKING:
    import jinja2

_SAYS = {0: "Nothing is wrong.", 1: "Something is wrong.", 3: "Something could not be decided."}
_CUT = tuple[str, str]
_MARGIN, _TITLE = 8, 10


@dataclass(frozen=True)
class NumberedCut:
    """A call that was not followed, under its number on the page."""

    number: int
    cut: CutNote
    more: int
    """In how many other places it is called as well."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was judged under one name, for all its variants.

    Args:
        anchor: where it is on the page.
        name: its name.
        cases: its variants.
        figures: pictures that belong to it.
    """

    anchor: str
    name: str
    cases: tuple[JudgedCase, ...]
    figures: tuple[Figure, ...]

    @property
    def rule(self) -> Rule:
        """What it is held against."""
        return self.cases[0].rule

    @cached_property
    def assumed_by_all(self) -> tuple[str, ...]:
        """What every variant that assumes anything takes for granted."""
        assuming = [each.assumptions for each in self.cases if each.assumptions]
        return tuple(each for each in assuming[0] if all(each in others for others in assuming)) if assuming else ()

    def also_assumed(self, case: JudgedCase) -> tuple[str, ...]:
        """What a variant takes for granted that not every one does."""
        return tuple(each for each in case.assumptions if each not in self.assumed_by_all)


@dataclass(frozen=True, kw_only=True)
class ToldCase:
    """Something that is wrong or open, as the page tells it.

    Args:
        anchor: where it is on the page.
        case: it.
        excerpts: the lines of C around its steps.
        former: the same of the old version, where two were compared.
        paths: the pictures of its way.
        numbers: the pictures of its numbers.
    """

    anchor: str
    case: JudgedCase
    excerpts: tuple[Excerpt, ...]
    former: tuple[Excerpt, ...]
    paths: tuple[Figure, ...]
    numbers: tuple[Figure, ...]


class Page:
    """What the page's template is filled in with.

    Args:
        run: the run.
        exhibits: what is shown besides.
    """

    def __init__(self, run: JudgedRun, exhibits: Exhibits) -> None:
        self.run, self.exhibits = run, exhibits
        self.counts = counted(run.cases) or "nothing to judge"
        self.tool = " ".join(filter(None, (tool_version(), tool_commit())))
        self.new = tuple(self._told(each, f"new-{at}") for at, each in enumerate(run.findings, 1) if not each.known)
        self.known = tuple(self._told(each, f"known-{at}") for at, each in enumerate(run.findings, 1) if each.known)

    @property
    def outcome(self) -> str:
        """How the run ended, in a sentence."""
        only_known = self.known and not self.new
        return "All that is wrong is known." if only_known else _SAYS[self.run.exit_status]

    @cached_property
    def entries(self) -> Mapping[str, tuple[Entry, ...]]:
        """What was judged, by area."""
        return {group: tuple(self._entries(group, cases)) for group, cases in self.run.groups.items()}

    @cached_property
    def anchors(self) -> Mapping[str, str]:
        """Where each name is on the page."""
        return {each.name: each.anchor for some in self.entries.values() for each in some}

    @cached_property
    def cuts(self) -> tuple[NumberedCut, ...]:
        """The calls that were not followed, together where function and reason are the same."""
        return tuple(self._cuts.values())

    @cached_property
    def _cuts(self) -> Mapping[_CUT, NumberedCut]:
        places: dict[_CUT, dict[str, CutNote]] = {}
        for case in self.run.cases:
            for cut in case.cuts:
                places.setdefault((cut.function, cut.reason), {}).setdefault(cut.at, cut)
        return {
            key: NumberedCut(number, next(iter(same.values())), len(same) - 1)
            for number, (key, same) in enumerate(places.items(), 1)
        }

    def cuts_of(self, cases: Iterable[JudgedCase]) -> tuple[NumberedCut, ...]:
        """Those that some cases rest on."""
        keys = {(cut.function, cut.reason) for each in cases for cut in each.cuts}
        return tuple(sorted((self._cuts[key] for key in keys), key=lambda each: each.number))

    def finding_of(self, case: JudgedCase) -> str:
        """Where the page tells what is wrong with a case; empty if it does not."""
        return next((each.anchor for each in (*self.new, *self.known) if each.case is case), "")

    @staticmethod
    def look(cases: Sequence[JudgedCase]) -> str:
        """How the worst of some cases ended."""
        worst = min((each.outcome for each in cases), key=list(Ending).index)
        known = worst is Ending.WRONG and all(each.known for each in cases if each.outcome is worst)
        return Ending.KNOWN.value if known else worst.value

    def counted(self, cases: Sequence[JudgedCase]) -> str:
        """How many of some cases have which verdict."""
        return counted(cases)

    def _entries(self, group: str, cases: Sequence[JudgedCase]) -> Iterator[Entry]:
        names = dict.fromkeys(each.name for each in cases)
        area = list(self.run.groups).index(group) + 1
        figures = [each for some in self.exhibits.galleries for each in some.figures]
        for number, name in enumerate(names, 1):
            yield Entry(
                anchor=f"entry-{area}-{number}",
                name=name,
                cases=tuple(each for each in cases if each.name == name),
                figures=tuple(each for each in figures if each.about == name),
            )

    def _told(self, case: JudgedCase, anchor: str) -> ToldCase:
        texts = texts_of_lines(case.lines) or self.exhibits.texts
        former_texts = texts_of_lines(case.former_lines) or self.exhibits.former_texts
        return ToldCase(
            anchor=anchor,
            case=case,
            excerpts=excerpts_of(case, texts),
            former=excerpts_of(replace(case, steps=case.sides[0].steps, at=case.sides[0].at), former_texts)
            if case.sides
            else (),
            paths=self.exhibits.paths.get(case.key, ()),
            numbers=self.exhibits.numbers.get(case.key, ()),
        )


def html_text(run: JudgedRun, exhibits: Exhibits | None = None) -> str:
    """The whole page."""
    return _templates().get_template("page.html").render(page=Page(run, exhibits or Exhibits())) + "\n"


def svg_text(figure: Figure) -> str:
    """The pictures of a figure side by side, as an image of its own."""
    placed, x = list[tuple[float, Drawing]](), float(_MARGIN)
    for drawing in figure.drawings:
        placed.append((x, drawing))
        x += drawing.width
    top = 2 * _MARGIN + _TITLE
    height = top + max(each.height for each in figure.drawings) + _MARGIN
    template = _templates().get_template("picture.svg")
    told = template.render(figure=figure, placed=placed, margin=_MARGIN, top=top, width=x + _MARGIN, height=height)
    return told.strip() + "\n"


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    # Only now: whoever wants no page need not wait for it.
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("mmuproof.cli.formats"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _plain(value: object) -> object:
    """Words that a browser shows as they stand: what is markup already is ours."""
    return shown(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
