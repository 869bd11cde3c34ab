"""Results of an earlier run are taken exactly if it asked the same of the same, and nothing has touched them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.prove import saved
from mmuproof.cli.prove.running import Proved
from mmuproof.cli.prove.saved import SavedResults
from mmuproof.cli.shared import own_code
from mmuproof.cli.shared.caching import NO_RESULTS
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.results import Counterexample, CutNote, Input, Result, TracedStep
from mmuproof.cli.shared.selection import Task
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.obligation import Verdict
from tests.test_rooms import MAY_IMPORT

TOLD = Counterexample(
    symptom="wrong",
    sentence="It is wrong.",
    inputs=(Input("pte_access", "READ|EXEC"),),
    values={"pte_access": 5, "gfn": 1 << 63},
    steps=(TracedStep("mmu.c:7", "x = 1"),),
    actual="a",
    expected="b",
    at="mmu.c:7",
    place="mmu.c:f",
)
REFUTED = Result(
    theorem="bad",
    vendor=Vendor.AMD,
    verdict=Verdict.REFUTED,
    seconds=1.25,
    reason="known finding 3: It is wrong.",
    assumptions=("one", "other"),
    cuts=(CutNote("callee", "mmu.c:9", "says nothing", ("its body",)),),
    counterexample=TOLD,
    source="SDM 1.2",
    refuted=(Shape(theorem="bad", vendor=Vendor.AMD, part="p", symptom="wrong", place="mmu.c:f"),),
    known=(3,),
    claims=7,
)
KNOWN = (3, 8)


def result(verdict: Verdict = Verdict.PROVED, name: str = "good", vendor: Vendor = Vendor.INTEL) -> Result:
    return Result(theorem=name, vendor=vendor, verdict=verdict, seconds=0.5)


def proved(*results: Result) -> list[Proved]:
    return [Proved(result=each) for each in results]


def task(of: Result) -> Task:
    return Task(Theorem(name=of.theorem, claim="", source="", state=lambda _kvm, _vendor: (), catches=()), of.vendor)


def at(folder: Path, *rests_on: str) -> SavedResults:
    return SavedResults(folder, rests_on or ("tree", "config"))


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    at(tmp_path).keep(proved(REFUTED, result()), KNOWN, None)
    back = at(tmp_path).recall([task(REFUTED), task(result())])
    assert tuple(back.results.values()) == (REFUTED, result())
    assert back.known == KNOWN
    # A field that somebody adds is kept as well.
    assert all(getattr(REFUTED, each.name) for each in fields(Result))


def test_what_was_kept_before_stays(tmp_path: Path) -> None:
    at(tmp_path).keep(proved(REFUTED), KNOWN, None)
    at(tmp_path).keep(proved(result()), KNOWN, None)
    assert len(at(tmp_path).recall([task(REFUTED), task(result()), task(result(name="new"))]).results) == 2


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_what_was_decided_is_kept(verdict: Verdict, tmp_path: Path) -> None:
    at(tmp_path).keep(proved(result(verdict)), KNOWN, None)
    decided = verdict in (Verdict.PROVED, Verdict.REFUTED, Verdict.NOT_APPLICABLE)
    assert bool(at(tmp_path).recall([task(result())]).results) is decided


@pytest.mark.parametrize("other", [("tree", "other"), ("tree",), ("treeconfig",), ("tree", "config", "")])
def test_what_rests_on_something_else_is_not_taken(other: tuple[str, ...], tmp_path: Path) -> None:
    at(tmp_path).keep(proved(result()), KNOWN, None)
    assert at(tmp_path, *other).recall([task(result())]).results == {}


def test_results_of_other_code_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(tmp_path).keep(proved(result()), KNOWN, None)
    monkeypatch.setattr(saved, "code_digest", lambda: "other")
    assert at(tmp_path).recall([task(result())]).results == {}


def test_the_code_is_every_file_of_every_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(each.__name__ for each in own_code.ROOMS) == sorted(
        # What is tried on a running kernel decides nothing here.
        f"mmuproof.{room}"
        for room in MAY_IMPORT
        if room != "live"
    )
    (tmp_path / "deep").mkdir()
    for name in ("a.py", "deep/b.py", "c.json", "d.config"):
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(own_code, "ROOMS", (SimpleNamespace(__path__=[str(tmp_path)]),))
    found = set()
    for name in ("a.py", "deep/b.py", "c.json", "d.config", "new.py"):
        (tmp_path / name).write_text("two")
        own_code.code_digest.cache_clear()
        found.add(own_code.code_digest())
    own_code.code_digest.cache_clear()
    assert len(found) == 5


def file_of(folder: Path) -> Path:
    (file,) = folder.glob("*.json")
    return file


@given(data=st.data())
def test_a_file_that_is_damaged_anywhere_is_passed_over(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    at(folder).keep(proved(REFUTED, result()), KNOWN, None)
    whole = file_of(folder).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:place],
                whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
                whole[:place] + whole[place + 1 :],
            ]
        )
    )
    file_of(folder).write_bytes(damaged)
    assert at(folder).recall([task(REFUTED), task(result())]).results == {}


POISONS: dict[str, Callable[[str], str]] = {
    "a verdict is another": lambda text: text.replace('"REFUTED"', '"PROVED"'),
    "a claim is missing": lambda text: text.replace('"claims": 7', '"claims": 9'),
    "it is empty": lambda text: "",
    "it is something else": lambda text: "[]",
    "a line is before it": lambda text: "\n" + text,
    "it is there twice": lambda text: text + text,
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
def test_a_file_that_was_changed_is_passed_over_and_made_anew(poison: Callable[[str], str], tmp_path: Path) -> None:
    at(tmp_path).keep(proved(REFUTED), KNOWN, None)
    file = file_of(tmp_path)
    file.write_text(poison(file.read_text()))
    assert at(tmp_path).recall([task(REFUTED)]).results == {}
    at(tmp_path).keep(proved(result()), KNOWN, None)
    assert list(at(tmp_path).recall([task(REFUTED), task(result())]).results.values()) == [result()]


def test_a_file_of_another_kernel_under_this_ones_name_is_passed_over(tmp_path: Path) -> None:
    at(tmp_path, "good tree").keep(proved(result()), KNOWN, None)
    good = file_of(tmp_path).read_bytes()
    file_of(tmp_path).unlink()
    at(tmp_path, "bad tree").keep(proved(result(Verdict.REFUTED)), KNOWN, None)
    file_of(tmp_path).write_bytes(good)
    assert at(tmp_path, "bad tree").recall([task(result())]).results == {}


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    at(missing).keep(proved(result()), KNOWN, None)
    assert at(missing).recall([task(result())]).results == {}
    SavedResults(None, ()).keep(proved(result()), KNOWN, None)
    assert SavedResults(None, ()).recall([task(result())]).results == {}


def test_only_so_many_kernels_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "_MOST_FILES", 2)
    for number, name in enumerate(("first", "second", "third")):
        at(tmp_path, name).keep(proved(result()), KNOWN, None)
        (new,) = set(tmp_path.glob("*.json")) - {each for each in tmp_path.glob("*.json") if each.stat().st_mtime < 100}
        os.utime(new, (number, number))
    kept = [name for name in ("first", "second", "third") if at(tmp_path, name).recall([task(result())]).results]
    assert kept == ["second", "third"]


# The command


@pytest.fixture
def prove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run mmuproof prove with a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(NO_RESULTS)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(build_app(Installed()), ["prove", *words], prog_name="mmuproof")
        return done.exit_code, re.sub(r" in \d+\.\d s", "", done.output)

    return run


SAYS = "All results are of an earlier run that asked the same; --no-cache finds them anew.\n"
THEOREMS = ("layout.frozen", "role.page-sharing")


def test_the_second_run_says_the_same_and_that_it_was_saved(prove: Callable[..., tuple[int, str]]) -> None:
    first, second = prove(*THEOREMS), prove(*THEOREMS)
    assert SAYS not in first[1]
    assert SAYS in second[1]
    assert (second[0], second[1].replace(SAYS, "")) == first
    assert SAYS not in prove(*THEOREMS, "--no-cache")[1]


def test_of_more_theorems_the_rest_is_decided(prove: Callable[..., tuple[int, str]]) -> None:
    prove("layout.frozen")
    assert "3 of the results are of an earlier run" in prove("layout.frozen", "layout.disjoint")[1]


@pytest.mark.parametrize(
    "other",
    [
        ("--budget", "1000001"),
        ("--erratum", "1218=on"),
        ("--defect", "frozen-has-pfn"),
        ("--vendor", "intel", "--erratum", "1218=off"),
    ],
    ids=" ".join,
)
def test_what_is_asked_otherwise_is_decided(other: tuple[str, ...], prove: Callable[..., tuple[int, str]]) -> None:
    prove("layout.frozen")
    status, output = prove("layout.frozen", *other)
    assert status in (0, 1)
    assert "earlier run" not in output


def test_a_poisoned_result_is_never_green(prove: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    status, _ = prove("role.page-sharing")
    (file,) = (tmp_path / "cache/mmuproof/results").glob("*.json")
    told, _, text = file.read_text().partition("\n")
    content = json.loads(text)
    for _, _, result, *_ in content["results"]:
        result["verdict"] = "PROVED"
    file.write_text(f"{told}\n{json.dumps(content)}")
    (whole,) = (tmp_path / "cache/mmuproof/runs").glob("*.json")
    assert '"REFUTED"' in whole.read_text()
    whole.write_text(whole.read_text().replace('"REFUTED"', '"PROVED"'))
    again, output = prove("role.page-sharing")
    assert (again, status, "earlier run" in output) == (1, 1, False)


def test_of_a_claim_that_was_proved_in_the_same_terms_it_is_told(prove: Callable[..., tuple[int, str]]) -> None:
    prove("layout.frozen")
    told = "3 claims of the other results had been proved before, in the same terms; --no-cache proves all anew."
    assert told in prove("layout.frozen", "--erratum", "1218=on")[1]
    assert told not in prove("layout.frozen", "--erratum", "1218=on", "--no-cache")[1]
