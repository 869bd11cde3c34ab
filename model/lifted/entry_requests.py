"""What a lifted tree does for the MMU before a guest runs: ``x86.c`` and ``vmx/nested.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Value
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import asked_flushes
from mmuproof.model.cuts import entry_requests as cuts
from mmuproof.model.entry_requests import (
    EntryRequest,
    EntryRequests,
    GuestSwitch,
    HostStateLoaded,
    RequestsServed,
    SwitchServed,
)
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import any_before, is_nonzero, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_vcpu, vcpu_vmx, vmcs12_fields
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bv, eq, ne, negate, resize, to_bv, var

_ENTERS, _REQUEST = "vcpu_enter_guest", 0x3F
"""What lets a guest run, and the bits of a request that tell which it is."""
_IN_GUEST_MODE = 1
"""What says that a vCPU has to be interrupted: the same in all released kernels."""
_SERVES = {
    EntryRequest.FREE_ROOTS: (cuts.FREE_ROOTS,),
    EntryRequest.SYNC: (cuts.SYNC,),
    EntryRequest.LOAD: (cuts.LOAD,),
    EntryRequest.FLUSH: (cuts.FLUSH_ALL,),
    EntryRequest.FLUSH_CURRENT: (asked_flushes.FLUSH_CURRENT, cuts.FLUSH_ALL),
    EntryRequest.FLUSH_GUEST: (asked_flushes.FLUSH_GUEST,),
}
"""What does what is asked: what flushes all flushes what has the tag in use too."""
_EXITS = ("__nested_vmx_vmexit", GuestSwitch.EXIT.value)


class LiftedEntryRequests(EntryRequests, Remembers):
    """What is done of what a vCPU is asked in a lifted tree.

    Args:
        x86: ``x86.c``.
        nested_vmx: ``vmx/nested.c``.
    """

    def __init__(self, x86: Unit, nested_vmx: Unit) -> None:
        super().__init__()
        self._x86, self._nested_vmx = x86, nested_vmx

    @once
    def served(self) -> RequestsServed:
        """See `EntryRequests.served`."""
        asked = var("requests", 64)
        bench = Bench(self._x86, _telling(cuts.ENTERS, asked))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.write(vcpu, kvm_vcpu.REQUESTS, asked)
        bench.call(_ENTERS)
        session, made = bench.session, bench.session.machine.calls_made
        _check_consumed_once(session.calls(cuts.TESTS[0].function))
        runs, reloads, left = (
            session.calls(*(cut.function for cut in group)) for group in (cuts.RUN, (cuts.RELOAD,), (cuts.LEFT,))
        )
        done = {each: session.calls(*(cut.function for cut in by)) for each, by in _SERVES.items()}
        served = {each: any_of(*(call.guard for call in calls)) for each, calls in done.items()}
        reloaded = any_of(*(call.guard for call in reloads))
        served[EntryRequest.FREE_ROOTS] = any_of(
            served[EntryRequest.FREE_ROOTS], all_of(reloaded, self._reload_frees(asked))
        )
        served[EntryRequest.FLUSH_LISTED] = any_of(
            *(
                all_of(
                    call.guard,
                    any_of(
                        negate(is_nonzero(call)),
                        *(each.guard for each in done[EntryRequest.FLUSH_GUEST] if made.index(each) > made.index(call)),
                    ),
                )
                for call in session.calls(cuts.FLUSH_LISTED.function)
            )
        )
        runs_at_all = any_of(*(call.guard for call in runs))
        changes = (*done[EntryRequest.SYNC], *done[EntryRequest.LOAD])
        flushes = (*done[EntryRequest.FLUSH_CURRENT], *done[EntryRequest.FLUSH_GUEST])
        return RequestsServed(
            function=_ENTERS,
            asked=asked,
            missed={each: all_of(runs_at_all, bit(asked, each.value), negate(served[each])) for each in EntryRequest},
            flushed_early=any_of(
                *(
                    all_of(
                        runs_at_all,
                        change.guard,
                        any_before(made, change, flushes),
                        negate(any_of(*(each.guard for each in flushes if made.index(each) > made.index(change)))),
                    )
                    for change in changes
                )
            ),
            rootless=all_of(
                runs_at_all, negate(any_of(*(all_of(call.guard, negate(is_nonzero(call))) for call in reloads)))
            ),
            unasked=all_of(
                runs_at_all, negate(any_of(*(all_of(call.guard, negate(is_nonzero(call))) for call in left)))
            ),
            unseen=any_of(
                *(all_of(call.guard, ne(bench.read(vcpu, kvm_vcpu.MODE, call.memory), _IN_GUEST_MODE)) for call in left)
            ),
            evidence=session.evidence(),
        )

    def _reload_frees(self, asked: BitVec) -> Bool:
        """Whether what makes a root gives up those that are out of date, if that is asked."""
        bench = Bench(self._x86, _telling(cuts.RELOADS, asked))
        bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.call(functions.KVM_MMU_RELOAD)
        return bench.session.called(cuts.FREE_ROOTS.function)

    @once
    def host_state(self) -> HostStateLoaded:
        """See `EntryRequests.host_state`."""
        bench, name = Bench(self._nested_vmx, cuts.LOADS), "load_vmcs12_host_state"
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        bench.add("vmcs12", vmcs12_fields.STRUCT)
        bench.call(name)
        session = bench.session
        return HostStateLoaded(
            function=name,
            flushes=any_of(
                *(
                    all_of(call.guard, *(eq(each, 0) for each in numbers_given(call)))
                    for call in session.calls(cuts.TRANSITION.function)
                )
            ),
            evidence=session.evidence(),
        )

    @once
    def switched(self, switch: GuestSwitch) -> SwitchServed:
        """See `EntryRequests.switched`."""
        bench = Bench(self._nested_vmx, cuts.SWITCHES)
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        name = switch.value
        if switch is GuestSwitch.EXIT:
            name = self._nested_vmx.function(*_EXITS).name
            reason, info, length = (var(each, 32) for each in ("vm_exit_reason", "exit_intr_info", "exit_insn_len"))
            bench.call(
                name,
                vm_exit_reason=reason,
                exit_intr_info=info,
                exit_qualification=var("exit_qualification", 64),
                exit_insn_len=length,
            )
        else:
            bench.call(name, from_vmentry=var("from_vmentry", 8) & 1)
        session, made = bench.session, bench.session.machine.calls_made
        switches = session.calls(*(cut.function for cut in cuts.SWITCH))
        if not switches:
            raise Refused(f"{name}() changes no guest")
        serves = session.calls(cuts.SERVE.function)
        return SwitchServed(
            function=switch.value,
            unserved=any_of(*(all_of(each.guard, negate(any_before(made, each, serves))) for each in switches)),
            evidence=session.evidence(),
        )


def _telling(known: Sequence[Cut], asked: BitVec) -> tuple[Cut, ...]:
    """The same calls, of which those that ask what is asked of the vCPU are told."""

    def is_asked(arguments: Sequence[Value | None]) -> Value:
        number = arguments[0]
        assert isinstance(number, BitVec)
        return to_bv(ne(asked & (bv(1, 64) << (resize(number, 64) & _REQUEST)), 0), 8)

    return tuple(replace(cut, gives=is_asked) if cut in cuts.TESTS else cut for cut in known)


def _check_consumed_once(tests: Sequence[CallMade]) -> None:
    """Whoever asks whether something is asked for forgets it, so that another would be told that it is not.

    Raises:
        Refused: two places ask for one thing of the MMU's.
    """
    seen = [resize(numbers_given(call)[0], 64) & _REQUEST for call in tests]
    numbers = [each.value for each in seen if each.is_const]
    for each in EntryRequest:
        if numbers.count(each.value) > 1 or len(numbers) != len(seen):
            raise Refused(f"{_ENTERS}() asks several times for one request")
