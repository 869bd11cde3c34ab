"""What a defect is: a small wrong change to KVM, as an edit of the real C and as a variant of the reference model.

A defect says only what is changed.  Which theorem has to notice it, and by which symptom, is stated with the
theorem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mmuproof.model.edits import SourceEdit
from mmuproof.model.kvm import Kvm
from mmuproof.model.reference.kvm import Constants, ReferenceKvm


@dataclass(frozen=True)
class Defect:
    """A defect.

    Args:
        name: how it is referred to.
        says: what is wrong, in a sentence.
        edits: the change to the kernel's text.
        on_reference: makes a reference model that has the defect.
    """

    name: str
    says: str
    edits: tuple[SourceEdit, ...]
    on_reference: Callable[[], Kvm]


def defect(name: str, says: str, file: str, pattern: str, replacement: str, on_reference: Callable[[], Kvm]) -> Defect:
    """A defect of one edit: what ``pattern`` matches in ``file``, which has to be one place, is replaced."""
    return Defect(name, says, (SourceEdit(file, pattern, replacement),), on_reference)


def with_numbers(**numbers: int) -> Callable[[], Kvm]:
    """Makes a reference model in which some of the kernel's numbers are others."""
    return lambda: ReferenceKvm(replace(Constants(), **numbers))
