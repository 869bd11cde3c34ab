"""What a tree has in another form than an earlier one is asked in the earlier form, and stands on the tree's own text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmuproof.compare.put_back import OtherForm, PutBack, Stretch, apart
from mmuproof.compare.renaming import find_names, find_names_and_forms
from mmuproof.lift.errors import ParseFailed, Refused
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.lifted.unit_paths import MMU_C
from tests.lift.machine.conftest import CLANG, PROGRAMS, LiftedFile


@dataclass(frozen=True)
class ReadLikeBefore:
    """A tree read as an earlier one, or as it is if it has nothing in another form."""

    unit: Unit
    names: FormerNames
    forms: PutBack

    def result(self, function: str, *inputs: int) -> int | None:
        """What a function gives back."""
        return LiftedFile(self.unit).lift(function).evaluate(inputs)

    def calls(self, function: str) -> set[str]:
        """The functions that a function calls, by their earlier names."""
        writes = self.unit.writes(function)
        assert writes is not None
        return {each.function for each in writes.calls}


Reading = Callable[[str, str], ReadLikeBefore]


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """ReadLikeBefore one text like another; texts that do not parse are left out as they are of a kernel."""

    def tree(text: str) -> Path:
        folder = tmp_path / str(len([*tmp_path.iterdir()]))
        (folder / MMU_C).parent.mkdir(parents=True)
        (folder / "types.h").write_text((PROGRAMS / "types.h").read_text())
        (folder / MMU_C).write_text(text)
        return folder

    def parsed(folder: Path, forms: PutBack) -> Unit:
        return Unit(folder, MMU_C, [*CLANG, "-include", str(folder / "types.h")], edited=forms.texts(folder))

    def reading(old: str, new: str) -> ReadLikeBefore:
        here = tree(new)
        names, forms = find_names_and_forms(
            [parsed(tree(old), PutBack())], [parsed(here, PutBack())], here, THE_SAME_NAMES
        )
        while True:
            try:
                unit = parsed(here, forms)
            except ParseFailed as error:
                forms = forms.without(error.diagnostics)
                continue
            names = names | forms.names
            return ReadLikeBefore(unit.under(names), names, forms)

    return reading


FUNCTION = """
u64 mask;
static inline bool has(u64 v) { return v & mask; }
static inline u64 low(u64 v, int bits) { return v & ((1ULL << bits) - 1); }
u64 f(u64 v) { return has(v) ? low(v, 3) : 7; }
u64 g(u32 v) { return low(v, 3); }
"""
HAS = "static inline bool has(u64 v) { return v & mask; }"
LOW = "static inline u64 low(u64 v, int bits) { return v & ((1ULL << bits) - 1); }"


def test_a_function_that_is_a_macro_is_a_function_again_and_its_uses_are_calls(read: Reading) -> None:
    text = FUNCTION.replace(HAS, "#define has(v) (!!((v) & mask))")
    found = read(FUNCTION, text)
    assert found.calls("f") == {"has", "low"}
    assert found.result("low", 13, 3) == 5
    assert [*found.names.said] == [
        "has() is a macro now: it is asked as a function that says what the macro does, and its uses as calls"
    ]


@pytest.mark.parametrize(
    "macro",
    [
        "#define low(v, bits) ((v) & ((1ULL << bits) - 1))",
        "#define low(v, bits) (v) & ((1ULL << (bits)) - 1)",
        "#define low(v, bits) ((v) & ((1ULL << (bits)) - 1))",
    ],
    ids=["an argument comes apart", "what it stands for comes apart", "an argument is of another type"],
)
def test_uses_of_a_macro_that_may_say_something_else_are_what_they_expand_to(read: Reading, macro: str) -> None:
    found = read(FUNCTION, FUNCTION.replace(LOW, macro))
    assert found.result("low", 13, 3) == 5
    assert "low" not in found.calls("f") | found.calls("g")
    assert found.names.said[0].endswith("and its uses as what they expand to")


def test_a_macro_is_no_call_where_an_argument_with_an_effect_would_have_it_twice(read: Reading) -> None:
    old = "static inline u32 twice(u32 v) { return v + v; }\nu32 f(u32 v) { return twice(v++); }\n"
    found = read(old, old.replace("static inline u32 twice(u32 v) { return v + v; }", "#define twice(v) ((v) + (v))"))
    assert found.calls("f") == set()
    assert found.result("twice", 3) == 6


def test_a_macro_says_what_it_does_and_not_what_the_function_did(read: Reading) -> None:
    found = read(FUNCTION, FUNCTION.replace(LOW, "#define low(v, bits) ((v) & ((2ULL << (bits)) - 1))"))
    assert found.result("low", 13, 2) == 5


MERGED = """
struct s { u32 a, b; };
u32 top;
static u32 more(u32 v, u32 by) { return v + by; }
static void fill(struct s *p, bool all) { p->a = all ? top : 3; p->b = more(p->a, 2); }
static void init(struct s *context, bool all) { context->b = 1; fill(context, all); context->a += 1; }
u32 g(u32 v) { struct s one = { .a = v }; init(&one, v > 5); return one.a + one.b; }
u32 h(u32 v) { u32 w = more(v, v); return w * 2; }
"""
FILL = "static void fill(struct s *p, bool all) { p->a = all ? top : 3; p->b = more(p->a, 2); }"


def test_a_function_that_is_a_part_of_its_caller_is_what_stands_there(read: Reading) -> None:
    text = MERGED.replace(FILL, "").replace(
        "fill(context, all);", "context->a = all ? top : 4; context->b = more(context->a, 2);"
    )
    text += "struct s one; u32 made(u32 all);\n"
    found = read(MERGED, text)
    assert [each.name for each in found.forms.forms] == ["fill"]
    assert found.calls("fill") == {"more"}
    (change,) = found.forms.forms[0].changes
    assert "(all) ? top : 4" in change.text
    assert found.names.said == (
        "fill() is a part of init() now: it is asked as a function that says what stands there",
    )


def test_an_expression_in_the_place_of_a_call_is_what_the_function_gives_back(read: Reading) -> None:
    old = MERGED + "static u32 half(u32 n) { return n >> 1; }\nu32 k(u32 x) { return half(x) + 1; }\n"
    found = read(old, MERGED + "u32 k(u32 x) { return x / 2 + 1; }\n")
    assert found.result("half", 9) == 4


def test_where_a_constant_was_given_other_callers_tell_what_it_is(read: Reading) -> None:
    old = "u32 top;\nvoid set(u32 *p, u32 a, u32 b);\nstatic void both(u32 *v, u32 by) { set(v, by, 1); }\n"
    old += "void f(u32 *q) { both(q, 1); }\nvoid g(u32 *q) { both(q, top); }\n"
    text = "u32 top;\nvoid set(u32 *p, u32 a, u32 b);\nvoid f(u32 *q) { set(q, 1, 1); }\n"
    text += "void g(u32 *q) { set(q, top, 1); }\n"
    (form,) = read(old, text).forms.forms
    assert "set((v), (by), 1);" in form.changes[0].text
    assert not read(old, text.replace("set(q, 1, 1)", "set(q, 2, 1)")).forms


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        ("fill(context, 1);", "context->a = top; context->b = more(context->a, 2);"),
        ("fill(context, all);", "context->a = other ? top : 3; context->b = 5; context->a = all;"),
        ("fill(context, all);", "if (all) return; context->a = 3;"),
        ("fill(context, all);", "context->a = 3;"),
    ],
    ids=["given a constant", "needs a variable of its caller's", "leaves its caller", "does not use what it was given"],
)
def test_nothing_is_made_of_a_part_that_is_no_function_of_what_was_given(
    read: Reading, call: str, instead: str
) -> None:
    head = "static void init(struct s *context, bool all) { "
    old = MERGED.replace(head, f"{head}bool other = top; ").replace("fill(context, all);", call)
    found = read(old, old.replace(FILL, "").replace(call, instead))
    assert not found.forms


CALLED = """
static void clear(u64 *p)
{
	*p = 0;	/* where(it is) */
}
static void zap(u64 *list, u64 *p)
{
	clear(p);
	list[0] -= 1;
}
u32 round(u64 *list, u64 *p, u32 n)
{
	// zap(list, p);
	if (n > 1) {
		zap(list, p);
		n = 0;
	}
	return n;
}
"""
ONCE = CALLED.replace("\tzap(list, p);\n\t\tn", "\tn")
ZAP = CALLED[CALLED.index("static void zap") : CALLED.index("u32 round")]


@pytest.mark.parametrize(
    "statements",
    ["clear(p);\n\t\tlist[0] -= 1;", "clear(p);\n\n\t\t/* one ( less */\n\t\tlist[0]\n\t\t\t-= (1 +\n\t\t\t0);"],
    ids=["as they stood", "on more lines"],
)
def test_statements_that_were_a_function_are_a_call_of_it_again(read: Reading, statements: str) -> None:
    found = read(CALLED, CALLED.replace(ZAP, "").replace("\tzap(list, p);\n\t\tn", f"\t{statements}\n\t\tn"))
    assert found.calls("round") == {"zap"}
    assert found.calls("zap") == {"clear"}
    assert found.names.said == (
        "zap() is a part of round() now: what stands there is asked as a call of a function that says it",
    )


def test_statements_that_need_braces_where_a_call_needed_none_are_a_call_again(read: Reading) -> None:
    call = "\tif (n > 1)\n\t\tzap(list, p);\n\telse if (n)\n\t\tclear(list);\n\treturn n;"
    merged = "\tif (n > 1) {\n\t\tclear(p);\n\t\tlist[0] -= 1;\n\t} else if (n)\n\t\tclear(list);\n\treturn n;"
    before, after = (ONCE.replace("\treturn n;", each) for each in (call, merged))
    found = read(before, after.replace(ZAP, ""))
    assert found.calls("round") == {"zap", "clear"}
    assert found.calls("zap") == {"clear"}


@pytest.mark.parametrize(
    "statements",
    [
        "clear(p);\n\t\tp = list;\n\t\tlist[0] -= 1;",
        "clear(p++);\n\t\tlist[0] -= 1;",
        "clear(&p[n]);\n\t\tlist[0] -= 1;",
        "clear(p);\n\t\tMOVE_ON(p);\n\t\tlist[0] -= 1;",
    ],
    ids=[
        "what was given changes",
        "what was given moves on",
        "a variable of the caller's",
        "a macro moves on what was given",
    ],
)
def test_statements_are_no_call_where_they_change_what_was_given_or_need_their_caller(
    read: Reading, statements: str
) -> None:
    text = CALLED.replace(ZAP, "").replace("\tzap(list, p);\n\t\tn", f"\t{statements}\n\t\tn")
    before = "#define MOVE_ON(p) (p++)\n" + CALLED
    assert "zap" not in read(before, "#define MOVE_ON(p) (p++)\n" + text).calls("round")


INSIDE = """
struct mmu { u32 level; u64 root; };
struct vcpu { u32 id; struct mmu guest; u32 end; };
void *alloc(u64 size);
u32 create(struct vcpu *v) { v->id = 1; return v->guest.level; }
u64 f(u32 n) { struct vcpu v = { .id = n }; struct mmu *m = &v.guest; m->level = n + 1; return v.guest.level + v.id; }
bool same(struct vcpu *v, struct mmu *m) { return m == &v->guest; }
"""
POINTED = """
struct mmu { u32 level; u64 root; };
struct vcpu { u32 id; struct mmu *guest; u32 end; };
void *alloc(u64 size);
u32 create(struct vcpu *v) { v->id = 1; v->guest = alloc(sizeof(*v->guest)); return v->guest->level; }
u64 f(u32 n) { struct vcpu v = { .id = n }; struct mmu *m = v.guest; m->level = n + 1; return v.guest->level + v.id; }
bool same(struct vcpu *v, struct mmu *m) { return m == v->guest; }
"""


def test_a_struct_that_is_pointed_to_is_a_part_again(read: Reading) -> None:
    found = read(INSIDE, POINTED)
    record = found.unit.record("struct vcpu")
    assert record.members["guest"].type is found.unit.record("struct mmu")
    assert found.result("f", 4) == 5 + 4
    assert found.calls("create") == {"alloc"}
    assert "taken as a part of it, to which no other pointer of the kind leads" in found.names.said[0]


def test_a_struct_for_which_memory_was_got_that_is_zero_is_zero(read: Reading) -> None:
    text = "void *kzalloc(u64 n, int flags); void *memset(void *p, int c, u64 n);\n" + POINTED.replace(
        "alloc(sizeof(*v->guest))", "kzalloc(sizeof(*v->guest), 3)"
    )
    text += (
        "u64 g(u32 n) { struct vcpu v = { .id = n }; v.guest->level = n; return create(&v) + v.guest->level + v.id; }\n"
    )
    found = read(INSIDE, text)
    assert found.calls("create") == set()
    assert found.result("g", 5) == 1


def test_a_pointer_stays_one_where_a_macro_sets_it(read: Reading) -> None:
    text = "#define MAKE(v) (v)->guest = alloc(8)\n" + POINTED.replace("v->guest = alloc(sizeof(*v->guest))", "MAKE(v)")
    assert not read(INSIDE, text).forms


ARRAYS = """
struct walker { u32 level; u64 table[5]; u8 ok[5]; u32 ptes[5]; u32 end; };
u64 f(u32 n, u32 at)
{
	struct walker w = { .level = 2, .end = 9 };
	struct walker *p = &w;
	w.table[n & 3] = n;
	p->ptes[at & 3] = 100;
	p->ok[1] = 1;
	return w.table[1] + (w.ptes[1] << 8) + p->ok[at & 3] + p->end;
}
"""
STRUCTS = ARRAYS.replace("u64 table[5]; u8 ok[5]; u32 ptes[5];", "struct { u64 table; u8 ok; u32 pte; } at[5];")
for _old, _new in (("table", "table"), ("ptes", "pte"), ("ok", "ok")):
    for _index in ("n & 3", "at & 3", "1"):
        STRUCTS = STRUCTS.replace(f"{_old}[{_index}]", f"at[{_index}].{_new}")


def test_members_of_the_elements_of_an_array_are_arrays_again(read: Reading) -> None:
    found, before = read(ARRAYS, STRUCTS), read(ARRAYS, ARRAYS)
    assert list(found.unit.record("struct walker").members) == ["level", "table", "ptes", "ok", "end"]
    assert found.names.columns == {
        ("struct walker", "at", "table"): "table",
        ("struct walker", "at", "ok"): "ok",
        ("struct walker", "at", "pte"): "ptes",
    }
    for inputs in ((1, 1), (2, 1), (1, 3), (5, 5)):
        assert found.result("f", *inputs) == before.result("f", *inputs)


@pytest.mark.parametrize(
    "uses",
    [
        "u64 g(struct walker *p) { return sizeof(p->at[0]) + (u64)&p->at[1]; }",
        "void *h(struct walker *p) { return p->at; }",
    ],
    ids=["an element", "the array"],
)
def test_an_array_of_structs_that_is_read_as_several_is_not_used_as_a_whole(read: Reading, uses: str) -> None:
    found = read(ARRAYS, STRUCTS + uses)
    name = uses.split("(")[0].split()[-1].lstrip("*")
    with pytest.raises(Refused, match="at as a whole, whose elements' members were arrays of their own"):
        _ = found.unit.function(name).body


def test_an_enumerator_of_another_name_is_told_by_its_value_and_what_stands_beside_it(tmp_path: Path) -> None:
    def unit(name: str, text: str) -> Unit:
        (tmp_path / name / MMU_C).parent.mkdir(parents=True)
        (tmp_path / name / MMU_C).write_text(text)
        return Unit(tmp_path / name, MMU_C, CLANG)

    old = unit("old", "enum { RETRY, FIXED, SPURIOUS }; int f(void) { return FIXED; }")
    new = unit("new", "enum { RETRY, MAPPED, SPURIOUS }; enum { OTHER = 1 }; int f(void) { return MAPPED; }")
    assert find_names([old], [new]) == FormerNames(constants={"MAPPED": "FIXED"})


def test_parameters_that_are_members_of_a_struct_now_have_their_names(read: Reading) -> None:
    old = "u32 f(u32 *p, u32 eptp, bool mbec) { return eptp + mbec; }\n"
    new = "struct c { u32 root; bool mbec; };\nu32 f(u32 *p, const struct c *c) { return c->root + c->mbec; }\n"
    assert read(old, new).names.members == {("struct c", "root"): "eptp"}


def test_what_is_merged_into_a_caller_may_be_given_a_member_of_what_were_its_parameters(read: Reading) -> None:
    old = "static u32 more(u32 a) { return a + 2; }\nu32 f(u32 eptp, u32 *p) { return more(eptp) * 2; }\n"
    new = "struct c { u32 eptp; };\nu32 f(const struct c *c, u32 *p) { return (c->eptp + 3) * 2; }\n"
    found = read(old, new)
    assert found.result("more", 4) == 7


def test_of_forms_that_change_the_same_text_the_first_is_taken_and_one_that_does_not_parse_is_left_out() -> None:
    def form(name: str, file: str, start: int, otherwise: OtherForm | None = None) -> OtherForm:
        change = Stretch(file=file, start=start, end=start + 5, text="")
        return OtherForm(name=name, changes=(change,), names=FormerNames(), mark=f"made_{name}", otherwise=otherwise)

    first, second, third = form("first", "a.h", 0), form("second", "a.h", 3), form("third", "b.h", 3)
    assert apart([first, second, third]) == (first, third)
    other = form("third", "b.h", 40)
    all_ = PutBack((first, form("third", "b.h", 3, other)))
    assert all_.without(["a.h:3: no made_third"]).forms == (first, other)
    assert all_.without(["b.h:3: what"]).forms == (first, other)
    assert not PutBack((first, third)).without(["c.h:1: what"])
