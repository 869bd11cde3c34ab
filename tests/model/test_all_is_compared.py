"""Every operation of the interface is held against the kernel in the file of its area."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from mmuproof.model.kvm import Kvm
from mmuproof.model.reference.kvm import ReferenceKvm

_TESTS = Path(__file__).parent / "equals_kernel"
_AREAS = [name for name, each in inspect.getmembers(Kvm) if isinstance(each, property)]


@pytest.mark.parametrize("area", _AREAS)
def test_every_operation_is_compared(area: str) -> None:
    interface = type(getattr(ReferenceKvm(), area)).__mro__
    operations = {name for each in interface for name in getattr(each, "__abstractmethods__", ())}
    text = (_TESTS / f"test_{area}.py").read_text("utf-8")
    assert operations
    assert {name for name in operations if not re.search(rf'[."]{name}\b', text)} == set()
