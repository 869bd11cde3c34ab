"""From two versions of a function to a verdict on the change."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from mmuproof.cli.diff.changes import CallerCheck, Judgement, Witness
from mmuproof.cli.diff.conditions import EFFORT, EqualityCondition, bit_names, condition_of_equality
from mmuproof.cli.numbers.spte_names import SpteNames
from mmuproof.cli.shared.errors import traced
from mmuproof.cli.telling.counterexamples import explain, undecoded
from mmuproof.cli.telling.flags import number
from mmuproof.compare.claims import Change, Permission, Shows, equality, permission_of, with_evidence
from mmuproof.compare.congruence import can_overlap
from mmuproof.compare.encodings import Kind, kind_of
from mmuproof.compare.matching import matching_parameters
from mmuproof.compare.outcomes import NOTHING_UNDEFINED, RESULT, WARNING, Comparison
from mmuproof.compare.relation import Relation
from mmuproof.compare.versions import Pair, Version, changed_directly, other_starts
from mmuproof.compare.ways import Compared, Given, SetUp, callers, is_private, run_caller
from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import LiftError
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.session import bit_fields
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.smt.exploration import Exploration
from mmuproof.smt.graph import evaluate, postorder, substitute, variables
from mmuproof.smt.guesses import guesses_for
from mmuproof.smt.obligation import Assignment, Obligation, Verdict
from mmuproof.smt.solver import satisfiable
from mmuproof.smt.terms import FALSE, BitVec, Bool, Term, all_of, any_of, bit, extract, implies

EPT, OTHER_TABLES = "intel", "amd, shadow"
_MOST_BITS = 8
_LITTLE = 8
_LARGE = 1000
"""How many nodes the terms of a large function have."""
_MANY = 12
"""Of more inputs that matter no condition is looked for."""
_EPT_BITS = Permission(allows=1 | 1 << 1 | 1 << 2 | 1 << 10)
_SAME = (Verdict.PROVED, Verdict.VACUOUS)
_PAGING_BITS = Permission(allows=1 | 1 << 1 | 1 << 2, denies=1 << 63)


@dataclass(frozen=True)
class _Tried:
    """A function compared under one relation."""

    compared: Compared
    relation: Relation
    comparison: Comparison
    explored: Exploration | None

    @property
    def verdict(self) -> Verdict:
        """That both versions show the same; where nothing can differ nothing was asked."""
        return Verdict.PROVED if self.explored is None else self.explored.verdict


@dataclass(frozen=True)
class Half:
    """Half of the work on a function: for one kind of masks, or for any masks and all other kinds."""

    pair: Pair
    first: bool


def by_congruence(
    judge: Judge, pair: Pair, rests: Sequence[str], judgements: Sequence[Judgement]
) -> tuple[Judgement, ...]:
    """That a function is equal because functions that it calls are, on what that rests, and for which masks."""
    masks = [each for each in (EPT, OTHER_TABLES) if any(each in one.masks for one in judgements)]
    apart = dict.fromkeys(f"{each.function}() is given nothing that overlaps" for each in judgements if each.apart)
    return (
        Judgement(
            function=pair.name,
            change=Change.EQUAL,
            masks=", ".join(masks),
            old_at=str(judge.old.unit(pair.old_path).function(pair.old).location),
            new_at=str(judge.new.unit(pair.new_path).function(pair.new).location),
            directly=False,
            assumptions=(*dict.fromkeys(label for each in judgements for label in each.assumptions), *apart),
            through=tuple(rests),
        ),
    )


def whole(first: Sequence[Judgement], rest: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """What both halves of the work on a function have given, as if it had been done at once."""
    for_all = any(not each.masks for each in rest)
    return _merged(rest if for_all else (*first, *rest))


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judges functions of two versions.

    Args:
        old: the old version.
        new: the new version.
        given: how names have changed.
        set_ups: the masks with which functions are compared: masks of any value, and then those that a function is
            compared with to which masks matter.
        budget: the solver's budget for one question.
        thorough: whether the smallest witness, and a condition under which they are equal, is looked for of every
            function that differs; if not, a witness is as small as it quickly gets, and large functions get no
            condition.
    """

    old: Version
    new: Version
    given: Given
    set_ups: tuple[SetUp, ...]
    budget: int
    thorough: bool = True
    tells: bool = True

    def judge(self, pair: Pair) -> tuple[Judgement, ...]:
        """What has become of a function: one judgement, or one for each kind of masks where it makes a difference.

        What the user assumes is assumed only where a function is not equal without it.
        """
        assumed = self.given.assumed
        free = replace(self, given=replace(self.given, assumed=())) if assumed else self
        found = _merged(free._judge(pair, self.set_ups[1:]))
        if not assumed or all(each.change is Change.EQUAL for each in found):
            return found
        return _merged(self._judge(pair, self.set_ups[1:]))

    def half(self, half: Half) -> tuple[Judgement, ...]:
        """A part of what `judge` does, that another process can do beside the other; see `whole`."""
        if half.first:
            return self._judge(half.pair, self.set_ups[1:2], for_any=False)
        return self._judge(half.pair, self.set_ups[2:])

    def _judge(self, pair: Pair, others: Sequence[SetUp], *, for_any: bool = True) -> tuple[Judgement, ...]:
        """The judgement for masks of any value, or else, if it makes a difference what they are, for some others."""
        start = time.perf_counter()
        found: list[Judgement] = []
        try:
            compared = Compared(self.old, self.new, pair, self.given, self.set_ups[0])
            if for_any:
                found += self._for_any_masks(compared)
        except Exception as error:
            found.append(_not_compared(pair, "", error))
        for set_up in others if not found else ():
            try:
                found.append(self._judged(self._try(compared.with_masks(set_up))))
            except Exception as error:
                found.append(_not_compared(pair, set_up.name, error))
        places = (
            str(self.old.unit(pair.old_path).function(pair.old).location),
            str(self.new.unit(pair.new_path).function(pair.new).location),
        )
        directly = changed_directly(self.old, self.new, pair, self.given.pairing.former_names)
        starts = other_starts(self.old, self.new, pair) if directly else {}
        found = [_as_it_starts(each, starts) for each in found]
        seconds = time.perf_counter() - start
        return tuple(
            replace(each, seconds=seconds / len(found), old_at=places[0], new_at=places[1], directly=directly)
            for each in found
        )

    def _for_any_masks(self, compared: Compared) -> Iterator[Judgement]:
        """The judgement for masks of any value; none if it makes a difference what they are.

        Raises:
            LiftError: the old version could not be shown equal to itself.
        """
        itself = compared.itself
        if itself.aspects and satisfiable(_obligation(itself).broken, self.budget) is not False:
            names = ", ".join(each.name for each in itself.aspects)
            raise LiftError(f"{compared.pair.old}() could not be shown equal to itself: {names}")
        tried = self._try(compared)
        if tried.verdict is Verdict.PROVED or not (len(self.set_ups) > 1 and tried.compared.uses_masks):
            yield self._judged(tried)

    # -- comparing --------------------------------------------------------------------------------

    def _try(self, compared: Compared) -> _Tried:
        """The first relation under which a function is the same, or else the last.

        Raises:
            Refused: what the versions show cannot be compared.
        """
        tried: _Tried | None = None
        for relation in compared.relations():
            comparison = compared.compare(relation)
            tried = self._tried(compared, relation, comparison, tried)
            if tried.verdict in _SAME:
                break
        assert tried is not None
        return tried

    def _tried(self, compared: Compared, relation: Relation, comparison: Comparison, before: _Tried | None) -> _Tried:
        """Whether nothing differs; what refuted one relation often refutes the next, and that is quickly seen."""
        if not comparison.aspects and not comparison.assumptions:
            return _Tried(compared, relation, comparison, None)
        obligation = _obligation(comparison)
        known = before.explored.counterexample if before is not None and before.explored is not None else None
        likely = chain([] if known is None else [known], guesses_for(obligation.variables))
        return _Tried(compared, relation, comparison, Exploration(obligation, self.budget, guesses=likely))

    # -- judging ----------------------------------------------------------------------------------

    def _judged(self, tried: _Tried) -> Judgement:
        compared = tried.compared
        assumed = tried.comparison.assumptions if tried.comparison.aspects else ()
        found = Judgement(
            function=compared.pair.name,
            change=Change.EQUAL,
            masks=compared.set_up.name,
            assumptions=tuple(dict.fromkeys(each.label for each in assumed)),
            relation=tried.relation.notes,
            calls=tuple(compared.calls),
            apart=can_overlap(compared.old, compared.new),
        )
        if tried.verdict is Verdict.PROVED:
            if self._goes_beyond(tried):
                reason = "it goes beyond the first element of what a pointer from outside leads to"
                return replace(found, change=Change.NOT_COMPARED, reason=reason)
            return found
        if tried.verdict is Verdict.VACUOUS:
            taken = [each.label for each in self.given.assumed if each.label in found.assumptions]
            reason = "as far as it is understood, something in it is undefined on every execution"
            if taken:
                reason = f"no input is left under what is assumed: {', '.join(taken)}"
            return replace(found, change=Change.NOT_COMPARED, reason=reason)
        if tried.verdict is not Verdict.REFUTED:
            assert tried.explored is not None
            return replace(
                found, change=Change.UNKNOWN, reason=f"the budget ran out ({tried.explored.answer().reason})"
            )
        assert tried.explored is not None
        return self._differing(tried, found, tried.explored)

    def _goes_beyond(self, tried: _Tried) -> bool:
        """Whether something was left out that C does not call undefined: elements of which nothing is known."""
        relation, compared = tried.relation, tried.compared
        beyond = any_of(FALSE, relation.old_truth(compared.old.beyond), relation.new_truth(compared.new.beyond))
        taken = (each.term for each in tried.comparison.assumptions if each.label != NOTHING_UNDEFINED)
        return satisfiable(all_of(beyond, *taken), self.budget) is not False

    def _differing(self, tried: _Tried, found: Judgement, explored: Exploration) -> Judgement:
        shows = self._shows(tried)
        if self.thorough:
            known: Sequence[bool | None] = explored.possible([each.differs for each in shows], breaking=True)
        else:
            known = explored.seen([each.differs for each in shows])
        differing = [each for each, answer in zip(shows, known, strict=True) if answer is not False]
        # A warning more or less takes nothing from what is allowed more or less.
        otherwise = any_of(FALSE, *(each.otherwise for each in shows if each.name != WARNING))
        change, telling = Change.DIFFERS, [each.differs for each in differing]
        if explored.possible([otherwise], breaking=True) == [False]:
            more, less = (any_of(FALSE, *(getattr(each, side) for each in shows)) for side in ("more", "less"))
            gained, lost = (each is not False for each in explored.possible([more, less], breaking=True))
            change = {(True, False): Change.MORE, (False, True): Change.LESS}.get((gained, lost), Change.DIFFERS)
            telling = [more, less]
        found = replace(found, change=change, differs_in=tuple(dict.fromkeys(each.name for each in differing)))
        may_be_equal = self.thorough or self._may_be_equal_if(tried, explored.obligation)
        if not may_be_equal and not self.tells:
            return found
        answer = explored.answer(telling, effort=EFFORT) if self.thorough else explored.glance(telling, tries=_LITTLE)
        if answer.assignment is None:
            return replace(found, change=Change.UNKNOWN, reason=answer.reason or "no counterexample was found again")
        if may_be_equal:
            found = self._with_condition(tried, found, explored, answer.assignment)
        if self.tells:
            found = replace(found, witness=self._witness(tried, shows, answer.assignment))
        if not self.thorough:
            return found
        bits, names = self._bits(differing, explored), spte_names(tried.compared.set_up, new=True)
        is_spte = names is not None and len(differing) == 1 and _is_spte(tried, differing[0])
        called = [names.bit_name(each, {}) for each in bits] if names is not None and is_spte else []
        return replace(found, bits=bits, bit_names=tuple(filter(None, called)))

    def _may_be_equal_if(self, tried: _Tried, obligation: Obligation) -> bool:
        """Whether it is worth to look for a condition: it can make a verdict, and the function is not large.

        It can if it is about bits that have moved, or all callers are known.
        """
        counts = bool(tried.relation.encodings) or is_private(self.new, tried.compared.pair)
        return counts and len(postorder(obligation.terms)) <= _LARGE

    def _with_condition(
        self, tried: _Tried, found: Judgement, explored: Exploration, assignment: Assignment
    ) -> Judgement:
        """The same with a condition under which both versions are equal, if there is one."""
        if sum(1 for mask in assignment.relevant.values() if mask) > _MANY:
            return found
        names = bit_names(self._flags(tried))
        condition = condition_of_equality(explored, assignment, names, thorough=self.thorough)
        if condition is None:
            return found
        checks = self._callers(tried, condition)
        guaranteed = bool(checks) and all(check.guarantees for check in checks)
        broken = any(check.guarantees is False for check in checks)
        # Nearly every change is none under some condition: one that nobody is known to guarantee counts only if it is
        # about bits whose meaning has changed.
        about_bits = all(
            kind_of(name, term.width) in tried.relation.encodings for name, term in variables(condition.holds).items()
        )
        if guaranteed or (about_bits and found.change is Change.DIFFERS and not broken):
            found = replace(found, change=Change.EQUAL_IF)
        return replace(found, condition=condition.text, callers=checks)

    def _shows(self, tried: _Tried) -> list[Shows]:
        spte_bits = {EPT: _EPT_BITS, OTHER_TABLES: _PAGING_BITS}.get(tried.compared.set_up.name)
        found = []
        for each in tried.comparison.aspects:
            name = f"{tried.compared.pair.new}()" if each.key == RESULT else each.key
            width = each.old.width if each.old is not None else 0
            is_spte = kind_of(name, width) is Kind.SPTE
            permission = permission_of(name, spte_bits, is_spte=is_spte) if name else None
            shown = name if each.key == RESULT else each.name
            found.append(
                Shows(
                    name=shown if permission is not None else each.name,
                    differs=each.differs,
                    old=each.old,
                    new=each.new,
                    permission=permission,
                )
            )
        return found

    def _bits(self, differing: Sequence[Shows], explored: Exploration) -> tuple[int, ...]:
        """The bits in which the only number differs that does; none if they are many."""
        if len(differing) != 1 or not isinstance(differing[0].old, BitVec) or not isinstance(differing[0].new, BitVec):
            return ()
        (one,) = differing
        assert isinstance(one.old, BitVec)
        assert isinstance(one.new, BitVec)
        other = one.old ^ one.new
        known = explored.possible([all_of(one.differs, bit(other, index)) for index in range(other.width)])
        found = tuple(index for index, answer in enumerate(known) if answer is not False)
        return found if len(found) <= _MOST_BITS and None not in known else ()

    # -- telling ----------------------------------------------------------------------------------

    def _shown(self, tried: _Tried) -> Iterator[Shown]:
        """The common inputs, by the names that C has for them."""
        flags = self._flags(tried)
        terms = [tried.comparison.differs, *(each.term for each in tried.comparison.assumptions)]
        for name, term in variables(*terms).items():
            union = tried.compared.old.words.get(name)
            fields = bit_fields(union) if union is not None else {}
            if isinstance(term, BitVec) and fields:
                for field_name, place in fields.items():
                    if place.offset + place.width <= term.width:
                        yield Shown(f"{name}.{field_name}", extract(term, place.offset + place.width - 1, place.offset))
            elif isinstance(term, BitVec) and term.width == 1:
                yield Shown(name, bit(term, 0))
            else:
                is_spte = tried.compared.set_up.name in VENDORS and kind_of(name, term.width) is Kind.SPTE
                if is_spte:
                    yield Shown(name, term, kind=NumberKind.SPTE)
                else:
                    yield Shown(name, term, tuple(flags.get(name, {}).items()))

    def _flags(self, tried: _Tried) -> Mapping[str, Mapping[int, str]]:
        """What the bits of access masks and SPTEs are called among the common inputs, which are the old version's."""
        bits = tried.compared.set_up.old
        access = {
            value.bit_length() - 1: name.removeprefix("ACC_").removesuffix("_MASK")
            for name, value in bits.constants.items()
            if name.startswith("ACC_") and value.bit_count() == 1 and name != "ACC_USER_EXEC_MASK"
        }
        masks = {
            mask.value.bit_length() - 1: name
            for name, mask in bits.masks.items()
            if mask.is_const and mask.value.bit_count() == 1
        }
        terms = [tried.comparison.differs, *(each.term for each in tried.comparison.assumptions)]
        found: dict[str, Mapping[int, str]] = {}
        for name, term in variables(*terms).items():
            kind = kind_of(name, term.width)
            if kind is Kind.ACCESS and term.width >= max(access, default=0):
                found[name] = access
            elif kind is Kind.SPTE and masks:
                found[name] = masks
            elif name in tried.compared.old.words:
                found[name] = _field_bits(tried.compared.old.words[name])
        return found

    def _satisfiable(self, term: Bool) -> bool | None:
        return satisfiable(term, self.budget)

    def _witness(self, tried: _Tried, shows: Sequence[Shows], assignment: Assignment) -> Witness:
        relevant = {name for name, mask in assignment.relevant.items() if mask}
        inputs = tuple(each for each in self._shown(tried) if relevant & variables(each.term).keys())
        claim = equality(shows, tried.comparison.assumptions, inputs)
        old, new = tried.compared.evidence(tried.relation)
        names = [spte_names(tried.compared.set_up, new=each) for each in (False, True)]
        told = [
            explain(with_evidence(claim, each), assignment, self._satisfiable, named.decode if named else undecoded)
            for each, named in zip((old, new), names, strict=True)
        ]
        what = told[0].symptom
        shown = next(each for each in shows if each.name == what)
        # What the old version shows is told in terms of the new one's encoding.
        reads = [
            _reads(names[1] if _is_spte(tried, shown) else None, each, assignment) for each in (shown.old, shown.new)
        ]
        return Witness(
            what=what,
            inputs=told[0].inputs,
            values=assignment.values,
            old_steps=told[0].steps,
            new_steps=told[1].steps,
            old=_text(shown.old, assignment.values),
            new=_text(shown.new, assignment.values),
            old_reads=reads[0],
            new_reads=reads[1],
        )

    # -- callers ----------------------------------------------------------------------------------

    def _callers(self, tried: _Tried, condition: EqualityCondition) -> tuple[CallerCheck, ...]:
        """Whether the callers in the new version guarantee a condition on what they give."""
        pair = tried.compared.pair
        function = tried.compared.new.function
        former = {old: new for new, old in self._parameters(tried).items()}
        needed = variables(condition.holds)
        positions = {each.name: index for index, each in enumerate(function.parameters)}
        if any(
            former.get(name, name) not in positions or kind_of(name, term.width) in tried.relation.encodings
            for name, term in needed.items()
        ):
            return ()
        looked_at = tuple(
            self._caller(each, pair.new, {name: positions[former.get(name, name)] for name in needed}, condition)
            for each in callers(self.new, pair, self.given.pairing)
        )
        elsewhere = CallerCheck("callers in other files", None, "not looked at")
        return looked_at if is_private(self.new, pair) else (*looked_at, elsewhere)

    def _parameters(self, tried: _Tried) -> Mapping[str, str]:
        old, new = tried.compared.old.function, tried.compared.new.function
        return matching_parameters(old, new, self.given.names)

    def _caller(
        self, caller: Pair, callee: str, positions: Mapping[str, int], condition: EqualityCondition
    ) -> CallerCheck:
        try:
            run = run_caller(self.new, caller, callee)
        except LiftError as error:
            return CallerCheck(caller.new, None, error.message)
        needed = variables(condition.holds)
        calls = [each for each in run.calls if each.function == callee]
        if not calls:
            return CallerCheck(caller.new, None, "it is named there, and not called")
        for call in calls:
            given: dict[Term, Term] = {}
            for name, position in positions.items():
                value = call.arguments[position]
                term = needed[name]
                if not isinstance(value, BitVec):
                    return CallerCheck(caller.new, None, f"{name} is no number there")
                given[term] = extract(value, term.width - 1, 0) if value.width > term.width else value
            holds = implies(call.guard, substitute(condition.holds, given))
            verdict = Exploration(Obligation((), holds), self.budget).verdict
            if verdict is not Verdict.PROVED:
                known = verdict is Verdict.REFUTED
                return CallerCheck(caller.new, False if known else None, str(call.at))
        return CallerCheck(caller.new, True)


def _field_bits(union: RecordType) -> dict[int, str]:
    """What the bits of a word are that has bit-fields."""
    return {
        place.offset + index: f".{name}" if place.width == 1 else f".{name} & BIT({index})"
        for name, place in bit_fields(union).items()
        for index in range(place.width)
    }


def _obligation(comparison: Comparison) -> Obligation:
    return Obligation(comparison.assumptions, ~comparison.differs)


VENDORS = {EPT: Vendor.INTEL, OTHER_TABLES: Vendor.AMD}
"""Whose names the bits of SPTEs have; shadow paging has those of AMD's tables."""


def spte_names(set_up: SetUp, *, new: bool) -> SpteNames | None:
    """What the bits of SPTEs are called in a version; None for masks of any value."""
    bits = set_up.new if new else set_up.old
    if set_up.name not in VENDORS:
        return None
    return SpteNames(vendor=VENDORS[set_up.name], masks=bits.masks, constants=bits.constants)


def _is_spte(tried: _Tried, shown: Shows) -> bool:
    """Whether what both versions show is an SPTE: by its name, or by that of the function that returns it."""
    name = f"{tried.compared.pair.new}()" if shown.name == RESULT else shown.name
    return kind_of(name, 0 if shown.old is None else shown.old.width) is Kind.SPTE


def _reads(names: SpteNames | None, term: Term | None, assignment: Assignment) -> str:
    if names is None or term is None:
        return ""
    decoded = names.decode(NumberKind.SPTE, evaluate(term, assignment.values), assignment.values)
    return "" if decoded is None else decoded.summary


def _text(term: Term | None, values: Mapping[str, int]) -> str:
    if term is None:
        return ""
    value = evaluate(term, values)
    return number(value) if isinstance(term, BitVec) else ("yes" if value else "no")


def _not_compared(pair: Pair, masks: str, error: Exception) -> Judgement:
    # One function that cannot be compared must not keep the others from being judged.
    known = isinstance(error, LiftError | NotThere)
    reason = str(error) if known else f"comparing it failed: {type(error).__name__}: {error}"
    return Judgement(
        function=pair.name,
        change=Change.NOT_COMPARED,
        masks=masks,
        reason=" ".join(reason.split()),
        failure="" if known else traced(error),
    )


def _as_it_starts(judgement: Judgement, starts: Mapping[str, bool]) -> Judgement:
    """The same where variables begin with something else: what they hold is an input, which tells nothing of that."""
    if not starts or judgement.change not in (Change.EQUAL, Change.EQUAL_IF):
        return judgement
    sure = tuple(f"what {name} starts with" for name, known in starts.items() if known)
    if sure:
        return replace(judgement, change=Change.DIFFERS, differs_in=sure, condition="", callers=(), witness=None)
    reason = f"what {', '.join(starts)} starts with is written otherwise"
    return replace(judgement, change=Change.NOT_COMPARED, reason=reason, condition="", callers=(), witness=None)


def _merged(found: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """Judgements that say the same for several kinds of masks, as one for all of them."""
    first = found[0]
    masks = ", ".join(dict.fromkeys(each.masks for each in found))
    same = all(
        (each.change, each.condition, each.differs_in, each.bits, each.relation, each.reason, each.assumptions)
        == (
            first.change,
            first.condition,
            first.differs_in,
            first.bits,
            first.relation,
            first.reason,
            first.assumptions,
        )
        for each in found
    )
    return (replace(first, masks=masks, seconds=sum(each.seconds for each in found)),) if same else tuple(found)
