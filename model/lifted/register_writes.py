"""Writes to control registers in a lifted tree: the unit of registers, and ``x86.c``."""

from __future__ import annotations

from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import register_writes as cuts
from mmuproof.model.lifted.asked_flushes import flushes_asked
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.cached_roots import given_up, roots_of
from mmuproof.model.lifted.cr4_bits import PCIDE
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import kvm_mmu, kvm_vcpu, switches
from mmuproof.model.register_writes import RegisterWrites, RegisterWritten, VcpuReset, WrittenRegister
from mmuproof.smt.terms import TRUE, any_of, bit, bv, eq, ne, var


class LiftedRegisterWrites(RegisterWrites, Remembers):
    """What follows from writes to control registers in a lifted tree.

    Args:
        registers: the unit that writes them.
        x86: the unit that serves what is asked of a vCPU.
    """

    def __init__(self, registers: Unit, x86: Unit) -> None:
        super().__init__()
        self._registers, self._x86 = registers, x86

    @once
    def reset(self) -> VcpuReset:
        """See `RegisterWrites.reset`."""
        bench = Bench(self._x86, cuts.RESETS)
        vcpu, event = bench.add("vcpu", kvm_vcpu.STRUCT), var("init_event", 8) & 1
        cr0 = bench.read(vcpu, kvm_vcpu.CR0)
        bench.call("kvm_vcpu_reset", init_event=event)
        session, made = bench.session, bench.session.machine.calls_made
        remakes = session.calls(cuts.REMAKE.function)
        last = max(map(made.index, session.calls(*(cut.function for cut in cuts.SET))), default=len(made))
        _, guest = flushes_asked(self._x86, bench)
        return VcpuReset(
            cr0=cr0,
            by_init=ne(event, 0),
            flushes_guest=guest,
            remakes=any_of(*(call.guard for call in remakes if made.index(call) > last)),
            evidence=session.evidence(),
        )

    @once
    def written(self, register: WrittenRegister) -> RegisterWritten:
        """See `RegisterWrites.written`."""
        bench = Bench(self._registers, cuts.CUTS, linked=(self._x86,))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        Mmus(vcpu).connect(bench.memory, nested=False, l2=False)
        name = register.name.lower()
        new, done = var(name, 64), TRUE
        before = roots_of(bench, vcpu, kvm_mmu.ROOT_MMU)
        if register is WrittenRegister.CR3:
            old = bench.read(vcpu, kvm_vcpu.CR3)
            done = eq(bench.integer(register.value, cr3=new), 0)
        else:
            old = var(f"old_{name}", 64)
            bench.call(register.value, **{f"old_{name}": old, name: new})
        _, *kept = given_up(bench, vcpu, kvm_mmu.ROOT_MMU, before)
        current, guest = flushes_asked(self._x86, bench)
        return RegisterWritten(
            function=register.value,
            old=old,
            new=new,
            done=done,
            has_pcid=bit(bench.read(vcpu, kvm_vcpu.CR4), PCIDE),
            tdp=bench.setting(switches.TDP_ENABLED),
            no_root=bv(-1, 64),
            kept=tuple(kept) if register is WrittenRegister.CR3 else (),
            flushes_current=current,
            flushes_guest=guest,
            evidence=bench.session.evidence(),
        )
