"""From libclang's cursors to the front end's own syntax; what is not understood is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from clang.cindex import Cursor, CursorKind

from mmuproof.lift import syntax
from mmuproof.lift.errors import NotFollowed
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.expression_reader import ExpressionReader
from mmuproof.lift.syntax import Function, Location, Stmt, Variable


class Reader(ExpressionReader):
    """Reads types, variables and function bodies of one parsed translation unit.

    Args:
        root: the tree's folder; locations are given relative to it.
    """

    def function(self, cursor: Cursor) -> Function:
        """A function's definition; its body is read when it is first asked for."""
        children = clang_api.children(cursor)
        parameters = [self.variable(child) for child in children if child.kind is CursorKind.PARM_DECL]
        body = next(child for child in children if child.kind is CursorKind.COMPOUND_STMT)
        return Function(
            name=self.function_name(cursor),
            location=self.location(cursor),
            parameters=tuple(parameters),
            result=self.type(cursor.result_type, cursor),
            load_body=lambda: self.statement(body),
        )

    def statement(self, cursor: Cursor) -> Stmt:
        """A statement.

        Raises:
            Refused: the statement, or something in it, is not understood.
        """
        at = self.location(cursor)
        handler = self._STATEMENTS.get(clang_api.number_of_kind(cursor))
        if handler is not None:
            return handler(self, cursor, at)
        if cursor.kind.is_expression():
            return syntax.Evaluate(at, self.expression(cursor, at))
        raise self.refuse(cursor, f"statement {cursor.kind.name}")

    def _compound(self, cursor: Cursor, at: Location) -> syntax.Compound:
        return syntax.Compound(at, tuple(self.statement(child) for child in clang_api.children(cursor)))

    def _declare(self, cursor: Cursor, at: Location) -> Stmt:
        made: list[Variable] = []
        for child in clang_api.children(cursor):
            if child.kind is CursorKind.VAR_DECL:
                made.append(self.variable(child))
            elif child.kind is CursorKind.STATIC_ASSERT or child.kind.is_declaration():
                continue
            else:
                raise self.refuse(child, f"declaration {child.kind.name}")
        return syntax.Declare(at, tuple(made))

    def _if(self, cursor: Cursor, at: Location) -> Stmt:
        parts = clang_api.children(cursor)
        if len(parts) not in (2, 3):
            raise self.refuse(cursor, "if with a declaration")
        other = self.statement(parts[2]) if len(parts) == 3 else None
        return syntax.If(at, self.expression(parts[0], at), self.statement(parts[1]), other)

    def _for(self, cursor: Cursor, at: Location) -> Stmt:
        parts = clang_api.children(cursor)
        *head, body = parts
        present = [True, True, True] if len(head) == 3 else self._for_parts(cursor, len(head))
        pending = iter(head)
        start, condition, step = (next(pending) if here else None for here in present)
        return syntax.Loop(
            at=at,
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
        condition, body = clang_api.children(cursor)
        return syntax.Loop(
            at=at,
            start=None,
            condition=self.expression(condition, at),
            step=None,
            body=self.statement(body),
            test_first=True,
        )

    def _do(self, cursor: Cursor, at: Location) -> Stmt:
        body, condition = clang_api.children(cursor)
        return syntax.Loop(
            at=at,
            start=None,
            condition=self.expression(condition, at),
            step=None,
            body=self.statement(body),
            test_first=False,
        )

    def _switch(self, cursor: Cursor, at: Location) -> Stmt:
        condition, body = clang_api.children(cursor)
        return syntax.Switch(at, self.expression(condition, at), self.statement(body))

    def _case(self, cursor: Cursor, at: Location) -> Stmt:
        *labels, body = clang_api.children(cursor)
        values = [clang_api.evaluate(label) for label in labels]
        low, high = values[0], values[-1]
        if low is None or high is None or len(values) > 2:
            raise self.refuse(cursor, "case label that is no constant")
        return syntax.SwitchCase(at, low, high, self.statement(body))

    def _default(self, cursor: Cursor, at: Location) -> Stmt:
        (body,) = clang_api.children(cursor)
        return syntax.SwitchCase(at, None, None, self.statement(body))

    def _return(self, cursor: Cursor, at: Location) -> Stmt:
        value = next(iter(clang_api.children(cursor)), None)
        return syntax.Return(at, None if value is None else self.expression(value, at))

    def _goto(self, cursor: Cursor, at: Location) -> Stmt:
        (target,) = clang_api.children(cursor)
        return syntax.Goto(at, target.spelling)

    def _label(self, cursor: Cursor, at: Location) -> Stmt:
        (body,) = clang_api.children(cursor)
        return syntax.Label(at, cursor.spelling, self.statement(body))

    def _unexposed_statement(self, cursor: Cursor, at: Location) -> Stmt:
        # An attributed statement, such as a marked fallthrough.
        children = clang_api.children(cursor)
        if len(children) == 1 and (children[0].kind.is_statement() or children[0].kind.is_expression()):
            return self.statement(children[0])
        raise self.refuse(cursor, "statement that libclang does not name")

    def _asm(self, cursor: Cursor, at: Location) -> Stmt:
        texts = [token.spelling for token in cursor.get_tokens()]
        # With an empty template and no operands the compiler emits nothing: a barrier.
        if not clang_api.children(cursor) and '""' in texts and texts.index('""') <= 3:
            return syntax.Empty(at)
        raise NotFollowed("inline assembly", str(at))

    _STATEMENTS: ClassVar[dict[int, Callable[[Reader, Cursor, Location], Stmt]]] = clang_api.by_number(
        {
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
    )
