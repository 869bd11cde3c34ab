"""What the front end does not understand is refused with its place; nothing is skipped or invented."""
# A C function reads best on one line.

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.errors import Missing, ParseFailed, Refused, UnlistedConstant
from mmuproof.lift.parsing.unit import ConstantNames, Unit

from .conftest import CLANG, LiftedFile

#: What is refused -> the text, and what the message says.
UNKNOWN = {
    "assembly with an output": ('u64 f(u64 a) { asm("incq %0" : "+r"(a)); return a; }', "inline assembly"),
    "assembly with an input": ('u64 f(u64 a) { asm volatile("" :: "r"(a)); return a; }', "inline assembly"),
    "assembly with a template": ('u64 f(u64 a) { asm volatile("cli"); return a; }', "inline assembly"),
    "variable arguments": (
        "u64 f(int a, ...) { __builtin_va_list v; __builtin_va_start(v, a); return __builtin_va_arg(v, int); }",
        "",
    ),
    "floating point": ("u64 f(u64 a) { return a * 0.5; }", "double"),
    "floating point variable": ("u64 f(u64 a) { float x = a; return x; }", "float"),
    "variable-length array": ("u64 f(u64 a) { u32 v[a]; return sizeof(v); }", ""),
    "computed goto": ("u64 f(u64 a) { void *p = &&out; goto *p; out: return a; }", ""),
    "backward goto": ("u64 f(u64 a) { again: if (a > 9) { a--; goto again; } return a; }", "jumps backwards"),
    "backward goto in a loop": (
        "u64 f(u64 a) { for (int i = 0; i < 2; i++) { again: a++; if (a & 1) goto again; } return a; }",
        "jumps backwards",
    ),
    "goto into a block": ("u64 f(u64 a) { if (a) goto in; { a++; in: a += 2; } return a; }", "jumps into"),
    "goto into a loop": ("u64 f(u64 a) { goto in; while (a < 3) { in: a++; } return a; }", "jumps into"),
    "case inside another statement": (
        "u64 f(u64 a) { switch (a) { case 1: if (a) { case 2: a++; } } return a; }",
        "case label",
    ),
    "wide integers": ("u64 f(u64 a) { return ((unsigned __int128)a * a) >> 64; }", "__int128"),
    "vectors": ("typedef int v4 __attribute__((vector_size(16))); u64 f(u64 a) { v4 x = { a }; return x[0]; }", ""),
    "vectors added": (
        "typedef int v4 __attribute__((vector_size(16))); u64 f(u64 a) { union { v4 x; u64 n; } u, v; u.n = v.n = a; u.x = u.x + v.x; return u.n; }",
        "arithmetic in a vector",
    ),
    "vectors negated": (
        "typedef int v4 __attribute__((vector_size(16))); u64 f(u64 a) { union { v4 x; u64 n; } u; u.n = a; u.x = -u.x; return u.n; }",
        "arithmetic in a vector",
    ),
    "vectors added in place": (
        "typedef int v4 __attribute__((vector_size(16))); u64 f(u64 a) { union { v4 x; u64 n; } u, v; u.n = v.n = a; u.x += v.x; return u.n; }",
        "arithmetic in a vector",
    ),
    "vectors compared": (
        "typedef int v4 __attribute__((vector_size(16))); u64 f(u64 a) { union { v4 x; u64 n; } u, v; u.n = v.n = a; u.x = u.x == v.x; return u.n; }",
        "arithmetic in a vector",
    ),
    "element of a vector": (
        "typedef int v4 __attribute__((vector_size(16))); u64 f(u64 a) { union { v4 x; u64 n; } u; u.n = a; return u.x[0]; }",
        "",
    ),
    "complex numbers": ("u64 f(u64 a) { _Complex int x = a; return __real__ x; }", ""),
    "atomic types": ("u64 f(u64 a) { _Atomic u64 x = a; return x; }", "_Atomic"),
    "atomic built-ins": ("u64 f(u64 a) { return __atomic_load_n(&a, 0); }", ""),
    "nested initializer without braces": (
        "struct p { u32 x, y; }; u64 f(u64 a) { struct p v[2] = { a, 1, 2, 3 }; return v[1].y; }",
        "braces",
    ),
    "generic selection with effects": ("u64 f(u64 a) { return _Generic(a, u64: a++, default: 0); }", "selection"),
    "unbounded loop": ("u64 f(u64 a) { while (a) a = a * 3 + 1; return a; }", "a loop whose bound is not known"),
    "long loop": (
        "u64 f(u64 a) { u64 n = 0; for (int i = 0; i < 1000000000; i++) n += a; return n; }",
        "or more than 1024 rounds",
    ),
    "loops in loops": (
        "u64 f(u64 a) { for (int i = 0; i < 1000; i++) for (int j = 0; j < 1000; j++) a++; return a; }",
        "more code is run than is worth it: over 100000 statements",
    ),
    "switch with very many cases": (
        f"u64 f(u64 a) {{ switch (a) {{ {' '.join(f'case {n}: a++; break;' for n in range(1025))} }} return a; }}",
        "a switch with more than 1024 cases",
    ),
    "long range of elements": (
        "u64 f(u64 a) { u64 t[1 << 20] = { [0 ... (1 << 20) - 1] = 1 }; return t[5]; }",
        "range of more than 65536 elements",
    ),
    "endless loop": ("u64 f(u64 a) { for (;;) a++; return a; }", "a loop whose bound is not known"),
    "endless list": (
        "struct l { struct l *next; } all; u64 f(u64 a) { for (struct l *p = all.next; p != &all; p = p->next) a++; return a; }",
        "a list whose end is not known",
    ),
    "unbounded recursion": ("u64 f(u64 a) { return a ? f(a - 1) : 0; }", "too deeply"),
    "call of a function without a body": (
        "u64 g(u64 a); u64 f(u64 a) { return g(a); }",
        "g(): neither lifted nor on the list of cuts",
    ),
    "call through an unknown pointer": (
        "u64 (*hook)(u64); u64 f(u64 a) { return hook(a); }",
        "hook(): neither lifted nor on the list",
    ),
    "call of one of several functions": (
        "static u64 g(u64 a) { return a; } static u64 h(u64 a) { return 1; } u64 f(u64 a) { return (a ? g : h)(a); }",
        "several functions",
    ),
    "call with too many arguments": (
        "static u64 g(u64 a, ...) { return a; } u64 f(u64 a) { return g(a, 1); }",
        "variable number",
    ),
    "number followed as a pointer": (
        "u64 f(u64 a) { return *(u32 *)a; }",
        "a number that was turned into a pointer is followed",
    ),
    "pointers into different objects compared": ("u64 f(u64 a) { u64 b; return &a < &b; }", "different objects"),
    "pointer on one path and number on another": (
        "u64 f(u64 a) { union { u64 n; u64 *p; } u; if (a) u.n = 1; else u.p = &a; return a; }",
        "a pointer on one path",
    ),
    "part of a pointer": ("u64 f(u64 a) { u64 *p = &a; return *(u8 *)&p; }", "part of a pointer"),
    "index with too many values": ("u64 f(u64 a) { u8 v[5000] = { 0 }; return v[a % 5000]; }", "too many values"),
    "overflow of a wide bit-field": (
        "u64 f(u64 a) { struct { u64 x : 40; } s = { a }; return s.x << 8; }",
        "gcc and clang differ",
    ),
    "memory operation of unknown size": (
        "u64 f(u64 a) { u8 v[8]; __builtin_memset(v, 0, a); return v[0]; }",
        "unknown size",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_construct_is_refused_where_it_stands(name: str, program: Callable[[str], LiftedFile]) -> None:
    text, reason = UNKNOWN[name]
    lines = text.replace("u64 f(", "\n\nu64 f(").replace("int a, ...", "u64 a, ...")
    with pytest.raises(Refused) as refusal:
        program(lines).lift("f")
    assert refusal.value.location == "program.c:3"
    assert reason in refusal.value.reason


@pytest.mark.parametrize("first", ["a", "sizeof(v)", "(u64)&v"])
def test_refused_initializer_is_refused_again(first: str, program: Callable[[str], LiftedFile]) -> None:
    found = program(f"struct p {{ u64 x, y; }}; u64 f(u64 a) {{ struct p v[1] = {{ {first}, 1 }}; return v[0].y; }}")
    for _ in range(2):
        with pytest.raises(Refused, match="braces left out"):
            found.lift("f")


BROKEN = {
    "undeclared name": "u64 f(u64 a) { return a + nowhere; }",
    "undeclared function": "u64 f(u64 a) { return nowhere(a); }",
    "missing member": "struct s { u32 x; }; u64 f(u64 a) { struct s s = { a }; return s.y; }",
    "undefined struct": "u64 f(u64 a) { struct nowhere s; return sizeof(s); }",
    "missing header": '#include "nowhere.h"\nu64 f(u64 a) { return a; }',
    "syntax error": "u64 f(u64 a) { return a +; }",
    "error elsewhere in the unit": "u64 f(u64 a) { return a; } u64 g(u64 a) { return nowhere; }",
    "conflicting declarations": "u32 f(u64 a); u64 f(u64 a) { return a; }",
    "error directive": "#error no\nu64 f(u64 a) { return a; }",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_unit_with_an_error_is_not_used(text: str, program: Callable[[str], LiftedFile]) -> None:
    with pytest.raises(ParseFailed) as failure:
        program(text)
    assert failure.value.diagnostics[0].startswith("program.c:")


def test_failed_static_assertion_is_reported_and_the_unit_used(program: Callable[[str], LiftedFile]) -> None:
    text = '\n_Static_assert(sizeof(u64) == 4, "too wide"); u64 f(u64 a) { return a; }'
    found = program(text)
    (failed,) = found.unit.failed_assertions
    assert str(failed.at) == "program.c:2"
    assert "too wide" in failed.message
    assert found.lift("f").result.name == "p0"


def test_missing_names_are_reported(program: Callable[[str], LiftedFile]) -> None:
    unit = program("struct s { u32 x; }; u32 there; u64 g(u64 a); u64 f(u64 a) { return a; }").unit
    for ask, name in (
        (lambda: unit.function("new_name", "old_name"), "new_name or old_name()"),
        (lambda: unit.function("g"), "g()"),
        (lambda: unit.record("struct other"), "struct other"),
        (lambda: unit.variable("absent"), "absent"),
    ):
        with pytest.raises(Missing) as missing:
            ask()
        assert missing.value.names == (name,)
    assert unit.function("new_name", "f").name == "f"
    assert unit.has_variable("there")
    assert not unit.has_variable("absent")


def test_constants_come_from_the_tree(tmp_path: Path) -> None:
    text = (
        "#define MASK (1ull << 52)\n#define NEGATIVE -1\n#define WORD something\n"
        "enum { FIRST = 3, SECOND }; static int something;"
    )
    (tmp_path / "program.c").write_text(text)
    unit = Unit(tmp_path, "program.c", CLANG, ConstantNames(("MASK", "NEGATIVE", "ABSENT", "SECOND"), "list.py"))
    assert unit.constant("MASK") == 1 << 52
    assert unit.constant("NEGATIVE") == (1 << 64) - 1
    assert unit.constant("SECOND") == 4
    assert unit.constant("ABSENT") is None
    for name in ("WORD", "FIRST", "NOWHERE"):
        with pytest.raises(UnlistedConstant, match=f"^{name} is asked for, but list.py does not list it"):
            unit.constant(name)


def test_macro_that_is_no_constant_is_refused_or_does_not_parse(tmp_path: Path) -> None:
    (tmp_path / "program.c").write_text("#define WORD something\nstatic int something;")
    with pytest.raises((Refused, ParseFailed)):
        Unit(tmp_path, "program.c", CLANG, ConstantNames(("WORD",))).constant("WORD")


def test_edited_text_stands_in_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "program.c").write_text('#include "part.h"\nenum { VALUE = PART };')
    (tmp_path / "part.h").write_text("#define PART 1\n")
    unit = Unit(tmp_path, "program.c", CLANG, ConstantNames(("VALUE",)), {"part.h": "#define PART 2\n"})
    assert unit.constant("VALUE") == 2
