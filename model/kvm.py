"""The interface of KVM's MMU that a proof sees.

Names are the kernel's.  An implementation is either the reference model (`mmuproof.model.reference.kvm`) or a
lifted tree (`mmuproof.model.lifted`).  It has one part for each area of the MMU.  Nothing here depends on a
kernel version: what a tree lacks raises `NotThere`, and constants are the tree's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from mmuproof.model.masks import Masks
from mmuproof.model.sptes import Sptes
from mmuproof.model.walks import Walks


class NotThere(Exception):  # noqa: N818 - reads as what happened
    """The implementation has nothing of the kind; ``names`` are the kernel's names that are missing."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"not defined: {', '.join(self.names)}")


class Kvm(ABC):
    """An implementation of KVM's MMU code, area by area."""

    @property
    @abstractmethod
    def walks(self) -> Walks:
        """Software walks of guest page tables."""

    @property
    @abstractmethod
    def masks(self) -> Masks:
        """The ``shadow_*`` masks."""

    @property
    @abstractmethod
    def sptes(self) -> Sptes:
        """SPTEs."""

    @abstractmethod
    def constant(self, name: str) -> int:
        """The value of a macro or enumerator.

        Raises:
            NotThere: it is not defined.
        """

    def defines(self, name: str) -> bool:
        """Whether a macro or enumerator is defined."""
        try:
            self.constant(name)
        except NotThere:
            return False
        return True

    @abstractmethod
    def failed_assertions(self) -> tuple[str, ...]:
        """Every ``static_assert`` that does not hold, with its place."""
