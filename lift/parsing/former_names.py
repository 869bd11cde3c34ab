"""A tree read under the names that an earlier one has for the same things.

Who looks something up by its earlier name finds it, and everything that is read carries the earlier name: a consistent
renaming, which changes nothing of what the code means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class FormerNames:
    """Names of a tree, each with what the earlier tree has in its place; the caller sees to it that none is in use.

    Args:
        functions: of functions.
        variables: of variables with static storage.
        records: of structs and unions, with their keyword.
        constants: of macros and enumerators.
        members: of members, by the record that they are declared in as the tree calls it; nothing in the place of a
            member that is a struct itself says that what is in it was in the outer record.
        parameters: of parameters, by their function as the tree calls it.
        parts: of members of a variable that is a struct, by the variable: they were variables of their own.
        columns: of members of the elements of an array of structs, by the record that has the array, and the array:
            they were arrays of the record's own.
        embedded: of members that are arrays of one element here, by their record: they were such an element, of this
            type.
        forms: of what has another form here than under its earlier name, what is to be said of it.
    """

    functions: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[tuple[str, str], str] = field(default_factory=dict)
    parameters: Mapping[tuple[str, str], str] = field(default_factory=dict)
    parts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    columns: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    embedded: Mapping[tuple[str, str], str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything has another name."""
        return bool(self.kinds)

    @cached_property
    def transposed(self) -> frozenset[tuple[str, str]]:
        """The arrays of structs, by their record, of which members of the elements were arrays of their own."""
        return frozenset((record, array) for record, array, _ in self.columns)

    @property
    def kinds(self) -> frozenset[str]:
        """Of what there are other names: ``functions``, ``variables`` and so on."""
        return frozenset(each.name for each in fields(self) if getattr(self, each.name))

    def __or__(self, other: FormerNames) -> FormerNames:
        """These names and others, which go before these."""
        both = {each.name: {**getattr(self, each.name), **getattr(other, each.name)} for each in fields(self)}
        return FormerNames(**both)

    @cached_property
    def gathered(self) -> frozenset[str]:
        """The variables whose members were variables of their own."""
        return frozenset(variable for variable, _ in self.parts)

    def function_here(self, former: str) -> str:
        """What the tree calls a function."""
        return self._here["functions"].get(former, former)

    def variable_here(self, former: str) -> str:
        """What the tree calls a variable."""
        return self._here["variables"].get(former, former)

    def record_here(self, former: str) -> str:
        """What the tree calls a struct or union."""
        return self._here["records"].get(former, former)

    def constant_here(self, former: str) -> str:
        """What the tree calls a macro or an enumerator."""
        return self._here["constants"].get(former, former)

    @cached_property
    def parts_here(self) -> Mapping[str, tuple[str, str]]:
        """Where what was a variable of its own is, by the variable and its member."""
        return {former: here for here, former in self.parts.items()}

    @property
    def assumed(self) -> tuple[str, ...]:
        """What is taken for granted of them, a sentence each."""
        return tuple(self.forms[f"{record}.{member}"] for record, member in self.embedded)

    @cached_property
    def said(self) -> tuple[str, ...]:
        """What is what, a sentence each."""
        return (
            *self.forms.values(),
            *(
                f"{here}() is what {former}() was"
                for here, former in self.functions.items()
                if former not in self.forms
            ),
            *(
                f"{here} is what {former} was"
                for names in (self.variables, self.records, self.constants)
                for here, former in names.items()
            ),
            *(
                f"{record}.{here} is what {record}.{former} was"
                if former
                else f"{record}.{here} holds what was in {record} itself"
                for (record, here), former in self.members.items()
            ),
            *(
                f"parameter {here} of {function}() is what {former} was"
                for (function, here), former in self.parameters.items()
            ),
            *(f"{variable}.{here} is what {former} was" for (variable, here), former in self.parts.items()),
            *(
                f"{record}.{array}[].{here} is what {record}.{former}[] was"
                for (record, array, here), former in self.columns.items()
            ),
        )

    @cached_property
    def _here(self) -> Mapping[str, Mapping[str, str]]:
        plain = {
            "functions": self.functions,
            "variables": self.variables,
            "records": self.records,
            "constants": self.constants,
        }
        return {kind: {former: here for here, former in names.items()} for kind, names in plain.items()}


THE_SAME_NAMES = FormerNames()
"""Of a tree that is read as it is."""
