"""Real kernel trees for the tests that need them; nothing is downloaded here."""

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest


def _kernels() -> Path:
    return Path(os.environ.get("MMUPROOF_KERNELS") or platformdirs.user_cache_path("mmuproof") / "kernels")


@pytest.fixture(scope="session")
def kernel_tree() -> Callable[[str], Path]:
    """The folder of a real kernel, as in ``kernel_tree("7.2")``; skips the test if it is not there."""

    def tree(version: str) -> Path:
        folder = _kernels() / f"linux-{version}"
        if not (folder / "Makefile").is_file():
            pytest.skip(f"needs linux-{version}: make kernels")
        return folder

    return tree


@pytest.fixture(scope="session")
def kernel_package() -> Callable[[str], Path]:
    """Debian's package of a real kernel's source; skips the test if it is not there."""

    def package(version: str) -> Path:
        file = _kernels() / f"linux-source-{version}.deb"
        if not file.is_file():
            pytest.skip(f"needs linux-source-{version}.deb: make kernels")
        return file

    return package
