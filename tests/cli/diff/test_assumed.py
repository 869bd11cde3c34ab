"""`diff --assume` on a real kernel: what is assumed is understood, possible, and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from tests.refactors.refactor import refactored
from tests.refactors.small import DISHONEST

pytestmark = pytest.mark.kernel

WRONG, FUNCTION = DISHONEST["a level of a role is below 1G"], "make_small_spte"
ROLE = "union kvm_mmu_page_role role: role.level"
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def run(kernel_tree: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`mmuproof diff` of one function that takes another level for the last one."""
    root = kernel_tree("7.2")
    new = refactored(root, WRONG, tmp_path_factory.mktemp("new"))

    def runs(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(build_app(Installed()), ["diff", str(root), str(new), FUNCTION, "-j", "1", *words])
        return done.exit_code, " ".join(done.output.split())

    return runs


def test_a_row_says_what_it_needs_and_the_end_what_no_row_needs(run: Run, tmp_path: Path) -> None:
    needed, idle, results = f"{ROLE} != 2", "struct kvm *kvm: kvm->arch.n_max_mmu_pages > 3", tmp_path / "results.json"
    status, output = run("--assume", needed, "--assume", idle, "--json", str(results))
    assert status == 0, output
    assert f"{needed} (--assume)" in output
    assert f"No row needs what is assumed: {idle} (--assume)" in output
    assert "1 equal, given what is assumed" in output
    content: dict[str, Any] = json.loads(results.read_text())
    assert content["assumed_and_not_needed"] == [f"{idle} (--assume)"]
    (row,) = content["results"]
    assert f"{needed} (--assume)" in row["assumptions"]


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        (f"{ROLE} > 5 && role.level < 3", 2, "the assumption cannot hold: nothing would be compared"),
        (f"{ROLE} > 5", 3, "could not be compared: make_small_spte()"),
        (f"{ROLE} != 3", 1, "differs"),
        ("union kvm_mmu_page_role role: role.levle != 2", 2, "level"),
        ("", 2, "there is no expression"),
    ],
    ids=["impossible", "outside of what KVM gives", "not enough", "mistyped", "empty"],
)
def test_an_assumption_that_does_not_help_is_never_green(text: str, status: int, says: str, run: Run) -> None:
    found, output = run("--assume", text)
    assert found == status, output
    assert says in output
