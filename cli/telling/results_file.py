"""What the results file says: JSON in schema 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmuproof.cli.shared.results import Counterexample, CutNote, Input, KernelIdentity, Report, Result, TracedStep
from mmuproof.cli.shared.version import tool_commit, tool_version
from mmuproof.cli.telling.configuration import configuration_content
from mmuproof.smt.obligation import Verdict

SCHEMA = 1


def heading(command: str, solvers: Mapping[str, str] | None = None) -> dict[str, object]:
    """How every results file begins: its schema (results.schema.json), and what made it.

    Args:
        command: which command.
        solvers: which decided, with their versions; None where nothing was decided.
    """
    tool: dict[str, object] = {"version": tool_version(), "commit": tool_commit() or None}
    return {
        "schema": SCHEMA,
        "command": command,
        "tool": tool if solvers is None else {**tool, "solvers": dict(solvers)},
    }


def kernel_content(kernel: KernelIdentity) -> dict[str, object]:
    """What was judged."""
    return {
        "source": kernel.described,
        "version": kernel.version,
        "config": list(kernel.config),
        "configuration": configuration_content(kernel),
        "digest": kernel.digest,
    }


def report_content(report: Report) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("prove", report.solvers),
        "kernel": kernel_content(report.kernel),
        "results": [
            {**_result(result), "under_former_names": place in report.carried.results}
            for place, result in enumerate(report.results)
        ],
        "summary": {verdict.value: sum(result.verdict is verdict for result in report.results) for verdict in Verdict},
        "known_findings": {"allowed": report.allow_known, "remarks": list(report.remarks)},
        "carried_names": list(report.carried.said),
        "saved_results": report.saved,
        "known_claims": report.known_claims,
    }


def _result(result: Result) -> dict[str, object]:
    return {
        "theorem": result.theorem,
        "vendor": result.vendor.value,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "seconds": round(result.seconds, 6),
        "checked": "one-solver",
        "assumptions": list(result.assumptions),
        "cuts": [cut_content(cut) for cut in result.cuts],
        "counterexample": result.counterexample and counterexample_content(result.counterexample),
        "known_findings": list(result.known),
        "claims": result.claims,
    }


def cut_content(cut: CutNote) -> dict[str, object]:
    """A call that was not followed."""
    return {"function": cut.function, "at": cut.at, "reason": cut.reason, "unchecked": list(cut.unchecked)}


def counterexample_content(told: Counterexample) -> dict[str, object]:
    """A counterexample or example; ``decoded`` and ``reads`` are there where a number's bits mean something."""
    decoded = decoded_inputs(told.inputs)
    return {
        "inputs": {each.name: each.text for each in told.inputs},
        **({"decoded": decoded} if decoded else {}),
        "steps": steps_content(told.steps),
        "expected": told.expected,
        "actual": told.actual,
        "at": told.at or None,
    }


def decoded_inputs(inputs: Sequence[Input]) -> dict[str, object]:
    """What the numbers among some inputs say bit by bit, by the inputs' names."""
    return {each.name: each.decoded for each in inputs if each.decoded is not None}


def steps_content(steps: Sequence[TracedStep]) -> list[dict[str, object]]:
    """Steps; ``reads`` is there where a number's bits mean something."""
    return [{"at": step.at, "text": step.text, **({"reads": step.reads} if step.reads else {})} for step in steps]
