"""A run in the kernel's own test protocol, KTAP version 1 (Documentation/dev-tools/ktap.rst).

An area is a test with a subtest for each of its cases.  What is known and allowed is ``ok`` with XFAIL, as kselftest
has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun

_VERSION = "KTAP version 1"
_INDENT = "  "


def ktap_text(run: JudgedRun) -> str:
    """The whole run."""
    return "".join(f"{line}\n" for line in _lines(run))


def _lines(run: JudgedRun) -> Iterator[str]:
    groups = run.groups
    yield _VERSION
    yield f"1..{len(groups)}"
    yield from (_diagnostic(each) for each in (f"mmuproof {run.command} on {run.subject}", *run.notes))
    for number, (group, cases) in enumerate(groups.items(), 1):
        yield from (f"{_INDENT}{line}" for line in _subtests(group, cases))
        yield _parent(number, group, cases)


def _subtests(group: str, cases: Sequence[JudgedCase]) -> Iterator[str]:
    yield _VERSION
    # As KUnit has it, so that its parser knows the name before the result.
    yield f"# Subtest: {_description(group)}"
    yield f"1..{len(cases)}"
    for number, case in enumerate(cases, 1):
        if case.outcome.is_finding:
            place = f"{case.at}: " if case.at else ""
            yield _diagnostic(f"{place}{case.sentence}")
            yield from map(_diagnostic, case.details)
        yield f"{_ok(not case.outcome.counts)} {number} {_description(case.named)}{_directive(case)}"


def _parent(number: int, group: str, cases: Sequence[JudgedCase]) -> str:
    is_skipped = all(each.outcome is Ending.SKIPPED for each in cases)
    passed = not any(each.outcome.counts for each in cases)
    return f"{_ok(passed)} {number} {_description(group)}{' # SKIP' if is_skipped else ''}"


def _ok(passed: bool) -> str:
    return "ok" if passed else "not ok"


def _directive(case: JudgedCase) -> str:
    """What is said behind the description; a failure says by itself that it is one."""
    directives = {
        Ending.SKIPPED: f"SKIP {case.sentence}",
        Ending.KNOWN: f"XFAIL {case.known}",
        Ending.OPEN: f"ERROR {case.verdict}: {case.sentence}",
        Ending.WRONG: case.verdict,
    }
    return f" # {directives[case.outcome]}" if case.outcome in directives else ""


def _description(text: str) -> str:
    # A description ends where a hash sign begins.
    return " ".join(text.replace("#", "").split())


def _diagnostic(text: str) -> str:
    return f"# {' '.join(text.splitlines())}".rstrip()
