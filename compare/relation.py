"""How the inputs and outputs of an old version of a function stand to those of a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mmuproof.compare.encodings import Encoding, Kind, kind_of
from mmuproof.lift.machine.values import SERIAL
from mmuproof.smt import operations as ops
from mmuproof.smt.graph import Substitution
from mmuproof.smt.terms import BitVec, Bool, Term, bool_var, var


@dataclass(frozen=True, kw_only=True)
class Relation:
    """The relation under which two versions are compared.

    Args:
        old_variables: variables of the old version and what they are in terms of the common inputs; those that are
            not listed are common inputs themselves.
        new_variables: likewise for the new version.
        new_names: prefixes of names in the new version, with what they are called in the old one.
        encodings: how numbers of some kinds have changed.
        result: what the returned number is called.
        truth: whether only that it is 0 or not is compared of the returned number.
        notes: the relation in words.
    """

    old_variables: Mapping[Term, Term] = field(default_factory=dict)
    new_variables: Mapping[Term, Term] = field(default_factory=dict)
    new_names: tuple[tuple[str, str], ...] = ()
    encodings: Mapping[Kind, Encoding] = field(default_factory=dict)
    result: str = ""
    truth: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def _old(self) -> Substitution:
        return Substitution(lambda term: _replaced(term, self.old_variables))

    @cached_property
    def _new(self) -> Substitution:
        if self.new_variables == self.old_variables:
            # What the versions have in common is then rewritten once.
            return self._old
        return Substitution(lambda term: _replaced(term, self.new_variables))

    def old_term(self, term: BitVec) -> BitVec:
        """A term of the old version over the common inputs."""
        return self._old(term)

    def new_term(self, term: BitVec) -> BitVec:
        """A term of the new version over the common inputs."""
        return self._new(term)

    def old_truth(self, term: Bool) -> Bool:
        """The same for a truth value of the old version."""
        return self._old(term)

    def new_truth(self, term: Bool) -> Bool:
        """The same for a truth value of the new version."""
        return self._new(term)

    def old_name(self, name: str) -> str:
        """What a place of the old version is called."""
        return name

    def new_name(self, name: str) -> str:
        """What a place of the new version is called in the old one."""
        return renamed(name, self.new_names)

    def output(self, name: str, width: int) -> Encoding | None:
        """How a number has changed that both show under a name; the empty name is that of what is returned."""
        kind = kind_of(name or f"{self.result}()", width)
        return None if kind is None else self.encodings.get(kind)


def _replaced(term: Term, known: Mapping[Term, Term]) -> Term | None:
    found = known.get(term)
    return _own(term) if found is None else found


def _own(term: Term) -> Term | None:
    """A name for what belongs to the machine alone that is the same in every run."""
    if term.op is not ops.VAR or ("#" not in term.name and "(unset" not in term.name):
        return None
    name = SERIAL.sub("", term.name)
    return None if name == term.name else var(name, term.width) if term.width else bool_var(name)


def renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """A name with the first of some prefixes that it begins with, whole members all, replaced."""
    for new, old in rules:
        if name.startswith(new) and (not _goes_on(new[-1:]) or not _goes_on(name[len(new) :][:1])):
            return old + name[len(new) :]
    return name


def _goes_on(character: str) -> bool:
    """Whether a name goes on with a character, or may."""
    return character.isalnum() or character == "_"
