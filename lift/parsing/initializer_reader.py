"""Initializer lists: which member or element each entry fills."""

from __future__ import annotations

from abc import abstractmethod

from clang.cindex import Cursor, CursorKind, TypeKind

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, CType, IntType, PointerType, RecordType, StructMember
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.type_reader import TypeReader
from mmuproof.lift.syntax import Expr, Location

_IMPURE = (CursorKind.CALL_EXPR, CursorKind.COMPOUND_ASSIGNMENT_OPERATOR, CursorKind.StmtExpr)
_INCREMENTS = (syntax.UnaryOp.PRE_INC, syntax.UnaryOp.PRE_DEC, syntax.UnaryOp.POST_INC, syntax.UnaryOp.POST_DEC)
_MOST_ELEMENTS = 1 << 16
"""More elements than this are not filled one by one: the kernel's longest table that is read has a few hundred."""


class InitializerReader(TypeReader):
    """Reads initializer lists; see `mmuproof.lift.parsing.reader.Reader`."""

    @abstractmethod
    def expression(self, cursor: Cursor, at: Location, expected: CType | None = None) -> Expr:
        """An expression; ``expected`` is the type that an initializer list fills."""

    def _init_list(self, cursor: Cursor, at: Location, type_: CType) -> Expr:
        items: list[tuple[StructMember, Expr]] = []
        position: int | None = 0
        for child in clang_api.children(cursor):
            if child.kind is CursorKind.UNEXPOSED_EXPR and child.type.kind is TypeKind.VOID:
                *path, value = clang_api.children(child)
                targets, position = self._designated(child, type_, path)
            elif position is None:
                raise self.refuse(child, "initializer that goes on behind a designator of an inner member")
            else:
                targets, value = [self._positional(child, type_, position)], child
                position += 1
            if len(targets) > 1 and not is_pure(value):
                raise self.refuse(child, "range of elements with an initializer that has side effects")
            for target in targets:
                items.append((target, self._initializer(child, value, target.type, at)))
        if isinstance(type_, IntType | PointerType) and len(items) == 1:
            return syntax.Cast(type_, at, items[0][1])
        return syntax.InitList(type_, at, tuple(items))

    def _positional(self, cursor: Cursor, type_: CType, position: int) -> StructMember:
        if isinstance(type_, RecordType):
            # An unnamed bit-field takes no initializer; the members of an anonymous struct are one field.
            fields = [each for each in type_.fields if each.name or each.bit_width is None]
            if position < (1 if type_.is_union else len(fields)):
                return fields[position]
        if isinstance(type_, ArrayType):
            return StructMember("", position * type_.element.bits, type_.element)
        if isinstance(type_, IntType | PointerType) and position == 0:
            return StructMember("", 0, type_)
        raise self.refuse(cursor, "initializer without a member to go to")

    def _initializer(self, entry: Cursor, value: Cursor, type_: CType, at: Location) -> Expr:
        """The value of one entry, which fills a member or element of the given type."""
        made = self.expression(value, at, type_)
        if isinstance(type_, RecordType | ArrayType):
            fits = isinstance(made, syntax.InitList) or (
                isinstance(made.type, RecordType) if isinstance(type_, RecordType) else isinstance(made, syntax.Text)
            )
            if not fits:
                raise self.refuse(entry, "initializer with braces left out")
        return made

    def _designated(self, cursor: Cursor, type_: CType, path: list[Cursor]) -> tuple[list[StructMember], int | None]:
        """Where a designated initializer goes, and where the next one does: None behind an inner member."""
        first, *_ = path
        if isinstance(type_, ArrayType) and first.kind is not CursorKind.MEMBER_REF:
            indices = [self._index_constant(cursor, step) for step in path]
            if len(indices) > 1 and any(token.spelling == "..." for token in cursor.get_tokens()):
                if len(indices) != 2:
                    raise self.refuse(cursor, "designated range inside another designator")
                low, high = indices
                if high - low >= _MOST_ELEMENTS:
                    raise self.refuse(cursor, f"range of more than {_MOST_ELEMENTS} elements")
                stride = type_.element.bits
                fields = [StructMember("", index * stride, type_.element) for index in range(low, high + 1)]
                return fields, high + 1
        offset, current, width, name = 0, type_, None, ""
        for step in path:
            if isinstance(current, RecordType) and step.kind is CursorKind.MEMBER_REF:
                member = self._field(step.referenced) if step.spelling else self._anonymous(cursor, current, step)
                offset, current, width = offset + member.offset, member.type, member.bit_width
                name = member.name
            elif isinstance(current, ArrayType) and step.kind is not CursorKind.MEMBER_REF:
                index = self._index_constant(cursor, step)
                offset, current, width = offset + index * current.element.bits, current.element, None
            else:
                raise self.refuse(cursor, "designator")
        following = self._following(type_, path) if len(path) == 1 else None
        return [StructMember(name, offset, current, width)], following

    def _following(self, type_: CType, path: list[Cursor]) -> int | None:
        """The position behind a designated member or element."""
        (step,) = path
        if isinstance(type_, ArrayType):
            return self._index_constant(step, step) + 1
        if isinstance(type_, RecordType) and not type_.is_union:
            fields = [each for each in type_.fields if each.name or each.bit_width is None]
            for position, member in enumerate(fields):
                if member.name and member.name == step.spelling:
                    return position + 1
        return None

    def _index_constant(self, cursor: Cursor, step: Cursor) -> int:
        index = clang_api.evaluate(step) if step.kind is not CursorKind.MEMBER_REF else None
        if index is None:
            raise self.refuse(cursor, "designated index that is no constant")
        return index

    def _anonymous(self, cursor: Cursor, record: RecordType, step: Cursor) -> StructMember:
        """The anonymous member through which a designator goes."""
        wanted = self.type(step.type, cursor)
        found = [member for member in record.fields if not member.name and member.type is wanted]
        if len(found) != 1:
            raise self.refuse(cursor, "designator through an anonymous member")
        return found[0]


def is_pure(cursor: Cursor) -> bool:
    """Whether folding the expression loses nothing: no call, assignment, ++, --, comma or ({ })."""
    if cursor.kind in _IMPURE:
        return False
    if cursor.kind is CursorKind.CXX_UNARY_EXPR:
        # The operand of sizeof is not evaluated.
        return True
    if cursor.kind is CursorKind.BINARY_OPERATOR:
        found = clang_api.binary_operator(cursor)
        if found is None or found[1] or found[0] is syntax.BinaryOp.COMMA:
            return False
    if cursor.kind is CursorKind.UNARY_OPERATOR and clang_api.unary_operator(cursor) in _INCREMENTS:
        return False
    return all(is_pure(child) for child in clang_api.children(cursor))
