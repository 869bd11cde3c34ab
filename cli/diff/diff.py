"""`mmuproof diff`: what a change does to the functions of the MMU.

Imports are inside functions where they can wait: clang begins to parse before what comes after it is loaded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mmuproof.cli.diff.command import DiffRequest
from mmuproof.cli.diff.exhibits import figures_of, layout_galleries
from mmuproof.cli.diff.reading import Parsing, ReadTree, first_units, kept_units
from mmuproof.cli.formats.asked import asked_formats
from mmuproof.cli.formats.excerpts import places_of, texts_of
from mmuproof.cli.formats.exhibits import Exhibits
from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.naming import given_names
from mmuproof.cli.shared.standard_input import STANDARD_INPUT, given_patch
from mmuproof.cli.shared.tree_text import text_of_source
from mmuproof.cli.shared.unusable import usable
from mmuproof.lift.tree.patched import patched_tree
from mmuproof.lift.tree.source import KernelTree, open_source


def diff(request: DiffRequest, output: Output) -> int:
    """Compare two versions; the exit status.

    Raises:
        UsageProblem: a source cannot be used, or the results file could not be written.
    """
    start = time.perf_counter()
    names, given = given_names(request.names), given_config(request.config)
    asked = asked_formats(request)
    with (
        output.progress(verbose=request.verbose) as watcher,
        TemporaryDirectory(prefix="mmuproof-") as folder,
        ExitStack() as trees,
        Parsing(every=not request.functions, apart=request.apart) as parsing,
        usable(),
    ):
        watcher.phase("reading")
        saved = trees.enter_context(kept_units())
        opened = trees.enter_context(open_source(request.old, cache=cache_folder(TREES)))
        old = ReadTree(opened, Path(folder, "old"), given, saved)
        if request.patches:
            # Making the new tree takes as long as parsing a unit of the old one.
            parsing.begin_old(old, first_units(request.functions, old))
        new = ReadTree(trees.enter_context(_new_tree(request, old.tree)), Path(folder, "new"), given, saved)
        parsing.begin(old, new, first_units(request.functions, old, new))
        from mmuproof.cli.diff.cases import difference_run
        from mmuproof.cli.diff.changes import Difference
        from mmuproof.cli.diff.report import difference_content, print_difference
        from mmuproof.cli.diff.tree_comparison import Selected, changed_files, compare_trees
        from mmuproof.cli.formats.reporter import Reporter
        from mmuproof.cli.shared.identity import kernel_identity
        from mmuproof.cli.shared.results import KernelIdentity
        from mmuproof.cli.telling.overview import print_gone
        from mmuproof.smt import backend
        from mmuproof.smt.obligation import Assumption

        assumed: tuple[Assumption, ...] = ()
        if request.assume:
            from mmuproof.cli.diff.assumed import assumptions_of

            assumed = assumptions_of(request.assume, old.tree, given)
        identities: list[KernelIdentity] = []

        def when_read() -> None:
            for each in (old, new):
                digest = each.tree.digest if asked.is_for_machines else ""
                config = each.stand_ins.configuration
                identities.append(kernel_identity(each.tree.description, each.tree, config, digest))
            trees.close()

        found = compare_trees(
            old,
            new,
            partial(changed_files, old.tree, new.tree),
            Selected(
                functions=request.functions,
                names=names,
                jobs=request.jobs,
                budget=request.budget,
                witnesses=request.verbose or asked.is_for_machines,
                assumed=assumed,
            ),
            watcher,
            parsing,
            when_read,
        )
    report = Difference(
        old=identities[0],
        new=identities[1],
        judgements=found.judgements,
        unchanged=found.unchanged,
        gone=found.gone,
        come=found.come,
        outside=found.outside,
        notes=found.notes,
        assumed=tuple(each.label for each in assumed),
        seconds=time.perf_counter() - start,
        solvers={"z3": backend.version()},
    )
    reporter = Reporter(asked, output)
    run = reporter.judged(difference_run(report))
    print_difference(reporter.console, report, verbose=request.verbose)
    print_gone(reporter.console, run)
    former = (at for each in run.findings for side in each.sides[:1] for at in (side.at, *(s.at for s in side.steps)))
    exhibits = Exhibits(
        texts=texts_of(places_of(run.findings), text_of_source(report.new.source)),
        former_texts=texts_of(former, text_of_source(report.old.source)),
        galleries=layout_galleries(found.layouts, [report.old, report.new]),
        numbers=figures_of(run.findings),
    )
    return reporter.deliver(run, partial(difference_content, report), exhibits)


def _new_tree(request: DiffRequest, old: KernelTree) -> AbstractContextManager[KernelTree]:
    cache = cache_folder(TREES)
    return _patched(request, old, cache) if request.patches else open_source(request.new, cache=cache)


@contextmanager
def _patched(request: DiffRequest, old: KernelTree, cache: Path | None) -> Iterator[KernelTree]:
    """The old tree with one patch after the other on top."""
    with ExitStack() as steps:
        tree, changed = old, frozenset[str]()
        for patch in request.patches:
            given = given_patch() if str(patch) == STANDARD_INPUT else patch
            tree = steps.enter_context(patched_tree(tree, given, cache=cache))
            changed |= tree.changed or frozenset()
        yield replace(tree, changed=changed)
