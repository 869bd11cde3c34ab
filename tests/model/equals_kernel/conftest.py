"""The reference model beside the lifted C of the kernel that it describes, parsed once for all files of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.reference.kvm import ReferenceKvm
from tests.kernels import opened_kernel
from tests.model.equality import Both


@pytest.fixture(scope="session")
def opened() -> Iterator[Callable[[Path], Both]]:
    with ExitStack() as stack:

        @cache
        def beside(tree: Path) -> Both:
            source = stack.enter_context(open_source(str(tree)))
            return Both(ReferenceKvm(), stack.enter_context(opened_kernel(source)))

        yield beside


@pytest.fixture(scope="module")
def both(kernel_tree: Callable[[str], Path], opened: Callable[[Path], Both]) -> Both:
    """The two; each file asks for the tree by itself, so that each knows of another release."""
    return opened(kernel_tree("7.2"))
