"""How a function is declared: for another body of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clang.cindex import Cursor, TypeKind

from mmuproof.lift.parsing import clang_api

_TO, _WHOLE, _NUMBER = "pointer", "struct", "number"
_KINDS = {TypeKind.POINTER: _TO, TypeKind.RECORD: _WHOLE}
_NOTHING = "void"


@dataclass(frozen=True, kw_only=True)
class DeclaredParameter:
    """A parameter.

    Args:
        name: what it is called.
        declared: how it is declared.
        type: what C calls its type.
        kind: whether it is a pointer, a struct or a number.
    """

    name: str
    declared: str
    type: str
    kind: str

    @property
    def record(self) -> str:
        """The struct that it is, or that it leads to."""
        return self.type.removeprefix("const ").rstrip("* ")

    def is_type_of(self, argument: str) -> str:
        """C for whether an argument has the parameter's type, or is a constant."""
        any_ = f"*({self.type} *)0"
        if self.kind == _NUMBER:
            same = f"__builtin_types_compatible_p(typeof(+({argument})), typeof(+({any_})))"
            return f"({same} || __builtin_constant_p({argument}))"
        star = "*" if self.kind == _TO else ""
        return f"__builtin_types_compatible_p(typeof({star}({argument})), typeof({star}({any_})))"


@dataclass(frozen=True, kw_only=True)
class Prototype:
    """A function as it was declared.

    Args:
        result: the type of what it gives back.
        given: its parameters, in order.
    """

    result: str
    given: tuple[DeclaredParameter, ...]

    @classmethod
    def of(cls, function: Cursor) -> Prototype:
        """That of a function that clang has read."""
        nothing = function.result_type.get_canonical().kind is TypeKind.VOID
        return cls(
            result=_NOTHING if nothing else str(function.result_type.spelling),
            given=tuple(
                DeclaredParameter(
                    name=str(each.spelling),
                    declared=clang_api.printed(each),
                    type=str(each.type.spelling),
                    kind=_KINDS.get(each.type.get_canonical().kind, _NUMBER),
                )
                for each in function.get_arguments()
            ),
        )

    @property
    def gives_nothing(self) -> bool:
        """Whether there is no result."""
        return self.result == _NOTHING

    def text(self, name: str) -> str:
        """The function's declaration under another name, for one unit alone."""
        given = ", ".join(each.declared for each in self.given) or _NOTHING
        return f"static inline {self.result} {name}({given})"

    @property
    def content(self) -> Sequence[Any]:
        """As it stands in a file."""
        return [self.result, [[each.name, each.declared, each.type, each.kind] for each in self.given]]

    @classmethod
    def read(cls, content: Sequence[Any]) -> Prototype:
        """What stands in a file."""
        result, given = content
        return cls(
            result=result,
            given=tuple(
                DeclaredParameter(name=name, declared=text, type=type_, kind=kind) for name, text, type_, kind in given
            ),
        )
