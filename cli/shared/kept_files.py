"""Files kept from one run to the next: each whole or not at all, and told from what was put in its place."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmuproof.cli.shared.json_file import written_whole


def digest_of(*texts: str) -> str:
    """A digest of 32 digits of some texts, one by one."""
    digest = hashlib.sha256()
    for text in texts:
        encoded = os.fsencode(text)
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()[:32]


class KeptFiles:
    """The files of one folder.

    Args:
        folder: where they are; None keeps and finds nothing.
        most: as many are kept; the one that has not been asked for longest goes first.
    """

    def __init__(self, folder: Path | None, most: int) -> None:
        self._folder, self._most = folder, most

    def read(self, name: str) -> Any:
        """What is kept under a name; None if that is nothing, or was damaged, cut off or put under another name."""
        if self._folder is None:
            return None
        path = self._folder / name
        try:
            told, _, text = path.read_text("utf-8").partition("\n")
            if told != _sum(name, text):
                return None
            os.utime(path)
            return json.loads(text)
        except (OSError, ValueError):
            return None

    def write(self, name: str, content: object) -> None:
        """Keep something; nothing is lost if that fails."""
        if self._folder is None:
            return
        text = json.dumps(content, sort_keys=True)
        with suppress(OSError):
            # One that the power takes half of is told from a whole one by its sum.
            with written_whole(self._folder / name, safely=False) as file:
                file.write(f"{_sum(name, text)}\n{text}")
            for each in reversed(self.names()[self._most :]):
                (self._folder / each).unlink(missing_ok=True)

    def names(self, begin: str = "") -> Sequence[str]:
        """The names that begin so, the one asked for last first."""
        if self._folder is None:
            return ()
        files = sorted(self._folder.glob(f"{begin}*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
        return [each.name for each in files]


def _sum(name: str, text: str) -> str:
    return hashlib.sha256(f"{name}\0{text}".encode()).hexdigest()
