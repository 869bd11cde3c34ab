"""`mmuproof ask`: answer questions in the kernel's own C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TypeVar

from mmuproof.cli.ask.answering import answer
from mmuproof.cli.ask.cases import replies_run
from mmuproof.cli.ask.command import AskRequest
from mmuproof.cli.ask.mistakes import Written, understood, wrong_question
from mmuproof.cli.ask.properties import HEADER, HEADER_NAME, Stated, stated
from mmuproof.cli.ask.replies import Goal, Replies, Reply
from mmuproof.cli.ask.report import answers_content, print_answers
from mmuproof.cli.formats.asked import asked_formats
from mmuproof.cli.formats.excerpts import places_of, texts_of
from mmuproof.cli.formats.exhibits import Exhibits
from mmuproof.cli.formats.reporter import Reporter
from mmuproof.cli.numbers.spte_names import CONSTANTS as SPTE_CONSTANTS
from mmuproof.cli.numbers.spte_names import SpteNames
from mmuproof.cli.pictures.bits import numbers_of
from mmuproof.cli.shared.caching import TREES, cache_folder, units_folders
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.identity import kernel_identity
from mmuproof.cli.shared.process import RECURSION
from mmuproof.cli.shared.selection import select_vendors
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.shared.tree_text import text_of_source
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.telling.counterexamples import undecoded
from mmuproof.cli.telling.overview import print_gone
from mmuproof.lift.errors import Missing, Refused, Undefined
from mmuproof.lift.parsing.expression_text import QuestionText, called_names, tokens
from mmuproof.lift.parsing.probe import (
    AddedTo,
    Compiled,
    CompiledFile,
    OpenUnit,
    QuestionWrong,
    compile_file,
    compile_questions,
)
from mmuproof.lift.parsing.unit import MAIN
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.source import KernelTree, open_source
from mmuproof.lift.waiting import result_of
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.units import saved_units
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.questions.posed import Questions
from mmuproof.questions.situations import SITUATIONS, Situation
from mmuproof.questions.units import QuestionUnits
from mmuproof.smt import backend
from mmuproof.smt.obligation import Verdict

_EXPRESSION = "the expression"
_T = TypeVar("_T")


def ask(request: AskRequest, output: Output) -> int:
    """Answer what is asked; the exit status.

    Raises:
        UsageProblem: the question cannot be asked, or the results file could not be written.
    """
    start = time.perf_counter()
    assert request.kernel is not None
    vendors = select_vendors(request.vendors) if request.vendors else ()
    questions = _Asked(request, vendors)
    given = given_config(request.config)
    asked = asked_formats(request)
    reporter = Reporter(asked, output)
    decide = Solver.within(request.budget)
    with (
        output.progress(verbose=request.verbose) as watcher,
        _units(request.kernel, given) as (tree, units),
        ThreadPoolExecutor(1) as beside,
    ):
        watcher.phase("asking")
        # Reading all of the tree takes as long as an answer.
        digest = beside.submit(lambda: tree.digest if asked.is_for_machines else "")
        answers, notes = _aside(lambda: questions.answered(units, decide))
        kernel = kernel_identity(request.kernel, tree, units.stand_ins.configuration, digest.result())
    report = Replies(
        kernel=kernel,
        answers=answers,
        seconds=time.perf_counter() - start,
        solvers={"z3": backend.version()},
        notes=notes,
    )
    run = reporter.judged(replies_run(report))
    print_answers(reporter.console, report, verbose=request.verbose)
    print_gone(reporter.console, run)
    examples = zip(run.cases, answers, strict=True)
    exhibits = Exhibits(
        texts=texts_of(places_of(run.findings), text_of_source(kernel.source)),
        numbers={case.key: numbers_of(each.example) for case, each in examples if each.example is not None},
    )
    return reporter.deliver(run, partial(answers_content, report), exhibits)


@contextmanager
def _units(source: str, given: DotConfig | None) -> Iterator[tuple[KernelTree, QuestionUnits]]:
    pool = ThreadPoolExecutor(2)
    try:
        with usable(), open_source(source, cache=cache_folder(TREES)) as tree, units_folders() as folders:
            yield tree, QuestionUnits(tree.root, saved_units(*folders), pool, given)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _aside(work: Callable[[], _T]) -> _T:
    """Do something in a thread of its own: a signal reaches this one only while it is not in the solver or clang."""
    pool, before = ThreadPoolExecutor(1), sys.getrecursionlimit()
    sys.setrecursionlimit(RECURSION)
    try:
        return result_of(pool.submit(work))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        sys.setrecursionlimit(before)


class _Asked:
    """What is asked, as far as it can be understood without the tree."""

    def __init__(self, request: AskRequest, vendors: tuple[Vendor, ...]) -> None:
        self._request, self._vendors = request, vendors
        self._situation = _situation(request.situation)
        self._assumed = [
            Written(f"assumption {text!r}" if len(request.assume) > 1 else "the assumption", text)
            for text in request.assume
        ]
        if request.file is not None:
            self._written = [Written(str(request.file), _read(request.file), in_lines=True)]
            self._texts: list[QuestionText] = []
        else:
            self._written = [Written(_EXPRESSION, request.expression or ""), *self._assumed]
            self._texts = [understood(each) for each in self._written]

    def answered(self, units: QuestionUnits, decide: Solver) -> tuple[tuple[Reply, ...], tuple[str, ...]]:
        """The answers, and the notes that go with them."""
        units.start_masks(self._vendors)
        try:
            if self._request.file is not None:
                return self._file(units, decide)
            return self._expression(units, decide)
        except QuestionWrong as wrong:
            raise wrong_question(self._written, wrong, units.open) from None

    def _expression(self, units: QuestionUnits, decide: Solver) -> tuple[tuple[Reply, ...], tuple[str, ...]]:
        called = called_names([token for text in self._texts for token in text.tokens])
        expression, *assumed = self._texts
        name = " ".join(expression.text.split())
        wanted = Goal.ALWAYS if self._request.always else Goal.POSSIBLE
        asked = [Stated(name, wanted, self._vendors)]
        inferred: dict[str, None] = {}

        def asked_of(compiled: Compiled) -> tuple[Reply, ...]:
            inferred.update((f"{each.declaration}, as {each.function}() takes it", None) for each in compiled.inferred)
            function, *premises = compiled.functions
            labels = {
                premise: f"{' '.join(text.text.split())} (--assume)"
                for premise, text in zip(premises, assumed, strict=True)
            }
            run = _Running(
                units=units, unit=compiled.unit, decide=decide, situation=self._situation, place=_in_expression
            )
            return tuple(run.answer(function, each, vendor, labels) for each, vendor in _each_vendor(asked))

        try:
            answers = units.answer(
                called, lambda opened: compile_questions(opened, self._texts), asked_of, self._request.unit
            )
        except Refused as refused:
            answers = tuple(_refused(each, vendor, refused) for each, vendor in _each_vendor(asked))
        return answers, tuple(f"free: {each}" for each in inferred)

    def _file(self, units: QuestionUnits, decide: Solver) -> tuple[tuple[Reply, ...], tuple[str, ...]]:
        (written,) = self._written
        assert self._request.file is not None
        folder = self._request.file.resolve().parent
        compiled: list[CompiledFile] = []

        def compiled_in(opened: OpenUnit) -> CompiledFile:
            compiled.append(compile_file(opened, written.text, (HEADER_NAME, HEADER), folder))
            return compiled[-1]

        def place(at: str) -> str:
            return f"{written.name}{at.removeprefix(MAIN)}" if at.startswith(MAIN) else at

        def line(at: str) -> str:
            return written.text.splitlines()[int(at.rpartition(":")[2]) - 1].strip() if at.startswith(MAIN) else at

        def asked_of(file: CompiledFile, one_by_one: bool = False) -> tuple[Reply, ...]:
            run = _Running(
                units=units, unit=file.unit, decide=decide, situation=self._situation, place=place, line=line
            )
            answers = []
            for each, vendor in _each_vendor(stated(file.properties, written.name, self._vendors)):
                try:
                    answers.append(run.answer(each.name, each, vendor))
                except Refused as refused:
                    if not one_by_one:
                        raise
                    answers.append(_refused(each, vendor, refused))
            return tuple(answers)

        try:
            answers = units.answer(called_names(list(tokens(written.text))), compiled_in, asked_of, self._request.unit)
        except Refused:
            # No unit is right for all properties: the first one may be for some.
            answers = asked_of(compiled[0], one_by_one=True)
        return answers, ()


def _situation(name: str | None) -> Situation | None:
    """What surrounds the questions.

    Raises:
        UsageProblem: nothing is called so.
    """
    if name is None or name in SITUATIONS:
        return None if name is None else SITUATIONS[name]
    near = get_close_matches(name, SITUATIONS, n=3)
    meant = f"; did you mean {', '.join(near)}?" if near else ""
    raise UsageProblem(f"--in {name}: there is no such situation{meant}", [f"there are {', '.join(SITUATIONS)}"])


def _each_vendor(asked: Iterable[Stated]) -> Iterator[tuple[Stated, Vendor | None]]:
    for each in asked:
        for vendor in each.vendors or (None,):
            yield each, vendor


@dataclass(frozen=True, kw_only=True)
class _Running:
    """Running questions in one unit; ``place``, ``line`` and ``situation`` are those of `Questions`."""

    units: QuestionUnits
    unit: AddedTo
    decide: Solver
    situation: Situation | None
    place: Callable[[str], str]
    line: Callable[[str], str] = str

    def answer(
        self, function: str, asked: Stated, vendor: Vendor | None, assumed: Mapping[str, str] | None = None
    ) -> Reply:
        """The answer for one vendor's masks.

        Raises:
            Refused: something on the way is not understood.
        """
        start = time.perf_counter()
        try:
            masks = None if vendor is None else self.units.masks(self.unit, vendor)
            asked_here = Questions(self.unit, masks, place=self.place, line=self.line, situation=self.situation)
            terms = asked_here.ask(function, assumed)
            hosts = plausible_host(masks) if masks is not None and terms.uses_masks else ()
            names = None if masks is None else SpteNames.of_masks(masks, self.units.constants(SPTE_CONSTANTS))
            decode = undecoded if names is None else names.decode
            found = answer(terms, asked.name, asked.wanted, vendor, hosts, self.decide, decode)
        except Undefined as undefined:
            verdict = Verdict.REFUTED if asked.wanted is Goal.ALWAYS else Verdict.ERROR
            found = Reply(
                name=asked.name,
                wanted=asked.wanted,
                vendor=vendor,
                verdict=verdict,
                reason=f"whatever the inputs: {undefined.message}",
            )
        except (NotThere, Missing) as missing:
            found = _without(asked, vendor, missing.names)
        return replace(found, unit=self.unit.path, seconds=time.perf_counter() - start)


def _without(asked: Stated, vendor: Vendor | None, names: Sequence[str]) -> Reply:
    reason = f"the tree does not define {', '.join(names)}"
    return Reply(name=asked.name, wanted=asked.wanted, vendor=vendor, verdict=Verdict.ERROR, reason=reason)


def _refused(asked: Stated, vendor: Vendor | None, refused: Refused) -> Reply:
    return Reply(name=asked.name, wanted=asked.wanted, vendor=vendor, verdict=Verdict.ERROR, reason=refused.message)


def _in_expression(at: str) -> str:
    return "" if at.startswith(MAIN) else at


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageProblem(f"{path} cannot be read: {reason}") from None
