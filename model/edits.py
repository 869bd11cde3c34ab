"""Small edits of a kernel tree's text, made in memory: how a defect gets into the real C."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuproof.lift.errors import SourceError


@dataclass(frozen=True)
class SourceEdit:
    """Replace what a regular expression matches in a file of the tree; it has to match exactly once.

    ``replacement`` may refer to groups, as `re.sub` has it.
    """

    file: str
    pattern: str
    replacement: str


def edited_lines(root: Path, edits: Sequence[SourceEdit]) -> list[tuple[str, int, int]]:
    """For each edit its file, and the first and last line of what it replaces as the tree has it.

    Raises:
        SourceError: a file is missing, or a pattern does not match exactly once.
    """
    edited_files(root, edits)
    found = []
    for edit in edits:
        text = (root / edit.file).read_text("utf-8")
        match = re.search(edit.pattern, text)
        # What an earlier edit has made is not in the tree.
        start, end = match.span() if match is not None else (0, len(text))
        found.append((edit.file, text.count("\n", 0, start) + 1, text.count("\n", 0, max(start, end - 1)) + 1))
    return found


def edited_files(root: Path, edits: Sequence[SourceEdit]) -> dict[str, str]:
    """The texts of the files that the edits change, by relative path; the tree itself is left alone.

    Raises:
        SourceError: a file is missing, or a pattern does not match exactly once.
    """
    texts: dict[str, str] = {}
    for edit in edits:
        if edit.file not in texts:
            try:
                texts[edit.file] = (root / edit.file).read_text("utf-8")
            except OSError as error:
                raise SourceError(f"an edit is for {edit.file}, which cannot be read: {error.strerror}") from error
        text, count = re.subn(edit.pattern, edit.replacement, texts[edit.file])
        if count != 1:
            raise SourceError(f"the pattern of an edit for {edit.file} matches {count} times, not once: {edit.pattern}")
        texts[edit.file] = text
    return texts


def patch_text(root: Path, edits: Sequence[SourceEdit]) -> str:
    """The edits as a patch of the tree, such as git applies.

    Raises:
        SourceError: a file is missing, or a pattern does not match exactly once.
    """
    lines: list[str] = []
    for file, text in edited_files(root, edits).items():
        before = (root / file).read_text("utf-8").splitlines(keepends=True)
        lines += difflib.unified_diff(before, text.splitlines(keepends=True), f"a/{file}", f"b/{file}")
    return "".join(lines)
