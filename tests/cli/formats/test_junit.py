from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from mmuproof.cli.formats.junit import junit_text
from tests.cli.formats.runs import CASES, FILE, run

# The schema of Jenkins' xunit plugin, under the licence that it says.
SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "junit-10.xsd"))


def suites() -> dict[str, ElementTree.Element]:
    return {each.attrib["name"]: each for each in ElementTree.fromstring(junit_text(run()))}


@pytest.mark.parametrize("cases", [CASES, CASES[:1], ()])
def test_it_keeps_its_schema(cases: tuple[()]) -> None:
    SCHEMA.validate(junit_text(run(cases=cases)))


def test_the_schema_refuses_what_it_does_not_know() -> None:
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        SCHEMA.validate(junit_text(run()).replace("classname=", "class="))


def test_a_suite_is_an_area_and_counts_what_turns_it_red() -> None:
    bad = suites()["bad"]
    counts = {name: bad.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1", "skipped": "1", "time": "3.750"}
    assert [each.tag for case in bad.iter("testcase") for each in case] == ["error", "skipped", "failure"]
    whole = ElementTree.fromstring(junit_text(run())).attrib
    assert (whole["tests"], whole["failures"], whole["errors"], whole["time"]) == ("7", "2", "1", "12.346")


def test_a_failure_says_where_and_what_a_known_one_is_skipped_with_the_reason() -> None:
    bad = suites()["bad"]
    failure, known = bad.find(".//failure"), bad.find(".//skipped")
    assert failure is not None
    assert known is not None
    assert (failure.attrib["type"], failure.attrib["message"]) == ("REFUTED", "It is wrong.")
    assert (failure.text or "").startswith(f"{FILE}:305: It is wrong.\nx=1\n")
    assert known.attrib["message"] == "known finding 7: Wrong, and known."
