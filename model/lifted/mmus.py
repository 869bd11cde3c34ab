"""Where a vCPU keeps its MMUs, whatever a tree calls them: the tables that KVM walks, and those that it builds.

Up to 7.2 a ``struct kvm_mmu`` describes both, and a vCPU has three: for its own tables, for L1's EPT or nested page
tables, and for L2's own tables, which KVM only walks.  Since 7.3 a walk has a struct of its own, of which there are
two, and each MMU that builds tables leads to the walk that it shadows.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.lift.c_types import PointerType, RecordType, StructMember, member_at
from mmuproof.lift.machine.memory import Memory, Object, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.session import member
from mmuproof.model.named import kvm_mmu
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.smt.terms import FALSE, Bool, all_of


class Part(enum.Enum):
    """A part of a vCPU, by the places that released kernels have for it, the newest first."""

    GUEST_WALK = (kvm_mmu.GUEST_WALK, kvm_mmu.ROOT_MMU)
    """The walk of the guest's own tables, while L2 does not run."""
    L2_WALK = (kvm_mmu.GUEST_WALK, kvm_mmu.L2_MMU)
    """The walk of L2's own tables."""
    NESTED_WALK = (kvm_mmu.NESTED_WALK, kvm_mmu.GUEST_MMU)
    """The walk of L1's EPT or nested page tables."""
    ROOT_MMU = (kvm_mmu.ROOT_MMU,)
    """What KVM builds for the guest, or for L2 on tables of its own."""
    NESTED_MMU = (kvm_mmu.GUEST_MMU,)
    """What KVM builds of L1's EPT or nested page tables."""


WALKS: Mapping[MmuKind, Part] = MappingProxyType(
    {
        MmuKind.TDP: Part.GUEST_WALK,
        MmuKind.SHADOW: Part.GUEST_WALK,
        MmuKind.L2: Part.L2_WALK,
        MmuKind.NESTED_EPT: Part.NESTED_WALK,
        MmuKind.NESTED_NPT: Part.NESTED_WALK,
    }
)
"""Which tables KVM walks for each kind of MMU."""
_BUILT: Mapping[MmuKind, Part] = MappingProxyType(
    {
        MmuKind.TDP: Part.ROOT_MMU,
        MmuKind.SHADOW: Part.ROOT_MMU,
        MmuKind.NESTED_EPT: Part.NESTED_MMU,
        MmuKind.NESTED_NPT: Part.NESTED_MMU,
    }
)
_WALKED_BY = {Part.ROOT_MMU: Part.GUEST_WALK, Part.NESTED_MMU: Part.NESTED_WALK}
"""Which walk each MMU that builds tables is made for; ``setup.created`` proves it of ``kvm_mmu_create()``."""


@dataclass(frozen=True)
class Mmus:
    """The MMUs of one vCPU.

    Args:
        vcpu: the object, of ``struct kvm_vcpu`` or of what holds one.
        prefix: where the vCPU is in it, ``vcpu.`` or nothing.
    """

    vcpu: Object
    prefix: str = ""

    def find(self, part: Part) -> StructMember:
        """Where a part is, from the start of the object.

        Raises:
            NotThere: the tree has it in none of its known places.
        """
        for path in part.value:
            if (found := self._at(path)) is not None and isinstance(found.type, RecordType):
                return found
        raise NotThere([f"{self._record.name}.{self.prefix}{' or '.join(part.value)}"])

    def built(self, kind: MmuKind) -> StructMember:
        """The MMU whose tables KVM builds; of L2's own tables, which it only walks, what walks them."""
        return self.find(_BUILT.get(kind, WALKS[kind]))

    def place(self, part: Part, *names: str) -> StructMember:
        """A member of a part by the first of its names, from the start of the object.

        Raises:
            NotThere: there is none.
        """
        whole = self.find(part)
        assert isinstance(whole.type, RecordType)
        found = member(whole.type, *names)
        return StructMember(found.name, whole.offset + found.offset, found.type, found.bit_width)

    def connect(self, memory: Memory, *, nested: bool, l2: bool) -> None:
        """Let the vCPU's pointers lead where KVM lets them lead.

        Args:
            memory: is changed.
            nested: it uses what KVM builds of L1's EPT or nested page tables, and not the tables of its own.
            l2: it runs L2.
        """
        for place, part in self._pointers(nested=nested, l2=l2):
            memory.write(self.vcpu, place.offset, place.width, pointer_to(self.vcpu, self.find(part).offset))

    def connected(self, memory: Memory) -> Bool:
        """Whether these pointers lead where `connect` lets them lead for a guest of its own that runs no L2."""
        return all_of(
            *(
                same_place(pointer, pointer_to(self.vcpu, self.find(part).offset))
                if (pointer := as_pointer(memory.read(self.vcpu, place.offset, place.width))) is not None
                else FALSE
                for place, part in self._pointers(nested=False, l2=False)
            )
        )

    def _pointers(self, *, nested: bool, l2: bool) -> Iterator[tuple[StructMember, Part]]:
        """The vCPU's pointers to its MMUs and walks, and to which part each leads."""
        yield self._pointer(kvm_mmu.IN_USE), Part.NESTED_MMU if nested else Part.ROOT_MMU
        # The newest kernels have a walk for each instead of a pointer to the one in use.
        if self._at(Part.L2_WALK.value[0]) is None:
            yield self._pointer(kvm_mmu.WALK_IN_USE), Part.L2_WALK if l2 else Part.GUEST_WALK
        for mmu, walk in _WALKED_BY.items():
            built, walked = self.find(mmu), self.find(walk)
            assert isinstance(built.type, RecordType)
            for each in built.type.fields:
                if isinstance(each.type, PointerType) and each.type.target == walked.type != built.type:
                    yield StructMember(each.name, built.offset + each.offset, each.type), walk

    def _pointer(self, path: str) -> StructMember:
        if (place := self._at(path)) is None:
            raise NotThere([f"{self._record.name}.{self.prefix}{path}"])
        return place

    def _at(self, path: str) -> StructMember | None:
        try:
            return member_at(self._record, self.prefix + path)
        except KeyError:
            return None

    @property
    def _record(self) -> RecordType:
        assert isinstance(self.vcpu.type, RecordType)
        return self.vcpu.type
