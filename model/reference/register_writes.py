"""What Linux 7.2.13 does about writes to control registers."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.invalidations import CachedRoot
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.register_writes import RegisterWrites, RegisterWritten, VcpuReset, WrittenRegister
from mmuproof.model.roots import KEPT_ROOTS
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, var

_CR3, _TDP = var("vcpu->arch.cr3", 64), ne(var("tdp_enabled", 1), 0)
_HAS_PCID = bit(var("vcpu->arch.cr4", 64), 17)
_WP, _PG, _PAE, _PGE, _PCIDE, _SMEP = 16, 31, 5, 7, 17, 20
_NO_ROOT = bv(-1, 64)


class ReferenceRegisterWrites(ReferenceArea, RegisterWrites):
    """``kvm_post_set_cr0()``, ``kvm_set_cr3()`` and ``kvm_post_set_cr4()``."""

    def reset(self) -> VcpuReset:
        """See `RegisterWrites.reset`."""
        cr0, by_init = var("vcpu->arch.cr0", 64), bit(var("init_event", 8), 0)
        return VcpuReset(
            cr0=cr0,
            by_init=by_init,
            flushes_guest=any_of(bit(cr0, _PG), all_of(by_init, self._by_init())),
            remakes=all_of(bit(cr0, _PG), self._remakes()),
            evidence=Evidence(),
        )

    def _by_init(self) -> Bool:
        """Whether an INIT flushes in any case."""
        return TRUE

    def _remakes(self) -> Bool:
        """Whether the MMU is made anew where paging was on."""
        return TRUE

    def written(self, register: WrittenRegister) -> RegisterWritten:
        """See `RegisterWrites.written`."""
        name = register.name.lower()
        new = var(name, 64)
        if register is WrittenRegister.CR3:
            return self._cr3(new)
        old = var(f"old_{name}", 64)
        changes = old ^ new
        if register is WrittenRegister.CR0:
            wp_only = eq(changes, 1 << _WP)
            goes_on = negate(all_of(wp_only, any_of(negate(bit(new, _PG)), _TDP)))
            guest, current = all_of(goes_on, bit(changes, _PG), negate(bit(new, _PG)), self._without_paging()), FALSE
        else:
            guest = any_of(bit(changes, _PGE), all_of(bit(old, _PCIDE), negate(bit(new, _PCIDE)), self._without_pcid()))
            current = all_of(negate(guest), any_of(bit(changes, _PAE), self._with_smep(old, new)))
        return RegisterWritten(
            function=register.value,
            old=old,
            new=new,
            done=TRUE,
            has_pcid=_HAS_PCID,
            tdp=_TDP,
            no_root=_NO_ROOT,
            kept=(),
            flushes_current=current,
            flushes_guest=guest,
            evidence=Evidence(),
        )

    def _without_paging(self) -> Bool:
        """Whether turning paging off flushes."""
        return TRUE

    def _without_pcid(self) -> Bool:
        """Whether turning PCIDs off flushes."""
        return TRUE

    def _with_smep(self, old: BitVec, new: BitVec) -> Bool:
        """Whether SMEP makes a flush necessary."""
        return all_of(bit(new, _SMEP), negate(bit(old, _SMEP)))

    def _cr3(self, operand: BitVec) -> RegisterWritten:
        keeps = all_of(_HAS_PCID, bit(operand, 63))
        value = ite(_HAS_PCID, operand & ~bv(1 << 63, 64), operand)
        pcid = ite(_HAS_PCID, value & 0xFFF, bv(0, 64))
        same = all_of(eq(value, _CR3), eq(var("is_pae_paging()", 1), 0))
        legal = all_of(
            ne(var("kvm_vcpu_is_legal_cr3()", 1), 0),
            any_of(eq(var("is_pae_paging()#2", 1), 0), ne(var("load_pdptrs()", 32), 0)),
        )
        done = any_of(same, legal)
        flushes = all_of(done, negate(keeps))
        places = [f"vcpu->arch.root_mmu.prev_roots[{number}]" for number in range(KEPT_ROOTS - 1)]
        roots = [(var(f"{place}.hpa", 64), var(f"{place}.pgd", 64)) for place in places]
        return RegisterWritten(
            function=WrittenRegister.CR3.value,
            old=_CR3,
            new=operand,
            done=done,
            has_pcid=_HAS_PCID,
            tdp=_TDP,
            no_root=_NO_ROOT,
            kept=tuple(
                CachedRoot(
                    root=root,
                    pgd=pgd,
                    named=TRUE,
                    forgotten=all_of(flushes, negate(_TDP), _HAS_PCID, self._frees_kept(), eq(pgd & 0xFFF, pcid)),
                )
                for root, pgd in roots
            ),
            flushes_current=all_of(flushes, negate(_TDP)),
            flushes_guest=all_of(flushes, _TDP),
            evidence=Evidence(),
        )

    def _frees_kept(self) -> Bool:
        """Whether roots of the PCID that the vCPU had before are given up."""
        return TRUE
