"""The kernel's rules for KTAP version 1 (Documentation/dev-tools/ktap.rst), as a checker of our own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_RESULT = re.compile(r"(?P<ok>ok|not ok) (?P<number>\d+)(?: (?P<description>[^#]*?))?(?: # (?P<directive>.*))?")
_FAILS = ("TIMEOUT", "ERROR")
_WORDS = ("SKIP", "TODO", "XFAIL", *_FAILS)


class BrokenRuleError(AssertionError):
    """A line is not as it is to be."""


@dataclass
class KtapTest:
    """A test with its subtests, and the diagnostic lines in front of its result."""

    name: str
    passed: bool
    directive: str
    diagnostics: list[str]
    subtests: list[KtapTest] = field(default_factory=list)


def checked(text: str) -> list[KtapTest]:
    """The tests of a whole output.

    Raises:
        BrokenRuleError: it is no KTAP.
    """
    if not text.endswith("\n"):
        raise BrokenRuleError("the last line does not end")
    lines = text[:-1].split("\n")
    tests, left = _block(lines, "")
    if left:
        raise BrokenRuleError(f"something follows the last test: {left[0]!r}")
    return tests


def _block(lines: list[str], indent: str) -> tuple[list[KtapTest], list[str]]:
    if not lines or lines.pop(0) != f"{indent}KTAP version 1":
        raise BrokenRuleError("no version line")
    tests: list[KtapTest] = []
    diagnostics: list[str] = []
    subtests: list[KtapTest] = []
    plan: int | None = None
    while lines:
        line = lines[0]
        if line == f"{indent}  KTAP version 1":
            if plan is None or subtests:
                raise BrokenRuleError("subtests stand before the plan, or twice")
            subtests, lines = _block(lines, f"{indent}  ")
            continue
        if not line.startswith(indent) or line.startswith(f"{indent} "):
            break
        lines.pop(0)
        text = line.removeprefix(indent)
        if text.startswith("#"):
            diagnostics.append(text)
        elif re.fullmatch(r"1\.\.\d+", text) and plan is None:
            plan = int(text[3:])
        else:
            tests.append(_result(text, len(tests) + 1, diagnostics, subtests))
            diagnostics, subtests = [], []
    if plan != len(tests):
        raise BrokenRuleError(f"{plan} tests are planned, and {len(tests)} are there")
    return tests, lines


def _result(text: str, number: int, diagnostics: list[str], subtests: list[KtapTest]) -> KtapTest:
    found = _RESULT.fullmatch(text)
    if found is None or int(found["number"]) != number or any(not each.isprintable() for each in text):
        raise BrokenRuleError(f"no result of test {number}: {text!r}")
    directive = found["directive"] or ""
    passed = found["ok"] == "ok"
    if directive.startswith(_FAILS) and passed:
        raise BrokenRuleError(f"{directive} of a test that is ok")
    fails = any(not each.passed for each in subtests)
    if subtests and passed is fails:
        raise BrokenRuleError(f"test {number} does not end as its subtests do")
    word = directive.partition(" ")[0]
    return KtapTest(found["description"] or "", passed, word if word in _WORDS else "", diagnostics, subtests)
