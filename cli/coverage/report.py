"""Of which lines theorems speak, for a reader and for a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from mmuproof.cli.coverage.measured import Covered, Lines, lines_of
from mmuproof.cli.coverage.reasons import Uncounted
from mmuproof.cli.shared.console import Output, few
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.cli.telling.results_file import heading, kernel_content

_MOST_NAMES = 3
"""Theorems that a row names, if not all are asked for."""
_GREEN, _RED, _YELLOW = "green", "red", "yellow"
_MMU = "arch/x86/kvm/mmu/"


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What a run has found.

    Args:
        kernel: what was looked at.
        functions: the selected functions, file by file.
        is_all: whether all are selected.
        not_stated: which theorems could not be stated, with why.
        not_read: which units do not parse, with why.
        gone: the functions that have a reason not to count, and that the kernel lacks.
    """

    kernel: KernelIdentity
    functions: tuple[Covered, ...]
    is_all: bool
    not_stated: tuple[str, ...]
    not_read: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def files(self) -> dict[str, list[Covered]]:
        """The functions by file."""
        grouped = groupby(self.functions, key=lambda each: each.function.file)
        return {file: list(group) for file, group in grouped}

    @property
    def of_mmu(self) -> Lines:
        """The lines of the MMU's code, without its headers but for the one that is a template."""
        return lines_of(each for each in self.functions if is_measured(each.function.file))


def is_measured(file: str) -> bool:
    """Whether a file is one of those that the share of the MMU's code is of."""
    return file.startswith(_MMU) and (file.endswith(".c") or file == f"{_MMU}paging_tmpl.h")


def print_coverage(output: Output, report: Coverage, *, lines: bool) -> None:
    """A row for each function, and how much that is by file; with ``lines`` also what no theorem speaks of."""
    for file, functions in report.files.items():
        output.line((file, "bold"), f"  {_count(lines_of(functions))}")
        for each in functions:
            total, spoken = len(each.function.lines), len(each.spoken)
            style = _YELLOW if each.uncounted else _RED if not spoken else "" if spoken < total else _GREEN
            output.row(
                (f"  {spoken:>4}/{total:<4}", style),
                f" {each.function.name}:{each.function.first}  {who(each, whole=lines)}",
                whole=lines,
            )
            if lines and each.unspoken:
                ranges = (str(first) if first == last else f"{first}-{last}" for first, last in each.unspoken)
                output.line(f"             unspoken: {', '.join(ranges)}")
    for text in (*report.not_stated, *report.not_read):
        output.line(("not told: ", _YELLOW), text)
    if report.gone and report.is_all:
        output.line(("listed as not counting, and not in this kernel: ", _YELLOW), ", ".join(report.gone))
    if report.is_all:
        output.line(
            (report.of_mmu.share, "bold"),
            f" of the lines of {_MMU}*.c and paging_tmpl.h that count are spoken of, "
            f"{_count(report.of_mmu)}, on {report.kernel.named}",
        )


def who(covered: Covered, *, whole: bool) -> str:
    """The theorems that speak of a function, those that cut it, and why it does not count."""
    parts = [_names(list(covered.by), whole=whole)] if covered.by else []
    if covered.cut_by:
        parts.append(f"cut by {_names(covered.cut_by, whole=whole)}")
    if covered.uncounted is not None:
        parts.append(f"does not count: {covered.uncounted.value}")
    return "; ".join(parts) or "none"


def _names(names: Sequence[str], *, whole: bool) -> str:
    if whole or len(names) <= _MOST_NAMES + 1:
        return ", ".join(names)
    return few(names, _MOST_NAMES)


def _count(lines: Lines) -> str:
    others = f"; {lines.uncounted} do not count" if lines.uncounted else ""
    return f"{lines.spoken} of {lines.counted}{others}"


def coverage_content(report: Coverage) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("coverage"),
        "kernel": kernel_content(report.kernel),
        "functions": [_function(each) for each in report.functions],
        "files": {file: _lines(lines_of(functions)) for file, functions in report.files.items()},
        "summary": {"mmu": _lines(report.of_mmu)},
        "uncounted": {reason.name.lower(): reason.value for reason in Uncounted},
        "not_stated": list(report.not_stated),
        "not_read": list(report.not_read),
        "uncounted_and_gone": list(report.gone),
    }


def _function(covered: Covered) -> dict[str, object]:
    function = covered.function
    return {
        "function": function.name,
        "names": list(function.names),
        "file": function.file,
        "first": function.first,
        "last": function.last,
        "lines": len(function.lines),
        "spoken": len(covered.spoken),
        "unspoken": [list(each) for each in covered.unspoken],
        "theorems": {name: sorted(lines) for name, lines in covered.by.items()},
        "cut_by": list(covered.cut_by),
        "uncounted": covered.uncounted and covered.uncounted.name.lower(),
    }


def _lines(lines: Lines) -> dict[str, int]:
    return {"counted": lines.counted, "spoken": lines.spoken, "uncounted": lines.uncounted}
