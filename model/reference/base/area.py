"""What every part of the reference model has: the kernel's numbers."""

from __future__ import annotations

from mmuproof.model.reference.base.constants import Constants


class ReferenceArea:
    """One area of the reference model.

    A defect is a subclass that overrides one method.
    """

    def __init__(self, constants: Constants | None = None) -> None:
        self.constants = constants or Constants()
