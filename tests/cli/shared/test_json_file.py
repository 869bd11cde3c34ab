"""A file of results can be read whatever the names in it are."""

from __future__ import annotations

import json
from pathlib import Path

from mmuproof.cli.shared.json_file import write_json


def test_names_that_no_terminal_should_see_come_back_as_they_are(tmp_path: Path) -> None:
    content = {"byte": "a\udcffb", "command": "\x1b[2J\x9b\r\n", "turned": "a\u202eb", "quoted": '"}'}
    write_json(tmp_path / "r.json", content)
    text = (tmp_path / "r.json").read_text("utf-8")
    assert json.loads(text) == content
    assert "\x1b" not in text
