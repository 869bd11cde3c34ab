"""What MMUs are told of system-management mode and of CPUID in a lifted tree: ``smm.c`` and ``cpuid.c``."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import mode_changes as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero, numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.mode_changes import CpuidSet, ModeChanges, SmmChanged, SmmEntered
from mmuproof.model.named import functions, kvm_vcpu
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bv, ite, ne, negate, resize, var

_CHANGED, _ENTERS, _SETS = functions.KVM_SMM_CHANGED, "enter_smm", "kvm_vcpu_after_set_cpuid"
_MODE = "HF_SMM_MASK"


class LiftedModeChanges(ModeChanges, Remembers):
    """What a lifted tree's MMUs are told.

    Args:
        smm: the unit that enters system-management mode.
        cpuid: ``cpuid.c``.
    """

    def __init__(self, smm: Unit, cpuid: Unit) -> None:
        super().__init__()
        self._smm, self._cpuid = smm, cpuid

    def _bench(self, unit: Unit, known: tuple[Cut, ...]) -> tuple[Bench, Object]:
        bench = Bench(unit, known)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        vcpu.settled = True
        return bench, vcpu

    @once
    def smm_changed(self, begins: bool) -> SmmChanged:
        """See `ModeChanges.smm_changed`."""
        bench, vcpu = self._bench(self._smm, cuts.CHANGES)
        mode = constant_of(self._smm, _MODE)
        bench.call(_CHANGED, entering_smm=bv(begins, 8))
        resets = bench.session.calls(cuts.RESET.function)
        told = [
            any_of(negate(call.guard), _is(ne(bench.read(vcpu, kvm_vcpu.HFLAGS, call.memory) & mode, 0), begins))
            for call in resets
        ]
        return SmmChanged(
            begins=begins,
            in_smm=ne(bench.read(vcpu, kvm_vcpu.HFLAGS) & mode, 0),
            resets=any_of(*(call.guard for call in resets)),
            ready=all_of(*told),
            own_pdptes=ne(bench.read(vcpu, kvm_vcpu.PDPTRS_FROM_USERSPACE), 0),
            evidence=bench.session.evidence(),
        )

    @once
    def smm_entered(self) -> SmmEntered:
        """See `ModeChanges.smm_entered`."""
        bench, _ = self._bench(self._smm, cuts.ENTERS)
        bench.call(_ENTERS)
        session = bench.session
        order = list(session.machine.calls_made)
        cr0, cr4, efer = (session.calls(cut.function) for cut in (cuts.CR0, cuts.CR4, cuts.EFER))
        loads = [call for calls in (cr0, cr4, efer) for call in calls]
        last = max((order.index(call) for call in loads), default=0)
        late = [call for call in session.calls(cuts.RESET.function) if order.index(call) > last]
        features = session.calls(*(cut.function for cut in cuts.LONG_MODE))
        long_mode = is_nonzero(features[-1]) if features else TRUE
        return SmmEntered(
            succeeds=negate(session.called(cuts.DEAD.function)),
            told=any_of(
                *(all_of(call.guard, ne(numbers_given(call)[0], 0)) for call in session.calls(cuts.CHANGED.function))
            ),
            long_mode=long_mode,
            cr0=_told(cr0),
            cr4=_told(cr4),
            efer=_told(efer),
            loads=all_of(_made(cr0), _made(cr4), any_of(negate(long_mode), _made(efer))),
            resets=any_of(*(call.guard for call in late)),
            evidence=session.evidence(),
        )

    @once
    def cpuid_set(self) -> CpuidSet:
        """See `ModeChanges.cpuid_set`."""
        bench, vcpu = self._bench(self._cpuid, cuts.SETS)
        bench.call(_SETS)
        session = bench.session
        order, tells = list(session.machine.calls_made), session.calls(cuts.TELL.function)
        first = min((order.index(call) for call in tells), default=0)
        width, reserved = bv(0, 32), bv(0, 64)
        for call in tells:
            width = ite(call.guard, resize(bench.read(vcpu, kvm_vcpu.MAXPHYADDR, call.memory), 32), width)
            reserved = ite(call.guard, bench.read(vcpu, kvm_vcpu.RESERVED_GPA_BITS, call.memory), reserved)
        vendor = [call for call in session.calls(cuts.VENDOR.function) if order.index(call) < first]
        return CpuidSet(
            asked=var(f"{cuts.WIDTH.function}()", 32),
            told=_made(tells),
            width=width,
            reserved=reserved,
            vendor_before=any_of(*(call.guard for call in vendor)),
            evidence=session.evidence(),
        )


def _is(condition: Bool, wanted: bool) -> Bool:
    return condition if wanted else negate(condition)


def _made(calls: tuple[CallMade, ...]) -> Bool:
    return any_of(*(call.guard for call in calls))


def _told(calls: tuple[CallMade, ...]) -> BitVec:
    """The number that is given by the last of some calls."""
    told = bv(0, 64)
    for call in calls:
        told = ite(call.guard, resize(numbers_given(call)[-1], 64), told)
    return told
