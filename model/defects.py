"""Named defects: small wrong changes to KVM, as edits of the real C and as variants of the reference model.

A defect says only what is changed.  Which theorem has to notice it, and by which symptom, is stated with the
theorem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.edits import SourceEdit
from mmuproof.model.kvm import Kvm
from mmuproof.model.reference_defects import REFERENCE_DEFECTS

_MMU_H = "arch/x86/kvm/mmu.h"
_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_SPTE_H = "arch/x86/kvm/mmu/spte.h"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_KVM_HOST_H = "arch/x86/include/asm/kvm_host.h"
_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"


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


def _defect(name: str, says: str, file: str, pattern: str, replacement: str) -> Defect:
    return Defect(name, says, (SourceEdit(file, pattern, replacement),), REFERENCE_DEFECTS[name])


_ALL = (
    _defect(
        "mbec-ignores-xu", "With MBEC on, a user-mode fetch is judged by XS.",
        _MMU_C, r"ff = pfec & PFERR_USER_MASK \? \(u16\)~xu : \(u16\)~xs;", "ff = (u16)~xs;",
    ),
    _defect(
        "ept-xu-without-mbec", "XU counts for user-mode fetches although MBEC is off.",
        _MMU_C, r"if \(cr4_smep\)(\s+ff = pfec & PFERR_USER_MASK)", r"if (1)\1",
    ),
    _defect(
        "exec-only-fetch-needs-read", "A fetch faults if the page cannot be read.",
        _MMU_C, r"PFERR_WRITE_MASK\|PFERR_FETCH_MASK\)\) \? 0 : \(u16\)~r", "PFERR_WRITE_MASK)) ? 0 : (u16)~r",
    ),
    _defect(
        "ept-read-ignored", "Reads are allowed whatever the read permission says.",
        _MMU_C, r"u16 rf = [^;]*;", "u16 rf = 0;",
    ),
    _defect(
        "user-access-ignores-u", "A user access is allowed to a supervisor page.",
        _MMU_C, r"uf = \(pfec & PFERR_USER_MASK\) \? \(u16\)~u : 0;", "uf = 0;",
    ),
    _defect(
        "nx-ignored", "A page with NX can be executed.",
        _MMU_C, r"ff \|= \(pfec & PFERR_FETCH_MASK\) \? \(u16\)~x : 0;", "ff |= 0;",
    ),
    _defect(
        "smep-ignored", "A supervisor fetch from a user page is allowed under SMEP, and so under GMET.",
        _MMU_C, r"ff \|= \(pfec & PFERR_FETCH_MASK\) \? kf : 0;", "ff |= 0;",
    ),
    _defect(
        "wp-ignored", "A supervisor may write read-only pages although CR0.WP is set.",
        _MMU_C, r"if \(!cr0_wp\)(\s+wf = )", r"if (1)\1",
    ),
    _defect(
        "gmet-u-restricts-data", "Under GMET, U=0 denies data accesses.",
        _MMU_C, r"if \(!\(tdp && cr4_smep\)\)", "if (1)",
    ),
    _defect(
        "implicit-escapes-smap", "An implicit access escapes SMAP while EFLAGS.AC is set.",
        _MMU_H, r"not_smap = \(\(rflags & X86_EFLAGS_AC\) \| implicit_access\) == X86_EFLAGS_AC;",
        "not_smap = !!(rflags & X86_EFLAGS_AC);",
    ),
    _defect(
        "fetch-index-not-halved", "permissions[] is indexed by the error code without dropping P.",
        _MMU_H, r"(int index = \(pfec \| \(not_smap \? PFERR_RSVD_MASK : 0\)\)) >> 1;", r"\1;",
    ),
    _defect(
        "pk-flag-lost", "A fault by protection key is reported without PK.",
        _MMU_H, r"errcode \|= -pkru_bits & PFERR_PK_MASK;", "",
    ),
    _defect(
        "pkey-write-ignores-wp", "A key's write-disable never binds a supervisor, whatever CR0.WP says.",
        _MMU_C, r"check_write = check_pkey && wf && \(uf \|\| wp\);", "check_write = check_pkey && wf && uf;",
    ),
    _defect(
        "pkru-mask-left-over", "pkru_mask keeps the bits of an earlier role when CR4.PKE is off.",
        _MMU_C, r"(\w+)->(fmt\.)?pkru_mask = 0;\s+if \(!is_cr4_pke\(\w+\)\)\s+return;",
        r"if (!is_cr4_pke(\1))\n\t\treturn;\n\n\t\1->\2pkru_mask = 0;",
    ),
    _defect(
        "permissions-read-root-role", "permissions[] takes EFER.NX from the root role, not the CPU role.",
        _MMU_C, r"bool efer_nx = is_efer_nx\(mmu\);(\s+/\*\s+\* In hardware)",
        r"bool efer_nx = mmu->root_role.efer_nx;\1",
    ),
    _defect(
        "mbec-left-out-of-role", "The role of a nested EPT does not say that MBEC is on.",
        _MMU_C, r"role\.base\.cr4_smep = mbec;", "role.base.cr4_smep = 0;",
    ),
    _defect(
        "nested-npt-without-wp", "The role of a nested NPT is computed without CR0.WP.",
        _MMU_C, r"\.cr0 = X86_CR0_PG \| X86_CR0_WP,", ".cr0 = X86_CR0_PG,",
    ),
    _defect(
        "nested-ept-as-paging", "The permissions of a nested EPT are computed as those of ordinary paging.",
        _MMU_C, r"(?<!spte_)(update_permission_bitmask\(\w+, true, )true\)", r"\1false)",
    ),
    _defect(
        "gpte-access-drops-read", "gpte_access() loses EPT's read permission.",
        _PAGING, r"\(\(gpte & VMX_EPT_READABLE_MASK\) \? ACC_READ_MASK : 0\) \|", "",
    ),
    _defect(
        "gpte-access-ignores-nx", "gpte_access() grants execution although NX is set.",
        _PAGING, r"access \|= gpte & PT64_NX_MASK \? 0 : ACC_EXEC_MASK;", "access |= ACC_EXEC_MASK;",
    ),
    _defect(
        "bit-10-present-without-mbec", "An EPT entry with only bit 10 counts as present although MBEC is off.",
        _PAGING, r"\(\w+\(\w+\) \? VMX_EPT_USER_EXECUTABLE_MASK : 0\)", "VMX_EPT_USER_EXECUTABLE_MASK",
    ),
    _defect(
        "misconfig-ignores-xu", "The check for misconfigured permissions does not look at XU.",
        _SPTE_H, r"if \(pte & VMX_EPT_USER_EXECUTABLE_MASK\)\s+pte \|= VMX_EPT_EXECUTABLE_MASK;", "",
    ),
    _defect(
        "set-up-accepts-execute-only",
        "The set-up of a nested EPT accepts execute-only entries whether they are supported or not.",
        _MMU_C, r"(reset_rsvds_bits_mask_ept\(vcpu, (?:context, )?)execonly(, huge_page_level\);)", r"\1true\2",
    ),
    _defect(
        "exec-and-user-exec-swapped", "make_spte() sets XU for EXEC and XS for USER_EXEC.",
        _SPTE_C,
        r"(if \(pte_access & )ACC_EXEC_MASK(\)\s+spte \|= shadow_xs_mask;\s+if \(pte_access & )"
        r"ACC_USER_EXEC_MASK",
        r"\1ACC_USER_EXEC_MASK\2ACC_EXEC_MASK",
    ),
    _defect(
        "make-spte-always-readable", "make_spte() makes every page readable.",
        _SPTE_C, r"if \(pte_access & ACC_READ_MASK\)\s+(spte \|= PT_PRESENT_MASK;)", r"\1",
    ),
    _defect(
        "write-for-host-readonly", "make_spte() makes pages writable that the host may not write.",
        _SPTE_C, r"(spte \|= shadow_host_writable_mask;\s+)else\s+pte_access &= ~ACC_WRITE_MASK;", r"\1",
    ),
    _defect(
        "nx-huge-page-clears-user", "The NX huge page mitigation takes ACC_USER from AMD's huge pages.",
        _SPTE_C, r"if \(shadow_xu_mask\)(\s+pte_access &= ~ACC_USER_EXEC_MASK;)", r"if (1)\1",
    ),
    _defect(
        "frozen-has-bit-10", "FROZEN_SPTE has bit 10, which is XU under MBEC.",
        _SPTE_H, r"(#define FROZEN_SPTE\s+\(SHADOW_NONPRESENT_VALUE \| 0x)1a0", r"\g<1>5a0",
    ),
    _defect(
        "frozen-has-pfn", "FROZEN_SPTE has a bit of the page frame number.",
        _SPTE_H, r"(#define FROZEN_SPTE\s+\(SHADOW_NONPRESENT_VALUE \| 0x)1a0", r"\g<1>11a0",
    ),
    _defect(
        "mmu-writable-in-saved-slot", "MMU-writable sits in the slot where X is saved.",
        _SPTE_H, r"(#define EPT_SPTE_MMU_WRITABLE\s+BIT_ULL\()55", r"\g<1>54",
    ),
    _defect(
        "host-writable-at-xu", "Host-writable sits at bit 10, which is XU under MBEC.",
        _SPTE_H, r"(#define EPT_SPTE_HOST_WRITABLE\s+BIT_ULL\()53", r"\g<1>10",
    ),
    _defect(
        "track-mask-without-xu", "Access tracking leaves XU set.",
        _SPTE_C, r"(shadow_acc_track_mask\s*= VMX_EPT_RWX_MASK) \| VMX_EPT_USER_EXECUTABLE_MASK;", r"\1;",
    ),
    _defect(
        "track-saves-no-xu", "Access tracking does not save XU.",
        _SPTE_H, r"(VMX_EPT_EXECUTABLE_MASK) \| \\\s+VMX_EPT_USER_EXECUTABLE_MASK\)", r"\1)",
    ),
    _defect(
        "restore-shift-off-by-one", "Restoring takes the saved permissions from one bit too high.",
        _SPTE_H, r"(u64 saved_bits = \(spte >> SHADOW_ACC_TRACK_SAVED_BITS_SHIFT)\)", r"\1 >> 1)",
    ),
    _defect(
        "track-again-forgets", "Marking an access-tracked SPTE again forgets what was saved.",
        _SPTE_C, r"(if \(is_access_track_spte\(spte\)\)\s+return spte);(\s+check_spte)",
        r"\1 & ~(SHADOW_ACC_TRACK_SAVED_BITS_MASK << SHADOW_ACC_TRACK_SAVED_BITS_SHIFT);\2",
    ),
    _defect(
        "default-host-writable-at-global", "Outside EPT host-writable sits at bit 8, which is G.",
        _SPTE_H, r"(#define DEFAULT_SPTE_HOST_WRITABLE\s+BIT_ULL\()9", r"\g<1>8",
    ),
    _defect(
        "default-mmu-writable-reserved", "Outside EPT MMU-writable sits at bit 55, which PAE paging reserves.",
        _SPTE_H, r"(#define DEFAULT_SPTE_MMU_WRITABLE\s+BIT_ULL\()10", r"\g<1>55",
    ),
    _defect(
        "ad-types-alike", "SPTEs that need write protection are not told from those with A/D bits.",
        _SPTE_H, r"(#define SPTE_TDP_AD_WRPROT_ONLY\s+\()2ULL", r"\g<1>0ULL",
    ),
    _defect(
        "write-tracking-negated", "make_spte() makes writable what has to stay write-protected, and nothing else.",
        _SPTE_C, r"(\s)(mmu_try_to_unsync_pages\(vcpu->kvm)", r"\1!\2",
    ),
    _defect(
        "mark-with-ad-bits-takes-all", "Marking an SPTE with A/D bits takes its permissions away, not A.",
        _SPTE_C, r"return spte & ~shadow_accessed_mask;", "return spte & ~shadow_acc_track_mask;",
    ),
    _defect(
        "permissions-one-short", "permissions[] has one element less than there are error codes.",
        _KVM_HOST_H, r"(u16 permissions\[)16\];", r"\g<1>15];",
    ),
    _defect(
        "pk-flag-at-ss", "PFERR_PK_MASK is the bit of shadow-stack accesses.",
        _KVM_HOST_H, r"(#define PFERR_PK_MASK\s+BIT\()5\)", r"\g<1>6)",
    ),
    _defect(
        "nested-ept-role-kept", "A nested EPT keeps its role if only the base of the wanted one differs.",
        _MMU_C, r"new_mode\.as_u64 != context->cpu_role\.as_u64", "new_mode.ext.word != context->cpu_role.ext.word",
    ),
    _defect(
        "nested-ept-root-role-kept", "A nested EPT keeps the root role that it had before.",
        _MMU_C, r"context->root_role\.word = new_mode\.base\.word;", "",
    ),
)  # fmt: skip

DEFECTS: Mapping[str, Defect] = MappingProxyType({defect.name: defect for defect in _ALL})
