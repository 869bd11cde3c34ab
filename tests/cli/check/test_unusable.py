"""A commit whose tree does not parse is told as one that cannot be judged, and those after it are judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.check import check
from mmuproof.cli.check.pieces import SeriesPiece
from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.lift.errors import LimitReached, ParseFailed, SourceError
from mmuproof.lift.tree.source import KernelTree
from tests.cli.telling.schema import valid

DOES_NOT_PARSE = ParseFailed("spte.c", ["spte.c:7: no"])
TOO_LARGE = LimitReached("spte.c", "60 seconds", "--parse-seconds")
SAYS = "spte.c does not parse: 1 error, the first being spte.c:7: no"


@pytest.fixture
def series(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[SourceError]:
    """A patch whose tree cannot be used for each of some reasons, which a test says, and a cover letter behind them."""
    reasons: list[SourceError] = []
    tree = KernelTree(root=tmp_path, description="tree", version="7.2")

    @contextmanager
    def pieces(*_: object) -> Iterator[Iterator[SeriesPiece]]:
        read = [SeriesPiece(name=f"patch {number}", trees=(tree, tree)) for number in range(len(reasons))]
        yield iter([*read, SeriesPiece(name="letter")] if len(reasons) > 1 else read)

    def opened(*_: object) -> None:
        raise reasons[0]

    monkeypatch.setattr(check, "opened_pieces", pieces)
    monkeypatch.setattr(check, "_Opened", opened)
    return reasons


def run(tree: Path, *words: str) -> tuple[int, str]:
    asked: Sequence[str] = ["check", "--kernel", str(tree), "--no-cache", *words, "HEAD"]
    done = CliRunner().invoke(build_app(Installed()), asked, prog_name="mmuproof")
    return done.exit_code, done.output


@pytest.mark.parametrize("reason", [DOES_NOT_PARSE, TOO_LARGE], ids=["does not parse", "too large"])
def test_what_cannot_be_judged_is_told_and_the_rest_is_judged(
    reason: SourceError, series: list[SourceError], tmp_path: Path
) -> None:
    series += [reason, reason]
    results = tmp_path / "results.json"
    status, output = run(tmp_path, "--json", str(results))
    assert status == 3
    assert f"open   patch 1\n  cannot be judged: {reason.message}\n" in output.replace("\n    ", " ")
    assert "fine   letter\n  changes nothing that is read" in output
    steps = valid(results.read_text())["steps"]
    assert [each["cannot_be_judged"] for each in steps] == [reason.message, reason.message, None]


def test_where_nothing_can_be_judged_the_kernel_cannot_be_used(series: list[SourceError], tmp_path: Path) -> None:
    series.append(DOES_NOT_PARSE)
    status, output = run(tmp_path)
    assert status == 2
    assert f"no tree can be used: patch 0: {SAYS}" in output
