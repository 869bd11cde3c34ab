"""What is shown on a terminal is obeyed by none."""

from __future__ import annotations

import pytest

from mmuproof.cli.shared.console import Output, shown
from mmuproof.cli.shared.errors import UsageProblem

HOSTILE = {
    "a colour": ("\x1b[31mred", "\\x1b[31mred"),
    "a title": ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
    "one byte that begins a command": ("\x9b2J", "\\x9b2J"),
    "back to the beginning of a line": ("bad\rgood", "bad\\x0dgood"),
    "back by one": ("bad\b\b", "bad\\x08\\x08"),
    "the other direction": ("a\u202eb", "a\\u202eb"),
    "another line": ("a\u2028b", "a\\u2028b"),
    "a byte that is no text": ("a\udcffb", "a\\xffb"),
    "half a character": ("a\ud800b", "a\\ud800b"),
}


@pytest.mark.parametrize(("text", "seen"), HOSTILE.values(), ids=HOSTILE)
def test_nothing_reaches_a_terminal_that_it_would_obey(
    text: str, seen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output()
    output.line(text, (text, "bold"))
    output.row(text, whole=True)
    output.note(text)
    output.problem(UsageProblem("wrong", [text]))
    told = capsys.readouterr()
    assert told.out == f"{seen}{seen}\n{seen}\n"
    assert seen in told.err
    assert text not in told.out + told.err


def test_a_text_stays_as_it_is() -> None:
    text = "arch/x86/kvm/mmu.c:7\tjeder Übergang ≤ 4\n  [next]"
    assert shown(text) == text
