"""From libclang's cursors to the front end's own syntax; what is not understood is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from clang.cindex import Cursor, CursorKind, Type, TypeKind

from mmuproof.lift import clang_api, syntax
from mmuproof.lift.c_types import (
    ArrayType,
    CType,
    Field,
    FunctionType,
    IntType,
    PointerType,
    RecordType,
    VoidType,
)
from mmuproof.lift.errors import Refused
from mmuproof.lift.syntax import Expr, Function, Location, Stmt, Variable

_T = TypeVar("_T")

_SIGNED = {
    TypeKind.CHAR_S: "char", TypeKind.SCHAR: "signed char", TypeKind.SHORT: "short", TypeKind.INT: "int",
    TypeKind.LONG: "long", TypeKind.LONGLONG: "long long", TypeKind.INT128: "__int128",
}  # fmt: skip
_UNSIGNED = {
    TypeKind.CHAR_U: "char", TypeKind.UCHAR: "unsigned char", TypeKind.USHORT: "unsigned short",
    TypeKind.UINT: "unsigned int", TypeKind.ULONG: "unsigned long", TypeKind.ULONGLONG: "unsigned long long",
    TypeKind.UINT128: "unsigned __int128",
}  # fmt: skip
_LITERALS = (CursorKind.INTEGER_LITERAL, CursorKind.CHARACTER_LITERAL)
_REFERENCES = (CursorKind.TYPE_REF, CursorKind.MEMBER_REF)
_IMPURE = (
    CursorKind.CALL_EXPR,
    CursorKind.COMPOUND_ASSIGNMENT_OPERATOR,
    CursorKind.StmtExpr,
)


_INCREMENTS = (
    syntax.UnaryOp.PRE_INC, syntax.UnaryOp.PRE_DEC, syntax.UnaryOp.POST_INC, syntax.UnaryOp.POST_DEC,
)  # fmt: skip


_CHARACTER = re.compile(r"\\([0-7]{1,3})|\\(.)|(.)", re.DOTALL)
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


class _CursorMap(Generic[_T]):
    """A dictionary by cursor; cursors compare by the node that they stand for."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[tuple[Cursor, _T]]] = {}

    def get(self, cursor: Cursor) -> _T | None:
        for key, value in self._buckets.get(cursor.hash, ()):
            if key == cursor:
                return value
        return None

    def set(self, cursor: Cursor, value: _T) -> _T:
        self._buckets.setdefault(cursor.hash, []).append((cursor, value))
        return value

    def drop(self, cursor: Cursor) -> None:
        bucket = self._buckets[cursor.hash]
        bucket[:] = [(key, value) for key, value in bucket if key != cursor]


class Reader:
    """Reads types, variables and function bodies of one parsed translation unit.

    Args:
        root: the tree's folder; locations are given relative to it.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._files: dict[str, str] = {}
        self._records: _CursorMap[RecordType] = _CursorMap()
        self._variables: _CursorMap[Variable] = _CursorMap()

    # -- places -----------------------------------------------------------------------------------

    def location(self, cursor: Cursor) -> Location:
        """Where a cursor stands; inside a macro, where the macro is used."""
        place = cursor.location
        name = place.file.name if place.file else "<built-in>"
        short = self._files.get(name)
        if short is None:
            short = name.removeprefix(self._root).lstrip("/")
            # Paths through "a/b/../c" are shown as a person would write them.
            parts: list[str] = []
            for part in short.split("/"):
                if part == ".." and parts:
                    parts.pop()
                elif part != ".":
                    parts.append(part)
            short = self._files[name] = "/".join(parts)
        return Location(short, place.line)

    def refuse(self, cursor: Cursor, what: str) -> Refused:
        """An exception that says what is not understood, and where."""
        return Refused(what, str(self.location(cursor)))

    # -- types ------------------------------------------------------------------------------------

    def type(self, clang_type: Type, at: Cursor) -> CType:
        """The front end's view of a type.

        Raises:
            Refused: floating point, vectors, variable-length arrays and the like.
        """
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
            pointee = canonical.get_pointee()
            return PointerType(lambda: self.type(pointee, at), canonical.spelling)
        if kind in (TypeKind.FUNCTIONPROTO, TypeKind.FUNCTIONNOPROTO):
            return FunctionType(canonical.spelling)
        if kind is TypeKind.CONSTANTARRAY:
            return ArrayType(
                self.type(canonical.element_type, at), canonical.element_count, canonical.spelling
            )
        if kind is TypeKind.INCOMPLETEARRAY:
            return ArrayType(self.type(canonical.element_type, at), 0, canonical.spelling)
        if kind is TypeKind.RECORD:
            return self._record(canonical)
        raise self.refuse(at, f"type {clang_type.spelling}")

    def value_type(self, cursor: Cursor) -> CType:
        """The type of an expression's value.

        libclang shows the type of an array parameter as it is written; the value is a pointer.
        """
        type_ = self.type(cursor.type, cursor)
        if isinstance(type_, IntType) and type_.bits > 64:
            raise self.refuse(cursor, f"arithmetic in {type_.name}")
        return _decayed(type_)

    def _record(self, canonical: Type) -> RecordType:
        declaration = canonical.get_declaration()
        known = self._records.get(declaration)
        if known is not None:
            return known
        size = canonical.get_size()
        name = canonical.spelling.removeprefix("const ").removeprefix("volatile ")
        record = RecordType(
            name=name,
            bits=max(size, 0) * 8,
            is_union=declaration.kind is CursorKind.UNION_DECL,
            load_fields=lambda: self._fields(canonical, declaration),
        )
        return self._records.set(declaration, record)

    def _fields(self, canonical: Type, declaration: Cursor) -> tuple[Field, ...]:
        if canonical.get_size() < 0:
            raise self.refuse(declaration, f"{canonical.spelling} is not defined in this translation unit")
        fields: list[Field] = []
        for cursor in canonical.get_fields():
            fields.append(self._field(cursor))
        return tuple(fields)

    def _field(self, cursor: Cursor) -> Field:
        offset = cursor.get_field_offsetof()
        if offset < 0:
            raise self.refuse(cursor, f"the place of member {cursor.spelling} is not known")
        width = cursor.get_bitfield_width() if cursor.is_bitfield() else None
        # An anonymous member is spelled "union outer::(anonymous at file:line)".
        name = "" if "(" in cursor.spelling else cursor.spelling
        return Field(name, offset, self.type(cursor.type, cursor), width)

    # -- declarations -----------------------------------------------------------------------------

    def variable(self, cursor: Cursor) -> Variable:
        """The variable that a declaration declares; the same object for every mention of it."""
        canonical = cursor.canonical
        known = self._variables.get(canonical)
        if known is not None:
            return known
        is_global = cursor.kind is CursorKind.VAR_DECL and clang_api.has_static_storage(cursor)
        # Only the definition of an array may tell its size.
        definition = (cursor.get_definition() or cursor) if is_global else cursor
        type_ = self.type(definition.type, cursor)
        made = Variable(
            name=cursor.spelling,
            type=type_ if cursor.kind is CursorKind.VAR_DECL else _decayed(type_),
            is_global=is_global,
            is_const=_is_const(definition.type),
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
                raise
        return made

    def function(self, cursor: Cursor) -> Function:
        """A function's definition; its body is read when it is first asked for."""
        parameters = [
            self.variable(child) for child in cursor.get_children() if child.kind is CursorKind.PARM_DECL
        ]
        body = next(child for child in cursor.get_children() if child.kind is CursorKind.COMPOUND_STMT)
        return Function(
            name=cursor.spelling,
            location=self.location(cursor),
            parameters=tuple(parameters),
            result=self.type(cursor.result_type, cursor),
            load_body=lambda: self.statement(body),
        )

    # -- statements -------------------------------------------------------------------------------

    def statement(self, cursor: Cursor) -> Stmt:
        """A statement.

        Raises:
            Refused: the statement, or something in it, is not understood.
        """
        at = self.location(cursor)
        kind = cursor.kind
        handler = self._STATEMENTS.get(kind)
        if handler is not None:
            return handler(self, cursor, at)
        if kind.is_expression():
            return syntax.Evaluate(at, self.expression(cursor, at))
        raise self.refuse(cursor, f"statement {kind.name}")

    def _compound(self, cursor: Cursor, at: Location) -> syntax.Compound:
        return syntax.Compound(at, tuple(self.statement(child) for child in cursor.get_children()))

    def _declare(self, cursor: Cursor, at: Location) -> Stmt:
        made: list[Variable] = []
        for child in cursor.get_children():
            if child.kind is CursorKind.VAR_DECL:
                made.append(self.variable(child))
            elif child.kind is CursorKind.STATIC_ASSERT or child.kind.is_declaration():
                continue
            else:
                raise self.refuse(child, f"declaration {child.kind.name}")
        return syntax.Declare(at, tuple(made))

    def _if(self, cursor: Cursor, at: Location) -> Stmt:
        parts = list(cursor.get_children())
        if len(parts) not in (2, 3):
            raise self.refuse(cursor, "if with a declaration")
        other = self.statement(parts[2]) if len(parts) == 3 else None
        return syntax.If(at, self.expression(parts[0], at), self.statement(parts[1]), other)

    def _for(self, cursor: Cursor, at: Location) -> Stmt:
        parts = list(cursor.get_children())
        *head, body = parts
        present = [True, True, True] if len(head) == 3 else self._for_parts(cursor, len(head))
        pending = iter(head)
        start, condition, step = (next(pending) if here else None for here in present)
        return syntax.Loop(
            at,
            start=None if start is None else self.statement(start),
            condition=None if condition is None else self.expression(condition, at),
            step=None if step is None else self.expression(step, at),
            body=self.statement(body),
            test_first=True,
        )

    def _for_parts(self, cursor: Cursor, count: int) -> list[bool]:
        """Which of the three parts of ``for`` are there; libclang leaves the missing ones out."""
        depth, part, present = 0, 0, [False, False, False]
        for token in cursor.get_tokens():
            text = token.spelling
            if depth == 0 and text not in ("for", "("):
                break
            if text in "([{":
                depth += 1
                if depth == 1:
                    continue
            if text in ")]}":
                depth -= 1
                if depth == 0:
                    break
            if text == ";" and depth == 1:
                part += 1
                if part > 2:
                    break
            elif depth >= 1:
                present[part] = True
        if sum(present) != count:
            raise self.refuse(cursor, "for with missing parts inside a macro")
        return present

    def _while(self, cursor: Cursor, at: Location) -> Stmt:
        condition, body = cursor.get_children()
        return syntax.Loop(
            at, None, self.expression(condition, at), None, self.statement(body), test_first=True
        )

    def _do(self, cursor: Cursor, at: Location) -> Stmt:
        body, condition = cursor.get_children()
        return syntax.Loop(
            at, None, self.expression(condition, at), None, self.statement(body), test_first=False
        )

    def _switch(self, cursor: Cursor, at: Location) -> Stmt:
        condition, body = cursor.get_children()
        return syntax.Switch(at, self.expression(condition, at), self.statement(body))

    def _case(self, cursor: Cursor, at: Location) -> Stmt:
        *labels, body = cursor.get_children()
        values = [clang_api.evaluate(label) for label in labels]
        low, high = values[0], values[-1]
        if low is None or high is None or len(values) > 2:
            raise self.refuse(cursor, "case label that is no constant")
        return syntax.Case(at, low, high, self.statement(body))

    def _default(self, cursor: Cursor, at: Location) -> Stmt:
        (body,) = cursor.get_children()
        return syntax.Case(at, None, None, self.statement(body))

    def _return(self, cursor: Cursor, at: Location) -> Stmt:
        value = next(iter(cursor.get_children()), None)
        return syntax.Return(at, None if value is None else self.expression(value, at))

    def _goto(self, cursor: Cursor, at: Location) -> Stmt:
        (target,) = cursor.get_children()
        return syntax.Goto(at, target.spelling)

    def _label(self, cursor: Cursor, at: Location) -> Stmt:
        (body,) = cursor.get_children()
        return syntax.Label(at, cursor.spelling, self.statement(body))

    def _unexposed_statement(self, cursor: Cursor, at: Location) -> Stmt:
        # An attributed statement, such as a marked fallthrough.
        children = list(cursor.get_children())
        if len(children) == 1 and (children[0].kind.is_statement() or children[0].kind.is_expression()):
            return self.statement(children[0])
        raise self.refuse(cursor, "statement that libclang does not name")

    def _asm(self, cursor: Cursor, at: Location) -> Stmt:
        texts = [token.spelling for token in cursor.get_tokens()]
        # With an empty template and no operands the compiler emits nothing: a barrier.
        if not list(cursor.get_children()) and '""' in texts and texts.index('""') <= 3:
            return syntax.Empty(at)
        raise self.refuse(cursor, "inline assembly")

    _STATEMENTS: ClassVar[dict[CursorKind, Callable[[Reader, Cursor, Location], Stmt]]] = {
        CursorKind.COMPOUND_STMT: _compound,
        CursorKind.DECL_STMT: _declare,
        CursorKind.IF_STMT: _if,
        CursorKind.FOR_STMT: _for,
        CursorKind.WHILE_STMT: _while,
        CursorKind.DO_STMT: _do,
        CursorKind.SWITCH_STMT: _switch,
        CursorKind.CASE_STMT: _case,
        CursorKind.DEFAULT_STMT: _default,
        CursorKind.RETURN_STMT: _return,
        CursorKind.GOTO_STMT: _goto,
        CursorKind.LABEL_STMT: _label,
        CursorKind.BREAK_STMT: lambda _self, _cursor, at: syntax.Break(at),
        CursorKind.CONTINUE_STMT: lambda _self, _cursor, at: syntax.Continue(at),
        CursorKind.NULL_STMT: lambda _self, _cursor, at: syntax.Empty(at),
        CursorKind.UNEXPOSED_STMT: _unexposed_statement,
        CursorKind.ASM_STMT: _asm,
    }

    # -- expressions ------------------------------------------------------------------------------

    def expression(self, cursor: Cursor, at: Location, expected: CType | None = None) -> Expr:
        """An expression; ``expected`` is the type that an initializer list fills.

        Raises:
            Refused: the expression, or something in it, is not understood.
        """
        kind = cursor.kind
        if kind is CursorKind.INIT_LIST_EXPR:
            return self._init_list(cursor, at, expected or self.type(cursor.type, cursor))
        handler = self._EXPRESSIONS.get(kind)
        if handler is None:
            raise self.refuse(cursor, f"expression {kind.name}")
        return handler(self, cursor, at)

    def _constant(self, cursor: Cursor, at: Location, what: str) -> syntax.Constant:
        value = clang_api.evaluate(cursor)
        type_ = self.type(cursor.type, cursor)
        if value is None or not isinstance(type_, IntType) or type_.bits > 64:
            raise self.refuse(cursor, what)
        return syntax.Constant(type_, at, value & ((1 << type_.bits) - 1))

    def _literal(self, cursor: Cursor, at: Location) -> Expr:
        return self._constant(cursor, at, "literal")

    def _sizeof(self, cursor: Cursor, at: Location) -> Expr:
        return self._constant(cursor, at, "sizeof that is no constant")

    def _string(self, cursor: Cursor, at: Location) -> Expr:
        type_ = self.type(cursor.type, cursor)
        return syntax.Text(type_, at, _characters(cursor.spelling))

    def _paren(self, cursor: Cursor, at: Location) -> Expr:
        (inner,) = cursor.get_children()
        return self.expression(inner, at)

    def _name(self, cursor: Cursor, at: Location) -> Expr:
        target = cursor.referenced
        if target is None:
            raise self.refuse(cursor, f"name {cursor.spelling} that is not declared")
        if target.kind is CursorKind.ENUM_CONSTANT_DECL:
            type_ = self.type(cursor.type, cursor)
            return syntax.Constant(type_, at, target.enum_value & ((1 << type_.bits) - 1))
        if target.kind is CursorKind.FUNCTION_DECL:
            return syntax.FunctionName(FunctionType(target.type.spelling), at, target.spelling)
        if target.kind in (CursorKind.VAR_DECL, CursorKind.PARM_DECL):
            variable = self.variable(target)
            return syntax.Name(variable.type, at, variable)
        raise self.refuse(cursor, f"name {cursor.spelling}, a {target.kind.name}")

    def _member(self, cursor: Cursor, at: Location) -> Expr:
        (base_cursor,) = (child for child in cursor.get_children() if child.kind not in _REFERENCES)
        base = self.expression(base_cursor, at)
        target = cursor.referenced
        if target is None or target.kind is not CursorKind.FIELD_DECL:
            raise self.refuse(cursor, f"member {cursor.spelling}")
        is_arrow = isinstance(base.type, PointerType)
        record = base.type.target if isinstance(base.type, PointerType) else base.type
        parent = self.type(target.semantic_parent.type, cursor)
        inner = _distance(record, parent) if isinstance(record, RecordType) else None
        if inner is None:
            raise self.refuse(cursor, f"member {cursor.spelling} of {record.name}")
        field = self._field(target)
        field = Field(field.name, inner + field.offset, field.type, field.bit_width)
        return syntax.Member(self.type(cursor.type, cursor), at, base, is_arrow, field)

    def _index(self, cursor: Cursor, at: Location) -> Expr:
        base, index = (self.expression(child, at) for child in cursor.get_children())
        if not isinstance(base.type, (PointerType, ArrayType)):
            raise self.refuse(cursor, "index written before its array")
        return syntax.Index(self.type(cursor.type, cursor), at, base, index)

    def _unary(self, cursor: Cursor, at: Location) -> Expr:
        (operand_cursor,) = cursor.get_children()
        if clang_api.is_extension(cursor):
            return self.expression(operand_cursor, at)
        op = clang_api.unary_operator(cursor)
        if op is None:
            raise self.refuse(cursor, "unary operator")
        is_place = op is syntax.UnaryOp.DEREFERENCE
        type_ = self.type(cursor.type, cursor) if is_place else self.value_type(cursor)
        return syntax.Unary(type_, at, op, self.expression(operand_cursor, at))

    def _binary(self, cursor: Cursor, at: Location) -> Expr:
        left, right = (self.expression(child, at) for child in cursor.get_children())
        found = clang_api.binary_operator(cursor)
        if found is None:
            raise self.refuse(cursor, "binary operator")
        op, assigns = found
        type_ = self.value_type(cursor)
        if assigns:
            return syntax.Assign(type_, self.location(cursor), op, left, right)
        assert op is not None
        return syntax.Binary(type_, at, op, left, right)

    def _cast(self, cursor: Cursor, at: Location) -> Expr:
        # The operand of typeof() in the type's name comes as a child before the operand.
        operand = list(cursor.get_children())[-1]
        return syntax.Cast(self.value_type(cursor), at, self.expression(operand, at), written=True)

    def _conditional(self, cursor: Cursor, at: Location) -> Expr:
        condition, then, other = (self.expression(child, at) for child in cursor.get_children())
        return syntax.Conditional(self.value_type(cursor), at, condition, then, other)

    def _call(self, cursor: Cursor, at: Location) -> Expr:
        callee, *arguments = cursor.get_children()
        where = self.location(cursor)
        return syntax.Call(
            self.value_type(cursor), where, self.expression(callee, where),
            tuple(self.expression(argument, where) for argument in arguments),
        )  # fmt: skip

    def _statement_expr(self, cursor: Cursor, at: Location) -> Expr:
        (body,) = cursor.get_children()
        return syntax.StatementExpr(self.value_type(cursor), at, self._compound(body, self.location(body)))

    def _compound_literal(self, cursor: Cursor, at: Location) -> Expr:
        type_ = self.type(cursor.type, cursor)
        value = list(cursor.get_children())[-1]
        return syntax.CompoundLiteral(type_, at, self.expression(value, at, type_))

    def _selected(self, cursor: Cursor, at: Location) -> Expr:
        """``_Generic`` and the like: all arms are children, so only a constant is understood."""
        if not _is_pure(cursor):
            raise self.refuse(cursor, "selection among expressions with side effects")
        return self._constant(cursor, at, "selection that is no constant")

    def _unexposed(self, cursor: Cursor, at: Location) -> Expr:
        children = list(cursor.get_children())
        if any(child.kind in _REFERENCES for child in children):
            if not _is_pure(cursor):
                raise self.refuse(cursor, "expression that libclang does not name")
            return self._constant(cursor, at, "offsetof that is no constant")
        if len(children) == 1:
            return self._implicit(cursor, children[0], at)
        if len(children) == 4 and children[0] == children[1]:
            condition, other = self.expression(children[0], at), self.expression(children[3], at)
            return syntax.Conditional(self.value_type(cursor), at, condition, None, other)
        if len(children) == 3 and isinstance(self.type(children[0].type, cursor), IntType):
            # Of what libclang does not name, only __builtin_choose_expr starts with an integer constant.
            choice = clang_api.evaluate(children[0]) if _is_pure(children[0]) else None
            if choice is not None:
                return self.expression(children[1] if choice else children[2], at)
        if _is_pure(cursor):
            return self._constant(cursor, at, "expression that libclang does not name")
        raise self.refuse(cursor, "expression that libclang does not name")

    def _implicit(self, cursor: Cursor, operand: Cursor, at: Location) -> Expr:
        """An implicit conversion."""
        if "__va_list_tag" in operand.type.get_canonical().spelling:
            raise self.refuse(cursor, "va_arg")
        inner = self.expression(operand, at)
        if isinstance(inner, syntax.Text):
            # A string as the initializer of an array, or decayed to a pointer; __func__ is one, too.
            type_ = self.type(cursor.type, cursor)
            return inner if isinstance(type_, ArrayType) else syntax.Cast(type_, at, inner)
        type_ = self.type(cursor.type, cursor)
        if isinstance(inner.type, PointerType | IntType):
            type_ = self.value_type(cursor)
        return syntax.Cast(type_, at, inner)

    def _init_list(self, cursor: Cursor, at: Location, type_: CType) -> Expr:
        items: list[tuple[Field, Expr]] = []
        position: int | None = 0
        for child in cursor.get_children():
            if child.kind is CursorKind.UNEXPOSED_EXPR and child.type.kind is TypeKind.VOID:
                *path, value = child.get_children()
                targets, position = self._designated(child, type_, path)
            elif position is None:
                raise self.refuse(child, "initializer that goes on behind a designator of an inner member")
            else:
                targets, value = [self._positional(child, type_, position)], child
                position += 1
            if len(targets) > 1 and not _is_pure(value):
                raise self.refuse(child, "range of elements with an initializer that has side effects")
            for target in targets:
                items.append((target, self._initializer(child, value, target.type, at)))
        if isinstance(type_, IntType | PointerType) and len(items) == 1:
            return syntax.Cast(type_, at, items[0][1])
        return syntax.InitList(type_, at, tuple(items))

    def _positional(self, cursor: Cursor, type_: CType, position: int) -> Field:
        if isinstance(type_, RecordType):
            # An unnamed bit-field takes no initializer; the members of an anonymous struct are one field.
            fields = [each for each in type_.fields if each.name or each.bit_width is None]
            if position < (1 if type_.is_union else len(fields)):
                return fields[position]
        if isinstance(type_, ArrayType):
            return Field("", position * type_.element.bits, type_.element)
        if isinstance(type_, IntType | PointerType) and position == 0:
            return Field("", 0, type_)
        raise self.refuse(cursor, "initializer without a member to go to")

    def _initializer(self, entry: Cursor, value: Cursor, type_: CType, at: Location) -> Expr:
        """The value of one entry, which fills a member or element of the given type."""
        made = self.expression(value, at, type_)
        if isinstance(type_, RecordType | ArrayType):
            fits = isinstance(made, syntax.InitList) or (
                isinstance(made.type, RecordType) if isinstance(type_, RecordType)
                else isinstance(made, syntax.Text)
            )  # fmt: skip
            if not fits:
                raise self.refuse(entry, "initializer with braces left out")
        return made

    def _designated(self, cursor: Cursor, type_: CType, path: list[Cursor]) -> tuple[list[Field], int | None]:
        """Where a designated initializer goes, and where the next one does: None behind an inner member."""
        first, *_ = path
        if isinstance(type_, ArrayType) and first.kind is not CursorKind.MEMBER_REF:
            indices = [self._index_constant(cursor, step) for step in path]
            if len(indices) > 1 and any(token.spelling == "..." for token in cursor.get_tokens()):
                if len(indices) != 2:
                    raise self.refuse(cursor, "designated range inside another designator")
                low, high = indices
                stride = type_.element.bits
                fields = [Field("", index * stride, type_.element) for index in range(low, high + 1)]
                return fields, high + 1
        offset, current, width, name = 0, type_, None, ""
        for step in path:
            if isinstance(current, RecordType) and step.kind is CursorKind.MEMBER_REF:
                member = self._field(step.referenced) if step.spelling else \
                    self._anonymous(cursor, current, step)  # fmt: skip
                offset, current, width = offset + member.offset, member.type, member.bit_width
                name = member.name
            elif isinstance(current, ArrayType) and step.kind is not CursorKind.MEMBER_REF:
                index = self._index_constant(cursor, step)
                offset, current, width = offset + index * current.element.bits, current.element, None
            else:
                raise self.refuse(cursor, "designator")
        following = self._following(type_, path) if len(path) == 1 else None
        return [Field(name, offset, current, width)], following

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

    def _anonymous(self, cursor: Cursor, record: RecordType, step: Cursor) -> Field:
        """The anonymous member through which a designator goes."""
        wanted = self.type(step.type, cursor)
        found = [member for member in record.fields if not member.name and member.type is wanted]
        if len(found) != 1:
            raise self.refuse(cursor, "designator through an anonymous member")
        return found[0]

    _EXPRESSIONS: ClassVar[dict[CursorKind, Callable[[Reader, Cursor, Location], Expr]]] = {
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


def _decayed(type_: CType) -> CType:
    """The type of a value: that of an array or function is a pointer to it."""
    if isinstance(type_, ArrayType):
        return PointerType(lambda: type_.element, f"{type_.element.name} *")
    if isinstance(type_, FunctionType):
        return PointerType(lambda: type_, f"{type_.name} *")
    return type_


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


def _is_pure(cursor: Cursor) -> bool:
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
    return all(_is_pure(child) for child in cursor.get_children())
