"""What of mmuproof itself decides: by its digest results of other code are told from those of this one."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

from mmuproof import cli, compare, lift, model, proofs, questions, smt, spec

ROOMS = (smt, spec, lift, model, compare, questions, proofs, cli)
"""All packages that mmuproof consists of."""
_PACKAGES = ("z3-solver", "libclang")
_OWN = (".py", ".json", ".config")


@cache
def code_digest() -> str:
    """SHA-256 over all that decides: mmuproof's own files, the packages that it decides with, and Python."""
    digest = hashlib.sha256(sys.version.encode())
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            digest.update(f"{package} {metadata.version(package)}\0".encode())
    for root in (Path(path) for room in ROOMS for path in room.__path__):
        digest.update(f"{root.name}\0".encode())
        for folder, folders, names in os.walk(root, followlinks=True):
            folders.sort()
            for name in sorted(each for each in names if each.endswith(_OWN)):
                path = Path(folder, name)
                content = path.read_bytes()
                digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
