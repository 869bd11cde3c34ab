"""libclang's types as the front end's own, and where things stand in the tree."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

from clang.cindex import Cursor, CursorKind, Diagnostic, Type, TypeKind

from mmuproof.lift.c_types import (
    ArrayType,
    CType,
    FunctionType,
    IntType,
    PointerType,
    RecordType,
    StructMember,
    VoidType,
)
from mmuproof.lift.errors import Refused
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.syntax import Location

_T = TypeVar("_T")

_SIGNED = {
    TypeKind.CHAR_S: "char",
    TypeKind.SCHAR: "signed char",
    TypeKind.SHORT: "short",
    TypeKind.INT: "int",
    TypeKind.LONG: "long",
    TypeKind.LONGLONG: "long long",
    TypeKind.INT128: "__int128",
}
_UNSIGNED = {
    TypeKind.CHAR_U: "char",
    TypeKind.UCHAR: "unsigned char",
    TypeKind.USHORT: "unsigned short",
    TypeKind.UINT: "unsigned int",
    TypeKind.ULONG: "unsigned long",
    TypeKind.ULONGLONG: "unsigned long long",
    TypeKind.UINT128: "unsigned __int128",
}


_BUILT_IN = "<built-in>"
_RECORDS = (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL)


class CursorMap(Generic[_T]):
    """A dictionary by cursor; cursors compare by the node that they stand for."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[tuple[Cursor, _T]]] = {}

    def get(self, cursor: Cursor) -> _T | None:
        """What is kept for the cursor, or None."""
        for key, value in self._buckets.get(cursor.hash, ()):
            if key == cursor:
                return value
        return None

    def set(self, cursor: Cursor, value: _T) -> _T:
        """Keep a value for the cursor, and return it."""
        self._buckets.setdefault(cursor.hash, []).append((cursor, value))
        return value

    def drop(self, cursor: Cursor) -> None:
        """Keep nothing for the cursor."""
        bucket = self._buckets[cursor.hash]
        bucket[:] = [(key, value) for key, value in bucket if key != cursor]


class TypeReader:
    """Reads types and places; see `mmuproof.lift.parsing.reader.Reader`."""

    def __init__(self, root: Path, names: FormerNames = THE_SAME_NAMES) -> None:
        self._root, self._names = str(root), names
        self._files: dict[int, str] = {}
        self._records: CursorMap[RecordType] = CursorMap()
        self._types: dict[bytes, CType] = {}
        self._pointers: dict[bytes, tuple[Type, str]] = {}
        self._va_lists: dict[bytes, bool] = {}

    # -- places -----------------------------------------------------------------------------------

    def location(self, place: Cursor | Diagnostic) -> Location:
        """Where something stands; inside a macro, where the macro is used."""
        if isinstance(place, Diagnostic):
            file = place.location.file
            return Location(self._short(file.name) if file else _BUILT_IN, place.location.line)
        number, line = clang_api.file_and_line(place)
        short = self._files.get(number)
        if short is None:
            short = self._files[number] = self._short(place.location.file.name) if number else _BUILT_IN
        return Location(short, line)

    def _short(self, name: str) -> str:
        """A file relative to the tree, with paths through ``a/b/../c`` as a person would write them."""
        parts: list[str] = []
        for part in name.removeprefix(self._root).lstrip("/").split("/"):
            if part == ".." and parts:
                parts.pop()
            elif part != ".":
                parts.append(part)
        return "/".join(parts)

    def refuse(self, cursor: Cursor, what: str) -> Refused:
        """An exception that says what is not understood, and where."""
        return Refused(what, str(self.location(cursor)))

    # -- types ------------------------------------------------------------------------------------

    def type(self, clang_type: Type, at: Cursor) -> CType:
        """The front end's view of a type.

        Raises:
            Refused: floating point, vectors, variable-length arrays and the like.
        """
        # Not pointers and what contains them: these remember where they were met, for what is refused of their targets.
        key = bytes(clang_type)
        known = self._types.get(key)
        if known is not None:
            return known
        pointer = self._pointers.get(key)
        if pointer is not None:
            return self._pointer(*pointer, at)
        known = self._read_type(clang_type, at)
        if isinstance(known, IntType | VoidType | RecordType):
            self._types[key] = known
        return known

    def _pointer(self, target: Type, name: str, at: Cursor) -> PointerType:
        return PointerType(lambda: self.type(target, at), name)

    def _read_type(self, clang_type: Type, at: Cursor) -> CType:
        canonical = clang_type.get_canonical()
        kind = canonical.kind
        if kind in _SIGNED or kind in _UNSIGNED:
            bits = canonical.get_size() * 8
            return IntType(bits, kind in _SIGNED, (_SIGNED if kind in _SIGNED else _UNSIGNED)[kind])
        if kind is TypeKind.BOOL:
            return IntType(8, False, "_Bool", is_bool=True)
        if kind is TypeKind.ENUM:
            underlying = canonical.get_declaration().enum_type.get_canonical()
            if underlying.get_size() <= 0:
                raise self.refuse(at, f"{canonical.spelling} is not defined in this translation unit")
            return IntType(underlying.get_size() * 8, underlying.kind in _SIGNED, canonical.spelling)
        if kind is TypeKind.VOID:
            return VoidType()
        if kind is TypeKind.POINTER:
            known = self._pointers[bytes(clang_type)] = canonical.get_pointee(), canonical.spelling
            return self._pointer(*known, at)
        if kind in (TypeKind.FUNCTIONPROTO, TypeKind.FUNCTIONNOPROTO):
            return FunctionType(canonical.spelling)
        if kind is TypeKind.CONSTANTARRAY:
            return ArrayType(self.type(canonical.element_type, at), canonical.element_count, canonical.spelling)
        if kind is TypeKind.INCOMPLETEARRAY:
            return ArrayType(self.type(canonical.element_type, at), 0, canonical.spelling)
        if kind is TypeKind.RECORD:
            return self._record(canonical)
        if kind is TypeKind.VECTOR:
            return self._vector(canonical, at)
        raise self.refuse(at, f"type {clang_type.spelling}")

    def is_va_list(self, clang_type: Type) -> bool:
        """Whether a type is that of the arguments of a function with any number of them."""
        key = bytes(clang_type)
        if key not in self._va_lists:
            self._va_lists[key] = "__va_list_tag" in clang_type.get_canonical().spelling
        return self._va_lists[key]

    def value_type(self, cursor: Cursor) -> CType:
        """The type of an expression's value.

        libclang shows the type of an array parameter as it is written; the value is a pointer.

        Raises:
            Refused: it is an integer of more than 64 bits.
        """
        type_ = self.type(clang_api.type_of(cursor), cursor)
        if isinstance(type_, IntType) and type_.bits > 64:
            raise self.refuse(cursor, f"arithmetic in {type_.name}")
        return decayed(type_)

    def _vector(self, canonical: Type, at: Cursor) -> RecordType:
        """A vector, which is moved as a struct of its elements is; what calculates with one is refused as with that."""
        elements = ArrayType(self.type(canonical.element_type, at), canonical.element_count, canonical.spelling)
        return RecordType(
            name=canonical.spelling,
            bits=canonical.get_size() * 8,
            is_union=False,
            load_fields=lambda: (StructMember("elements", 0, elements, None),),
        )

    def _record(self, canonical: Type) -> RecordType:
        declaration = canonical.get_declaration()
        known = self._records.get(declaration)
        if known is not None:
            return known
        size = canonical.get_size()
        name = canonical.spelling.removeprefix("const ").removeprefix("volatile ")
        record = RecordType(
            name=self._names.records.get(name, name),
            bits=max(size, 0) * 8,
            is_union=declaration.kind is CursorKind.UNION_DECL,
            load_fields=lambda: self._fields(canonical, declaration),
        )
        return self._records.set(declaration, record)

    def _fields(self, canonical: Type, declaration: Cursor) -> tuple[StructMember, ...]:
        if canonical.get_size() < 0:
            raise self.refuse(declaration, f"{canonical.spelling} is not defined in this translation unit")
        fields: list[StructMember] = []
        for cursor in canonical.get_fields():
            fields += self._columns(cursor) if self.is_transposed(cursor) else [self._field(cursor)]
        return tuple(fields)

    def _field(self, cursor: Cursor) -> StructMember:
        offset = cursor.get_field_offsetof()
        if offset < 0:
            raise self.refuse(cursor, f"the place of member {cursor.spelling} is not known")
        width = cursor.get_bitfield_width() if cursor.is_bitfield() else None
        # An anonymous member is spelled "union outer::(anonymous at file:line)".
        name = "" if "(" in cursor.spelling else cursor.spelling
        if self._names.members and name:
            name = self._names.members.get((record_of(cursor), name), name)
        type_ = self.type(clang_api.type_of(cursor), cursor)
        if self._names.embedded and isinstance(type_, ArrayType) and self.is_embedded(cursor):
            type_ = type_.element
        return StructMember(name, offset, type_, width)

    def is_embedded(self, member: Cursor) -> bool:
        """Whether a member is an array of one element that was no array."""
        return (record_of(member), member.spelling) in self._names.embedded

    def is_transposed(self, member: Cursor) -> bool:
        """Whether a member is an array of structs of which members were arrays of their own."""
        transposed = self._names.transposed
        return bool(transposed) and (record_of(member), member.spelling) in transposed

    def _columns(self, array: Cursor) -> list[StructMember]:
        """The arrays that an array of structs was, one behind the other where it stands, the widest elements first."""
        key, type_ = (record_of(array), array.spelling), self.type(clang_api.type_of(array), array)
        element = type_.element if isinstance(type_, ArrayType) else None
        if not isinstance(type_, ArrayType) or not isinstance(element, RecordType) or element.is_union:
            raise self.refuse(array, f"{array.spelling}, which is no array of structs")
        if any(each.bit_width is not None or not each.name for each in element.fields):
            raise self.refuse(array, f"{array.spelling} with bit-fields, or members without a name, as several arrays")
        found, offset = [], array.get_field_offsetof()
        for each in sorted(element.fields, key=lambda each: -each.width):
            name = self._names.columns.get((*key, each.name), f"{array.spelling}.{each.name}")
            column = ArrayType(each.type, type_.count, f"{each.type.name}[{type_.count}]")
            found.append(StructMember(name, offset, column))
            offset += column.bits
        return found

    def column(self, array: Cursor, member: Cursor) -> StructMember:
        """The array that a member of the elements of an array of structs was."""
        outer = self.type(array.semantic_parent.type, array)
        name = self._names.columns.get((record_of(array), array.spelling, member.spelling))
        assert isinstance(outer, RecordType)
        wanted = name or f"{array.spelling}.{member.spelling}"
        return next(each for each in outer.fields if each.name == wanted)


def record_of(member: Cursor) -> str:
    """The record with a name that a member is declared in, or inside of which."""
    parent = member.semantic_parent
    while "(" in parent.type.spelling and parent.semantic_parent.kind in _RECORDS:
        parent = parent.semantic_parent
    return str(parent.type.spelling)


def decayed(type_: CType) -> CType:
    """The type of a value: that of an array or function is a pointer to it."""
    if isinstance(type_, ArrayType):
        return PointerType(lambda: type_.element, f"{type_.element.name} *")
    if isinstance(type_, FunctionType):
        return PointerType(lambda: type_, f"{type_.name} *")
    return type_
