from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from typer.testing import Result as CliResult

from mmuproof.compare.claims import Change
from mmuproof.model.vendor import Vendor
from mmuproof.smt.obligation import Verdict
from tests.cli.telling.schema import SCHEMA, valid


@pytest.mark.parametrize(
    "words",
    [
        ["prove", "ok.*", "bad.*", "odd.*", "--kernel", "linux", "--budget", "1000"],
        ["prove", "bad.refuted", "--defect", "all"],
        ["prove", "ok.proved"],
        ["list"],
    ],
)
def test_what_a_command_writes_keeps_the_schema(cli: Callable[..., CliResult], words: list[str]) -> None:
    ran = cli(*words, "--json", "-")
    content = valid(ran.stdout)
    assert content["command"] == words[0]
    assert content.get("exit_status", 0) == ran.exit_code


def test_words_are_those_of_the_program() -> None:
    words = {name: SCHEMA["$defs"][name]["enum"] for name in ("verdict", "vendor", "change")}
    assert words == {
        "verdict": [each.value for each in Verdict],
        "vendor": [each.value for each in Vendor],
        "change": [each.value for each in Change],
    }


def test_nothing_unknown_passes_and_nothing_may_be_missing(cli: Callable[..., CliResult]) -> None:
    for each in objects(SCHEMA):
        if "properties" in each:
            assert each["additionalProperties"] is False
            assert set(each["properties"]) - set(each["required"]) <= {"solvers", "decoded", "reads"}
    text = cli("prove", "ok.proved", "--json", "-").stdout
    with pytest.raises(jsonschema.ValidationError):
        valid(text.replace('"claims"', '"clams"'))


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") == "object":
            yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)
