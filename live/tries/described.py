"""Tries that are described in files: one guest whose tables do not change, and accesses one after the other.

The others are in Python beside this.  Their guests change a register or a table between accesses (11, 14 with
pointers, 17, 22), have shadow stacks (6), or registers that no mode has (19), or need a host of a certain width (15).
"""

from __future__ import annotations

from pathlib import Path

from mmuproof.live.descriptions.reading import read_description
from mmuproof.live.descriptions.trials import trials_of

FOLDER = Path(__file__).resolve().parent / "guests"
"""Where they are; a try is called as its file."""

TRIES = tuple(trial for file in sorted(FOLDER.glob("*.toml")) for trial in trials_of(file.stem, read_description(file)))
