"""What a unit declares at file scope, told without clang: which names, and as which of its declarations.

Of a unit that is kept from one run to the next its index stands in a file beside it. Clang takes a tenth of a second
to load such a unit, and its ten thousands of declarations take as long again to be asked what they are; whoever only
asks whether a function or a variable is here needs neither.

The file says of which unit it is the index, by the name and the digest of the unit's own file, and has a digest of
its own: one that was damaged, cut off, put under another name or left beside another unit is none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from clang.cindex import Cursor, CursorKind

from mmuproof.lift.parsing import clang_api

_FORMAT = "1"
_FUNCTION, _VARIABLE, _TYPEDEF, _ENUM = (
    clang_api.kind_number(kind)
    for kind in (CursorKind.FUNCTION_DECL, CursorKind.VAR_DECL, CursorKind.TYPEDEF_DECL, CursorKind.ENUM_DECL)
)
_RECORDS = tuple(clang_api.kind_number(kind) for kind in (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL))


@dataclass(frozen=True, kw_only=True)
class UnitIndex:
    """The declarations of a unit, or of a stretch of it, each by its number among all of them.

    Args:
        count: how many there are.
        functions: those with a body, by name.
        variables: the last declaration of each, by name.
        without_body: those of functions that are not definitions.
        typedefs: those of types with a name of their own.
        records: those of structs and unions.
        enums: those of enumerations.
    """

    count: int
    functions: Mapping[str, int]
    variables: Mapping[str, int]
    without_body: Sequence[int]
    typedefs: Sequence[int]
    records: Sequence[int]
    enums: Sequence[int]

    @classmethod
    def of(cls, cursors: Iterable[Cursor]) -> UnitIndex:
        """That of some declarations, which are given in their order."""
        functions: dict[str, int] = {}
        variables: dict[str, int] = {}
        others: dict[int, list[int]] = {_FUNCTION: [], _TYPEDEF: [], _ENUM: [], _RECORDS[0]: []}
        number = -1
        # There are ten thousands of these: nothing is asked of them that is not needed of all.
        for number, cursor in enumerate(cursors):
            kind = clang_api.number_of_kind(cursor)
            if kind == _VARIABLE:
                variables[clang_api.spelling(cursor)] = number
            elif kind == _FUNCTION and cursor.is_definition():
                functions[clang_api.spelling(cursor)] = number
            else:
                kind = _RECORDS[0] if kind in _RECORDS else kind
                if kind in others:
                    others[kind].append(number)
        return cls(
            count=number + 1,
            functions=functions,
            variables=variables,
            without_body=others[_FUNCTION],
            typedefs=others[_TYPEDEF],
            records=others[_RECORDS[0]],
            enums=others[_ENUM],
        )


def index_text(index: UnitIndex, unit: str, digest: str) -> str:
    """An index, for a file.

    Args:
        index: what is written.
        unit: the name of the unit's own file.
        digest: the digest of what is in that.
    """
    others = [index.without_body, index.typedefs, index.records, index.enums]
    body = json.dumps([index.count, index.functions, index.variables, *map(list, others)], separators=(",", ":"))
    return f"{_digest(unit, digest, body)}\n{body}"


def read_index(text: str, unit: str, digest: str) -> UnitIndex | None:
    """What `index_text` has made of the index of this very unit; None if it is anything else."""
    told, _, body = text.partition("\n")
    if told != _digest(unit, digest, body):
        return None
    count, functions, variables, without_body, typedefs, records, enums = json.loads(body)
    return UnitIndex(
        count=count,
        functions=functions,
        variables=variables,
        without_body=without_body,
        typedefs=typedefs,
        records=records,
        enums=enums,
    )


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join((_FORMAT, *words)).encode()).hexdigest()
