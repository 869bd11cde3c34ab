"""The schema of our own results file, for the tests of every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

import mmuproof.cli.telling.results_file as results_file

FILE = Path(results_file.__file__).with_name("results.schema.json")
SCHEMA: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
_CHECK = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)


def valid(text: str) -> dict[str, Any]:
    """What a results file says, which keeps the schema."""
    content: dict[str, Any] = json.loads(text)
    # Of the kind of file that it is, so that a failure names what is wrong.
    kind = "trials" if "trials" in content else content["command"]
    _CHECK.evolve(schema={**SCHEMA, "oneOf": [{"$ref": f"#/$defs/{kind}"}]}).validate(content)
    _CHECK.validate(content)
    return content
