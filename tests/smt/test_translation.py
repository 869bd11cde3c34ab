"""Expressions go away before their context, or with it."""

from __future__ import annotations

import pytest

from mmuproof.smt.terms import ult, var
from mmuproof.smt.translation import Translation


@pytest.mark.parametrize("deleted", [False, True])
def test_in_a_context_that_is_deleted_nothing_is_released(deleted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # That is the order in which garbage that goes round is finalized now and then.
    translation = Translation()
    translation.expression(ult(var("x", 8), 3))
    translation.release()
    released: list[str] = []
    monkeypatch.setattr(translation, "release", lambda: released.append("release"))
    with monkeypatch.context() as patched:
        if deleted:
            patched.setattr(translation.context, "ctx", None)
        translation.__del__()
    assert released == ([] if deleted else ["release"])
