from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result as CliResult

from mmuproof.cli.shared.version import tool_commit, tool_version


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_checkout_tells_its_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "v1")
    commit = git(tmp_path, "rev-parse", "HEAD")[:12]
    assert tool_commit(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    assert tool_commit(tmp_path) == f"{commit}+changes"


def test_a_package_inside_of_another_repository_does_not_tell_that_ones(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "package").mkdir()
    assert tool_commit(tmp_path / "package") == ""


@pytest.mark.parametrize(
    ("told", "commit"),
    [
        ('{"vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef"}}', "0123456789ab"),
        ('{"dir_info": {"editable": true}}', ""),
        ("no json", ""),
        (None, ""),
    ],
)
def test_what_pip_has_from_a_repository_is_in_the_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, commit: str
) -> None:
    class FromDirectUrl:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return told

    monkeypatch.setattr(importlib.metadata, "distribution", lambda _name: FromDirectUrl())
    assert tool_commit(tmp_path) == commit


def test_the_version_comes_with_the_commit(cli: Callable[..., CliResult]) -> None:
    commit = tool_commit()
    assert cli("--version").stdout == f"mmuproof {tool_version()}{f' ({commit})' if commit else ''}\n"
