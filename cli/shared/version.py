"""Which mmuproof this is."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from contextlib import suppress
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
_SHORT = 12


def tool_version() -> str:
    """The installed version; ``unknown`` where the package is used without being installed."""
    try:
        return importlib.metadata.version("mmuproof")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def tool_commit(checkout: Path = _CHECKOUT) -> str:
    """The commit, with ``+changes`` where files differ from it; empty if it is not known.

    A checkout is asked by git; of what pip has installed from a repository, its metadata tell.

    Args:
        checkout: the folder in which the package stands.
    """
    # Only there: a package in a virtual environment may stand inside of somebody else's repository.
    return _of_git(checkout) if (checkout / ".git").exists() else _of_metadata()


def _of_git(checkout: Path) -> str:
    git = ["git", "-C", str(checkout), "describe", "--always", f"--abbrev={_SHORT}", "--exclude=*", "--dirty=+changes"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _of_metadata() -> str:
    with suppress(importlib.metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        told = importlib.metadata.distribution("mmuproof").read_text("direct_url.json")
        return str(json.loads(told or "")["vcs_info"]["commit_id"])[:_SHORT]
    return ""
