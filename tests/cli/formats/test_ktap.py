from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmuproof.cli.formats.ktap import ktap_text
from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.cli.shared.console import shown
from tests.cli.formats.ktap_rules import BrokenRuleError, checked
from tests.cli.formats.runs import FILE, run

TEXT = shown(ktap_text(run()))


def test_it_keeps_the_kernels_rules() -> None:
    good, bad, odd, absent = checked(TEXT)
    assert [(each.name, each.passed, each.directive) for each in (good, bad, odd, absent)] == [
        ("good", True, ""),
        ("bad", False, ""),
        ("odd", False, ""),
        ("absent", True, "SKIP"),
    ]
    assert [(each.name, each.passed, each.directive) for each in (*good.subtests, *bad.subtests)] == [
        ("good.one intel", True, ""),
        ("good.absent intel", True, "SKIP"),
        ("bad.lost intel", False, "ERROR"),
        ("bad.known intel", True, "XFAIL"),
        ("bad.new intel", False, ""),
    ]
    assert f"# {FILE}:305: It is wrong." in bad.subtests[2].diagnostics


def test_an_empty_run_is_an_empty_plan() -> None:
    assert checked(ktap_text(run(cases=()))) == []


@pytest.mark.parametrize(
    "text",
    {
        "no version": "1..1\nok 1 a\n",
        "no plan": "KTAP version 1\nok 1 a\n",
        "too few": "KTAP version 1\n1..2\nok 1 a\n",
        "numbers": "KTAP version 1\n1..1\nok 2 a\n",
        "indentation": "KTAP version 1\n1..1\n    KTAP version 1\n    1..1\n    ok 1 a\nok 1 b\n",
        "parents": "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 b\n",
        "errors": "KTAP version 1\n1..1\nok 1 a # ERROR no\n",
        "ends": "KTAP version 1\n1..1\nok 1 a",
    }.values(),
)
def test_the_checker_knows_the_rules(text: str) -> None:
    with pytest.raises(BrokenRuleError):
        checked(text)


_READ = """
import io, json, sys, kunit_parser, kunit_printer
printed = io.StringIO()
silent = kunit_printer.Printer(printed) if not hasattr(kunit_printer, "Printer") else kunit_printer.Printer(print=False)
lines = kunit_parser.extract_tap_lines(sys.stdin.read().splitlines())
found = kunit_parser.parse_run_tests(lines, silent)
json.dump([(each.name, each.status.name, [(one.name, one.status.name) for one in each.subtests])
           for each in found.subtests] + [found.counts.errors], sys.stdout)
"""


@pytest.mark.kernel
@pytest.mark.long
def test_the_kernels_own_parser_reads_it(tmp_path: Path) -> None:
    package = kernels_folder() / "linux-source-7.2.deb"
    if not package.exists():
        pytest.skip("no package of the kernel's sources (make kernels)")
    unpack = (
        'dpkg-deb --fsys-tarfile "$0" | tar xO --wildcards "*/linux-source-*.tar.xz" '
        '| tar xJ -C "$1" --strip-components=1 --wildcards "*/tools/testing/kunit/*"'
    )
    subprocess.run(["sh", "-c", unpack, str(package), str(tmp_path)], check=True)
    ran = subprocess.run(
        [sys.executable, "-c", _READ],
        input=TEXT,
        cwd=tmp_path / "tools/testing/kunit",
        env={"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    *tests, errors = json.loads(ran.stdout)
    assert errors == 0
    assert tests == [
        ["good", "SUCCESS", [["good.one intel", "SUCCESS"], ["good.absent intel", "SKIPPED"]]],
        [
            "bad",
            "FAILURE",
            [["bad.lost intel", "FAILURE"], ["bad.known intel", "SUCCESS"], ["bad.new intel", "FAILURE"]],
        ],
        ["odd", "FAILURE", [["odd.text intel", "FAILURE"]]],
        ["absent", "SKIPPED", [["absent.all intel", "SKIPPED"]]],
    ]
