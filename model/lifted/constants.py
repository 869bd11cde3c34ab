"""The macros and enumerators whose values are read off a tree."""

from __future__ import annotations

from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.model.bit_names import BIT_NAMES
from mmuproof.model.constants import CONSTANTS, OF_OTHER_KERNELS
from mmuproof.model.features import MARKS, MarkKind
from mmuproof.model.kvm import NotThere
from mmuproof.model.named import constants

OF_COMPARISONS = ("KVM_PFN_ERR_NOSLOT_MASK", "PT64_ROOT_MAX_LEVEL")
"""What comparisons ask besides: they take the units that are parsed for theorems."""

_OF_FEATURES = (mark.name for marks in MARKS.values() for mark in marks if mark.kind is MarkKind.CONSTANT)
LOOKED_UP = ConstantNames(
    tuple(
        dict.fromkeys(
            (*CONSTANTS, *sorted(OF_OTHER_KERNELS), *constants.ALL, *OF_COMPARISONS, *_OF_FEATURES, *BIT_NAMES)
        )
    ),
    "model/lifted/constants.py",
)
"""What every unit is parsed for: this, and what theorems and features ask for."""


def constant_of(unit: Unit, *names: str) -> int:
    """The value of the first of some macros and enumerators that a unit defines; kernels rename them.

    Raises:
        NotThere: it defines none of them; told by the first name.
    """
    values = (unit.constant(name) for name in names)
    found = next((value for value in values if value is not None), None)
    if found is None:
        raise NotThere(names[:1])
    return found
