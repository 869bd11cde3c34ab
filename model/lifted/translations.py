"""Translating addresses by the guest's tables in a lifted tree: ``paging_tmpl.h``, as ``mmu.c`` has it."""

from __future__ import annotations

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, choose, pointer_to
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import translations as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, guest_walker, kvm_mmu, kvm_vcpu, x86_exception
from mmuproof.model.translations import Translated, Translations
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import Bool, all_of, bool_var, eq, implies, ne, negate, resize, var

_FAULT = "fault"


class LiftedTranslations(Translations, Remembers):
    """What translates addresses in a lifted tree.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def translated(self, gpte_format: GpteFormat) -> Translated:
        """See `Translations.translated`."""
        caller, walk = (f"{gpte_format.value}_{name}" for name in (functions.GVA_TO_GPA, "walk_addr_generic"))
        bench = Bench(self._unit, cuts.CUTS)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        told = Object(
            name="exception", type=self._unit.record(x86_exception.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        wanted = bool_var("an exception is wanted")
        walker = pointer_to(vcpu, mmus.find(Part.GUEST_WALK).offset)
        bench.objects |= dict.fromkeys(kvm_mmu.WALKERS, walker)
        exception = as_pointer(choose(wanted, pointer_to(told), NULL))
        if exception is None:
            raise Refused(f"{caller}() takes no exception")
        bench.objects[x86_exception.STRUCT] = exception
        address, access = var("address", 64), var("access", 64)
        result = resize(bench.integer(caller, addr=address, vaddr=address, access=access), 64)
        call = bench.session.only_call(walk)
        walked = call.arguments[0]
        places = [target.place for target in walked.targets if target.place] if isinstance(walked, Pointer) else []
        if len(places) != 1:
            raise Refused(f"{walk}() is given no one walk", str(call.at))
        state = places[0].object
        succeeds = ne(var(f"{walk}()", 32), 0)
        return Translated(
            caller=caller,
            address=address,
            access=access,
            walked_address=resize(bench.session.argument(call, "addr"), 64),
            walked_access=resize(bench.session.argument(call, "access"), 64),
            succeeds=succeeds,
            gfn=bench.read(state, guest_walker.GFN),
            result=result,
            wants_exception=wanted,
            exception_told=implies(all_of(wanted, negate(succeeds)), self._is_handed_on(bench, state, told)),
            evidence=bench.session.evidence(),
        )

    def _is_handed_on(self, bench: Bench, state: Object, told: Object) -> Bool:
        """Whether every member of what the walk says of its fault is what is told of it."""
        record = told.type
        assert isinstance(record, RecordType)
        return all_of(
            *(eq(bench.read(told, name), bench.inner(state, _FAULT, name)) for name in record.members if name)
        )
