"""Patches that are given on standard input."""

from __future__ import annotations

import sys

from mmuproof.lift.tree.patch_text import PatchText

STANDARD_INPUT = "-"
"""What stands for it where a file is."""


def given_patch() -> PatchText:
    """What somebody pipes in."""
    return PatchText(name="standard input", content=sys.stdin.buffer.read())
