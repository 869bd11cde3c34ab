"""Findings as SARIF 2.1.0, which code-scanning services and editors read.

Only findings are in it.  Each has its place in the kernel tree, the rule that it breaks (a theorem with its claim and
source) and a fingerprint that stays while it does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from urllib.parse import quote

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, Rule
from mmuproof.cli.formats.places import split_place
from mmuproof.cli.shared.version import tool_version

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "SRCROOT"
_LEVELS = {Ending.WRONG: "error", Ending.OPEN: "warning", Ending.KNOWN: "note"}


@dataclass(frozen=True)
class _Text:
    text: str


@dataclass(frozen=True)
class _Descriptor:
    id: str
    short_description: _Text
    full_description: _Text
    help: _Text | None


@dataclass(frozen=True)
class _Driver:
    name: str
    version: str
    rules: tuple[_Descriptor, ...]


@dataclass(frozen=True)
class _Tool:
    driver: _Driver


@dataclass(frozen=True)
class _ArtifactLocation:
    uri: str
    uri_base_id: str | None = None


@dataclass(frozen=True)
class _Region:
    start_line: int


@dataclass(frozen=True)
class _PhysicalLocation:
    artifact_location: _ArtifactLocation
    region: _Region | None


@dataclass(frozen=True)
class _LogicalLocation:
    name: str
    kind: str


@dataclass(frozen=True)
class _Location:
    physical_location: _PhysicalLocation | None = None
    logical_locations: tuple[_LogicalLocation, ...] = ()
    message: _Text | None = None


@dataclass(frozen=True)
class _FlowLocation:
    location: _Location


@dataclass(frozen=True)
class _ThreadFlow:
    locations: tuple[_FlowLocation, ...]


@dataclass(frozen=True)
class _CodeFlow:
    thread_flows: tuple[_ThreadFlow, ...]


@dataclass(frozen=True)
class _Suppression:
    kind: str
    justification: str


@dataclass(frozen=True, kw_only=True)
class _Result:
    rule_id: str
    rule_index: int
    level: str
    message: _Text
    locations: tuple[_Location, ...]
    code_flows: tuple[_CodeFlow, ...]
    partial_fingerprints: Mapping[str, str]
    suppressions: tuple[_Suppression, ...]
    baseline_state: str | None
    properties: Mapping[str, object]


@dataclass(frozen=True)
class _Invocation:
    execution_successful: bool
    exit_code: int


@dataclass(frozen=True, kw_only=True)
class _SarifRun:
    tool: _Tool
    invocations: tuple[_Invocation, ...]
    original_uri_base_ids: Mapping[str, _ArtifactLocation]
    results: tuple[_Result, ...]
    properties: Mapping[str, object]


@dataclass(frozen=True)
class _Log:
    version: str
    runs: tuple[_SarifRun, ...]
    schema: str = field(default=_SCHEMA, metadata={"key": "$schema"})


def sarif_text(run: JudgedRun) -> str:
    """The findings of a run."""
    return json.dumps(_content(_log(run)), indent=1) + "\n"


def _log(run: JudgedRun) -> _Log:
    rules = {each.rule.name: each.rule for each in run.findings}
    places = {name: index for index, name in enumerate(rules)}
    driver = _Driver("mmuproof", tool_version(), tuple(map(_descriptor, rules.values())))
    told = _SarifRun(
        tool=_Tool(driver),
        invocations=(_Invocation(execution_successful=True, exit_code=run.exit_status),),
        original_uri_base_ids={_ROOT: _ArtifactLocation(f"{Path(run.root).as_uri()}/")} if run.root else {},
        results=tuple(_result(run, each, places[each.rule.name]) for each in run.findings),
        properties={"subject": run.subject, "gone": list(run.gone)},
    )
    return _Log("2.1.0", (told,))


def _descriptor(rule: Rule) -> _Descriptor:
    source = _Text(f"Source: {rule.source}") if rule.source else None
    return _Descriptor(rule.name, _Text(re.split(r"(?<=\.)\s", rule.says, maxsplit=1)[0]), _Text(rule.says), source)


def _result(run: JudgedRun, case: JudgedCase, rule_index: int) -> _Result:
    steps = tuple(_FlowLocation(_location(each.at, message=each.text)) for each in case.steps)
    marks = "\n".join(case.fingerprints)
    known = (_Suppression("external", case.known),) if case.outcome is Ending.KNOWN else ()
    return _Result(
        rule_id=case.rule.name,
        rule_index=rule_index,
        level=_LEVELS[case.outcome],
        message=_Text("\n".join((f"{case.named}: {case.sentence}", *case.details))),
        locations=(_location(case.at, case.function),) if case.at or case.function else (),
        code_flows=(_CodeFlow((_ThreadFlow(steps),)),) if steps else (),
        partial_fingerprints={"mmuproof/v1": hashlib.sha256(marks.encode(errors="backslashreplace")).hexdigest()},
        suppressions=known,
        baseline_state=("new" if case.outcome.counts else "unchanged") if run.baseline else None,
        properties={"verdict": case.verdict, "variant": case.variant, "findings": list(case.fingerprints)},
    )


def _location(at: str, function: str = "", message: str = "") -> _Location:
    file, line = split_place(at)
    uri = quote(file if line else at, errors="backslashreplace")
    region = _Region(line) if line else None
    return _Location(
        _PhysicalLocation(_ArtifactLocation(uri, _ROOT), region) if uri else None,
        (_LogicalLocation(function, "function"),) if function else (),
        _Text(message) if message else None,
    )


def _content(value: object) -> object:
    """What JSON has: names in SARIF's spelling, and nothing that is empty but the list of results."""
    if is_dataclass(value) and not isinstance(value, type):
        told = {}
        for each in fields(value):
            content = getattr(value, each.name)
            if content not in (None, (), {}) or each.name in ("results", "rules"):
                told[each.metadata.get("key") or _camel(each.name)] = _content(content)
        return told
    if isinstance(value, Mapping):
        return {name: _content(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_content(each) for each in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
