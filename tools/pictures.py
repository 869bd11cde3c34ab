"""Draw the pictures of the documentation from the cached kernels, into ``docs/pictures``.

With ``--check`` nothing is written: the exit status says whether each picture is what would be drawn now.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from mmuproof.cli.formats.html import svg_text
from mmuproof.cli.grids.layouts import spte_layout
from mmuproof.cli.pictures.bits import layouts_figure
from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.lift.tree.source import open_source
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.vendor import Vendor

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SERIES = ("6.12", "7.2")
"""The kernels that stand below each other: before and after the MBEC/GMET series."""


def pictures() -> Mapping[str, str]:
    """Each picture by the name of its file."""
    with ExitStack() as held:
        trees = [held.enter_context(open_source(str(kernels_folder() / f"linux-{series}"))) for series in SERIES]
        opened = [held.enter_context(open_kernel(tree)) for tree in trees]
        names = [f"Linux {series}" for series in SERIES]
        return {
            f"spte-layout-{vendor.value}.svg": svg_text(layouts_figure(spte_layout(opened, vendor, 1), names))
            for vendor in (Vendor.INTEL, Vendor.AMD)
        }


def stale(made: Mapping[str, str]) -> Iterator[str]:
    """The pictures that are not what would be drawn now."""
    for name, text in made.items():
        file = FOLDER / name
        if not file.is_file() or file.read_text("utf-8") != text:
            yield name


def main() -> int:
    """Draw them, or with ``--check`` look whether they are current."""
    made = pictures()
    if "--check" in sys.argv[1:]:
        old = list(stale(made))
        for name in old:
            print(f"docs/pictures/{name} is not what is drawn now")
        return 1 if old else 0
    FOLDER.mkdir(exist_ok=True)
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
