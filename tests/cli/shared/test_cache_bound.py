"""All that is kept has one bound; what has not been used for longest goes first, and nothing that is in use."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.caching import RESULTS, RUNS, STEPS, TREES, UNITS, make_room, most_bytes
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.tree.cache import cached_tree, held_tree, kept_trees
from mmuproof.lift.tree.workplace import empty_folder
from tests.hangs import HANGS

MEBIBYTE = 1 << 20


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of two MiB at most, with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MMUPROOF_CACHE_SIZE", "2")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mmuproof"


def put(path: Path, used: float, size: int = MEBIBYTE // 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (used, used))
    return path


def _fill(root: Path) -> None:
    (root / "Makefile").write_bytes(bytes(MEBIBYTE))


def tree(cache: Path, key: str, used: float) -> Path:
    root = cached_tree(cache / TREES, key, _fill)
    os.utime(root.parent / "complete", (used, used))
    return root


def test_what_is_small_enough_stays(cache: Path) -> None:
    kept = [put(cache / name / f"{name}.json", 5) for name in (RESULTS, RUNS, STEPS)]
    make_room()
    assert all(each.exists() for each in kept)


def test_units_trees_and_results_share_the_bound_and_the_oldest_goes_first(cache: Path) -> None:
    kept = {
        "result": put(cache / RESULTS / "a.json", 6),
        "tree": tree(cache, "old", 5),
        "run": put(cache / RUNS / "a.json", 4),
        "commit": put(cache / STEPS / "a.json", 3),
        "unit": put(cache / UNITS / "a.ast", 2),
        "old tree": tree(cache, "older", 1),
    }
    make_room()
    assert [name for name, each in kept.items() if each.exists()] == ["result", "tree", "run"]
    assert [each.folder.name for each in kept_trees(cache / TREES)] == ["old"]
    assert not list((cache / TREES).glob(".gone-*"))


def test_a_tree_that_is_opened_counts_as_used(cache: Path) -> None:
    tree(cache, "one", 1)
    tree(cache, "other", 2)
    put(cache / RESULTS / "a.json", 3, size=100)
    with held_tree(cache / TREES, "one", _fill):
        pass
    make_room()
    assert [each.folder.name for each in kept_trees(cache / TREES)] == ["one"]


def _hold(cache: Path, ready: multiprocessing.Queue[bool], over: multiprocessing.Queue[bool]) -> None:
    with held_tree(cache / TREES, "one", _fill) as root:
        os.utime(root.parent / "complete", (1, 1))
        ready.put(True)
        over.get()


def test_a_tree_that_another_run_reads_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMUPROOF_CACHE_SIZE", "1")
    context = multiprocessing.get_context("spawn")
    ready: multiprocessing.Queue[bool] = context.Queue()
    over: multiprocessing.Queue[bool] = context.Queue()
    run = context.Process(target=_hold, args=(cache, ready, over))
    run.start()
    ready.get(timeout=HANGS)
    put(cache / RESULTS / "a.json", 2)
    make_room()
    assert (cache / TREES / "one/tree/Makefile").exists()
    over.put(True)
    run.join(HANGS)
    make_room()
    assert not (cache / TREES / "one").exists()


def test_a_tree_that_is_removed_while_it_is_opened_is_unpacked_again(cache: Path) -> None:
    filled = []

    def fill(root: Path) -> None:
        _fill(root)
        filled.append(root)
        if len(filled) == 1:
            # As if another run had removed it between unpacking and holding.
            cached_tree(cache / TREES, "one", _fill)
            for each in kept_trees(cache / TREES):
                each.remove()

    with held_tree(cache / TREES, "one", fill) as root:
        assert (root / "Makefile").exists()


def test_what_killed_runs_have_left_goes(cache: Path) -> None:
    long_ago = time.time() - 30 * 86_400
    left = [put(cache / UNITS / ".making-x", long_ago), put(cache / RESULTS / ".a.json.123", long_ago)]
    new = put(cache / UNITS / ".making-y", time.time())
    with empty_folder(cache / TREES, "mine") as mine:
        (mine / "file").touch()
        (cache / TREES / "work-0/tree").mkdir(parents=True)
        (cache / TREES / "work-0/tree/file").touch()
        make_room()
        assert (mine / "file").exists()
    assert not (cache / TREES / "work-0/tree").exists()
    assert not any(each.exists() for each in left)
    assert new.exists()


def test_a_command_keeps_the_bound(cache: Path) -> None:
    old = put(cache / UNITS / "a.ast", 1, size=3 * MEBIBYTE)
    done = CliRunner().invoke(build_app(Installed()), ["list", "layout.frozen"])
    assert done.exit_code == 0
    assert not old.exists()


@pytest.mark.usefixtures("cache")
def test_the_bound_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert most_bytes() == 2 * MEBIBYTE
    monkeypatch.delenv("MMUPROOF_CACHE_SIZE")
    (tmp_path / ".mmuproof.toml").write_text("cache-size = 7\n")
    assert most_bytes() == 7 * MEBIBYTE
    monkeypatch.setenv("MMUPROOF_CACHE_SIZE", "little")
    with pytest.raises(UsageProblem, match="CACHE_SIZE is to be a number"):
        most_bytes()


@pytest.mark.usefixtures("cache")
def test_a_strangers_tree_does_not_set_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "linux"
    (tree / "arch/x86/kvm").mkdir(parents=True)
    (tree / ".mmuproof.toml").write_text("cache-size = 1\n")
    monkeypatch.chdir(tree)
    monkeypatch.setattr("mmuproof.cli.shared.settings.tree_around", lambda _folder: tree)
    with pytest.raises(UsageProblem, match="belongs into the file in your home"):
        most_bytes()


def test_without_a_folder_nothing_happens(cache: Path) -> None:
    make_room()
    cache.write_text("a file")
    make_room()
    assert cache.read_text() == "a file"
