"""A check that is interrupted ends at once: nobody waits for what is still being parsed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmuproof.cli.check import check
from mmuproof.cli.check.command import CheckRequest
from mmuproof.cli.check.kept_steps import KeptSteps
from mmuproof.cli.check.pieces import SeriesPiece
from mmuproof.cli.diff.stepwise import StepwiseComparison
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.tree.source import KernelTree


def test_both_trees_are_left_by_what_interrupts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    left: list[type[BaseException] | None] = []

    @contextmanager
    def opened(*_: object, **__: object) -> Iterator[Any]:
        try:
            yield SimpleNamespace(units=None, part=lambda: None)
        except BaseException as failed:
            left.append(type(failed))
            raise
        left.append(None)

    @contextmanager
    def pieces(*_: object) -> Iterator[Iterator[SeriesPiece]]:
        trees = (
            KernelTree(root=tmp_path, description="old", version="7.2"),
            KernelTree(root=tmp_path, description="new", version="7.2"),
        )
        yield iter([SeriesPiece(name="a patch", trees=trees)])

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "open_kernel", opened)
    monkeypatch.setattr(check, "opened_pieces", pieces)
    monkeypatch.setattr(StepwiseComparison, "compare", interrupt)
    request = CheckRequest(kernel=str(tmp_path), cache=False, jobs=1)
    with pytest.raises(KeyboardInterrupt), ExitStack() as held:
        list(check.steps_here(request, Installed(), KeptSteps(None, ()), Unwatched(), held))
    assert left == [KeyboardInterrupt, KeyboardInterrupt]
