"""Which kernels `mmuproof diff` compares, by what is written and where it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmuproof.cli.diff.command import DiffRequest
from mmuproof.cli.shared.errors import UsageProblem

PATCH = {"patches": (Path("fix.patch"),)}
SERIES = {"series": "a..b"}


@pytest.mark.parametrize(
    ("words", "also", "compared"),
    [
        (("~/old", "~/new"), {}, ("~/old", "~/new", ())),
        (("@v7.2", "@v7.3", "make_spte"), {}, ("@v7.2", "@v7.3", ("make_spte",))),
        (("@v7.2",), {}, ("@v7.2", "/tree", ())),
        (("@v7.2", "make_spte", "make_*"), {}, ("@v7.2", "/tree", ("make_spte", "make_*"))),
        ((), {}, ("/tree@HEAD", "/tree", ())),
        (("make_spte",), {}, ("/tree@HEAD", "/tree", ("make_spte",))),
        ((), PATCH, ("/tree", None, ())),
        (("make_spte",), PATCH, ("/tree", None, ("make_spte",))),
        (("~/old", "make_spte"), PATCH, ("~/old", None, ("make_spte",))),
        ((), SERIES, ("/tree", None, ())),
        (("~/old",), SERIES, ("~/old", None, ())),
    ],
)
def test_what_is_left_out_is_the_tree_around(
    words: tuple[str, ...], also: dict[str, Any], compared: tuple[str, str | None, tuple[str, ...]]
) -> None:
    request = DiffRequest(words=words, kernel="/tree", **also)
    assert (request.old, request.functions) == (compared[0], compared[2])
    if compared[1] is not None:
        assert request.new == compared[1]


def test_a_folder_that_is_there_is_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "linux").mkdir()
    assert DiffRequest(words=("linux",), kernel="/tree").old == "linux"


@pytest.mark.parametrize("word", ["v7.3", "HEAD~2", "origin/master^"])
def test_a_revision_without_its_sign_is_told_how_it_is_written(word: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        DiffRequest(words=("@v7.2", "@v7.3", word), kernel="/tree")
    assert problem.value.message == f"{word} is no function's name and no pattern; a revision is written @{word}"


@pytest.mark.parametrize("kernel", [None, "reference"])
@pytest.mark.parametrize(
    ("words", "also", "says"),
    [
        ((), {}, "diff takes OLD and NEW, or a --patch, or a --series, or a kernel tree around it"),
        (("~/old",), {}, "diff takes OLD and NEW, or a --patch, or a --series, or a kernel tree around it"),
        (("~/old",), {"patches": (Path("-"), Path("-"))}, "--patch - takes all of standard input, once"),
        ((), PATCH, "diff takes OLD and NEW, or a --patch, or a --series, or a kernel tree around it"),
        (("~/old", "linux-7.9"), {}, "linux-7.9 does not exist, and no kernel tree is around the current folder"),
        (("linux-7.9",), PATCH, "linux-7.9 does not exist, and no kernel tree is around the current folder"),
    ],
)
def test_without_a_tree_around_all_is_to_be_written(
    words: tuple[str, ...], also: dict[str, Any], says: str, kernel: str | None
) -> None:
    with pytest.raises(UsageProblem) as problem:
        DiffRequest(words=words, kernel=kernel, **also)
    assert problem.value.message == says
