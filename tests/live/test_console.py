"""What is read of a console."""

from __future__ import annotations

from mmuproof.live.console import observed, why_dead
from mmuproof.live.guests.paging import HANDLERS

# The two forms in which kernels print a warning, and a death.
OLDER = """\
@ log ------------[ cut here ]------------
@ log spte = 0x8001, level = 2
@ log WARNING: CPU: 0 PID: 9 at some/file.c:12 older_function+0x1/0x2 [kvm]
@ log Call Trace:
@ log  caller+0x7d/0x170 [kvm]
@ log  ? perhaps+0x7d/0x170 [kvm]
@ log ---[ end trace 0000000000000000 ]---
"""
NEWER = """\
@ log ------------[ cut here ]------------
@ log WARNING: some/file.c:13 at newer_function+0x1/0x2 [kvm], CPU#0: init/9
@ log ---[ end trace 0000000000000000 ]---
"""
DEATH = """\
@ log ------------[ cut here ]------------
@ log kernel BUG at some/file.c:14!
@ log invalid opcode: 0000 [#1] PREEMPT SMP NOPTI
@ log RIP: 0010:dying_function.cold+0x46/0x48 [kvm]
@ log ---[ end trace 0000000000000000 ]---
"""


def test_facts_are_those_of_their_own_part_and_only_of_those_that_ended() -> None:
    console = "noise@ try a\n@ fact x=0x10\n@ fact y=no\n@ end a\r\n@ try b\n@ fact x=1\n@ try c\n@ end c\n@ try d\n"
    seen = observed(console)
    assert {name: dict(part.facts) for name, part in seen.items()} == {"a": {"x": 16, "y": "no"}, "c": {}}


def test_a_stop_in_a_handler_is_told_with_its_error_code() -> None:
    stop = f"@ fact r.rip={HANDLERS + 14 * 16 + 1:#x}\n@ fact r.top=0x9\n"
    other = "@ fact s.rip=0x10000\n@ fact s.top=0x9\n"
    facts = observed(f"@ try a\n{stop}{other}@ end a\n")["a"].facts
    assert (facts["r.fault"], facts["r.error_code"]) == (14, 9)
    assert facts["s.fault"] == "none"
    assert "s.error_code" not in facts


def test_warnings_and_deaths_are_told_apart_by_function() -> None:
    part = observed(f"@ try a\n{OLDER}{NEWER}{DEATH}@ stuck\n@ end a\n")["a"]
    assert [report.function for report in part.warnings] == ["older_function", "newer_function"]
    assert [report.function for report in part.deaths] == ["dying_function"]
    assert part.warnings[0].trace == ("caller", "perhaps")
    assert part.stuck


def test_a_dead_console_is_told_by_what_was_said_last() -> None:
    assert why_dead("@ up\n@ broken: module x: No\n@ dead\n") == "@ broken: module x: No"
    assert why_dead("a\nKernel panic - not syncing\nb\n") == "Kernel panic - not syncing"
    assert why_dead("") == "nothing on the console"
