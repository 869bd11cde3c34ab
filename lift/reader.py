"""From libclang's cursors to the front end's own syntax; what is not understood is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

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

    # -- places ---------------------------------------------------------------------------------------

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

    # -- types ----------------------------------------------------------------------------------------

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
        name = "" if cursor.is_anonymous() or "(" in cursor.spelling else cursor.spelling
        return Field(name, offset, self.type(cursor.type, cursor), width)

    # -- declarations -----------------------------------------------------------------------------------

    def variable(self, cursor: Cursor) -> Variable:
        """The variable that a declaration declares; the same object for every mention of it."""
        canonical = cursor.canonical
        known = self._variables.get(canonical)
        if known is not None:
            return known
        is_global = cursor.kind is CursorKind.VAR_DECL and clang_api.has_static_storage(cursor)
        made = Variable(
            name=cursor.spelling,
            type=self.type(cursor.type, cursor),
            is_global=is_global,
            is_const=_is_const(cursor.type),
        )
        self._variables.set(canonical, made)
        if cursor.kind is CursorKind.VAR_DECL and (not is_global or made.is_const):
            definition = (cursor.get_definition() or cursor) if is_global else cursor
            value = clang_api.initializer(definition)
            if value is not None:
                made.initializer = self.expression(value, self.location(cursor), made.type)
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

    # -- statements ---------------------------------------------------------------------------------------

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

    _STATEMENTS: dict[CursorKind, Callable[[Reader, Cursor, Location], Stmt]] = {
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

    # -- expressions ----------------------------------------------------------------------------------------

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
        return syntax.Text(self.type(cursor.type, cursor), at, cursor.spelling)

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
        base_type = base_cursor.type.get_canonical()
        return syntax.Member(
            self.type(cursor.type, cursor), at, base, base_type.kind is TypeKind.POINTER, self._field(target)
        )

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
        return syntax.Unary(self.type(cursor.type, cursor), at, op, self.expression(operand_cursor, at))

    def _binary(self, cursor: Cursor, at: Location) -> Expr:
        left, right = (self.expression(child, at) for child in cursor.get_children())
        found = clang_api.binary_operator(cursor)
        if found is None:
            raise self.refuse(cursor, "binary operator")
        op, assigns = found
        type_ = self.type(cursor.type, cursor)
        if assigns:
            return syntax.Assign(type_, self.location(cursor), op, left, right)
        assert op is not None
        return syntax.Binary(type_, at, op, left, right)

    def _cast(self, cursor: Cursor, at: Location) -> Expr:
        # The operand of typeof() in the type's name comes as a child before the operand.
        operand = list(cursor.get_children())[-1]
        return syntax.Cast(self.type(cursor.type, cursor), at, self.expression(operand, at))

    def _conditional(self, cursor: Cursor, at: Location) -> Expr:
        condition, then, other = (self.expression(child, at) for child in cursor.get_children())
        return syntax.Conditional(self.type(cursor.type, cursor), at, condition, then, other)

    def _call(self, cursor: Cursor, at: Location) -> Expr:
        callee, *arguments = cursor.get_children()
        where = self.location(cursor)
        return syntax.Call(
            self.type(cursor.type, cursor), where, self.expression(callee, where),
            tuple(self.expression(argument, where) for argument in arguments),
        )  # fmt: skip

    def _statement_expr(self, cursor: Cursor, at: Location) -> Expr:
        (body,) = cursor.get_children()
        return syntax.StatementExpr(
            self.type(cursor.type, cursor), at, self._compound(body, self.location(body))
        )

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
            return syntax.Cast(self.type(cursor.type, cursor), at, self.expression(children[0], at))
        if len(children) == 4 and children[0] == children[1]:
            condition, other = self.expression(children[0], at), self.expression(children[3], at)
            return syntax.Conditional(self.type(cursor.type, cursor), at, condition, None, other)
        first = next(iter(cursor.get_tokens()), None)
        if len(children) == 3 and first is not None and first.spelling == "__builtin_choose_expr":
            choice = clang_api.evaluate(children[0]) if _is_pure(children[0]) else None
            if choice is not None:
                return self.expression(children[1] if choice else children[2], at)
        if _is_pure(cursor):
            return self._constant(cursor, at, "expression that libclang does not name")
        raise self.refuse(cursor, "expression that libclang does not name")

    def _init_list(self, cursor: Cursor, at: Location, type_: CType) -> Expr:
        items: list[tuple[Field, Expr]] = []
        position = 0
        for child in cursor.get_children():
            parts = list(child.get_children())
            if child.kind is CursorKind.UNEXPOSED_EXPR and child.type.kind is TypeKind.VOID:
                *path, value = parts
                target, position = self._designated(child, type_, path)
            else:
                target, value = self._positional(child, type_, position), child
            position += 1
            aggregate = isinstance(target.type, (RecordType, ArrayType))
            if (
                aggregate
                and value.kind is not CursorKind.INIT_LIST_EXPR
                and value.type.get_canonical().kind is not TypeKind.RECORD
            ):
                raise self.refuse(child, "initializer with braces left out")
            items.append((target, self.expression(value, at, target.type)))
        if isinstance(type_, IntType | PointerType) and len(items) == 1:
            return syntax.Cast(type_, at, items[0][1])
        return syntax.InitList(type_, at, tuple(items))

    def _positional(self, cursor: Cursor, type_: CType, position: int) -> Field:
        if isinstance(type_, RecordType) and position < len(type_.fields):
            return type_.fields[position]
        if isinstance(type_, ArrayType):
            return Field("", position * type_.element.bits, type_.element)
        if isinstance(type_, IntType | PointerType) and position == 0:
            return Field("", 0, type_)
        raise self.refuse(cursor, "initializer without a member to go to")

    def _designated(self, cursor: Cursor, type_: CType, path: list[Cursor]) -> tuple[Field, int]:
        """Where a designated initializer goes, and the position of its outermost member."""
        offset, current, width, position = 0, type_, None, 0
        for depth, step in enumerate(path):
            if isinstance(current, RecordType):
                if step.kind is not CursorKind.MEMBER_REF:
                    raise self.refuse(cursor, "designator")
                target = step.referenced
                member = self._field(target) if step.spelling else self._anonymous(cursor, current, step)
                if depth == 0:
                    position = next(
                        (
                            i
                            for i, each in enumerate(current.fields)
                            if each.offset == member.offset and each.name == member.name
                        ),
                        0,
                    )
                offset, current, width = offset + member.offset, member.type, member.bit_width
            elif isinstance(current, ArrayType):
                index = clang_api.evaluate(step)
                if index is None:
                    raise self.refuse(cursor, "designated index that is no constant")
                if depth == 0:
                    position = index
                offset, current, width = offset + index * current.element.bits, current.element, None
            else:
                raise self.refuse(cursor, "designator")
        return Field("", offset, current, width), position

    def _anonymous(self, cursor: Cursor, record: RecordType, step: Cursor) -> Field:
        """The anonymous member through which a designator goes."""
        wanted = self.type(step.type, cursor)
        found = [member for member in record.fields if not member.name and member.type is wanted]
        if len(found) != 1:
            raise self.refuse(cursor, "designator through an anonymous member")
        return found[0]

    _EXPRESSIONS: dict[CursorKind, Callable[[Reader, Cursor, Location], Expr]] = {
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


def _is_const(clang_type: Type) -> bool:
    canonical = clang_type.get_canonical()
    while canonical.kind in (TypeKind.CONSTANTARRAY, TypeKind.INCOMPLETEARRAY):
        canonical = canonical.element_type.get_canonical()
    return bool(canonical.is_const_qualified())


def _is_pure(cursor: Cursor) -> bool:
    """Whether folding the expression loses nothing: no call, assignment, ++, --, comma or ({ })."""
    for node in cursor.walk_preorder():
        if node.kind in _IMPURE:
            return False
        if node.kind is CursorKind.BINARY_OPERATOR:
            found = clang_api.binary_operator(node)
            if found is None or found[1] or found[0] is syntax.BinaryOp.COMMA:
                return False
        if node.kind is CursorKind.UNARY_OPERATOR and clang_api.unary_operator(node) in (
            syntax.UnaryOp.PRE_INC, syntax.UnaryOp.PRE_DEC, syntax.UnaryOp.POST_INC, syntax.UnaryOp.POST_DEC,
        ):  # fmt: skip
            return False
    return True
