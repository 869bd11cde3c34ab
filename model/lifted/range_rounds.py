"""Rounds of a lifted tree's loops over a range of frames: those of ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Mapping

from mmuproof.lift.machine.memory import Memory, Object
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import range_rounds as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read, variable_of
from mmuproof.model.range_rounds import RangeRounds, ZapRound
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bit, ne, ult, var

_ZAP = "tdp_mmu_zap_leafs"
_CAN_YIELD, _FLUSH = (var(name, 8) & 1 for name in ("can_yield", "flush"))


class LiftedRangeRounds(RangeRounds, Remembers):
    """The parts of a lifted tree that go through ranges.

    Args:
        unit: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def zap(self) -> ZapRound:
        """See `RangeRounds.zap`."""
        bench = Bench(self._unit, cuts.CUTS, any_round=frozenset({_ZAP}))
        bench.add("kvm", "struct kvm")
        root = bench.add("root", "struct kvm_mmu_page")
        answer = bench.integer(_ZAP, start=var("start", 64), end=var("end", 64), can_yield=_CAN_YIELD, flush=_FLUSH)
        made = bench.session.round(_ZAP)
        walk = variable_of(made, "struct tdp_iter")
        flush, end = (_variable(made.variables, name) for name in ("flush", "end"))

        def member(path: str) -> BitVec:
            return bench.read(walk, path, made.head)

        def due(memory: Memory | None) -> Bool:
            return FALSE if memory is None else ne(read(memory, flush, 0, flush.type.bits), 0)

        yields = bench.session.calls(cuts.YIELD.function)
        sets = bench.session.calls(cuts.SET.function, cuts.FORMER_SET.function)
        if not yields or not sets:
            raise NotThere([f"{(cuts.SET if yields else cuts.YIELD).function}()"])
        (asked,) = yields
        told = bench.session.argument(asked, "flush")
        return ZapRound(
            function=_ZAP,
            in_range=all_of(ne(member("valid"), 0), ult(member("gfn"), read(made.head, end, 0, 64))),
            level=member("level"),
            spte=member("old_spte"),
            yielded=all_of(asked.guard, bit(var(f"{cuts.YIELD.function}()", 1), 0)),
            told=ne(told, 0),
            zapped=bench.session.called(cuts.SET.function, cuts.FORMER_SET.function),
            unused=ne(bench.flag(root, "role", "invalid", made.head), 0),
            goes_on=made.goes_on,
            due=due(made.head),
            due_after=due(made.end),
            answer=ne(answer, 0),
            evidence=bench.session.evidence(),
        )


def _variable(variables: Mapping[str, Object], name: str) -> Object:
    if name not in variables:
        raise NotThere([f"the variable {name} of {_ZAP}()"])
    return variables[name]
