"""Where the results of a run go, and what is written for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmuproof.cli.formats.asked import Asked
from mmuproof.cli.formats.cases import JudgedCase, JudgedRun, without_baseline
from mmuproof.cli.formats.editor import editor_text, finding_line
from mmuproof.cli.formats.exhibits import Exhibits
from mmuproof.cli.formats.github import github_text
from mmuproof.cli.formats.html import html_text
from mmuproof.cli.formats.junit import junit_text
from mmuproof.cli.formats.ktap import ktap_text
from mmuproof.cli.formats.markdown import markdown_text
from mmuproof.cli.formats.request import Format
from mmuproof.cli.formats.sarif import sarif_text
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.json_file import json_text, write_text

_TEXTS: Mapping[Format, Callable[[JudgedRun], str]] = {
    Format.JUNIT: junit_text,
    Format.SARIF: sarif_text,
    Format.KTAP: ktap_text,
    Format.GITHUB: github_text,
    Format.MARKDOWN: markdown_text,
    Format.EDITOR: editor_text,
}


class Reporter:
    """Where the results of a run go.

    Args:
        asked: what the user asked for.
        output: standard output and standard error.
    """

    def __init__(self, asked: Asked, output: Output) -> None:
        self._asked, self._output = asked, output

    @property
    def console(self) -> Output:
        """Where a report for a reader goes: nowhere if another format is on standard output, or with --quiet."""
        is_wanted = self._asked.is_console and not self._asked.quiet
        return self._output if is_wanted else self._output.silenced()

    def judged(self, run: JudgedRun) -> JudgedRun:
        """The run as it counts: against the baseline, if there is one."""
        baseline = self._asked.baseline
        return run if baseline is None else without_baseline(run, *baseline)

    def deliver(
        self, run: JudgedRun, content: Callable[[], Mapping[str, object]], exhibits: Exhibits | None = None
    ) -> int:
        """Write every format but the console's, and what --quiet leaves of that; the exit status.

        Args:
            run: the run as it counts.
            content: what our own results file says of it.
            exhibits: what a page shows besides.

        Raises:
            UsageProblem: a file could not be written.
        """
        for format_, file in self._asked.wanted:
            if format_ is Format.CONSOLE:
                continue
            if format_ is Format.JSON:
                text = json_text(file, {**content(), **_summed(run)})
            elif format_ is Format.HTML:
                text = html_text(run, exhibits)
            else:
                text = _TEXTS[format_](run)
            if file is not None:
                write_text(file, text)
            else:
                self._output.text(text)
        if self._asked.is_console and self._asked.quiet:
            for case in run.findings:
                if case.outcome.counts:
                    self._output.line(finding_line(run, case))
        return run.exit_status


def _summed(run: JudgedRun) -> dict[str, object]:
    """What every results file says at its end, whichever command wrote it."""
    return {
        "findings": [_finding(each) for each in run.findings],
        "baseline": {"file": run.baseline, "gone": list(run.gone)} if run.baseline else None,
        "exit_status": run.exit_status,
    }


def _finding(case: JudgedCase) -> dict[str, object]:
    file, line = case.place
    return {
        "name": case.name,
        "variant": case.variant or None,
        "verdict": case.verdict,
        "outcome": case.outcome.value,
        "says": case.sentence,
        "file": file or None,
        "line": line,
        "known": case.known or None,
        "fingerprints": list(case.fingerprints),
    }
