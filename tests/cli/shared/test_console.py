"""What is shown on a terminal is obeyed by none."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from mmuproof.cli.shared.console import Output, on_one_line, shown
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


def test_a_name_has_no_end_of_a_line() -> None:
    assert on_one_line("a\n::error::b\r\x1b.c") == r"a\x0a::error::b\x0d\x1b.c"


def test_a_text_stays_as_it_is() -> None:
    text = "arch/x86/kvm/mmu.c:7\tjeder Übergang ≤ 4\n  [next]"
    assert shown(text) == text


def test_progress_is_for_a_terminal_and_not_for_a_log_with_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Output().progress(verbose=False) as watcher:
        watcher.phase("proving", 2)
        watcher.advance()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_is_shown_on_a_terminal_unless_nobody_wants_it(quiet: bool) -> None:
    code = (
        "from mmuproof.cli.shared.console import Output\n"
        "output = Output()\n"
        f"if {quiet}: output.keep_still()\n"
        "with output.progress(verbose=False) as watcher:\n"
        "    watcher.phase('proving', 2)\n"
    )
    master, slave = pty.openpty()
    try:
        environment = {**os.environ, "TERM": "xterm"}
        subprocess.run([sys.executable, "-c", code], stderr=slave, check=True, env=environment)
        os.set_blocking(master, False)
        try:
            shown_on_it = os.read(master, 10000)
        except BlockingIOError:
            shown_on_it = b""
    finally:
        os.close(master)
        os.close(slave)
    assert (b"proving" in shown_on_it) is not quiet


def test_no_color_leaves_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    Output().line(("red", "red"))
    assert "\x1b[31m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    Output().line(("red", "red"))
    assert capsys.readouterr().out == "red\n"
