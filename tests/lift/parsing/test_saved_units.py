"""Parsed units that outlive a run."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from clang.cindex import TranslationUnit

from mmuproof.lift.errors import LimitReached, ParseFailed, SourceError
from mmuproof.lift.parsing import saved_units
from mmuproof.lift.parsing.limits import ParseLimits
from mmuproof.lift.parsing.probe import OpenUnit
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import ConstantNames, Unit, parse_text
from mmuproof.lift.tree import stand_ins
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.stand_ins import StandIns, clang_arguments
from tests.hangs import HANGS

UNIT = "arch/x86/kvm/mmu/spte.c"
OWN = "arch/x86/kvm/mmu/spte.h"


@pytest.fixture
def tree(kernel: Path) -> Path:
    """A tree whose files have been left alone for a while."""
    (kernel / UNIT).write_text('#include "spte.h"\nint twice(int a) { return FACTOR * a; }\n')
    (kernel / OWN).write_text("#define FACTOR 2\n")
    age(kernel)
    return kernel


def age(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))


def opened(tree: Path, units: SavedUnits) -> OpenUnit:
    return OpenUnit(tree, UNIT, clang_arguments(tree, units.stand_ins(tree), UNIT), units)


def factor(tree: Path, units: SavedUnits) -> str:
    """The factor that the unit multiplies by, read out of what was parsed or kept."""
    body = opened(tree, units).plain.function("twice").body
    return next(word for word in ("2", "3", "4") if f"value={word})" in str(body))


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The units that are parsed in the course of a test."""
    seen: list[str] = []
    really = parse_text

    def parse(root: Path, path: str, *rest: object) -> object:
        seen.append(path)
        return really(root, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(saved_units, "parse_text", parse)
    return seen


def test_a_unit_is_parsed_once(tree: Path, tmp_path: Path, parses: list[str]) -> None:
    for _ in range(3):
        assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    assert parses == [UNIT]


def test_a_changed_header_is_seen_and_a_change_that_is_taken_back_is_found_again(
    tree: Path, tmp_path: Path, parses: list[str]
) -> None:
    found = []
    for content in ("2", "3", "2", "3"):
        # The same size and the same time: only the content differs.
        (tree / OWN).write_text(f"#define FACTOR {content}\n")
        age(tree)
        found.append(factor(tree, SavedUnits(tmp_path / "cache")))
    assert found == ["2", "3", "2", "3"]
    assert len(parses) == 2


def test_touching_a_file_changes_nothing(tree: Path, tmp_path: Path, parses: list[str]) -> None:
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    (tree / OWN).touch()
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    assert len(parses) == 1


def test_a_file_that_is_being_changed_is_read_anew_every_time(tree: Path, tmp_path: Path, parses: list[str]) -> None:
    (tree / OWN).touch()
    for _ in range(2):
        assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    assert len(parses) == 2


def test_a_new_header_that_comes_before_another_is_seen(tree: Path, tmp_path: Path) -> None:
    (tree / UNIT).write_text("#include <linux/factor.h>\nint twice(int a) { return FACTOR * a; }\n")
    (tree / "include/linux/factor.h").write_text("#define FACTOR 2\n")
    age(tree)
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    (tree / "arch/x86/include/linux").mkdir()
    (tree / "arch/x86/include/linux/factor.h").write_text("#define FACTOR 4\n")
    age(tree)
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "4"


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_shorten, _flip, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("kind", ["*.ast", "*.sum", "*.files", "headers-*/overlay/asm-generic/bug.h"])
def test_damage_is_noticed_and_made_good(
    tree: Path, tmp_path: Path, parses: list[str], kind: str, damage: Callable[[Path], None]
) -> None:
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    (hurt,) = (tmp_path / "cache").glob(kind)
    before = hurt.read_bytes()
    damage(hurt)
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    assert hurt.stat().st_size == len(before)
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    assert len(parses) <= 2


def test_a_unit_that_is_cleared_between_finding_and_loading_is_parsed_again(tree: Path, tmp_path: Path) -> None:
    units = SavedUnits(tmp_path / "cache")
    unit = opened(tree, units)
    for path in (tmp_path / "cache").glob("*.*"):
        path.unlink()
    assert unit.plain.find_function("twice") is not None


def _run(tree: Path, cache: Path, results: multiprocessing.Queue[str]) -> None:
    results.put(factor(tree, SavedUnits(cache)))


def test_runs_at_the_same_time_agree(tree: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[str] = context.Queue()
    runs = [context.Process(target=_run, args=(tree, tmp_path / "cache", results)) for _ in range(3)]
    for run in runs:
        run.start()
    assert [results.get(timeout=HANGS) for _ in runs] == ["2"] * 3
    for run in runs:
        run.join(HANGS)
        assert run.exitcode == 0
    assert len(list((tmp_path / "cache").glob("*.ast"))) == 1
    assert not list((tmp_path / "cache").glob(".making-*"))


def test_headers_that_another_run_has_put_there_meanwhile_stay(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, seen = SavedUnits(tmp_path / "cache"), []
    write = stand_ins.write_stand_ins

    def write_late(root: Path, into: Path, given: DotConfig | None) -> StandIns:
        monkeypatch.setattr(saved_units, "write_stand_ins", write)
        seen.append(cache.stand_ins(root).overlay.parent.stat().st_ino)
        return write(root, into, given)

    monkeypatch.setattr(saved_units, "write_stand_ins", write_late)
    # The other run may have begun to read them.
    assert cache.stand_ins(tree).overlay.parent.stat().st_ino == seen[0]


def test_headers_that_have_been_damaged_are_replaced(tree: Path, tmp_path: Path) -> None:
    cache = SavedUnits(tmp_path / "cache")
    damaged = next(each for each in sorted(cache.stand_ins(tree).overlay.rglob("*")) if each.is_file())
    content = damaged.read_text()
    damaged.write_text("#error damaged\n")
    assert cache.stand_ins(tree).overlay in damaged.parents
    assert damaged.read_text() == content


def test_what_is_not_used_goes_first(tree: Path, tmp_path: Path, parses: list[str]) -> None:
    cache = tmp_path / "cache"

    def ask(content: str, most: int = 1 << 30) -> None:
        (tree / OWN).write_text(f"#define FACTOR {content}\n")
        age(tree)
        assert factor(tree, SavedUnits(cache, most)) == content

    ask("2")
    (first,) = cache.glob("*.ast")
    ask("3")
    os.utime(first, (1_000_000_000, 1_000_000_000))
    ask("4", most=first.stat().st_size * 5 // 2)
    assert len(list(cache.glob("*.ast"))) == 2
    assert not first.exists()
    ask("3")
    assert len(parses) == 3


def test_a_unit_with_an_error_is_not_kept(tree: Path, tmp_path: Path) -> None:
    (tree / UNIT).write_text("int broken(void) { return nothing; }\n")
    with pytest.raises(ParseFailed, match=r"spte\.c:1: use of undeclared identifier 'nothing'"):
        opened(tree, SavedUnits(tmp_path / "cache"))
    assert not list((tmp_path / "cache").glob("*.ast"))


def test_a_folder_that_cannot_be_written_is_told(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SourceError, match="cache"):
        opened(tree, SavedUnits(tmp_path / "cache"))


# Units as theorems need them, kept by a copy of the process

NAMES = ConstantNames(("FACTOR", "NO_SUCH"))


def unit_of(tree: Path, cache: Path) -> Unit:
    units = SavedUnits(cache, constants=NAMES)
    found = units.unit(tree, UNIT, clang_arguments(tree, units.stand_ins(tree), UNIT))
    units.finish()
    return found


def test_a_unit_that_was_kept_says_the_same_as_one_that_was_parsed(
    tree: Path, tmp_path: Path, parses: list[str]
) -> None:
    parsed, kept = (unit_of(tree, tmp_path / "cache") for _ in range(2))
    assert parses == [UNIT]
    assert str(kept.function("twice").body) == str(parsed.function("twice").body)
    assert kept.files == parsed.files >= {UNIT, OWN}
    assert [each.constant("FACTOR") for each in (parsed, kept)] == [2, 2]
    assert [each.constant("NO_SUCH") for each in (parsed, kept)] == [None, None]
    assert kept.place_of("twice") == parsed.place_of("twice")
    assert list(kept.definitions) == list(parsed.definitions)


def test_questions_are_asked_of_the_units_that_theorems_have_parsed(
    tree: Path, tmp_path: Path, parses: list[str]
) -> None:
    unit_of(tree, tmp_path / "cache")
    asked = opened(tree, SavedUnits(tmp_path / "cache", constants=NAMES)).plain
    assert parses == [UNIT]
    assert asked.find_function("twice") is not None
    assert not any(name.startswith("mmuproof") for name in asked.names)


def test_other_constants_make_another_unit(tree: Path, tmp_path: Path, parses: list[str]) -> None:
    unit_of(tree, tmp_path / "cache")
    assert factor(tree, SavedUnits(tmp_path / "cache")) == "2"
    assert len(parses) == 2


def test_a_unit_is_parsed_again_when_a_header_changes_and_found_again_when_it_changes_back(
    tree: Path, tmp_path: Path, parses: list[str]
) -> None:
    found = []
    for content in ("2", "3", "2", "3"):
        (tree / OWN).write_text(f"#define FACTOR {content}\n")
        age(tree)
        found.append(unit_of(tree, tmp_path / "cache").constant("FACTOR"))
    assert found == [2, 3, 2, 3]
    assert len(parses) == 2


def test_of_a_file_that_was_just_changed_nothing_is_kept(tree: Path, tmp_path: Path) -> None:
    (tree / OWN).touch()
    unit_of(tree, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.ast"))


@pytest.mark.parametrize("damage", [_shorten, _flip, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("kind", ["*.ast", "*.sum", "*.files"])
def test_a_damaged_unit_is_parsed_again(
    tree: Path, tmp_path: Path, parses: list[str], kind: str, damage: Callable[[Path], None]
) -> None:
    unit_of(tree, tmp_path / "cache")
    (hurt,) = (tmp_path / "cache").glob(kind)
    damage(hurt)
    assert unit_of(tree, tmp_path / "cache").constant("FACTOR") == 2
    assert len(parses) == 2
    assert unit_of(tree, tmp_path / "cache").constant("FACTOR") == 2
    assert len(parses) == 2


def test_the_content_of_another_unit_is_not_taken_for_it(tree: Path, tmp_path: Path, parses: list[str]) -> None:
    unit_of(tree, tmp_path / "cache")
    (two,) = (tmp_path / "cache").glob("*.ast")
    (tree / OWN).write_text("#define FACTOR 3\n")
    age(tree)
    unit_of(tree, tmp_path / "cache")
    (three,) = set((tmp_path / "cache").glob("*.ast")) - {two}
    three.write_bytes(two.read_bytes())
    assert unit_of(tree, tmp_path / "cache").constant("FACTOR") == 3
    assert len(parses) == 3


def test_a_unit_in_which_an_assertion_fails_is_told_of_each_time(tree: Path, tmp_path: Path) -> None:
    (tree / UNIT).write_text('_Static_assert(1 == 2, "never");\n')
    age(tree)
    for _ in range(2):
        assert [each.message for each in unit_of(tree, tmp_path / "cache").failed_assertions] == ["never"]
    assert not list((tmp_path / "cache").glob("*.ast"))


def test_a_unit_that_does_not_parse_is_refused_each_time(tree: Path, tmp_path: Path) -> None:
    (tree / UNIT).write_text("int broken(void) { return nothing; }\n")
    age(tree)
    for _ in range(2):
        with pytest.raises(ParseFailed, match="nothing"):
            unit_of(tree, tmp_path / "cache")


def test_where_nothing_can_be_kept_a_unit_is_parsed_all_the_same(tree: Path, tmp_path: Path) -> None:
    stand_in = SavedUnits(tmp_path / "other").stand_ins(tree)
    (tmp_path / "cache").write_text("a file")
    units = SavedUnits(tmp_path / "cache", constants=NAMES)
    assert units.unit(tree, UNIT, clang_arguments(tree, stand_in, UNIT)).constant("FACTOR") == 2
    units.finish()
    assert (tmp_path / "cache").read_text() == "a file"


def test_a_full_disk_costs_nothing_but_the_time_of_the_next_run(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fills(_path: str, _parsed: object, into: Path) -> None:
        into.with_name(f"{into.name}.temp-stream-1").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saved_units, "_save", fills)
    for _ in range(2):
        assert unit_of(tree, tmp_path / "cache").constant("FACTOR") == 2
    assert not list((tmp_path / "cache").glob("*.ast"))
    assert not list((tmp_path / "cache").glob(".making-*"))


def test_clang_may_write_no_longer_than_it_may_parse(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def works(_parsed: object, _into: str) -> None:
        while True:
            pass

    monkeypatch.setattr(TranslationUnit, "save", works)
    monkeypatch.setattr(saved_units, "parse_limits", lambda: ParseLimits(seconds=1))
    spare = SavedUnits(tmp_path / "spare", constants=NAMES)
    units = SavedUnits(tmp_path / "cache", constants=NAMES, spare=spare)
    with pytest.raises(LimitReached, match="more than 1 seconds for it; --parse-seconds"):
        opened(tree, units)
    assert not list(tmp_path.glob("*/.making-*"))


def _parse(tree: Path, cache: Path) -> None:
    units = SavedUnits(cache, constants=NAMES)
    units.unit(tree, UNIT, clang_arguments(tree, units.stand_ins(tree), UNIT))


def test_a_process_that_ends_waits_for_what_is_still_to_be_kept(tree: Path, tmp_path: Path) -> None:
    run = multiprocessing.get_context("fork").Process(target=_parse, args=(tree, tmp_path / "cache"), daemon=True)
    run.start()
    run.join(HANGS)
    assert len(list((tmp_path / "cache").glob("*.ast"))) == len(list((tmp_path / "cache").glob("*.files"))) == 1


def test_who_reads_what_a_run_writes_waits_for_no_copy_that_keeps_a_unit() -> None:
    reading, writing = os.pipe()
    copy = saved_units._in_a_copy(signal.pause)
    try:
        os.close(writing)
        assert os.read(reading, 1) == b""
        assert os.waitpid(copy, os.WNOHANG) == (0, 0)
    finally:
        os.close(reading)
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)
