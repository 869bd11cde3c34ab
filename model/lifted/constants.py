"""The macros and enumerators whose values are read off a tree."""

from __future__ import annotations

from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.model.bit_names import BIT_NAMES
from mmuproof.model.constants import CONSTANTS, OF_OTHER_KERNELS
from mmuproof.model.features import MARKS, MarkKind
from mmuproof.model.kvm import NotThere

OF_AREAS = (
    "CONFIG_KVM_SW_PROTECTED_VM",
    "EXIT_QUALIFICATION",
    "GUEST_PHYSICAL_ADDRESS",
    "KVM_ADDRESS_SPACE_NUM",
    "KVM_DIRECT_ROOTS",
    "KVM_ENTER_CLEAR_CPU_BUFFERS_FOR_MMIO",
    "KVM_FILTER_PRIVATE",
    "KVM_FILTER_SHARED",
    "KVM_INVALID_ROOTS",
    "KVM_MAX_NR_ADDRESS_SPACES",
    "KVM_MIRROR_ROOTS",
    "KVM_X86_SW_PROTECTED_VM",
    "KVM_X86_TDX_VM",
    "KVM_TDP_MMU",
    "EMULTYPE_ALLOW_RETRY_PF",
    "RET_PF_CONTINUE",
    "RET_PF_EMULATE",
    "RET_PF_FIXED",
    "RET_PF_INVALID",
    "RET_PF_RETRY",
    "RET_PF_SPURIOUS",
    "RET_PF_WRITE_PROTECTED",
    "SECONDARY_EXEC_MODE_BASED_EPT_EXEC",
    "SHADOW_NONPRESENT_VALUE",
    "SVM_MISC_ENABLE_GMET",
    "X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO",
    "X86_FEATURE_GBPAGES",
    "X86_FEATURE_GMET",
    "X86_FEATURE_LA57",
    "X86_FEATURE_NPT",
)
"""What the areas of a lifted tree ask its units for."""

OF_COMPARISONS = ("KVM_PFN_ERR_NOSLOT_MASK", "PT64_ROOT_MAX_LEVEL")
"""What comparisons ask besides: they take the units that are parsed for theorems."""

_OF_FEATURES = (mark.name for marks in MARKS.values() for mark in marks if mark.kind is MarkKind.CONSTANT)
LOOKED_UP = ConstantNames(
    tuple(
        dict.fromkeys((*CONSTANTS, *sorted(OF_OTHER_KERNELS), *OF_AREAS, *OF_COMPARISONS, *_OF_FEATURES, *BIT_NAMES))
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
