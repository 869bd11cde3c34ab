"""A digest of every claim tells two claims apart exactly if they differ."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmuproof.smt.digests import Digests
from mmuproof.smt.terms import Term, bool_var, bv, concat, extract, ite, sext, var, zext
from tests.hangs import HANGS

TOOL = Path(__file__).parents[1] / "tools" / "digests.py"
X, Y = var("x", 8), var("y", 8)

#: What is changed -> a term, and the same but for that.
CHANGED: dict[str, tuple[Term, Term]] = {
    "name": (X, var("z", 8)),
    "width": (X, var("x", 16)),
    "kind": (bool_var("x"), var("x", 1)),
    "constant": (X + 1, X + 2),
    "width of a constant": (bv(1, 8), bv(1, 16)),
    "operation": (X & Y, X | Y),
    "order": (X - Y, Y - X),
    "choice": (ite(bool_var("b"), X, Y), ite(bool_var("b"), Y, X)),
    "bits that are taken": (extract(X, 3, 0), extract(X, 4, 1)),
    "extension": (zext(X, 16), sext(X, 16)),
    "place": (concat(X, Y), concat(Y, X)),
}


def digest(*items: str | Term) -> str:
    """A digest by somebody who has seen no term before."""
    return Digests().of(items)


@pytest.mark.parametrize(("one", "other"), CHANGED.values(), ids=CHANGED.keys())
def test_what_differs_has_another_digest(one: Term, other: Term) -> None:
    assert digest(one) != digest(other)
    assert digest(one, X) != digest(other, X)
    assert digest(one) == digest(one)


def test_alike_terms_have_one_digest_however_they_were_made() -> None:
    again = ite(bool_var("b"), var("x", 8) + var("y", 8), bv(3, 8))
    assert digest(ite(bool_var("b"), X + Y, bv(3, 8))) == digest(again)


def test_words_and_terms_are_told_apart_in_their_order() -> None:
    assert len({digest("a", X), digest(X, "a"), digest("aX"), digest("a", "X"), digest("a"), digest()}) == 6


def run(hash_seed: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(TOOL), *words],
        capture_output=True,
        text=True,
        timeout=HANGS,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=False,
    )


def test_digests_of_the_reference_model_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    patterns = ("layout.*", "permission.npt*")
    first = run("0", *patterns)
    assert first.returncode == 0, first.stderr
    names = {line.partition(" ")[0] for line in first.stdout.splitlines()}
    assert {name.partition(".")[0] for name in names} == {"layout", "permission"}
    (tmp_path / "first").write_text(first.stdout)
    again = run("20261123", *patterns, "--against", str(tmp_path / "first"))
    assert (again.returncode, again.stdout.count("\n")) == (0, 1), again.stdout


def test_a_line_that_differs_is_told_and_no_other_theorems(tmp_path: Path) -> None:
    lost, *kept = run("0", "layout.frozen").stdout.splitlines()
    was = "layout.frozen intel 0 0 "
    (tmp_path / "other").write_text("\n".join([was, *kept, "role.of-others intel 0 0 "]))
    told = run("0", "layout.frozen", "--against", str(tmp_path / "other"))
    assert told.returncode == 1
    assert {*told.stdout.splitlines()[:2]} == {f"- {was}", f"+ {lost}"}
    assert told.stdout.splitlines()[2:] == [f"{len(kept) + 1} claims before, {len(kept) + 1} now"]
