"""Questions in the kernel's own C, run over free inputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from mmuproof.lift.c_types import ArrayType, CType, IntType, PointerType, RecordType, StructMember, VoidType
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Place, Value, pointer_to
from mmuproof.lift.parsing.probe import AddedTo
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.syntax import Variable
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.lifted.masks import MasksInMemory
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.session import Session, bit_fields
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import kvm_mmu, spte_masks
from mmuproof.model.vendor import Vendor
from mmuproof.questions.containers import HeldPointer, held_in
from mmuproof.questions.cuts import ASSUME, CUTS, ELSEWHERE, ONE_ANSWER
from mmuproof.questions.situations import Situation
from mmuproof.smt import operations as ops
from mmuproof.smt.graph import variables
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, Term, all_of, bit, bv, eq, extract, implies, ne, var, zext

_TDP_ENABLED = "tdp_enabled"
_FOR_ENCRYPTION = (spte_masks.ENCRYPTED, spte_masks.ENCRYPTED_VALUE)
_MMIO_VALUE = "arch.shadow_mmio_value"


@dataclass(frozen=True)
class Named:
    """A value that a reader of an example knows by its C name."""

    name: str
    term: Term


@dataclass(frozen=True)
class Premise:
    """Something that is taken for granted, with the words for it."""

    says: str
    holds: Bool


@dataclass(frozen=True, kw_only=True)
class Posed:
    """A question as terms.

    Args:
        truth: whether the expression is true.
        premises: what is taken for granted.
        named: the inputs.
        evidence: how the expression came to its value.
        uses_masks: whether the masks' set-up can matter.
    """

    truth: Bool
    premises: tuple[Premise, ...]
    named: tuple[Named, ...]
    evidence: Evidence = field(repr=False)
    uses_masks: bool = False


class Questions:
    """The functions that stand for questions in one unit.

    Args:
        unit: holds them, behind the kernel's own text.
        masks: the masks as they are set up; without them, their values are free as everything else.
        place: what a place in the unit is called; empty if nobody wants to hear of it.
        line: what the user has written at a place.
        situation: what surrounds the questions; that of questions about anything if None.
    """

    def __init__(
        self,
        unit: AddedTo,
        masks: ShadowMasks | None = None,
        *,
        place: Callable[[str], str] = str,
        line: Callable[[str], str] = str,
        situation: Situation | None = None,
    ) -> None:
        self._unit, self._masks, self._place, self._line = unit, masks, place, line
        self._connected = None if situation is None else situation.connected
        self._encrypts = situation is None or situation.encrypts
        # A body that stands in another unit cannot be followed.
        elsewhere = tuple(cut for cut in ELSEWHERE if not unit.find_function(cut.function))
        self._every = (*CUTS, *elsewhere)
        self._cuts = self._every if situation is None else (*situation.cuts, ASSUME)

    def ask(self, function: str, assumed: Mapping[str, str] | None = None) -> Posed:
        """Run a question.

        Args:
            function: the function that stands for it; true is an answer other than 0.
            assumed: functions of the same parameters that are taken to be true, with the words for it.

        Raises:
            Refused: something on the way is not understood, or a parameter has a type that cannot be free.
        """
        named = {name for name in self._unit.called([function, *(assumed or {})]) if self._unit.find_function(name)}
        first: Refused | None = None
        for cuts in self._choices(named):
            try:
                return self._in_containers(function, assumed or {}, cuts)
            except Refused as refused:
                first = first or refused
        assert first is not None
        raise first

    def _choices(self, named: Collection[str]) -> Iterator[tuple[Cut, ...]]:
        """What may not be followed: what a question calls by name is, if that is possible."""
        followed = tuple(cut for cut in self._cuts if cut.function not in named)
        yield followed
        if len(followed) < len(self._cuts):
            yield self._cuts
        # A situation has the calls of its theorems, and a question may go where none of them does.
        known = {cut.function for cut in self._cuts}
        others = tuple(cut for cut in self._every if cut.function not in known)
        if others:
            yield (*followed, *(cut for cut in others if cut.function not in named))
            yield (*self._cuts, *others)

    def _in_containers(self, function: str, assumed: Mapping[str, str], cuts: tuple[Cut, ...]) -> Posed:
        """Run a question; where it goes from a struct to what holds it, with structs that are held so."""
        containers = {each.inner: each for each in _CONTAINERS if self._has_record(each.outer)}
        try:
            asked, goes_beyond = self._ask(function, assumed, cuts, {})
        except Refused:
            # On every path it may go there, and what lies there is not known.
            if not containers:
                raise
            return self._ask(function, assumed, cuts, containers)[0]
        return self._ask(function, assumed, cuts, containers)[0] if goes_beyond and containers else asked

    def _has_record(self, name: str) -> bool:
        try:
            return self._unit.record(name).bits > 0
        except (Missing, Refused):
            return False

    def _ask(
        self, function: str, assumed: Mapping[str, str], cuts: tuple[Cut, ...], containers: Mapping[str, _Container]
    ) -> tuple[Posed, bool]:
        """What is asked, and whether a pointer goes beyond what it is known to lead to."""
        session, memory = self._start(cuts)
        asking = [self._unit.function(each) for each in (function, *assumed)]
        inputs = _Inputs(self._unit, self._masks, containers, held_in(asking, besides=_VENDORS))
        premises: list[Premise] = [*self._connect(memory, inputs, [function, *assumed])]
        for name, says in assumed.items():
            premises.append(Premise(says, self._truth(session, memory.copy(), name, inputs)))
        truth = self._truth(session, memory, function, inputs)
        for call in session.calls(ASSUME.function):
            (condition,) = call.arguments
            assert isinstance(condition, BitVec)
            says = f"{self._line(str(call.at))} ({self._place(str(call.at))})"
            premises.append(Premise(says, implies(call.guard, ne(condition, 0))))
        evidence = self._evidence(session.evidence())
        premises += [
            Premise(f"the BUG at {check.at} does not fire: the kernel would stop there", check.holds)
            for check in evidence.checks
            if check.kind is CheckKind.BUG
        ]
        premises += _alike(session.calls(*ONE_ANSWER))
        premises += self._initialised(truth, premises)
        asked = Posed(
            truth=truth,
            premises=tuple(premises),
            named=tuple(inputs.named(session.machine.globals_seen)),
            evidence=evidence,
        )
        checks = (check.holds for check in evidence.checks)
        used = variables(truth, *(each.holds for each in premises), *checks)
        goes_beyond = any(each is not FALSE for each in session.machine.beyond)
        if self._masks is None or _inputs_of(self._masks).isdisjoint(used):
            return asked, goes_beyond
        return replace(asked, evidence=self._masks.evidence + evidence, uses_masks=True), goes_beyond

    def _connect(self, memory: Memory, inputs: _Inputs, functions: Sequence[str]) -> Iterator[Premise]:
        """Let the pointers of each vCPU that questions are given lead where KVM lets them lead."""
        for name in functions:
            function = self._unit.function(name)
            for parameter in function.parameters:
                inputs.argument(parameter, str(function.location))
        if not self._encrypts:
            yield Premise("the host does not encrypt memory: shadow_me_mask and shadow_me_value are 0 (--in)", TRUE)
        if self._connected is None:
            return
        nested, l2 = self._connected.nested, self._connected.l2
        for vcpu, prefix in inputs.vcpus():
            Mmus(vcpu, prefix).connect(memory, nested=nested, l2=l2)
            built, runs = kvm_mmu.GUEST_MMU if nested else kvm_mmu.ROOT_MMU, "L2" if l2 else "no L2"
            yield Premise(f"{vcpu.name} runs {runs}, with the tables of {built} (--in)", TRUE)

    def _start(self, cuts: tuple[Cut, ...]) -> tuple[Session, Memory]:
        session, memory = self._set_up(cuts)
        for name in () if self._encrypts else _FOR_ENCRYPTION:
            if self._unit.has_variable(name):
                mask = session.global_object(name)
                memory.write(mask, 0, mask.type.bits, bv(0, mask.type.bits))
        return session, memory

    def _set_up(self, cuts: tuple[Cut, ...]) -> tuple[Session, Memory]:
        session, memory = Session(self._unit, cuts), Memory()
        masks = self._masks
        if masks is None:
            return session, memory
        set_up = masks.state
        assert isinstance(set_up, MasksInMemory)
        if set_up.session.unit is self._unit:
            session.machine = set_up.session.machine.successor(cuts)
            memory = set_up.memory.copy()
        else:
            for name, theirs in set_up.session.machine.globals_seen.items():
                if self._unit.has_variable(name):
                    mine = session.global_object(name)
                    if mine.kind is not ObjectKind.CONSTANT:
                        memory.put(Place(mine, 0), set_up.memory.take(Place(theirs, 0), theirs.type.bits))
        if self._unit.has_variable(_TDP_ENABLED):
            switch = session.global_object(_TDP_ENABLED)
            memory.write(switch, 0, switch.type.bits, bv(masks.vendor is not Vendor.SHADOW, switch.type.bits))
        return session, memory

    def _truth(self, session: Session, memory: Memory, name: str, inputs: _Inputs) -> Bool:
        function = self._unit.function(name)
        arguments = [inputs.argument(each, str(function.location)) for each in function.parameters]
        result = session.machine.run(function, arguments, memory)
        if not isinstance(result, BitVec):
            # Every path ends: the machine gives nothing, and so does the kernel.
            at = self._place(str(function.location))
            kinds = [each.kind for each in session.machine.checks]
            ends = ["a BUG"] if CheckKind.BUG in kinds else []
            ends += ["undefined behaviour"] if not all(kind.is_stated for kind in kinds) else []
            raise Refused(f"the question has no value: every path to it ends in {' or in '.join(ends)}", at)
        return ne(result, 0)

    def _evidence(self, seen: Evidence) -> Evidence:
        """What was seen in the kernel's own places."""
        return Evidence(
            tuple(replace(each, at=self._place(each.at)) for each in seen.checks),
            tuple(replace(each, at=self._place(each.at)) for each in seen.steps if self._place(each.at)),
            tuple(replace(each, at=self._place(each.at)) for each in seen.cuts if each.function != ASSUME.function),
        )

    def _initialised(self, truth: Bool, premises: Sequence[Premise]) -> Iterator[Premise]:
        """A VM's MMIO value is the global one, of every VM that the question looks at."""
        if self._masks is None:
            return
        used = variables(truth, *(each.holds for each in premises))
        for name, term in used.items():
            if name.endswith(_MMIO_VALUE) and isinstance(term, BitVec):
                yield Premise(
                    f"{name} is shadow_mmio_value, as kvm_mmu_init_vm() sets it; a TD has one of its own",
                    eq(term, self._masks.mmio_value),
                )


@dataclass(frozen=True)
class _Container:
    """A struct that a vendor's module puts into one of its own.

    Args:
        inner: the struct.
        outer: what holds it.
        gets: what leads from a pointer to the one to a pointer to the other.
    """

    inner: str
    outer: str
    gets: str


_VCPU = "struct kvm_vcpu"
_CONTAINERS = (
    _Container(_VCPU, "struct vcpu_vmx", "to_vmx"),
    _Container(_VCPU, "struct vcpu_svm", "to_svm"),
    _Container("struct kvm", "struct kvm_vmx", "to_kvm_vmx"),
    _Container("struct kvm", "struct kvm_svm", "to_kvm_svm"),
)


_VENDORS = frozenset(each.outer for each in _CONTAINERS)


def _alike(calls: Sequence[CallMade]) -> Iterator[Premise]:
    """Equal questions have equal answers."""
    for one, another in combinations(calls, 2):
        if one.function == another.function:
            pairs = list(zip(one.arguments, another.arguments, strict=True))
            numbers = [(a, b) for a, b in pairs if isinstance(a, BitVec) and isinstance(b, BitVec)]
            if len(numbers) == len(pairs):
                same = all_of(*(eq(a, b) for a, b in numbers))
                answers = eq(var(one.tag, 1), var(another.tag, 1))
                yield Premise(f"{one.function}() says the same of the same frame", implies(same, answers))


class _Inputs:
    """The free inputs of a question, by the names of its parameters."""

    def __init__(
        self,
        unit: Unit,
        masks: ShadowMasks | None,
        containers: Mapping[str, _Container],
        inside: Mapping[str, HeldPointer],
    ) -> None:
        self._unit, self._containers, self._inside = unit, containers, inside
        self._taken = frozenset() if masks is None else _inputs_of(masks)
        self._arguments: dict[str, Value | Place] = {}
        self._scalars: dict[str, Term] = {}
        self._objects: list[Object] = []

    def argument(self, parameter: Variable, at: str) -> Value | Place:
        """The value that a parameter of this name has in all questions."""
        if parameter.name not in self._arguments:
            self._arguments[parameter.name] = self._free(parameter, at)
        return self._arguments[parameter.name]

    def _free(self, parameter: Variable, at: str) -> Value | Place:
        name, type_ = parameter.name, parameter.type
        if name in self._taken or self._unit.has_variable(name):
            # The kernel's inputs have names, too, and equal names are equal values.
            name = f"{name} (free)"
        if isinstance(type_, IntType):
            value = zext(var(name, 1), 8) if type_.is_bool else var(name, type_.bits)
            self._scalars[parameter.name] = bit(var(name, 1), 0) if type_.is_bool else value
            return value
        if isinstance(type_, RecordType):
            object_ = Object(name=name, type=type_, kind=ObjectKind.INPUT)
            self._objects.append(object_)
            return Place(object_, 0)
        target = type_.target if isinstance(type_, PointerType) else None
        if target is None or isinstance(target, VoidType) or not target.bits or not _is_data(target):
            raise Refused(f"'{name}' cannot be free: a {type_.name} is no number, no struct and no pointer to one", at)
        inside = self._inside.get(parameter.name)
        if inside is not None:
            name = f"({inside.record.name.removesuffix(' *')} around {name})"
            outer_object = Object(name=name, type=inside.record, kind=ObjectKind.INPUT, by_pointer=True)
            self._objects.append(outer_object)
            return pointer_to(outer_object, inside.offset)
        held = self._containers.get(target.name)
        if held is not None:
            outer = self._unit.record(held.outer)
            name, target = f"{held.gets}({name})", outer
        object_ = Object(name=name, type=target, kind=ObjectKind.INPUT, by_pointer=True)
        self._objects.append(object_)
        return pointer_to(object_, 0 if held is None else _first(target, held.inner).offset)

    def vcpus(self) -> Iterator[tuple[Object, str]]:
        """Each vCPU among what is given, with where it is in its object."""
        for each in self._objects:
            if each.type.name == _VCPU:
                yield each, ""
            elif any(each.type.name == held.outer and held.inner == _VCPU for held in self._containers.values()):
                yield each, f"{_first(each.type, _VCPU).name}."

    def named(self, others: Mapping[str, Object]) -> Iterator[Named]:
        """The inputs by the names that C has for them: the parameters, then what has been read of objects."""
        for name, term in self._scalars.items():
            yield Named(name, term)
        todo = [*self._objects, *(each for each in others.values() if each.kind is ObjectKind.INPUT)]
        seen: set[int] = set()
        while todo:
            object_ = todo.pop(0)
            if object_.serial in seen:
                continue
            seen.add(object_.serial)
            todo += object_.pointees.values()
            for offset, cell in sorted(object_.content.items()):
                if isinstance(cell.value, BitVec):
                    yield from _parts(cell.value, _record_at(object_.type, offset))


def _inputs_of(masks: ShadowMasks) -> frozenset[str]:
    """The names of what the set-up of the masks depends on."""
    values = [value for each in (masks, masks.host, masks.host.encryption) for value in vars(each).values()]
    return frozenset(variables(*(value for value in values if isinstance(value, Term))))


def _first(record: CType, inner: str) -> StructMember:
    """The first member of a struct that is a struct of some name."""
    assert isinstance(record, RecordType)
    return next(each for each in record.fields if each.type.name == inner)


def _is_data(type_: CType) -> bool:
    return isinstance(type_, IntType | RecordType | PointerType | ArrayType)


def _parts(value: BitVec, record: RecordType | None) -> Iterator[Named]:
    """A value that has been read, or its bit-fields where it is a union with such."""
    if value.op is ops.ZEXT and isinstance(value.args[0], BitVec):
        value = value.args[0]
    if value.op is not ops.VAR:
        return
    fields: Mapping[str, StructMember] = {} if record is None else bit_fields(record)
    for name, place in fields.items():
        high = min(place.offset + place.width, value.width) - 1
        if place.offset <= high:
            yield Named(f"{value.name}.{name}", extract(value, high, place.offset))
    if not fields:
        yield Named(value.name, bit(value, 0) if value.width == 1 else value)


def _record_at(type_: CType, offset: int) -> RecordType | None:
    """The union of at most 64 bits at a place of a type."""
    start = 0
    while True:
        if isinstance(type_, ArrayType) and type_.element.bits:
            index = (offset - start) // type_.element.bits
            start, type_ = start + index * type_.element.bits, type_.element
        elif isinstance(type_, RecordType) and type_.is_union:
            return type_ if type_.bits <= 64 else None
        elif isinstance(type_, RecordType):
            inner = next((m for m in type_.fields if m.offset <= offset - start < m.offset + m.width), None)
            if inner is None or inner.bit_width is not None:
                return None
            start, type_ = start + inner.offset, inner.type
        else:
            return None
