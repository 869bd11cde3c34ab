"""What make_spte() grants, as the hardware judges it, and that neither vendor's reading of a bit reaches the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import SplitRequest, SpteAt
from mmuproof.model.sptes import MadeSpte
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import hardware_spte, relations
from mmuproof.proofs.given.hardware_spte import allowed, allowed_by, any_access
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_spte import SpteInputs, made_spte, untracked_from_start
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, all_of, any_of, bv, eq, ite, ne, negate, ule, var
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.npt import NestedPermissions
from mmuproof.spec.paging import AccessRights

# -- spte.permissions ----------------------------------------------------------------------------------------


def _granted(
    kvm: Kvm, vendor: Vendor, made: MadeSpte, inputs: SpteInputs
) -> EptPermissions | NestedPermissions | AccessRights:
    """The access that make_spte() is given, less what must not be granted."""
    request = inputs.request
    mitigated = all_of(made.nx_huge_pages, ne(request.level, 1))
    writable = all_of(request.host_writable, negate(made.wrprot))
    if vendor is Vendor.INTEL:
        asked = relations.ept_permissions(kvm, request.pte_access)
        return EptPermissions(
            asked.read,
            all_of(asked.write, writable),
            all_of(asked.execute, negate(mitigated)),
            all_of(asked.user_execute, negate(mitigated)),
        )
    nested = relations.nested_permissions(kvm, request.pte_access)
    no_execute = any_of(nested.no_execute, mitigated)
    if vendor is Vendor.AMD:
        return NestedPermissions(all_of(nested.writable, writable), nested.user, no_execute)
    return AccessRights(nested.user, all_of(nested.writable, writable), no_execute)


def _readable_where_it_has_to_be(kvm: Kvm, masks: ShadowMasks, inputs: SpteInputs) -> tuple[Assumption, ...]:
    """What the format cannot express is not asked for: outside execute-only EPT every page can be read."""
    if masks.vendor is not Vendor.INTEL:
        return relations.mapped_pages_are_readable(kvm, inputs.request.pte_access)
    if relations.reads_have_a_bit(kvm):
        return ()
    return (
        Assumption(
            "the host supports execute-only translations, or the access includes reads",
            any_of(masks.host.has_exec_only, has(inputs.request.pte_access, kvm.constant("ACC_USER_MASK"))),
        ),
    )


def _permissions(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    inputs, access = made_spte(kvm, masks), any_access(kvm, vendor)
    made = kvm.sptes.make_spte(masks, inputs.request)
    tracked = kvm.spte_changes.facts(masks, SpteAt(made.spte, inputs.request.level)).is_access_track_spte
    by_hardware = allowed(vendor, made.spte, access)
    by_access = allowed_by(_granted(kvm, vendor, made, inputs), access)
    if vendor is not Vendor.INTEL and relations.reads_have_a_bit(kvm):
        by_access = all_of(by_access, has(inputs.request.pte_access, kvm.constant("ACC_READ_MASK")))
    gained = all_of(by_hardware, negate(by_access))
    lost = all_of(by_access, negate(by_hardware), negate(tracked))
    put_away = all_of(tracked, by_access, negate(inputs.request.prefetch))
    manual = hardware_spte.MANUALS[vendor]
    return never(
        given(
            *inputs.assumptions,
            *access.assumptions,
            *_readable_where_it_has_to_be(kvm, masks, inputs),
            shown=(*inputs.shown, *access.shown, Shown("spte", made.spte, kind=NumberKind.SPTE)),
            evidence=made.evidence,
        ),
        Wrong("access-gained", gained, "The SPTE allows an access that make_spte() was not to grant.").told(
            "the hardware allows it", f"{manual}: the access that was given does not allow it"
        ),
        Wrong("access-lost", lost, "The SPTE denies an access that make_spte() was to grant.").told(
            "the hardware denies it", f"{manual}: the access that was given allows it"
        ),
        Wrong("tracked-unasked", put_away, "make_spte() access-tracks an SPTE that was not prefetched.").told(
            "the next access faults", "KVM: only what is prefetched counts as not used yet"
        ),
    )


# -- spte.vendor-separation ----------------------------------------------------------------------------------


def _own_bits(kvm: Kvm, masks: ShadowMasks) -> dict[str, BitVec]:
    """What each ACC_* bit may and, but for writing, has to change in an SPTE."""
    # Where every entry that is used can be read, P comes with being present.
    read = hardware_spte.field_mask(Vendor.INTEL, "read") & ~masks.present
    own = {"ACC_EXEC_MASK": masks.nx | masks.x}
    if masks.vendor is not Vendor.INTEL:
        own["ACC_USER_MASK"] = masks.user
    elif relations.has_mbec(kvm):
        own["ACC_USER_EXEC_MASK"] = masks.xu
    elif not relations.reads_have_a_bit(kvm):
        own["ACC_USER_MASK"] = read
    if relations.reads_have_a_bit(kvm):
        own["ACC_READ_MASK"] = read
    return own


def _separated(kvm: Kvm, masks: ShadowMasks, name: str, own: BitVec) -> Claim:
    inputs = made_spte(kvm, masks)
    request = inputs.request
    flipped = replace(request, pte_access=request.pte_access ^ kvm.constant(name))
    made, other = (kvm.sptes.make_spte(masks, each) for each in (request, flipped))
    executes = name in ("ACC_EXEC_MASK", "ACC_USER_EXEC_MASK")
    mitigated = all_of(made.nx_huge_pages, ne(request.level, 1)) if executes else FALSE
    changed, wanted = made.spte ^ other.spte, ite(mitigated, bv(0, 64), own)
    stray, missing = ne(changed & ~wanted, 0), ne(wanted & ~changed, 0)
    return never(
        given(
            *inputs.assumptions,
            untracked_from_start(inputs),
            shown=(
                *inputs.shown,
                Shown("spte", made.spte, kind=NumberKind.SPTE),
                Shown(f"spte with the other {name}", other.spte, kind=NumberKind.SPTE),
            ),
            evidence=made.evidence + other.evidence,
            part=f"make_spte(), {name}",
        ),
        Wrong("stray-dependence", stray, f"{name} changes a bit of the SPTE that is not its own.").told(
            "another bit changes", "the hardware bit that it stands for, alone"
        ),
        Wrong("no-effect", missing, f"{name} does not change the bit of the SPTE that it stands for.").told(
            "the bit does not change", "the hardware bit that it stands for"
        ),
    )


def _split_ignores_user(kvm: Kvm, masks: ShadowMasks) -> Claim:
    """Where there is no XU, splitting must not read the user bit of a role as execution."""
    request = SplitRequest(var("huge_spte", 64), var("role.level", 4), var("role.access", 4), var("index", 32))
    flipped = replace(request, access=request.access ^ kvm.constant("ACC_USER_MASK"))
    small, other = (kvm.spte_changes.make_small_spte(masks, each) for each in (request, flipped))
    differs = ne(small.spte, other.spte)
    return never(
        given(
            *plausible_host(masks),
            Assumption("role.level is 1 to 4", all_of(ule(request.level, 4), negate(eq(request.level, 0)))),
            shown=(
                Shown("huge_spte", request.huge_spte, kind=NumberKind.SPTE),
                Shown("role.access", request.access, relations.acc_flags(kvm, ept=False)),
            ),
            evidence=small.evidence + other.evidence,
            part="make_small_spte()",
        ),
        Wrong("user-read-as-execution", differs, "Splitting takes the user bit of a role for execution.").told(
            "another SPTE", "outside EPT bit 2 of ACC_* is ACC_USER_MASK, and splitting leaves U alone"
        ),
    )


def _vendor_separation(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    claims = [_separated(kvm, masks, name, own) for name, own in _own_bits(kvm, masks).items()]
    return claims if vendor is Vendor.INTEL else [*claims, _split_ignores_user(kvm, masks)]


THEOREMS = (
    Theorem(
        name="spte.permissions",
        claim="Through the SPTE that make_spte() makes, the hardware allows exactly the accesses that the "
        "access given to it allows, with three exceptions. The iTLB-multihit mitigation takes execution "
        "from huge pages. A page that the host may not write, or that is write-tracked, is not written. A "
        "prefetched SPTE without A/D bits allows nothing.",
        source="SDM 31.3.3.2, APM 15.25 and 15.25.13, SDM 5.6",
        assumes=(
            "the host's address widths are architectural",
            "pte_access has no bit outside ACC_ALL",
            "outside EPT a mapped page can be read",
            "the host runs with EFER.NXE and CR0.WP: KVM needs the former, and Linux sets the latter",
        ),
        state=alone(_permissions),
        catches=(
            *showing(
                "access-gained", "exec-and-user-exec-swapped", "make-spte-always-readable", "write-for-host-readonly"
            ),
            Catch("nx-huge-page-clears-user", "access-lost"),
            Catch("nx-huge-not-mitigated", "access-gained"),
            Catch("mark-with-ad-bits-takes-all", "access-lost"),
            Catch("track-mask-without-xu", "tracked-unasked"),
            Catch("host-writable-at-xu", "access-gained"),
        ),
    ),
    Theorem(
        name="spte.vendor-separation",
        claim="Each ACC_* bit decides its own bit of the SPTE and no other. On AMD and under shadow paging bit 2 is "
        "U for every level and whatever the iTLB-multihit mitigation; under EPT it is XU. A split takes "
        "execution from ACC_EXEC_MASK alone where there is no XU.",
        source="KVM: ACC_USER_MASK and ACC_USER_EXEC_MASK are one bit, told apart by shadow_xu_mask",
        assumes=("the SPTE is not prefetched without A/D bits: it is access-tracked then",),
        state=_vendor_separation,
        catches=(
            Catch("nx-huge-page-clears-user", "no-effect"),
            Catch("split-execute-by-user-bit", "user-read-as-execution"),
            Catch("exec-and-user-exec-swapped", "stray-dependence"),
            Catch("make-spte-always-readable", "no-effect"),
            Catch("nx-huge-not-mitigated", "stray-dependence"),
            *showing("no-effect", "mark-with-ad-bits-takes-all", "host-writable-at-xu"),
        ),
    ),
)
