"""libclang's expressions and variables as the front end's own."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from clang.cindex import Cursor, CursorKind, Type, TypeKind

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, CType, FunctionType, IntType, PointerType, RecordType, StructMember
from mmuproof.lift.errors import Refused
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.parsing.initializer_reader import InitializerReader, is_pure
from mmuproof.lift.parsing.type_reader import CursorMap, decayed
from mmuproof.lift.syntax import Expr, Location, Variable

_LITERALS = (CursorKind.INTEGER_LITERAL, CursorKind.CHARACTER_LITERAL)
_REFERENCES = tuple(clang_api.kind_number(kind) for kind in (CursorKind.TYPE_REF, CursorKind.MEMBER_REF))
_INIT_LIST = clang_api.kind_number(CursorKind.INIT_LIST_EXPR)
_CHARACTER = re.compile(r"\\([0-7]{1,3})|\\(.)|(.)", re.DOTALL)
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


class ExpressionReader(InitializerReader):
    """Reads expressions and variables; see `mmuproof.lift.parsing.reader.Reader`."""

    def __init__(self, root: Path, names: FormerNames = THE_SAME_NAMES) -> None:
        super().__init__(root, names)
        self._parts: dict[tuple[str, str], Variable] = {}
        self._variables: CursorMap[Variable] = CursorMap()
        self._mentioned: dict[bytes, Variable] = {}

    @abstractmethod
    def _compound(self, cursor: Cursor, at: Location) -> syntax.Compound:
        """A compound statement."""

    def variable(self, cursor: Cursor) -> Variable:
        """The variable that a declaration declares; the same object for every mention of it."""
        # Most mentions are of one declaration, and which others there are takes longer to find out.
        key = clang_api.packed(cursor)
        made = self._mentioned.get(key)
        if made is None:
            made = self._mentioned[key] = self._variable(cursor)
        return made

    def _variable(self, cursor: Cursor) -> Variable:
        canonical = cursor.canonical
        known = self._variables.get(canonical)
        if known is not None:
            return known
        is_global = cursor.kind is CursorKind.VAR_DECL and clang_api.has_static_storage(cursor)
        # Only the definition of an array may tell its size.
        definition = (cursor.get_definition() or cursor) if is_global else cursor
        type_ = self.type(clang_api.type_of(definition), cursor)
        made = Variable(
            name=self._former_name(cursor, is_global=is_global),
            type=type_ if cursor.kind is CursorKind.VAR_DECL else decayed(type_),
            is_global=is_global,
            is_const=_is_const(clang_api.type_of(definition)),
            cleanup="" if is_global else self._cleanup(cursor),
        )
        self._variables.set(canonical, made)
        if cursor.kind is CursorKind.VAR_DECL and (not is_global or made.is_const):
            value = clang_api.initializer(definition)
            try:
                if value is not None:
                    made.initializer = self.expression(value, self.location(cursor), made.type)
            except Refused:
                # Whoever asks again is refused again, instead of finding a variable without initializer.
                self._variables.drop(canonical)
                self._mentioned = {key: each for key, each in self._mentioned.items() if each is not made}
                raise
        return made

    def _cleanup(self, variable: Cursor) -> str:
        name = clang_api.cleanup(variable)
        return self._names.functions.get(name, name)

    def _former_name(self, variable: Cursor, *, is_global: bool) -> str:
        name = str(variable.spelling)
        if is_global:
            return self._names.variables.get(name, name)
        if self._names.parameters and variable.kind is CursorKind.PARM_DECL:
            return self._names.parameters.get((variable.semantic_parent.spelling, name), name)
        return name

    def function_name(self, function: Cursor) -> str:
        """What a function is called."""
        name = clang_api.spelling(function)
        return self._names.functions.get(name, name)

    def part(self, whole: Cursor, member: Cursor) -> Variable:
        """A member of a variable that is a struct, as the variable that it was; the same object for every mention."""
        key = whole.spelling, member.spelling
        if key not in self._parts:
            type_ = self.type(clang_api.type_of(member), member)
            self._parts[key] = Variable(name=self._names.parts[key], type=type_, is_global=True, is_const=False)
        return self._parts[key]

    def _part(self, base: Cursor, member: Cursor) -> Variable | None:
        """The variable that a member of a variable was, if it was one."""
        if not self._names.parts:
            return None
        while base.kind is CursorKind.PAREN_EXPR:
            (base,) = clang_api.children(base)
        whole = base.referenced if base.kind is CursorKind.DECL_REF_EXPR else None
        if whole is None or (whole.spelling, member.spelling) not in self._names.parts:
            return None
        return self.part(whole, member) if clang_api.has_static_storage(whole) else None

    def expression(self, cursor: Cursor, at: Location, expected: CType | None = None) -> Expr:
        """An expression; ``expected`` is the type that an initializer list fills.

        Raises:
            Refused: the expression, or something in it, is not understood.
        """
        number = clang_api.number_of_kind(cursor)
        if number == _INIT_LIST:
            return self._init_list(cursor, at, expected or self.type(clang_api.type_of(cursor), cursor))
        handler = self._EXPRESSIONS.get(number)
        if handler is None:
            raise self.refuse(cursor, f"expression {cursor.kind.name}")
        return handler(self, cursor, at)

    def _constant(self, cursor: Cursor, at: Location, what: str) -> syntax.Constant:
        value = clang_api.evaluate(cursor)
        type_ = self.type(clang_api.type_of(cursor), cursor)
        if value is None or not isinstance(type_, IntType) or type_.bits > 64:
            raise self.refuse(cursor, what)
        return syntax.Constant(type_, at, value & ((1 << type_.bits) - 1))

    def _literal(self, cursor: Cursor, at: Location) -> Expr:
        return self._constant(cursor, at, "literal")

    def _sizeof(self, cursor: Cursor, at: Location) -> Expr:
        return self._constant(cursor, at, "sizeof that is no constant")

    def _string(self, cursor: Cursor, at: Location) -> Expr:
        type_ = self.type(clang_api.type_of(cursor), cursor)
        return syntax.Text(type_, at, _characters(cursor.spelling))

    def _paren(self, cursor: Cursor, at: Location) -> Expr:
        (inner,) = clang_api.children(cursor)
        return self.expression(inner, at)

    def _name(self, cursor: Cursor, at: Location) -> Expr:
        target = cursor.referenced
        if target is None:
            raise self.refuse(cursor, f"name {cursor.spelling} that is not declared")
        kind = target.kind
        if kind is CursorKind.VAR_DECL or kind is CursorKind.PARM_DECL:
            variable = self.variable(target)
            if variable.is_global and target.spelling in self._names.gathered:
                raise self.refuse(cursor, f"{target.spelling} as a whole, whose members were variables of their own")
            return syntax.Name(variable.type, at, variable)
        if kind is CursorKind.ENUM_CONSTANT_DECL:
            type_ = self.type(clang_api.type_of(cursor), cursor)
            return syntax.Constant(type_, at, target.enum_value & ((1 << type_.bits) - 1))
        if kind is CursorKind.FUNCTION_DECL:
            return syntax.FunctionName(FunctionType(target.type.spelling), at, self.function_name(target))
        raise self.refuse(cursor, f"name {cursor.spelling}, a {kind.name}")

    def _member(self, cursor: Cursor, at: Location) -> Expr:
        (base_cursor,) = (
            child for child in clang_api.children(cursor) if clang_api.number_of_kind(child) not in _REFERENCES
        )
        target = cursor.referenced
        if target is None or target.kind is not CursorKind.FIELD_DECL:
            raise self.refuse(cursor, f"member {cursor.spelling}")
        part = self._part(base_cursor, target)
        if part is not None:
            return syntax.Name(part.type, at, part)
        if self._names.columns:
            column = self._of_column(cursor, base_cursor, target, at)
            if column is not None:
                return column
        base = self.expression(base_cursor, at)
        is_arrow = isinstance(base.type, PointerType)
        record = base.type.target if isinstance(base.type, PointerType) else base.type
        parent = self.type(target.semantic_parent.type, cursor)
        inner = _distance(record, parent) if isinstance(record, RecordType) else None
        if inner is None:
            raise self.refuse(cursor, f"member {cursor.spelling} of {record.name}")
        field = self._field(target)
        field = StructMember(field.name, inner + field.offset, field.type, field.bit_width)
        own = self._names.embedded and self.is_embedded(target)
        type_ = field.type if own else self.type(clang_api.type_of(cursor), cursor)
        return syntax.Member(type=type_, at=at, base=base, arrow=is_arrow, field=field)

    def _of_column(self, cursor: Cursor, element: Cursor, member: Cursor, at: Location) -> Expr | None:
        """A member of an element of an array of structs, as an element of the array that it was, if it was one.

        Raises:
            Refused: such an array, or an element of it, is used as a whole.
        """
        if self.is_transposed(member):
            raise self.refuse(cursor, f"{member.spelling} as a whole, whose elements' members were arrays of their own")
        parts = clang_api.children(element) if element.kind is CursorKind.ARRAY_SUBSCRIPT_EXPR else []
        array = _unconverted(parts[0]) if parts else None
        if array is None or array.kind is not CursorKind.MEMBER_REF_EXPR or not self.is_transposed(array.referenced):
            return None
        (owner_cursor,) = (
            child for child in clang_api.children(array) if clang_api.number_of_kind(child) not in _REFERENCES
        )
        owner, column = self.expression(owner_cursor, at), self.column(array.referenced, member)
        whole = syntax.Member(
            type=column.type, at=at, base=owner, arrow=isinstance(owner.type, PointerType), field=column
        )
        start = syntax.Cast(decayed(column.type), at, whole)
        type_ = self.type(clang_api.type_of(cursor), cursor)
        return syntax.Index(type_, at, start, self.expression(parts[1], at))

    def _index(self, cursor: Cursor, at: Location) -> Expr:
        base, index = (self.expression(child, at) for child in clang_api.children(cursor))
        if not isinstance(base.type, (PointerType, ArrayType)):
            raise self.refuse(cursor, "index written before its array")
        return syntax.Index(self.type(clang_api.type_of(cursor), cursor), at, base, index)

    def _unary(self, cursor: Cursor, at: Location) -> Expr:
        (operand_cursor,) = clang_api.children(cursor)
        if clang_api.is_extension(cursor):
            return self.expression(operand_cursor, at)
        op = clang_api.unary_operator(cursor)
        if op is None:
            raise self.refuse(cursor, "unary operator")
        is_place = op is syntax.UnaryOp.DEREFERENCE
        type_ = self.type(clang_api.type_of(cursor), cursor) if is_place else self.value_type(cursor)
        return syntax.Unary(type_, at, op, self.expression(operand_cursor, at))

    def _binary(self, cursor: Cursor, at: Location) -> Expr:
        left, right = (self.expression(child, at) for child in clang_api.children(cursor))
        found = clang_api.binary_operator(cursor)
        if found is None:
            raise self.refuse(cursor, "binary operator")
        op, assigns = found
        type_ = self.value_type(cursor)
        if assigns:
            return syntax.Assign(type=type_, at=self.location(cursor), op=op, target=left, value=right)
        assert op is not None
        return syntax.Binary(type=type_, at=at, op=op, left=left, right=right)

    def _cast(self, cursor: Cursor, at: Location) -> Expr:
        # The operand of typeof() in the type's name comes as a child before the operand.
        operand = clang_api.children(cursor)[-1]
        return syntax.Cast(self.value_type(cursor), at, self.expression(operand, at), written=True)

    def _conditional(self, cursor: Cursor, at: Location) -> Expr:
        condition, then, other = (self.expression(child, at) for child in clang_api.children(cursor))
        return syntax.Conditional(type=self.value_type(cursor), at=at, condition=condition, then=then, other=other)

    def _call(self, cursor: Cursor, at: Location) -> Expr:
        callee, *arguments = clang_api.children(cursor)
        where = self.location(cursor)
        return syntax.Call(
            self.value_type(cursor),
            where,
            self.expression(callee, where),
            tuple(self.expression(argument, where) for argument in arguments),
        )

    def _statement_expr(self, cursor: Cursor, at: Location) -> Expr:
        (body,) = clang_api.children(cursor)
        return syntax.StatementExpr(self.value_type(cursor), at, self._compound(body, self.location(body)))

    def _compound_literal(self, cursor: Cursor, at: Location) -> Expr:
        type_ = self.type(clang_api.type_of(cursor), cursor)
        value = clang_api.children(cursor)[-1]
        return syntax.CompoundLiteral(type_, at, self.expression(value, at, type_))

    def _selected(self, cursor: Cursor, at: Location) -> Expr:
        """``_Generic`` and the like: all arms are children, so only a constant is understood."""
        if not is_pure(cursor):
            raise self.refuse(cursor, "selection among expressions with side effects")
        return self._constant(cursor, at, "selection that is no constant")

    def _unexposed(self, cursor: Cursor, at: Location) -> Expr:
        children = clang_api.children(cursor)
        if any(clang_api.number_of_kind(child) in _REFERENCES for child in children):
            if not is_pure(cursor):
                raise self.refuse(cursor, "expression that libclang does not name")
            element = self._offset_of_element(cursor, children, at)
            return element or self._constant(cursor, at, "offsetof that is no constant")
        if len(children) == 1:
            return self._implicit(cursor, children[0], at)
        if len(children) == 4 and children[0] == children[1]:
            condition, other = self.expression(children[0], at), self.expression(children[3], at)
            return syntax.Conditional(type=self.value_type(cursor), at=at, condition=condition, then=None, other=other)
        if len(children) == 3 and isinstance(self.type(children[0].type, cursor), IntType):
            # Of what libclang does not name, only __builtin_choose_expr starts with an integer constant.
            choice = clang_api.evaluate(children[0]) if is_pure(children[0]) else None
            if choice is not None:
                return self.expression(children[1] if choice else children[2], at)
        if is_pure(cursor):
            return self._constant(cursor, at, "expression that libclang does not name")
        raise self.refuse(cursor, "expression that libclang does not name")

    def _offset_of_element(self, cursor: Cursor, children: list[Cursor], at: Location) -> Expr | None:
        """``offsetof(struct, array[index])`` of any index; None if it is something else, or a constant."""
        if clang_api.evaluate(cursor) is not None:
            return None
        members = [child.referenced for child in children if child.kind is CursorKind.MEMBER_REF]
        indices = [child for child in children if clang_api.number_of_kind(child) not in _REFERENCES]
        type_ = self.type(clang_api.type_of(cursor), cursor)
        owners = [child.referenced for child in children if child.kind is CursorKind.TYPE_REF]
        if not (len(members) == len(indices) == len(owners) == 1) or not isinstance(type_, IntType):
            return None
        array, index = self._field(members[0]), self.expression(indices[0], at)
        whole, parent = self.type(owners[0].type, cursor), self.type(members[0].semantic_parent.type, cursor)
        inner = _distance(whole, parent) if isinstance(whole, RecordType) else None
        if inner is None or not isinstance(array.type, ArrayType) or not isinstance(index.type, IntType):
            return None

        def bytes_of(bits: int) -> Expr:
            return syntax.Constant(type_, at, bits // 8)

        def both(operator: syntax.BinaryOp, left: Expr, right: Expr) -> Expr:
            return syntax.Binary(type=type_, at=at, op=operator, left=left, right=right)

        step = both(syntax.BinaryOp.MUL, syntax.Cast(type_, at, index), bytes_of(array.type.element.bits))
        return both(syntax.BinaryOp.ADD, bytes_of(inner + array.offset), step)

    def _implicit(self, cursor: Cursor, operand: Cursor, at: Location) -> Expr:
        """An implicit conversion."""
        if self.is_va_list(clang_api.type_of(operand)):
            raise self.refuse(cursor, "va_arg")
        inner = self.expression(operand, at)
        if isinstance(inner, syntax.Text):
            # A string as the initializer of an array, or decayed to a pointer; __func__ is one, too.
            type_ = self.type(clang_api.type_of(cursor), cursor)
            return inner if isinstance(type_, ArrayType) else syntax.Cast(type_, at, inner)
        if isinstance(inner.type, PointerType | IntType):
            return syntax.Cast(self.value_type(cursor), at, inner)
        if self._names.embedded and isinstance(inner.type, RecordType):
            pointer = self.type(clang_api.type_of(cursor), cursor)
            if isinstance(pointer, PointerType):
                # The array that it is here decays.
                return syntax.Unary(pointer, at, syntax.UnaryOp.ADDRESS, inner)
        return syntax.Cast(self.type(clang_api.type_of(cursor), cursor), at, inner)

    _EXPRESSIONS: ClassVar[dict[int, Callable[[ExpressionReader, Cursor, Location], Expr]]] = clang_api.by_number(
        {
            **dict.fromkeys(_LITERALS, _literal),
            CursorKind.STRING_LITERAL: _string,
            CursorKind.PAREN_EXPR: _paren,
            CursorKind.DECL_REF_EXPR: _name,
            CursorKind.MEMBER_REF_EXPR: _member,
            CursorKind.ARRAY_SUBSCRIPT_EXPR: _index,
            CursorKind.UNARY_OPERATOR: _unary,
            CursorKind.BINARY_OPERATOR: _binary,
            CursorKind.COMPOUND_ASSIGNMENT_OPERATOR: _binary,
            CursorKind.CSTYLE_CAST_EXPR: _cast,
            CursorKind.CONDITIONAL_OPERATOR: _conditional,
            CursorKind.CALL_EXPR: _call,
            CursorKind.StmtExpr: _statement_expr,
            CursorKind.CXX_UNARY_EXPR: _sizeof,
            CursorKind.COMPOUND_LITERAL_EXPR: _compound_literal,
            CursorKind.GENERIC_SELECTION_EXPR: _selected,
            CursorKind.UNEXPOSED_EXPR: _unexposed,
        }
    )


def _characters(spelling: str) -> bytes | None:
    """The characters of a string literal as clang prints it; None for wide characters."""
    if not spelling.startswith('"'):
        return None
    found = bytearray()
    for match in _CHARACTER.finditer(spelling[1:-1]):
        octal, letter, other = match.groups()
        if octal:
            found.append(int(octal, 8))
        elif letter:
            found.append(_ESCAPES.get(letter, ord(letter)))
        else:
            found += other.encode()
    return bytes(found)


def _unconverted(cursor: Cursor) -> Cursor:
    """An expression without the parentheses and implicit conversions around it."""
    while cursor.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR):
        inner = clang_api.children(cursor)
        if len(inner) != 1:
            break
        (cursor,) = inner
    return cursor


def _distance(outer: RecordType, inner: CType) -> int | None:
    """How far into a record an anonymous record inside it begins; libclang leaves out the step through it."""
    if outer is inner:
        return 0
    for member in outer.fields:
        if not member.name and isinstance(member.type, RecordType):
            found = _distance(member.type, inner)
            if found is not None:
                return member.offset + found
    return None


def _is_const(clang_type: Type) -> bool:
    # The canonical type of an array carries its elements' qualifiers itself.
    canonical = clang_type.get_canonical()
    while not canonical.is_const_qualified():
        if canonical.kind not in (TypeKind.CONSTANTARRAY, TypeKind.INCOMPLETEARRAY):
            return False
        canonical = canonical.element_type.get_canonical()
    return True
