"""Real kernels as tests read them: a translation unit is parsed once for all processes of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmuproof.cli.shared.caching import units_folders
from mmuproof.lift.tree.source import KernelTree, open_source
from mmuproof.model.edits import SourceEdit
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel
from mmuproof.model.lifted.units import saved_units


@contextmanager
def opened_kernel(tree: KernelTree, edits: Sequence[SourceEdit] = (), **options: Any) -> Iterator[LiftedKvm]:
    """See `open_kernel`; what has been parsed is kept as long as the run lasts."""
    with units_folders() as folders, open_kernel(tree, edits, saved=saved_units(*folders), **options) as kvm:
        yield kvm


@contextmanager
def kernel_at(root: Path) -> Iterator[LiftedKvm]:
    """The kernel whose source is in a folder."""
    with open_source(str(root)) as tree, opened_kernel(tree) as kvm:
        yield kvm
