from __future__ import annotations

import pytest

from mmuproof.cli.guests.told import NoGuestError, ToldInputs
from mmuproof.cli.shared.results import Counterexample, Input, Result
from mmuproof.model.vendor import Vendor
from mmuproof.smt.obligation import Verdict


def told(text: str) -> ToldInputs:
    counterexample = Counterexample(
        symptom="s",
        sentence="It is wrong.",
        inputs=(Input("gpte", text),),
        values={},
        steps=(),
        actual="",
        expected="",
        at="",
    )
    return ToldInputs(
        Result(
            theorem="entry.reserved-paging32",
            vendor=Vendor.AMD,
            verdict=Verdict.REFUTED,
            seconds=0.0,
            counterexample=counterexample,
        )
    )


@pytest.mark.parametrize(
    ("text", "number"), [("0x20081", 0x20081), ("P|PS/PAT|0x20000", 0x20081), ("0", 0), ("NX|P", 1 << 63 | 1)]
)
def test_an_entry_is_a_number_however_it_is_told(text: str, number: int) -> None:
    assert told(text).number("gpte") == number


def test_what_is_no_number_makes_no_guest() -> None:
    with pytest.raises(NoGuestError, match=r"gpte is P\|X, which is no number"):
        told("P|X").number("gpte")
