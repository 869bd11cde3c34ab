"""Which input or output of a new version of a function is which of the old one: found by type and name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from mmuproof.compare.behaviours import Behaviour
from mmuproof.compare.encodings import Encoding, Kind, kind_of, kinds_of, unknown_rest
from mmuproof.compare.outcomes import is_split, same_fields
from mmuproof.compare.relation import Relation, renamed
from mmuproof.lift.c_types import ArrayType, CType, IntType, PointerType, RecordType, StructMember
from mmuproof.lift.machine.elements import ELEMENT
from mmuproof.lift.syntax import Function
from mmuproof.model.lifted.session import bit_fields
from mmuproof.smt.terms import FALSE, BitVec, Bool, Term, bool_var, concat, extract, var, zext

_NULL = " == NULL"
_OPERATIONS = "kvm_x86_ops"
"""A table of functions, where what has come and what is gone have nothing to do with each other."""
_TRUTH = "what it returns is a truth value in one version only: whether it is 0 is compared"
_INDEX = re.compile(r"\[\d+\]")
_ELEMENT_OF_TABLE = re.compile(r"^(.*?)((?:\[\d+\]){2,})(.*)$", re.DOTALL)
_PARTS = re.compile(r"->|\.|\[")
_LEAF = re.compile(r"^(.*?)( after .*)?$", re.DOTALL)


def matching_parameters(old: Function, new: Function, given: Mapping[str, str]) -> dict[str, str]:
    """What the new version's parameters are called in the old one, where that is something else.

    Parameters of one name are the same; of those that are left, those that are of one kind and follow the same one.

    Args:
        old: the function in the old version.
        new: the same in the new one.
        given: names in the new version, with what they are in the old one.
    """
    names = {each.name for each in old.parameters}
    found = {each.name: given[each.name] for each in new.parameters if given.get(each.name) in names}
    found |= {each.name: each.name for each in new.parameters if each.name in names and each.name not in found}
    by_name = {
        before.name if before is not None else "": each
        for before, each in pairwise((None, *old.parameters))
        if each is not None
    }
    taken = set(found.values())
    for before, each in pairwise((None, *new.parameters)):
        if each is None or each.name in found:
            continue
        there = by_name.get(found.get(before.name, " ") if before is not None else "")
        if there is not None and there.name not in taken and _alike(each.type, there.type):
            found[each.name] = there.name
            taken.add(there.name)
    return {name: other for name, other in found.items() if name != other}


def _alike(one: CType, other: CType) -> bool:
    if isinstance(one, PointerType) and isinstance(other, PointerType):
        left, right = one.target, other.target
        if isinstance(left, RecordType) and isinstance(right, RecordType):
            return True
        return type(left) is type(right) and left.bits == right.bits
    if isinstance(one, RecordType) and isinstance(other, RecordType):
        return one.is_union == other.is_union and one.bits == other.bits
    return isinstance(one, IntType) and isinstance(other, IntType)


def relate(
    old: Behaviour,
    new: Behaviour,
    given: Mapping[str, str] | None = None,
    encodings: Mapping[Kind, Encoding] | None = None,
    *,
    search: bool = True,
    found: Mapping[str, str] | None = None,
) -> Relation:
    """The relation under which two runs are compared: other names, fields that have moved, widths that have changed.

    Args:
        old: the run of the old version.
        new: the run of the new one.
        given: names or prefixes of names in the new version, with what they are in the old one.
        encodings: how numbers of some kinds have changed.
        search: whether to look for names that differ; if not, what has another name is something else.
        found: like ``given``, but known from elsewhere than from the user.
    """
    names = _names(old, new, given or {}, found or {}, search=search)
    held_before, held_later = _held(names.rules), _held([(before, now) for now, before in names.rules])
    known = encodings or {}
    used: dict[Kind, None] = {}
    olds = old.variables
    # What one version holds, the other one has a pointer to, and that leads to something.
    old_variables: dict[Term, Term] = {olds[each]: FALSE for each in held_later if each in olds}
    new_variables: dict[Term, Term] = {}
    notes = dict.fromkeys(names.notes)
    new_words = {names.of(name): union for name, union in new.words.items()}
    for name, term in new.variables.items():
        common = names.of(name)
        there = olds.get(common)
        ours, theirs = old.words.get(common), new_words.get(common)
        if isinstance(term, Bool):
            if name in held_before:
                new_variables[term] = FALSE
            elif common != name:
                new_variables[term] = bool_var(common)
            continue
        assert isinstance(term, BitVec)
        fields, other = (dict[str, StructMember]() if each is None else bit_fields(each) for each in (ours, theirs))
        if there is not None and is_split(fields, other, known, same_width=there.width == term.width):
            assert isinstance(there, BitVec)
            same = same_fields(fields, other)
            former = {after: before for before, after in same.items()}
            theirs_by_ours = {former.get(each, each): place for each, place in other.items()}
            old_variables[there] = _of_fields(common, there.width, fields, theirs_by_ours)
            new_variables[term] = _of_fields(common, term.width, theirs_by_ours, fields, known)
            kinds = (kind_of(each, place.width) for each, place in fields.items())
            used |= {each: None for each in kinds if each is not None and each in known}
            for after, before in former.items():
                if after != before:
                    notes[f"{common}.{after} is what {common}.{before} was"] = None
            continue
        kind = kind_of(common, term.width)
        if there is not None and kind is not None and kind in known:
            assert isinstance(there, BitVec)
            narrow = var(common, min(there.width, term.width))
            encoded = known[kind].encode(zext(narrow, term.width))
            new_variables[term] = unknown_rest(common, encoded, known[kind].left_out(term.width))
            if narrow.width < there.width:
                old_variables[there] = zext(narrow, there.width)
            used[kind] = None
        elif there is not None and there.width < term.width:
            new_variables[term] = zext(var(common, there.width), term.width)
            notes[_widths(common, there, term)] = None
        elif there is not None and there.width > term.width:
            assert isinstance(there, BitVec)
            if term.width == 1:
                # A number that has become a truth value.
                old_variables[there] = zext(var(f"{common} (low)", 1), there.width)
                new_variables[term] = var(f"{common} (low)", 1)
                notes[_widths(common, there, term)] = None
            else:
                # Who gives the same number to both has it cut off for the new one.
                new_variables[term] = extract(there, term.width - 1, 0)
                notes[_widths(common, there, term, "what is above is cut off")] = None
        elif common != name:
            new_variables[term] = var(common, term.width)
    truth = search and _is_bool(old.function.result) is not _is_bool(new.function.result)
    if truth:
        notes[_TRUTH] = None
    shown: set[Kind | None] = {kind for name in new.written for kind in kinds_of(name)}
    shown.add(kind_of(f"{new.function.name}()", new.function.result.bits))
    for kind in known:
        notes |= dict.fromkeys(known[kind].notes if kind in used or kind in shown else ())
    return Relation(
        old_variables=old_variables,
        new_variables=new_variables,
        new_names=names.rules,
        encodings=known,
        result=new.function.name,
        truth=truth,
        notes=tuple(notes),
    )


def _is_bool(type_: CType) -> bool | None:
    """Whether a number is a truth value; None for what is no number."""
    return type_.is_bool if isinstance(type_, IntType) else None


def _widths(name: str, old: Term, new: Term, what: str = "only what fits both is compared") -> str:
    shown = _INDEX.sub("[]", name.partition(" after ")[0])
    return f"{shown} has {new.width} bits instead of {old.width}: {what}"


def _of_fields(
    name: str,
    width: int,
    fields: Mapping[str, StructMember],
    others: Mapping[str, StructMember],
    encodings: Mapping[Kind, Encoding] | None = None,
) -> BitVec:
    """A word made of its bit-fields, each a variable that is the other version's as well if that has it.

    Args:
        name: what the word is called.
        width: its bits.
        fields: its bit-fields, by name.
        others: those of the other version.
        encodings: how numbers of some kinds are encoded here, if not as in the other version.
    """
    parts: list[BitVec] = []
    position = 0
    for field_name, place in sorted(fields.items(), key=lambda each: each[1].offset):
        if place.offset < position or place.offset + place.width > width:
            continue
        if place.offset > position:
            parts.append(var(f"{name}.(bits {place.offset - 1}:{position} of {width})", place.offset - position))
        there = others.get(field_name)
        narrow = min(place.width, there.width) if there is not None else place.width
        part = zext(var(f"{name}.{field_name}", narrow), place.width)
        kind = kind_of(field_name, place.width) if there is not None else None
        encoding = (encodings or {}).get(kind) if kind is not None else None
        parts.append(part if encoding is None else encoding.encode(part))
        position = place.offset + place.width
    if position < width:
        parts.append(var(f"{name}.(bits {width - 1}:{position} of {width})", width - position))
    return concat(*reversed(parts))


@dataclass(frozen=True)
class _Names:
    """What names of the new version are in the old one."""

    rules: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    def of(self, name: str) -> str:
        """The common name."""
        return renamed(name, self.rules)


def _names(
    old: Behaviour, new: Behaviour, given: Mapping[str, str], found: Mapping[str, str], *, search: bool
) -> _Names:
    rules = {**found, **given}
    notes = [f"{new_name} is what {old_name} was, as --map says" for new_name, old_name in given.items()]
    looked_at = _paths(new.variables, new.written)
    notes += [f"{name} is what {other} was" for name, other in found.items() if name in looked_at]
    ordered = tuple(rules.items())
    # Whichever function looks at such a table: each has to keep to the new order.
    turned = {path: _turned(old, new, renamed(path, ordered)) for path in looked_at}
    rules |= {path: each.path for path, each in turned.items() if each is not None}
    notes += dict.fromkeys(each.note for each in turned.values() if each is not None)
    ours = _paths(old.variables, old.written)
    theirs = {rules.get(path, renamed(path, ordered)): width for path, width in looked_at.items()}
    # What both versions have is the same in both, and is not another thing because another version looks at it.
    gone = {path: width for path, width in ours.items() if path not in theirs and not _is_in(new, path, old)}
    come = {path: width for path, width in theirs.items() if path not in ours and not _is_in(old, path, new)}
    holders = {path: _holder(other, path) for paths, other in ((gone, new), (come, old)) for path in paths}
    for path, match in _matches(gone, come, holders).items() if search else ():
        prefix, old_prefix = _prefixes(path, match)
        if rules.setdefault(prefix, old_prefix) == old_prefix:
            note = f"{_thing(prefix, old_prefix) or path} is what {_thing(old_prefix, prefix) or match} was"
            notes += [note] if note not in notes else []
        else:
            rules[path] = match
            notes.append(f"{path} is what {match} was")
    # The longest prefix says most.
    return _Names(tuple(sorted(rules.items(), key=lambda each: -len(each[0]))), tuple(notes))


def _is_in(side: Behaviour, path: str, other: Behaviour) -> bool:
    """Whether a place that one version looks at is in the other as well, below a thing of the same type."""
    head = _PARTS.split(path.lstrip("*"), maxsplit=1)[0]
    types = side.roots(head), other.roots(head)
    return types[0] is not None and types[1] is not None and types[0].name == types[1].name and side.has(path)


def _paths(variables: Mapping[str, Term], written: Iterable[str]) -> dict[str, int]:
    """The places that are read or written, with their widths; 0 where only the name is known."""
    found = dict.fromkeys(written, 0)
    for name, term in variables.items():
        path = name.removesuffix(_NULL)
        match = _LEAF.match(path)
        path = match[1] if match is not None else path
        own = "(unset" in path or "#" in path or path.startswith("&") or path.endswith("()")
        # Elements of one array are told apart by their indices, and by nothing in their names.
        if not own and ELEMENT[:-1] not in path:
            found[path] = term.width if not isinstance(term, Bool) else 64
    return found


@dataclass(frozen=True)
class _Turned:
    """An element of a table whose dimensions have changed places: what it is in the old version, and that in words."""

    path: str
    note: str


def _turned(old: Behaviour, new: Behaviour, path: str) -> _Turned | None:
    """An element of a table in the new version, if the table has the same dimensions in another order in the old one.

    Args:
        old: the run of the old version.
        new: the run of the new one.
        path: the element, by the common names of what holds it.
    """
    found = _ELEMENT_OF_TABLE.match(path)
    if found is None:
        return None
    table, indices, rest = found[1], _INDEX.findall(found[2]), found[3]
    counts, former = (_counts(each.type_at(table)) for each in (new, old))
    several = len({*counts}) == len(counts) == len(indices)
    if not several or counts == former or sorted(counts) != sorted(former):
        return None
    order = [counts.index(each) for each in former]
    letters = [f"[{each}]" for each in "ijklmn"[: len(order)]]
    return _Turned(
        path=f"{table}{''.join(indices[each] for each in order)}{rest}",
        note=f"{table}{''.join(letters)} is what {table}{''.join(letters[each] for each in order)} was",
    )


def _counts(type_: CType | None) -> tuple[int, ...]:
    """The dimensions of a table, the outermost first."""
    return (type_.count, *_counts(type_.element)) if isinstance(type_, ArrayType) else ()


def _holder(side: Behaviour, path: str) -> str:
    """The innermost of what holds a place that there is in another version as well."""
    parent = _parent(path)
    while parent and not side.has(parent):
        parent = _parent(parent)
    return parent


def _thing(prefix: str, other: str) -> str:
    """What a prefix of members is a prefix of; what a pointer leads to, where the other version holds that."""
    thing = prefix.rstrip(".->")
    return f"*{thing}" if _is_pointed(prefix, other) else thing


def _held(rules: Iterable[tuple[str, str]]) -> frozenset[str]:
    """That pointers of one version lead to nothing, whose targets the other one holds itself."""
    return frozenset(f"{prefix[:-2]}{_NULL}" for prefix, other in rules if _is_pointed(prefix, other))


def _is_pointed(prefix: str, other: str) -> bool:
    """Whether members are behind a pointer that in the other version are in place of it."""
    return prefix.endswith("->") and other == f"{prefix[:-2]}."


def _matches(gone: Mapping[str, int], come: Mapping[str, int], holders: Mapping[str, str]) -> dict[str, str]:
    """Which of the places that have come is which of those that are gone, where that is beyond doubt.

    Args:
        gone: what the old version alone has, with widths.
        come: what the new one alone has.
        holders: the innermost of what holds each that both versions have.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    by_last: dict[str, list[str]] = {}
    for path in gone:
        by_last.setdefault(_split(path)[-1], []).append(path)
    for path, width in come.items():
        candidates = [each for each in by_last.get(_split(path)[-1], ()) if _fits(width, gone[each])]
        best = _best(path, candidates)
        if best is not None and best not in taken:
            found[path] = best
            taken.add(best)
    # A member of another name in the same place: only if no other is gone there, and no other has come.
    left = [path for path in gone if path not in taken]
    for path, width in come.items():
        if path in found:
            continue
        holder = holders[path]
        mine = [each for each in left if holders[each] == holder and _fits(width, gone[each])]
        rivals = [each for each in come if each not in found and holders[each] == holder and _fits(come[each], width)]
        if holder and holder != _OPERATIONS and len(mine) == 1 and len(rivals) == 1:
            found[path] = mine[0]
            left.remove(mine[0])
    return found


def _fits(width: int, other: int) -> bool:
    # A truth value may be a bit, a bool, or a bit-field.
    return not width or not other or width == other or {width, other} <= {8, 16, 32, 64}


def _best(path: str, candidates: Sequence[str]) -> str | None:
    """The candidate that has most in common with a path from its end on, then from its start."""
    parts = _split(path)

    def common(other: str) -> tuple[int, int]:
        others = _split(other)
        return _same(reversed(parts), reversed(others)), _same(parts, others)

    # One name alone says little, unless it is a parameter's, or both belong to one thing.
    close = [
        each
        for each in candidates
        if 1 in (len(parts), len(_split(each)))
        or common(each)[0] > 1
        or (common(each)[1] > 0 and not each.startswith(_OPERATIONS))
    ]
    ranked = sorted(close, key=common, reverse=True)
    if not ranked or (len(ranked) > 1 and common(ranked[0]) == common(ranked[1])):
        return None
    return ranked[0]


def _same(left: Iterable[str], right: Iterable[str]) -> int:
    """How many parts are the same before the first that is not."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _split(path: str) -> list[str]:
    return [part for part in _PARTS.split(path.lstrip("*")) if part]


def _parent(path: str) -> str:
    ends = [match.start() for match in _PARTS.finditer(path)]
    return path[: ends[-1]] if ends else ""


def _prefixes(new: str, old: str) -> tuple[str, str]:
    """The parts of two paths before what they have in common at their ends, cut where a member begins."""
    length = 0
    while length < min(len(new), len(old)) and new[-1 - length] == old[-1 - length]:
        length += 1
    common = new[len(new) - length :]
    start = _PARTS.search(common)
    # One version holds what the other one has a pointer to.
    pointed = new[: len(new) - length].rstrip(".->") == old[: len(old) - length].rstrip(".->")
    if length in (len(new), len(old)) or pointed or (start is not None and start.start() == 0):
        cut = length
    else:
        cut = length - start.end() if start is not None else 0
    prefixes = new[: len(new) - cut], old[: len(old) - cut]
    # A whole name is no prefix of others: what begins with nothing would be everything.
    return prefixes if all(prefixes) else (new, old)
