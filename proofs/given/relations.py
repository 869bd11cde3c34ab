"""How KVM's words map to the manuals': access masks and error codes on one side, permissions on the other.

A tree that has ``ACC_READ_MASK`` gives each permission of EPT a bit of its own.  Before that, EPT's read
permission was ``ACC_USER_MASK`` and a data read was ``PFERR_USER_MASK``, and there was no XU.  Which of the two
holds is asked of the tree's definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GuestWalk, WalkKind
from mmuproof.proofs.claims import Wrong
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, eq, extract, ne, negate, ult, var
from mmuproof.spec.access import Access
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.npt import NestedPermissions
from mmuproof.spec.paging import AccessRights, LinearAccess

_LOW_HALF = 32


# Which software walk a theorem for all vendors speaks of.
WALKS: Mapping[Vendor, WalkKind] = MappingProxyType(
    {Vendor.INTEL: WalkKind.NESTED_EPT, Vendor.AMD: WalkKind.NESTED_NPT, Vendor.SHADOW: WalkKind.GUEST}
)


def has_mbec(kvm: Kvm) -> bool:
    """Whether the tree tells XS and XU apart."""
    return kvm.has(Feature.MBEC)


def reads_have_a_bit(kvm: Kvm) -> bool:
    """Whether EPT's read permission has an ACC_* bit of its own."""
    return kvm.has(Feature.READ_ACCESS)


def flag(walk: GuestWalk, name: str) -> Bool:
    """A one-bit member of the CPU role."""
    return bit(walk.flags[name], 0)


def has(value: BitVec, mask: int) -> Bool:
    """Whether a bit of ``mask`` is set in ``value``."""
    return ne(value & mask, 0)


# -- permissions ------------------------------------------------------------------------------------------


def ept_permissions(kvm: Kvm, pte_access: BitVec) -> EptPermissions:
    """ACC_* bits read as EPT permissions."""
    read = kvm.constant("ACC_READ_MASK" if reads_have_a_bit(kvm) else "ACC_USER_MASK")
    return EptPermissions(
        read=has(pte_access, read),
        write=has(pte_access, kvm.constant("ACC_WRITE_MASK")),
        execute=has(pte_access, kvm.constant("ACC_EXEC_MASK")),
        user_execute=has(pte_access, kvm.constant("ACC_USER_EXEC_MASK")) if has_mbec(kvm) else FALSE,
    )


def nested_permissions(kvm: Kvm, pte_access: BitVec) -> NestedPermissions:
    """ACC_* bits read as effective bits of nested page tables."""
    return NestedPermissions(
        writable=has(pte_access, kvm.constant("ACC_WRITE_MASK")),
        user=has(pte_access, kvm.constant("ACC_USER_MASK")),
        no_execute=negate(has(pte_access, kvm.constant("ACC_EXEC_MASK"))),
    )


def access_rights(kvm: Kvm, pte_access: BitVec) -> AccessRights:
    """ACC_* bits read as access rights of ordinary paging."""
    return AccessRights(
        user_address=has(pte_access, kvm.constant("ACC_USER_MASK")),
        writable=has(pte_access, kvm.constant("ACC_WRITE_MASK")),
        execute_disable=negate(has(pte_access, kvm.constant("ACC_EXEC_MASK"))),
    )


# -- accesses -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FaultInputs:
    """The arguments of ``permission_fault()``, free, with what is assumed of them.

    ``pte_access`` and ``pte_pkey`` have 32 bits, ``access`` 64.
    """

    pte_access: BitVec
    pte_pkey: BitVec
    access: BitVec
    write: Bool
    user: Bool
    fetch: Bool
    implicit: Bool
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]


def fault_inputs(kvm: Kvm, *, ept: bool | None = None) -> FaultInputs:
    """Free arguments for ``permission_fault()``; for ``ept`` see `acc_flags`."""
    pte_access, pte_pkey, access = var("pte_access", 32), var("pte_pkey", 32), var("access", 64)
    bits = {name: kvm.constant(f"PFERR_{name}_MASK") for name in ("PRESENT", "WRITE", "USER", "FETCH")}
    allowed = 0
    for mask in bits.values():
        allowed |= mask
    low = extract(access, _LOW_HALF - 1, 0)
    write, user, fetch = (has(access, bits[name]) for name in ("WRITE", "USER", "FETCH"))
    return FaultInputs(
        pte_access=pte_access,
        pte_pkey=pte_pkey,
        access=access,
        write=write,
        user=user,
        fetch=fetch,
        implicit=has(access, kvm.constant("PFERR_IMPLICIT_ACCESS")),
        assumptions=(
            Assumption(
                "the low half of the error code has only P, W, U and F, as permission_fault()'s callers pass it",
                eq(low & ~allowed, 0),
            ),
            Assumption("no access both writes and fetches", negate(all_of(write, fetch))),
            Assumption(
                "pte_access has no bit outside ACC_ALL, as gpte_access() gives it",
                eq(pte_access & ~kvm.constant("ACC_ALL"), 0),
            ),
            Assumption("a protection key has 4 bits", ult(pte_pkey, 16)),
        ),
        shown=(
            Shown("access", access, pferr_flags(kvm), NumberKind.ERROR_CODE),
            Shown("pte_access", pte_access, acc_flags(kvm, ept=ept)),
        ),
    )


def ept_access(kvm: Kvm, inputs: FaultInputs) -> Access:
    """What an error code says that EPT has to allow."""
    if reads_have_a_bit(kvm):
        return Access(all_of(negate(inputs.write), negate(inputs.fetch)), inputs.write, inputs.fetch)
    return Access(inputs.user, inputs.write, inputs.fetch)


def data_or_fetch(inputs: FaultInputs) -> Access:
    """What an error code says for tables whose present entries can be read."""
    return Access(all_of(negate(inputs.write), negate(inputs.fetch)), inputs.write, inputs.fetch)


def linear_access(inputs: FaultInputs) -> LinearAccess:
    """What an error code says of an access to a linear address."""
    return LinearAccess(data_or_fetch(inputs), inputs.user, inputs.implicit)


def mapped_pages_are_readable(kvm: Kvm, pte_access: BitVec) -> tuple[Assumption, ...]:
    """For tables other than EPT: entries that are used are present, and a present entry can be read."""
    if not reads_have_a_bit(kvm):
        return ()
    return (
        Assumption(
            "the guest's entry is present, so gpte_access() has set ACC_READ_MASK",
            has(pte_access, kvm.constant("ACC_READ_MASK")),
        ),
    )


def paging_on(walk: GuestWalk) -> Assumption:
    """KVM computes and consults the metadata only while the guest's paging is on."""
    return Assumption("paging is on: role.level is not 0", ne(walk.flags["level"], 0))


# -- telling ------------------------------------------------------------------------------------------------------


PAGING_FLAGS = (
    (0, "P"),
    (1, "W"),
    (2, "U"),
    (3, "PWT"),
    (4, "PCD"),
    (5, "A"),
    (6, "D"),
    (7, "PS/PAT"),
    (8, "G"),
    (63, "NX"),
)
"""The bits of entries that have the same name in every mode of ordinary paging, by number."""


def acc_flags(kvm: Kvm, *, ept: bool | None = None) -> tuple[tuple[int, str], ...]:
    """Names of the ACC_* bits by bit number.

    Args:
        kvm: the kernel.
        ept: whether the access is one to tables of EPT, in which one bit has another name; None if it may be either.
    """
    names = ("READ", "WRITE", "EXEC", "USER")
    found = [(kvm.constant(f"ACC_{name}_MASK"), name) for name in names if kvm.defines(f"ACC_{name}_MASK")]
    if has_mbec(kvm) and kvm.constant("ACC_USER_EXEC_MASK") == kvm.constant("ACC_USER_MASK"):
        called = {None: "USER/USER_EXEC", True: "USER_EXEC", False: "USER"}[ept]
        found = [(mask, called if name == "USER" else name) for mask, name in found]
    return tuple(sorted((mask.bit_length() - 1, name) for mask, name in found))


def pferr_flags(kvm: Kvm) -> tuple[tuple[int, str], ...]:
    """One-letter names of the error code's bits by bit number."""
    names = (
        ("PRESENT_MASK", "P"),
        ("WRITE_MASK", "W"),
        ("USER_MASK", "U"),
        ("RSVD_MASK", "RSVD"),
        ("FETCH_MASK", "F"),
        ("PK_MASK", "PK"),
        ("IMPLICIT_ACCESS", "IMPLICIT"),
    )
    return tuple((kvm.constant(f"PFERR_{name}").bit_length() - 1, letter) for name, letter in names)


def role_shown(walk: GuestWalk, *names: str) -> tuple[Shown, ...]:
    """Members of the role for a counterexample."""
    return tuple(Shown(f"role.{name}", walk.flags[name]) for name in names if name in walk.flags)


@dataclass(frozen=True, kw_only=True)
class AccessKind:
    """One kind of access, with the words for it and for what the manual says of it."""

    name: str
    when: Bool
    noun: str
    forbidden: str
    permitted: str


@dataclass(frozen=True)
class AccessOf:
    """One kind of access, of which `by_rule` says what the manual does."""

    name: str
    when: Bool
    noun: str

    def by_rule(self, forbidden: str, permitted: str) -> AccessKind:
        """The kind, with what it means that the manual forbids or permits it."""
        return AccessKind(name=self.name, when=self.when, noun=self.noun, forbidden=forbidden, permitted=permitted)


def judgement_symptoms(fault: Bool, allowed: Bool, kinds: Sequence[AccessKind], manual: str) -> tuple[Symptom, ...]:
    """For each kind of access the two ways in which KVM and the manual can disagree; gained access first."""
    gained = tuple(
        Wrong(
            f"{kind.name}-allowed",
            all_of(kind.when, negate(fault), negate(allowed)),
            f"{kind.noun} is allowed although {kind.forbidden}.",
        ).told("no fault", f"{manual}: the access is denied")
        for kind in kinds
    )
    lost = tuple(
        Wrong(
            f"{kind.name}-denied",
            all_of(kind.when, fault, allowed),
            f"{kind.noun} is denied although {kind.permitted}.",
        ).told("a fault", f"{manual}: the access is allowed")
        for kind in kinds
    )
    return gained + lost


def misconfiguration_symptoms(missed: Bool, invented: Bool) -> tuple[Symptom, Symptom]:
    """How KVM and the manual can disagree on what is a misconfiguration of L1's EPT."""
    return (
        Wrong("misconfiguration-missed", missed, "An entry that hardware holds misconfigured is walked as valid.").told(
            "the entry is accepted", "SDM 31.3.3.1: EPT misconfiguration"
        ),
        Wrong(
            "misconfiguration-invented", invented, "An entry that hardware accepts is reported as misconfigured."
        ).told("EPT misconfiguration", "SDM 31.3.3.1: the entry is valid"),
    )


def same(left: Iterable[Bool], right: Iterable[Bool]) -> Bool:
    """Whether two rows of truth values agree."""
    return negate(any_of(*(a ^ b for a, b in zip(left, right, strict=True))))
