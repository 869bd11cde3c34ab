"""Whatever a kernel calls its things, and in whatever type it says yes: what is proved of it stays what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.lift.tree.changed import changed_tree
from tests.refactors.everything import (
    Changes,
    functions_renamed,
    members_renamed,
    parameters_renamed,
    truth_values_widened,
    variables_renamed,
)

pytestmark = [pytest.mark.kernel, pytest.mark.long]

Told = Mapping[str, tuple[str, int]]
#: What is done, and whether it has to be told to be found again; a variable is nobody's business but its function's.
DONE: Mapping[str, tuple[Callable[[Path], Changes], bool]] = {
    "every function has another name": (functions_renamed, True),
    "every parameter has another name": (parameters_renamed, True),
    "every member has another name": (members_renamed, True),
    "every variable of a function has another name": (variables_renamed, False),
    "every function that says yes or no does so as an int": (truth_values_widened, False),
}


def proved(kernel: Path, written: Path, *options: str) -> Told:
    """Verdicts and numbers of claims, by theorem and vendor."""
    words = ["prove", "--kernel", str(kernel), *options, "--allow-known", "--json", str(written)]
    done = CliRunner().invoke(build_app(Installed()), words)
    assert written.is_file(), done.output
    results = json.loads(written.read_text())["results"]
    return {f"{each['theorem']} {each['vendor']}": (each["verdict"], each["claims"]) for each in results}


@pytest.mark.parametrize("series", ["7.2", "7.3"])
@pytest.mark.parametrize("what", DONE)
def test_all_results_stay_when_all_of_a_kind_are_others(
    what: str, series: str, kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    root, (change, has_to_be_told), new = kernel_tree(series), DONE[what], tmp_path / "new"
    new.mkdir()
    changed_tree(root, change(root), new)
    options = ("--like", str(root)) if has_to_be_told else ()
    assert proved(new, tmp_path / "new.json", *options) == proved(root, tmp_path / "old.json")
