"""Kernels as Debian built them, in the cache that tools/fetch-live.sh fills."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What stands in a module's .modinfo if it needs others.
_DEPENDS = re.compile(rb"\0depends=([\w,-]+)\0")


@dataclass(frozen=True)
class BuiltKernel:
    """A kernel that can be run.

    Args:
        series: such as 7.2.
        version: of Debian's package.
        folder: the image and the modules.
        cache: where what is fetched is.
    """

    series: str
    version: str
    folder: Path
    cache: Path

    @property
    def image(self) -> Path:
        """The kernel's image."""
        return self.folder / "vmlinuz"

    def modules(self, names: Iterable[str]) -> dict[str, bytes]:
        """Modules by name, each after those that it needs itself.

        Raises:
            NoKernelError: one is not there.
        """
        found: dict[str, bytes] = {}
        for name in names:
            if name in found:
                continue
            path = self.folder / f"{name}.ko"
            if not path.is_file():
                raise NoKernelError(
                    f"{self.folder.name} has no module {name}; remove it and fetch it anew: make live-kernels"
                )
            content = path.read_bytes()
            needed = _DEPENDS.search(content)
            found |= self.modules(needed.group(1).decode().replace("_", "-").split(",")) if needed else {}
            found[name] = content
        return found


class NoKernelError(Exception):
    """A kernel is not in the cache; with what to do about it."""


def built_kernel(cache: Path, series: str) -> BuiltKernel:
    """The kernel of a series.

    Raises:
        NoKernelError: it is not there, or is another than the source that is.
    """
    folder, fetch = cache / f"built-{series}", f"make kernels live-kernels ARGS={series}"
    try:
        version = (cache / f"built-{series}.version").read_text().strip()
        source = (cache / f"linux-{series}.version").read_text().strip()
    except FileNotFoundError as error:
        there = sorted(path.stem.removeprefix("built-") for path in cache.glob("built-*.version"))
        others = f"there are {', '.join(there)}" if there else "there is none"
        what = Path(error.filename).stem
        raise NoKernelError(f"{what} is not in the cache; of kernels {others}. To fetch it: {fetch}") from error
    if not (folder / "vmlinuz").is_file():
        raise NoKernelError(f"{folder.name} is not in the cache: {fetch}")
    if version != source:
        raise NoKernelError(f"the kernel of {series} is {version}, and the source is {source}: {fetch}")
    return BuiltKernel(series, version, folder, cache)
