"""What a function is given is told by the names and types of its parameters, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Place, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.session import Session, bit_field, own_member, place_of
from mmuproof.smt.terms import BitVec, bv
from tests.lift.machine.conftest import CLANG, PROGRAMS

TYPES = "union r { u32 w; struct { u32 x : 3; u32 y : 4; }; }; struct s { u32 a; };\n"
Open = Callable[[str], Session]


@pytest.fixture
def session(tmp_path: Path) -> Open:
    """A session on a small unit, in which told() is not followed."""

    def made(text: str) -> Session:
        (tmp_path / "types.h").write_text((PROGRAMS / "types.h").read_text() + TYPES)
        (tmp_path / "unit.c").write_text(text)
        unit = Unit(tmp_path, "unit.c", [*CLANG, "-include", str(tmp_path / "types.h")])
        return Session(unit, (Cut(function="told", reason="its arguments are looked at"),))

    return made


@pytest.mark.parametrize(
    "text",
    [
        "void told(u32 level, u32 access); void f(void) { told(1, 2); }",
        "void told(u32 access, u32 level); void f(void) { told(2, 1); }",
        "static void told(u32 access, struct s *p, u32 level) { } void f(void) { told(2, 0, 1); }",
    ],
)
def test_what_a_call_is_given_is_told_by_parameter(text: str, session: Open) -> None:
    opened = session(text)
    opened.call(Memory(), "f", objects={})
    (call,) = opened.calls("told")
    assert [opened.argument(call, name).value for name in ("level", "access")] == [1, 2]
    assert opened.argument(call, "lvl", "level").value == 1


def test_a_parameter_that_is_not_there_is_told_with_those_that_are(session: Open) -> None:
    opened = session("void told(u32 lvl, u32 access); void f(void) { told(1, 2); }")
    opened.call(Memory(), "f", objects={})
    with pytest.raises(NotThere) as lost:
        opened.argument(opened.calls("told")[0], "level")
    assert lost.value.names == ("a parameter level of told(), which has lvl, access",)


def test_a_bit_field_is_counted_from_where_its_whole_is(session: Open) -> None:
    opened = session("struct outer { u64 before; union r role; }; u32 f(struct outer *p) { return p->role.y; }")
    role = place_of(Object(name="p", type=opened.unit.record("struct outer"), kind=ObjectKind.INPUT), "role")
    assert (bit_field(role, "y").offset, bit_field(role, "y").bit_width) == (64 + 3, 4)
    with pytest.raises(NotThere) as lost:
        bit_field(role, "z")
    assert lost.value.names == ("union r.z",)


@pytest.mark.parametrize("path", ["role.x.y", "roles", "role.z"])
def test_a_member_that_is_not_there_is_told_with_its_struct(path: str, session: Open) -> None:
    opened = session("struct outer { u64 before; union r role; };")
    with pytest.raises(NotThere) as lost:
        own_member(opened.unit.record("struct outer"), path)
    assert lost.value.names == (f"struct outer.{path}",)
    assert own_member(opened.unit.record("struct outer"), "role.y").offset == 64 + 3


def test_a_parameter_that_is_not_used_need_not_be_known(session: Open) -> None:
    opened = session("u32 f(struct s *p, u32 flags, u32 level) { u32 x = level; return x + 1; }")
    assert opened.integer(Memory(), "f", objects={}, values={"level": bv(3, 32)}).value == 4


@pytest.mark.parametrize(
    "body", ["return flags;", "u32 x = flags; return level;", "if (level) { return flags + 1; } return 0;"]
)
def test_a_parameter_that_is_used_has_to_be_known(body: str, session: Open) -> None:
    opened = session(f"u32 f(u32 flags, u32 level) {{ {body} }}")
    with pytest.raises(NotThere) as lost:
        opened.integer(Memory(), "f", objects={}, values={"level": bv(3, 32)})
    assert lost.value.names == ("what the parameter flags of f() is, of level",)


@pytest.mark.parametrize("text", ["u32 f(union r r) { return r.y; }", "u32 f(const union r *r) { return r->y; }"])
def test_a_struct_by_value_may_be_taken_by_pointer(text: str, session: Open) -> None:
    opened, memory = session(text), Memory()
    made = Object(name="r", type=opened.unit.record("union r"), kind=ObjectKind.INPUT)
    memory.write(made, 0, 32, bv(5 << 3, 32))
    assert opened.integer(memory, "f", objects={}, records={"union r": Place(made, 0)}).value == 5


@pytest.mark.parametrize(
    "text",
    [
        "struct c { u32 level; bool x; }; u32 f(struct s *p, const struct c *c) { return c->level + c->x; }",
        "struct c { u32 level; bool x; }; u32 f(struct s *p, struct c c) { return c.level + c.x; }",
    ],
    ids=["by pointer", "by value"],
)
def test_what_were_parameters_may_be_members_of_a_struct(text: str, session: Open) -> None:
    values = {"level": bv(3, 32), "x": bv(1, 8), "other": bv(7, 32)}
    assert session(text).integer(Memory(), "f", objects={}, values=values).value == 4


@pytest.mark.parametrize(
    "text",
    [
        "struct c { u32 level; u32 flags; }; u32 f(struct c *c) { return c->level; }",
        "struct c { u32 level; }; u32 f(struct c *c, u32 level) { return c->level + level; }",
    ],
    ids=["a member that is not known", "a member beside the parameter"],
)
def test_a_struct_that_is_not_made_of_parameters_has_to_be_known(text: str, session: Open) -> None:
    with pytest.raises(NotThere):
        session(text).integer(Memory(), "f", objects={}, values={"level": bv(3, 32)})


@pytest.mark.parametrize(
    "text",
    ["void f(u32 *access, u32 mask) { *access &= mask; }", "u32 f(u32 access, u32 mask) { return access & mask; }"],
)
def test_what_is_changed_behind_a_pointer_may_be_given_and_given_back(text: str, session: Open) -> None:
    opened, memory = session(text), Memory()
    held = Object(name="access", type=IntType(32, False, "u32"), kind=ObjectKind.INPUT)
    memory.write(held, 0, 32, bv(14, 32))
    opened.call(memory, "f", objects={}, values={"mask": bv(7, 32)}, pointers={"access": pointer_to(held)})
    value = memory.read(held, 0, 32)
    assert isinstance(value, BitVec)
    assert value.value == 6


def test_a_call_that_is_watched_may_be_given_its_arguments_in_a_struct(tmp_path: Path) -> None:
    (tmp_path / "types.h").write_text((PROGRAMS / "types.h").read_text())
    text = "struct c { u32 level; bool x; }; void told(u32 a, const struct c *c);\n"
    (tmp_path / "unit.c").write_text(f"{text}void f(u32 n) {{ told(1, &(struct c) {{ .x = n > 2, .level = n }}); }}")
    unit = Unit(tmp_path, "unit.c", [*CLANG, "-include", str(tmp_path / "types.h")])
    opened = Session(unit, (Cut(function="told", reason="its arguments are looked at", watched=True),))
    opened.call(Memory(), "f", objects={}, values={"n": bv(3, 32)})
    call = opened.only_call("told")
    assert [opened.argument(call, name).value for name in ("level", "x", "a")] == [3, 1, 1]
    with pytest.raises(NotThere):
        opened.argument(call, "lvl")
