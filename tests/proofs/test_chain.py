"""The chain of steps: it names theorems that there are, leaves none out, and each runs through its step."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.chain import BESIDE, CHAINS, Chain

NAMES = [theorem.name for theorem in THEOREMS]
STEPS = [step for chain in CHAINS for step in chain.steps]


@pytest.mark.parametrize("name", NAMES)
def test_a_theorem_belongs_to_a_step_or_is_listed_beside_them(name: str) -> None:
    assert any(name in step.theorems for step in STEPS) or any(fnmatch.fnmatchcase(name, each) for each in BESIDE)


def test_steps_name_theorems_that_there_are() -> None:
    assert {name for step in STEPS for name in step.theorems} <= set(NAMES)
    assert all(fnmatch.filter(NAMES, each) for each in BESIDE)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.says)
def test_each_step_of_a_chain_begins_where_one_before_it_ends(chain: Chain) -> None:
    reached = {chain.steps[0].start}
    for step in chain.steps:
        assert step.start in reached
        reached.add(step.end)


def test_a_step_without_a_theorem_says_what_is_missing() -> None:
    assert all(step.missing for step in STEPS if not step.theorems)


@pytest.mark.kernel
@pytest.mark.long
def test_each_theorem_runs_through_a_function_of_its_step(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    file = tmp_path / "coverage.json"
    CliRunner().invoke(build_app(Installed()), ["coverage", "--kernel", str(kernel_tree("7.2")), "--json", str(file)])
    through: dict[str, set[str]] = {}
    for function in json.loads(file.read_text())["functions"]:
        through.setdefault(function["function"], set()).update(function["theorems"])
    for step in STEPS:
        made_by = {name: through.get(name, set()) for each in step.by for name in each.split("|")}
        for theorem in step.theorems:
            assert any(theorem in those for those in made_by.values()), (theorem, step.by)
        for each in step.by if step.theorems else ():
            assert any(made_by[name] & set(step.theorems) for name in each.split("|")), (each, step.theorems)
