"""The reference model: Linux 7.2's MMU code, written by hand on bit-vectors.

It needs no kernel.  ``tests/model/test_reference_equals_kernel.py`` proves it equal to the lifted C of
Linux 7.2, function by function.  Names are the kernel's; a method without an underscore describes the kernel
function of its name, the others are its ingredients.
"""

from __future__ import annotations

from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.masks import Masks
from mmuproof.model.reference.constants import Constants
from mmuproof.model.reference.masks import ReferenceMasks
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.reference.walks import ReferenceWalks
from mmuproof.model.sptes import Sptes
from mmuproof.model.walks import Walks

__all__ = ["Constants", "ReferenceKvm"]


class ReferenceKvm(Kvm):
    """KVM's MMU as Linux 7.2 has it.

    A defect has another class for one of the areas, or another value for one of the constants.
    """

    def __init__(
        self,
        constants: Constants | None = None,
        *,
        walks: type[ReferenceWalks] = ReferenceWalks,
        masks: type[ReferenceMasks] = ReferenceMasks,
        sptes: type[ReferenceSptes] = ReferenceSptes,
    ) -> None:
        self.constants = constants or Constants()
        self._walks = walks(self.constants)
        self._masks = masks(self.constants)
        self._sptes = sptes(self.constants)

    @property
    def walks(self) -> Walks:
        """See `Kvm.walks`."""
        return self._walks

    @property
    def masks(self) -> Masks:
        """See `Kvm.masks`."""
        return self._masks

    @property
    def sptes(self) -> Sptes:
        """See `Kvm.sptes`."""
        return self._sptes

    def constant(self, name: str) -> int:
        """See `Kvm.constant`."""
        value = vars(self.constants).get(name)
        if not isinstance(value, int):
            raise NotThere([name])
        return value

    def failed_assertions(self) -> tuple[str, ...]:
        """See `Kvm.failed_assertions`."""
        return self.constants.failed_assertions()
