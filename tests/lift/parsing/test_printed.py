"""What a function says changes with all that it uses, and with nothing else."""
# A C function reads best on one line.

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.parsing.printed import Printed
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import Unit
from tests.lift.machine.conftest import CLANG, LiftedFile, program

__all__ = ["program"]

TEXT = """
#define FACTOR 3
#define UNUSED 4
enum { ONE = 1, TWO = 2 };
typedef u32 number;
struct inner { u32 deep; u32 shallow; };
struct s { number a; u32 b; struct inner in; union { u32 word; struct { u32 x : 3; u32 y : 4; }; } role; };
u32 get(u32 x);
u32 other(u32 x);
static const u32 table[2] = { 1, 2 };
static u32 helper(u32 x) { return x + 1; }
static u32 below(u32 x) { return helper(x); }
u32 f(struct s *p) { return p->a * FACTOR + ONE + p->in.deep + p->role.x + get(table[1]) + below(2); }
"""

#: What changes -> what is replaced by what.
USED = {
    "a macro": ("FACTOR 3", "FACTOR 4"),
    "an enumerator": ("ONE = 1", "ONE = 5"),
    "the type of a member": ("number a;", "s32 a;"),
    "a type's definition": ("typedef u32 number", "typedef u64 number"),
    "a member of a struct inside": ("{ u32 deep;", "{ u64 deep;"),
    "a bit-field": ("u32 x : 3", "u32 x : 5"),
    "another bit-field of one union": ("u32 y : 4", "u32 y : 5"),
    "a prototype": ("u32 get(u32 x)", "u64 get(u32 x)"),
    "a table": ("{ 1, 2 }", "{ 1, 3 }"),
    "the text": ("p->a *", "p->b *"),
    "a parameter's name": ("f(struct s *p) { return p->a", "f(struct s *q) { struct s *p = q; return p->a"),
}
UNUSED = {
    "a comment": ("u32 f(", "/* More\n lines. */\nu32 f("),
    "white space": (" + ONE", "\n\t+   ONE"),
    "a macro's name": ("FACTOR", "TIMES"),
    "another macro": ("UNUSED 4", "UNUSED 5"),
    "another enumerator": ("TWO = 2", "TWO = 3"),
    "another member": ("u32 b;", "u64 b;"),
    "a new member": ("u32 b;", "u32 b; u32 c;"),
    "another member of a struct inside": ("u32 shallow;", "u64 shallow;"),
    "another prototype": ("u32 other(u32 x)", "u64 other(u32 x)"),
    "a function that it calls": ("return x + 1", "return x + 2"),
}


@pytest.fixture
def printed(program: Callable[[str], LiftedFile]) -> Callable[[str], Printed]:
    """What a text says."""
    return lambda text: Printed(program(text).unit, lambda file: True)


@pytest.mark.parametrize(("old", "new"), USED.values(), ids=USED.keys())
def test_a_function_changes_with_what_it_uses(old: str, new: str, printed: Callable[[str], Printed]) -> None:
    assert old in TEXT
    assert printed(TEXT).digest("f") != printed(TEXT.replace(old, new)).digest("f")


@pytest.mark.parametrize(("old", "new"), UNUSED.values(), ids=UNUSED.keys())
def test_a_function_does_not_change_with_what_it_does_not_use(
    old: str, new: str, printed: Callable[[str], Printed]
) -> None:
    assert old in TEXT
    assert printed(TEXT).digest("f") == printed(TEXT.replace(old, new)).digest("f")


COUNTED = {
    "a made-up name": "u32 f(u32 a) { u32 __UNIQUE_ID_x_NUMBER = a; return __UNIQUE_ID_x_NUMBER; }",
    "the name of an assertion": (
        "u32 f(u32 a) { extern void __compiletime_assert_NUMBER(void); if (!a) __compiletime_assert_NUMBER(); return a; }"
    ),
    "a place in a message": 'void tell(const char *, u32, u32); void f(u32 a) { tell("/folderNUMBER/mmu.c", NUMBER, a); }',
}


@pytest.mark.parametrize("text", COUNTED.values(), ids=COUNTED.keys())
def test_a_counter_does_not_matter(text: str, printed: Callable[[str], Printed]) -> None:
    first, second = (printed(text.replace("NUMBER", number)) for number in ("12", "345"))
    assert first.digest("f") == second.digest("f")


def test_two_counters_in_one_function_are_told_apart(printed: Callable[[str], Printed]) -> None:
    text = "u32 f(u32 a) { u32 __UNIQUE_ID_x_1 = a, __UNIQUE_ID_x_2 = 3; return __UNIQUE_ID_x_NUMBER; }"
    first, second = (printed(text.replace("NUMBER", number)) for number in ("1", "2"))
    assert first.digest("f") != second.digest("f")


def test_what_is_called_is_followed_to_its_end(printed: Callable[[str], Printed]) -> None:
    found = printed(TEXT)
    assert found.calls("f") == {"below"}
    assert found.closure("f") == {"below", "helper"}
    assert found.closure("helper") == set()


def test_a_name_in_a_message_is_no_call(printed: Callable[[str], Printed]) -> None:
    text = 'void tell(const char *); static void g(void) { } void f(void) { tell("g"); }'
    assert printed(text).calls("f") == set()


def test_functions_that_call_each_other_have_an_end(printed: Callable[[str], Printed]) -> None:
    text = "u32 g(u32 x); u32 f(u32 x) { return x ? g(x - 1) : 0; } u32 g(u32 x) { return f(x); }"
    assert printed(text).closure("f") == {"f", "g"}
    assert printed(text).weight("f", limit=50) == 50


def test_a_function_weighs_what_it_runs(printed: Callable[[str], Printed]) -> None:
    text = "static u32 g(u32 x) { x++; x++; return x; } u32 f(u32 x) { return g(x) + g(x); }"
    assert (printed(text).weight("g"), printed(text).weight("f")) == (3, 7)


HEADER = "static inline u32 f(u32 x) { return x & mask & get(x) & FACTOR; }"
DECLARED = "#define FACTOR 3\nextern u32 mask; u32 get(u32 x); "
#: What another unit says before a header -> whether a function of the header is the same there.
ELSEWHERE = {
    "the same": (DECLARED, True),
    "a variable is defined": ("#define FACTOR 3\nu32 mask = 5; u32 get(u32 x); ", True),
    "a function is defined": (DECLARED + "u32 get(u32 x) { return x; } ", True),
    "a variable has another type": ("#define FACTOR 3\nextern u64 mask; u32 get(u32 x); ", False),
    "a constant is another": ("#define FACTOR 3\nstatic const u32 mask = 5; u32 get(u32 x); ", False),
    "a macro is another": (DECLARED.replace("FACTOR 3", "FACTOR 4"), False),
}


@pytest.mark.parametrize(("before", "same"), ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_function_of_a_header_is_known_again_in_another_unit(
    before: str, same: bool, printed: Callable[[str], Printed]
) -> None:
    one, other = printed(DECLARED + HEADER), printed(before + HEADER)
    assert (one.shared_digest("f") == other.shared_digest("f")) is same


def test_a_unit_that_was_kept_says_the_same_as_one_that_is_parsed(tmp_path: Path) -> None:
    text = """
    struct list { struct list *next; };
    struct page {
        int flags;
        union { long word; struct { int low : 3; int high : 29; }; struct { char a; union { int b; short c; }; } in[2]; };
        struct list *list;
    };
    union role { long word; struct { int level : 4; int rest; }; };
    long get(struct page *page, union role role) { return page->word + page->in[1].b + role.word + role.level; }
    """
    (tmp_path / "unit.c").write_text(text)
    os.utime(tmp_path / "unit.c", (0, 0))
    units = SavedUnits(tmp_path / "cache")
    units.unit(tmp_path, "unit.c", CLANG)
    units.finish()
    kept, parsed = (
        Printed(each, lambda _file: True)
        for each in (units.unit(tmp_path, "unit.c", CLANG), Unit(tmp_path, "unit.c", CLANG))
    )
    assert kept.unit._made_of is not None
    assert kept.digest("get") == parsed.digest("get")
