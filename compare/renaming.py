"""What a tree calls otherwise than an earlier one: found by what functions say, and by what structs hold.

A name is another's only where the earlier tree has one and not the other, and this one the other and not the one: names
are carried over, and nothing that has a name in both is taken for something else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

from mmuproof.compare import made_macros, made_pointers, merged_functions
from mmuproof.compare.matching import matching_parameters
from mmuproof.compare.merged_sites import Caller, Source
from mmuproof.compare.put_back import OtherForm, PutBack, apart, file_text
from mmuproof.compare.renamed_functions import tokens
from mmuproof.compare.versions import Pairing, Version, pair_functions
from mmuproof.lift.c_types import ArrayType, CType, IntType, PointerType, RecordType, StructMember
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.parsing.member_places import TextPlace
from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.prototypes import Prototype
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.lifted.unit_paths import is_of_kvm

_NAME = re.compile(r"[A-Za-z_]\w*")
_ALIKE = 0.5
"""How much of what two structs hold has to have the same name for one to be the other."""


def _may_rename(file: str) -> bool:
    """Whether a file is one of those of KVM's in which things are renamed."""
    return is_of_kvm(file) or file.startswith("virt/kvm/") or "kvm" in file.rpartition("/")[2]


class MapError(ValueError):
    """A name that is said to be another's, and is not in the tree, or the other one is still."""


def find_names(old: Sequence[Unit], new: Sequence[Unit], given: FormerNames = THE_SAME_NAMES) -> FormerNames:
    """What a tree calls otherwise than an earlier one does.

    Args:
        old: the earlier tree's units.
        new: the tree's units.
        given: what is known already, and goes before what is found.
    """
    return _Search(Side(old), Side(new), given.functions).found() | given


def find_names_and_forms(
    old: Sequence[Unit], new: Sequence[Unit], root: Path, given: FormerNames = THE_SAME_NAMES
) -> tuple[FormerNames, PutBack]:
    """The same, and what a tree has in another form than an earlier one.

    Args:
        old: the earlier tree's units.
        new: the tree's units.
        root: the tree's folder.
        given: what is known already, and goes before what is found.
    """
    search = _Search(Side(old), Side(new), given.functions)
    names = search.found() | given
    return names, search.forms(root, names)


def place_names(units: Sequence[Unit], given: Mapping[str, str]) -> FormerNames:
    """Names that are said to be others', by what they are names of.

    Args:
        units: the tree's units.
        given: names of functions, variables, structs, constants, members and parameters, each with the earlier one.

    Raises:
        MapError: the tree has no such name, or has the earlier one as well.
    """
    side, found = Side(units), THE_SAME_NAMES
    for name, former in given.items():
        placed = side.placed(name, former)
        if not placed:
            raise MapError(
                f"{former}={name}: the tree has no function, variable, struct, constant, member or parameter {name}"
            )
        if side.placed(former, name).kinds & placed.kinds:
            raise MapError(f"{former}={name}: the tree has {former} itself")
        found = found | placed
    return found


class Side:
    """A tree whose names are looked at.

    Args:
        units: its units.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units
        self.version = Version({unit.path: Printed(unit, _may_rename) for unit in units})

    @cached_property
    def variables(self) -> Mapping[str, Unit]:
        """The variables with static storage, with a unit that declares each."""
        return {name: unit for unit in reversed(self.units) for name in unit.declared.variables}

    @cached_property
    def without_body(self) -> frozenset[str]:
        """The functions that are only declared, those that stand for a vendor's among them."""
        return frozenset(name for unit in self.units for name in unit.declared.prototypes)

    @cached_property
    def records(self) -> Mapping[str, Unit]:
        """The structs and unions that have a tag, with a unit that defines each."""
        return {name: unit for unit in reversed(self.units) for name in unit.declared.records if "(" not in name}

    @cached_property
    def enumerators(self) -> Mapping[str, tuple[int, frozenset[str]]]:
        """The enumerators of KVM's own files, each with its value and all that are of the same enumeration."""
        found: dict[str, tuple[int, frozenset[str]]] = {}
        for unit in reversed(self.units):
            found |= unit.enumerators_in(_may_rename)
        return found

    def members(self, record: str) -> Mapping[str, StructMember]:
        """The members of a struct, those of anonymous members of it included; none of one that is not understood."""
        with suppress(Missing, Refused):
            return self.records[record].record(record).members
        return {}

    @cached_property
    def names(self) -> frozenset[str]:
        """What KVM itself calls functions, variables, enumerators, structs, and members of structs."""
        members = (name for record in self._records_of_kvm for name in self.members(record))
        return self.names_but_members | frozenset(members)

    @cached_property
    def names_but_members(self) -> frozenset[str]:
        """What KVM itself calls functions, variables, enumerators and structs."""
        records = (each.split()[-1] for each in self._records_of_kvm)
        return frozenset((*self.version.functions, *self.without_body, *self.variables, *self.enumerators, *records))

    def parameters(self, function: str) -> tuple[str, ...]:
        """What a function of KVM's calls its parameters, in order."""
        path, *_ = self.version.functions[function]
        return tuple(each.spelling for each in self.version.unit(path).definitions[function].get_arguments())

    def locals(self, function: str) -> tuple[str, ...]:
        """What a function of KVM's calls the variables that are its own, in order."""
        path, *_ = self.version.functions[function]
        return self.version.unit(path).local_names(function)

    def placed(self, name: str, former: str) -> FormerNames:
        """A name with another, by all that it is a name of."""
        if self.version.where(name) or name in self.without_body:
            return FormerNames(functions={name: former})
        if name in self.variables:
            return FormerNames(variables={name: former})
        for kind in ("", "struct ", "union "):
            if kind + name in self.records:
                return FormerNames(records={kind + name: kind + former})
        if any(unit.has_constant(name) for unit in self.units):
            return FormerNames(constants={name: former})
        members = {(record, name): former for record in self._records_of_kvm if name in self.members(record)}
        return FormerNames(members=members) if members else FormerNames(parameters=dict(self._with(name, former)))

    @cached_property
    def _records_of_kvm(self) -> tuple[str, ...]:
        return tuple(name for name, unit in self.records.items() if _may_rename(unit.file_of_record(name)))

    def _with(self, name: str, former: str) -> Iterator[tuple[tuple[str, str], str]]:
        """The parameters of a name, by their functions."""
        for function in self.version.functions:
            if name in self.parameters(function):
                yield (function, name), former

    def prototype(self, function: str) -> Prototype:
        """How a function of KVM's is declared."""
        return self.unit_of(function).prototype(function)

    def unit_of(self, function: str) -> Unit:
        """The unit in which a function of KVM's is looked at."""
        return self.version.unit(self.version.where(function)[0])

    def text(self, function: str) -> str:
        """A function as clang prints it."""
        return self.version.printed(self.version.where(function)[0]).text(function)


@dataclass(frozen=True)
class _Search:
    old: Side
    new: Side
    given: Mapping[str, str]

    def found(self) -> FormerNames:
        """All names that are found."""
        variables, parts = self._variables()
        records = self._records()
        columns = dict(self._columns(records))
        members = {key: former for key, former in self._members(records) if former not in columns.values()}
        members = {**dict(self._gathered_parameters()), **members}
        return FormerNames(
            functions=self._functions(),
            variables=variables,
            records=records,
            members=members,
            parameters=dict(self._parameters()),
            parts=parts,
            columns=columns,
            constants=self._enumerators(),
        )

    def _enumerators(self) -> dict[str, str]:
        """Enumerators of another name: by what stands beside them and their value, or by where they are used."""
        gone = self.old.enumerators.keys() - self.new.enumerators.keys()
        come = self.new.enumerators.keys() - self.old.enumerators.keys()
        found: dict[str, str] = {}
        for name in sorted(gone):
            value, beside = self.old.enumerators[name]
            alike = [
                other
                for other in come - found.keys()
                if self.new.enumerators[other][0] == value and self.new.enumerators[other][1] & beside
            ]
            best = alike[0] if len(alike) == 1 else self._best(name, come)
            if best is not None:
                found.setdefault(best, name)
        return found

    def forms(self, root: Path, found: FormerNames) -> PutBack:
        """What has another form, but for what has another name.

        Args:
            root: the new tree's folder.
            found: what has another name.
        """
        gone = {
            name: self.old.prototype(name)
            for name in self._pairing.gone
            if name not in found.functions.values() and name not in self.new.without_body
        }
        macros = [*made_macros.as_functions(root, gone)]
        left = {name: each for name, each in gone.items() if name not in {form.name for form in macros}}
        known = {*self.new.version.functions, *self.new.variables, *self.new.without_body}
        merged = merged_functions.as_functions(root, left, [*self._callers(root, left)], known) if left else ()
        return PutBack(apart([*macros, *merged, *self._embedded(root)]))

    def _callers(self, root: Path, gone: Collection[str]) -> Iterator[Caller]:
        """The functions that say something else, and called something that is gone."""
        for before, after in self._changed:
            if set(tokens(self.old.text(before))) & set(gone):
                yield Caller(
                    name=after,
                    file=self.new.unit_of(after).file_of(after),
                    before=self.old.text(before),
                    after=self._with_parameters(before, after),
                    variables={*self.new.parameters(after), *self.new.locals(after)},
                    source=self._source(root, before, after),
                )

    def _source(self, root: Path, before: str, after: str) -> Source | None:
        """The text of a function in the sources, then and now."""
        text, place = self.old.unit_of(before).defined_text(before), self.new.unit_of(after).defined_at(after)
        if text is None or place is None:
            return None
        return Source(before=text, file=file_text(root, place.file), place=place)

    def _with_parameters(self, before: str, after: str) -> str:
        """A function's text, what were its parameters under their names."""
        text = self.new.text(after)
        for (holder, _, member), former in self._gathered_in(before, after).items():
            text = re.sub(rf"(?<![\w.])(?<!->){holder}(?:->|\.){member}\b", former, text)
        return text

    def _embedded(self, root: Path) -> Iterator[OtherForm]:
        """Structs that were inside another, and are pointed to."""
        for record, unit in self.new.records.items():
            if record not in self.old.records or not _may_rename(unit.file_of_record(record)):
                continue
            before, after = self.old.members(record), self.new.members(record)
            for name in before.keys() & after.keys():
                was, now = before[name].type, after[name].type
                target = now.target if isinstance(now, PointerType) and isinstance(was, RecordType) else None
                if isinstance(target, RecordType) and target.name == was.name:
                    form = made_pointers.as_embedded(
                        root, (record, name), target.name, unit.declared_at(record, name), [*self._set(record, name)]
                    )
                    if form is not None:
                        yield form

    def _set(self, record: str, member: str) -> Iterator[TextPlace | None]:
        """Where a member is set."""
        for name, paths in self.new.version.functions.items():
            if re.search(rf"\b{member} = ", self.new.text(name)):
                yield from self.new.version.unit(paths[0]).set_at(name, record, member)

    def _columns(self, records: Mapping[str, str]) -> Iterator[tuple[tuple[str, str, str], str]]:
        """Arrays that are members of the elements of an array of structs now."""
        both = {**{name: name for name in self.new.records if name in self.old.records}, **records}
        for here, former in both.items():
            if not _may_rename(self.new.records[here].file_of_record(here)):
                continue
            before, after = self.old.members(former), self.new.members(here)
            gone = {name for name in before.keys() - after.keys() if isinstance(before[name].type, ArrayType)}
            for array in sorted(after.keys() - before.keys()) if gone else ():
                type_ = after[array].type
                if isinstance(type_, ArrayType) and isinstance(type_.element, RecordType):
                    for inner, name in self._column_names(before, gone, array, type_).items():
                        yield (here, array, inner), name

    def _column_names(
        self, before: Mapping[str, StructMember], gone: Collection[str], array: str, type_: ArrayType
    ) -> Mapping[str, str]:
        """The members of the elements of an array, each with the array that it was; as functions say it, in order."""
        votes: Counter[tuple[str, str]] = Counter()
        was = re.compile(rf"\b({'|'.join(sorted(map(re.escape, gone)))})\[")
        now = re.compile(rf"\b{re.escape(array)}\[(?:[^][]|\[[^][]*\])*\]\.(\w+)")
        for then, name in self._changed:
            ours, theirs = was.findall(self.old.text(then)), now.findall(self.new.text(name))
            if len(ours) == len(theirs):
                votes.update(zip(theirs, ours, strict=True))
        found: dict[str, str] = {}
        members = type_.element.members if isinstance(type_.element, RecordType) else {}
        for (inner, name), _ in votes.most_common():
            column = before[name].type
            is_new = inner in members and inner not in found and name not in found.values()
            if is_new and isinstance(column, ArrayType) and column.count == type_.count:
                found |= {inner: name} if column.element.bits == members[inner].width else {}
        return found

    @cached_property
    def _pairing(self) -> Pairing:
        return pair_functions(self.old.version, self.new.version, self.given)

    @cached_property
    def _changed(self) -> tuple[tuple[str, str], ...]:
        """The functions whose text is not what it was, under their names then and now."""
        pairs = ((pair.old, pair.new) for pair in self._pairing.pairs)
        return tuple(each for each in pairs if self.old.text(each[0]) != self.new.text(each[1]))

    @cached_property
    def _votes(self) -> Mapping[str, Counter[tuple[str, ...]]]:
        """What stands in functions where a name stood, and how often."""
        votes: dict[str, Counter[tuple[str, ...]]] = {}
        for before, after in self._changed:
            for name, others in _replaced(self.old.text(before), self.new.text(after)):
                votes.setdefault(name, Counter())[others] += 1
        return votes

    def _best(self, name: str, candidates: Collection[str]) -> str | None:
        """The candidate that stands most often where a name stood."""
        votes = self._votes.get(name, Counter())
        ranked = [others[0] for others, _ in votes.most_common() if len(others) == 1 and others[0] in candidates]
        return ranked[0] if ranked else None

    def _best_inside(self, name: str, holders: Collection[str]) -> tuple[str, str]:
        """The member of a candidate that stands most often where a name stood, after the candidate; empty if none."""
        for others, _ in self._votes.get(name, Counter()).most_common():
            if len(others) == 3 and others[1] == "." and others[0] in holders:
                return others[0], others[2]
        return "", ""

    def _functions(self) -> dict[str, str]:
        """Functions of another name: those that say much the same, and those that are called where others were."""
        found = dict(self._pairing.former_names)
        come = self.new.version.functions.keys() - self.old.version.functions.keys() - found.keys()
        come |= self.new.without_body - self.old.without_body
        for name in (*self._pairing.gone, *sorted(self.old.without_body - self.new.without_body)):
            best = self._best(name, come)
            if best is not None:
                found.setdefault(best, name)
        return found

    def _variables(self) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
        """Variables of another name, and those that are members of another one now."""
        gone = self.old.variables.keys() - self.new.variables.keys()
        come = self.new.variables.keys() - self.old.variables.keys()
        renamed: dict[str, str] = {}
        parts: dict[tuple[str, str], str] = {}
        for name in sorted(gone):
            best = self._best(name, come)
            if best is not None:
                renamed.setdefault(best, name)
                continue
            whole = self._best_inside(name, come)
            if whole[0]:
                parts.setdefault(whole, name)
        return renamed, parts

    def _records(self) -> dict[str, str]:
        """Structs of another name."""
        gone = self.old.records.keys() - self.new.records.keys()
        come = {name: set(self.new.members(name)) for name in self.new.records.keys() - self.old.records.keys()}
        found: dict[str, str] = {}
        for name in sorted(gone):
            held = set(self.old.members(name))
            alike = {other: len(held & there) / max(len(held | there), 1) for other, there in come.items()}
            best = max(alike, key=lambda other: (alike[other], other), default=None)
            if best is not None and alike[best] >= _ALIKE and name.split()[0] == best.split()[0]:
                found.setdefault(best, name)
        return found

    def _members(self, records: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
        """Members of another name, and structs in which members are that were in the struct around."""
        both = {**{name: name for name in self.new.records if name in self.old.records}, **records}
        for here, former in both.items():
            if not _may_rename(self.new.records[here].file_of_record(here)):
                continue
            before, after = self.old.members(former), self.new.members(here)
            gone, come = before.keys() - after.keys(), after.keys() - before.keys()
            holders = frozenset(come)
            for holder in sorted(come):
                whole = after[holder].type
                inside = whole.members if isinstance(whole, RecordType) else {}
                moved = inside.keys() & gone
                if moved and not (inside.keys() - moved) & after.keys():
                    yield (here, holder), ""
                    gone, come = gone - moved, come - {holder}
            for name in sorted(gone):
                # One may hold several.
                holder, inner = self._best_inside(name, holders)
                held = after[holder].type if holder else None
                if isinstance(held, RecordType) and not held.members.keys() & after.keys():
                    yield (here, holder), ""
                    # Members of a struct without a name of its own are told by the one around it.
                    yield (here if "(" in held.name else held.name, inner), name
                    come = come - {holder}
                    continue
                best = self._best(name, come)
                if best is None and len(gone) == len(come) == 1:
                    (best,) = come
                if best is not None and _same_kind(before[name].type, after[best].type):
                    yield (here, best), name
                    come = come - {best}
            yield from (((here, name), other) for name, other in self._members_without_tag(before, after))

    def _members_without_tag(
        self, before: Mapping[str, StructMember], after: Mapping[str, StructMember]
    ) -> Iterator[tuple[str, str]]:
        """Members of another name in structs without a tag, each of which is a member of one name of the one around."""
        for name in sorted(before.keys() & after.keys()):
            former, now = (_without_tag(each[name].type) for each in (before, after))
            come = now.keys() - former.keys()
            for gone in sorted(former.keys() - now.keys()):
                best = self._best(gone, come)
                if best is not None and _same_kind(former[gone].type, now[best].type):
                    yield best, gone
                    come = come - {best}

    def _gathered_parameters(self) -> Iterator[tuple[tuple[str, str], str]]:
        """Members of structs that were parameters of another name."""
        for before, after in self._changed:
            for (_, record, member), former in self._gathered_in(before, after).items():
                if member != former:
                    yield (record, member), former

    def _gathered_in(self, before: str, after: str) -> Mapping[tuple[str, str, str], str]:
        """What were parameters of a function, by the parameter that has them now, its struct and the member."""
        gone = set(self.old.parameters(before)) - set(self.new.parameters(after))
        come = {each.name: each.record for each in self.new.prototype(after).given} if gone else {}
        for name in self.old.parameters(before):
            come.pop(name, None)
        found: dict[tuple[str, str, str], str] = {}
        for holder, record in come.items():
            if record in self.new.records:
                found |= {(holder, record, name): name for name in self.new.members(record).keys() & gone}
        for name, others in _replaced(self.old.text(before), self.new.text(after)) if come else ():
            if name in gone and others[0] in come and "".join(others[1:-1]) in (".", "->"):
                found.setdefault((others[0], come[others[0]], others[-1]), name)
        return found

    def _parameters(self) -> Iterator[tuple[tuple[str, str], str]]:
        """Parameters of another name."""
        for before, after in self._changed:
            with suppress(Missing, Refused):
                ours = self.old.version.unit(self.old.version.where(before)[0]).function(before)
                theirs = self.new.version.unit(self.new.version.where(after)[0]).function(after)
                for name, former in matching_parameters(ours, theirs, {}).items():
                    yield (after, name), former


def _without_tag(type_: CType) -> Mapping[str, StructMember]:
    """The members of a struct without a tag; none of anything else."""
    return type_.members if isinstance(type_, RecordType) and "(" in type_.name else {}


def _same_kind(one: CType, other: CType) -> bool:
    if isinstance(one, RecordType) and isinstance(other, RecordType):
        return one.is_union == other.is_union
    if isinstance(one, PointerType) or isinstance(other, PointerType):
        return isinstance(one, PointerType) and isinstance(other, PointerType)
    return isinstance(one, IntType) == isinstance(other, IntType) and one.bits == other.bits


def _replaced(before: str, after: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each name in a text for which something else stands in another."""
    ours, theirs = tokens(before), tokens(after)
    for kind, start, end, other, last in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "replace":
            continue
        if end - start == 1:
            pairs: Sequence[tuple[str, tuple[str, ...]]] = [(ours[start], tuple(theirs[other:last]))]
        elif end - start == last - other:
            pairs = [(ours[start + at], (theirs[other + at],)) for at in range(end - start)]
        else:
            continue
        yield from ((name, others) for name, others in pairs if _NAME.fullmatch(name))
