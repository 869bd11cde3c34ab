"""Kernels as Debian built them, in the cache that tools/fetch-live.sh fills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BuiltKernel:
    """A kernel that can be run.

    Args:
        series: such as 7.2.
        version: of Debian's package.
        folder: the image and the modules.
    """

    series: str
    version: str
    folder: Path

    @property
    def image(self) -> Path:
        """The kernel's image."""
        return self.folder / "vmlinuz"

    @property
    def modules(self) -> dict[str, Path]:
        """The modules by name."""
        return {path.stem: path for path in self.folder.glob("*.ko")}


class NoKernelError(Exception):
    """A kernel is not in the cache."""


def built_kernel(cache: Path, series: str) -> BuiltKernel:
    """The kernel of a series.

    Raises:
        NoKernelError: it is not there, or is another than the source that is.
    """
    folder = cache / f"built-{series}"
    try:
        version = (cache / f"built-{series}.version").read_text().strip()
        source = (cache / f"linux-{series}.version").read_text().strip()
    except FileNotFoundError as error:
        raise NoKernelError(f"{Path(error.filename).name} is not in the cache") from error
    if not (folder / "vmlinuz").is_file():
        raise NoKernelError(f"{folder.name} is not in the cache")
    if version != source:
        raise NoKernelError(f"the kernel of {series} is {version}, and the source is {source}")
    return BuiltKernel(series, version, folder)
