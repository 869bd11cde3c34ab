"""Lists of entries of page tables, in a lifted tree, and the one that a round of a loop is at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import RoundMade
from mmuproof.lift.machine.memory import NULL, Memory, Pointer, choose, pointer_to
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import reverse_maps as cuts
from mmuproof.model.cuts import stores
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.entry_bench import EntryBench
from mmuproof.model.lifted.session import Session, read
from mmuproof.model.lifted.variables import ENTRY, variable_like
from mmuproof.model.named import constants
from mmuproof.smt.terms import BitVec, Bool, all_of, bool_var, ne, negate

_FINDS = (cuts.FIRST, cuts.NEXT)


def listing(known: Iterable[Cut], sptep: Pointer) -> tuple[Cut, ...]:
    """Cuts under which one entry is all that may be on a list."""
    finds = tuple(
        replace(each, gives=choose(bool_var(f"{each.function}() finds none"), NULL, sptep)) for each in _FINDS
    )
    return (*(each for each in known if each.function not in {cut.function for cut in _FINDS}), *finds)


def over_list(desk: EntryBench, known: Iterable[Cut], name: str, *, anew: bool = False) -> Session:
    """What runs a function that goes through a list, in which any one entry is a bench's.

    Args:
        desk: the bench.
        known: the calls that are not followed.
        name: the function.
        anew: whether it begins anew at times.
    """
    of_entry = replace(stores.SPTEP_TO_SP, gives=pointer_to(desk.page))
    loops = frozenset({name})
    cuts_made = (*listing(known, desk.sptep), of_entry)
    return Session(desk.unit, cuts_made, any_round=loops, goes_back=loops if anew else frozenset())


def entry_of(made: RoundMade, usually: str = "sptep") -> Pointer:
    """The entry that a round is at, when it begins.

    Args:
        made: the round.
        usually: what the pointer to it is called in released kernels.

    Raises:
        NotThere: no variable leads to one.
    """
    entry = as_pointer(made.head.read(variable_like(made, ENTRY, usually), 0, 64))
    if entry is None:
        raise NotThere([f"a pointer {usually} of {made.function}()"])
    return entry


def is_there(unit: Unit, memory: Memory, entry: Pointer) -> Bool:
    """Whether a list gives an entry: those that are not present are passed over, with a warning."""
    held = content(memory, entry)
    return all_of(negate(entry.is_null), ne(held & constant_of(unit, constants.SPTE_MMU_PRESENT_MASK), 0))


def content(memory: Memory, entry: Pointer) -> BitVec:
    """What an entry holds that a list gives."""
    (place,) = (target.place for target in entry.targets if target.place is not None)
    return read(memory, place.object, place.offset, 64)
