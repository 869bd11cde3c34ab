"""Parsed units that outlive a run."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from clang.cindex import TranslationUnit

from mmuproof.lift.errors import LimitReached, ParseFailed, SourceError
from mmuproof.lift.parsing import clang_api, saved_units
from mmuproof.lift.parsing.declared import Declared
from mmuproof.lift.parsing.limits import ParseLimits
from mmuproof.lift.parsing.probe import OpenUnit
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import PROBE, ConstantNames, Unit, parse_behind, parse_text
from mmuproof.lift.parsing.unit_index import UnitIndex, index_text, read_index
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


def noted(monkeypatch: pytest.MonkeyPatch, name: str, really: Callable[..., object]) -> list[str]:
    """The units for which a function is called in the course of a test."""
    seen: list[str] = []

    def note(root: Path, path: str, *rest: object) -> object:
        seen.append(path)
        return really(root, path, *rest)

    monkeypatch.setattr(saved_units, name, note)
    return seen


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The units that are parsed in the course of a test."""
    return noted(monkeypatch, "parse_text", parse_text)


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


def test_a_header_that_appears_after_names_were_read_is_seen(tree: Path, tmp_path: Path) -> None:
    (tree / UNIT).write_text("#include <linux/factor.h>\nint twice(int a) { return FACTOR * a; }\n")
    (tree / "include/linux/factor.h").write_text("#define FACTOR 2\n")
    age(tree)
    units = SavedUnits(tmp_path / "cache")
    assert factor(tree, units) == "2"
    (tree / "arch/x86/include/linux").mkdir()
    (tree / "arch/x86/include/linux/factor.h").write_text("#define FACTOR 4\n")
    age(tree)
    assert factor(tree, units) == "4"


def test_names_are_read_once_as_long_as_no_folder_changes(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "virt/kvm").mkdir(parents=True, exist_ok=True)
    units, really, clock, walks = SavedUnits(tmp_path / "cache"), os.walk, time.time, []
    now = [clock()]

    def walk(folder: Path) -> object:
        walks.append(folder)
        return really(folder)

    def reads_them() -> bool:
        walks.clear()
        units._names(tree)
        return bool(walks)

    monkeypatch.setattr(os, "walk", walk)
    monkeypatch.setattr(time, "time", lambda: now[0])
    # A folder that was changed a moment ago may be changed once more at what looks like the same time.
    assert [reads_them() for _ in range(2)] == [True, True]
    now[0] += 10
    assert [reads_them() for _ in range(3)] == [True, False, False]
    (tree / "include/linux/more.h").write_text("")
    now[0] = clock()
    assert [reads_them() for _ in range(2)] == [True, True]


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


# What a unit declares, known before it is loaded


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The units that clang loads in the course of a test."""
    return noted(monkeypatch, "parse_behind", parse_behind)


def with_an_index(tree: Path, cache: Path) -> Path:
    """The index of the unit, which the first run that loads it keeps."""
    for _ in range(2):
        unit_of(tree, cache)
    (index,) = cache.glob("*.index")
    return index


def test_clang_loads_a_unit_for_nobody_who_asks_for_names_alone(
    tree: Path, tmp_path: Path, parses: list[str], loads: list[str]
) -> None:
    with_an_index(tree, tmp_path / "cache")
    loads.clear()
    kept = unit_of(tree, tmp_path / "cache")
    assert kept.has_function("twice")
    assert not kept.has_function("thrice")
    assert kept.find_function("thrice") is None
    assert not kept.has_variable("twice")
    assert "twice" in set(kept.definitions)
    assert not kept.failed_assertions
    assert kept.files >= {UNIT, OWN}
    assert not loads
    assert kept.constant("FACTOR") == 2
    assert kept.parameter_names("twice") == ("a",)
    assert loads == [UNIT]
    assert parses == [UNIT]


def test_with_an_index_a_unit_says_the_same_as_one_that_was_parsed(tree: Path, tmp_path: Path) -> None:
    (tree / UNIT).write_text(
        '#include "spte.h"\nstruct pair { int first, second; };\nunion both { int one; long two; };\n'
        "typedef struct pair twins;\nenum kinds { ODD = 3, EVEN };\nint before(int now);\nextern int seen;\n"
        "int twice(int a) { return FACTOR * a; }\nint before(int later) { return later; }\nint elsewhere(twins *t);\n"
        "int seen = EVEN;\n"
    )
    age(tree)
    parsed = unit_of(tree, tmp_path / "cache")
    with_an_index(tree, tmp_path / "cache")
    kept = unit_of(tree, tmp_path / "cache")

    def said(unit: Unit) -> list[object]:
        declared = unit.declared
        tables = (declared.prototypes, declared.typedefs, declared.tagged, declared.records, declared.enumerators)
        return [
            [(name, cursor.location.line, cursor.kind) for name, cursor in table.items() if PROBE not in name]
            for table in (declared.functions, declared.variables, *tables)
        ]

    assert said(kept) == said(parsed)


@pytest.mark.parametrize("damage", [_shorten, _flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_index_is_none(
    tree: Path, tmp_path: Path, parses: list[str], loads: list[str], damage: Callable[[Path], None]
) -> None:
    index = with_an_index(tree, tmp_path / "cache")
    content = index.read_bytes()
    damage(index)
    loads.clear()
    assert unit_of(tree, tmp_path / "cache").has_function("twice")
    assert loads == parses == [UNIT]
    assert index.read_bytes() == content


@pytest.mark.parametrize("name_of_other", [True, False])
def test_the_index_of_another_unit_is_none(tree: Path, tmp_path: Path, loads: list[str], name_of_other: bool) -> None:
    two = with_an_index(tree, tmp_path / "cache")
    (tree / UNIT).write_text('#include "spte.h"\nint other(int a) { return a; }\n')
    age(tree)
    for _ in range(2):
        unit_of(tree, tmp_path / "cache")
    (other,) = set((tmp_path / "cache").glob("*.index")) - {two}
    if name_of_other:
        other.write_bytes(two.read_bytes())
    else:
        # Of the same name, and of what was kept under it before.
        name, text = other.with_suffix(".ast").name, two.read_text()
        index = read_index(text, two.with_suffix(".ast").name, two.with_suffix(".sum").read_text())
        assert index is not None
        other.write_text(index_text(index, name, two.with_suffix(".sum").read_text()))
    loads.clear()
    found = unit_of(tree, tmp_path / "cache")
    assert (found.has_function("twice"), found.has_function("other")) == (False, True)
    assert loads == [UNIT]


@pytest.mark.parametrize("kind", ["*.ast", "*.sum"])
@pytest.mark.parametrize("damage", [_shorten, _flip, Path.unlink])
def test_a_unit_is_parsed_again_that_is_damaged_where_its_index_is_not(
    tree: Path, tmp_path: Path, parses: list[str], kind: str, damage: Callable[[Path], None]
) -> None:
    with_an_index(tree, tmp_path / "cache")
    (hurt,) = (tmp_path / "cache").glob(kind)
    damage(hurt)
    for _ in range(2):
        units = SavedUnits(tmp_path / "cache", constants=NAMES)
        found = units.unit(tree, UNIT, clang_arguments(tree, units.stand_ins(tree), UNIT))
        assert found.constant("FACTOR") == 2
        units.finish()
    assert len(parses) == 2


def test_a_unit_that_is_cleared_before_it_is_loaded_is_parsed_again(
    tree: Path, tmp_path: Path, parses: list[str]
) -> None:
    with_an_index(tree, tmp_path / "cache")
    kept = unit_of(tree, tmp_path / "cache")
    for path in (tmp_path / "cache").glob("*.*"):
        path.unlink()
    assert kept.constant("FACTOR") == 2
    assert str(kept.function("twice").location) == f"{UNIT}:2"
    assert len(parses) == 2


def test_an_index_of_other_declarations_says_nothing_of_these(tree: Path, tmp_path: Path) -> None:
    cursors = clang_api.children(unit_of(tree, tmp_path / "cache").declared.unit.cursor)
    index = UnitIndex.of(cursors[:-1])
    assert "twice" in Declared(cursors[0].translation_unit, cursors, index).functions


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


def test_of_a_copy_that_has_kept_its_unit_no_zombie_stays(tmp_path: Path) -> None:
    units = SavedUnits(tmp_path)
    first = saved_units._in_a_copy(lambda: None)
    units._note(first)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    second = saved_units._in_a_copy(lambda: None)
    units._note(second)
    with pytest.raises(ChildProcessError):
        os.waitpid(first, os.WNOHANG)
    units.finish()
    with pytest.raises(ChildProcessError):
        os.waitpid(second, os.WNOHANG)
