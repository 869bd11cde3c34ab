"""What is called otherwise in the new version is found by type and name, told, and never made up."""
# A C function reads best on one line.

from __future__ import annotations

import pytest

from mmuproof.compare.file_scope import renamed_masks
from mmuproof.compare.versions import renames_locals

from .small_versions import Versions, versions

__all__ = ["versions"]

S = "struct s { u32 a, b; struct s *next; }; u32 get(u32 x); struct s *find(u32 x);\n"
#: What is called otherwise -> the old version, the new one, and what is told.
FOUND = {
    "a member": (
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        S.replace("a, b", "q, b") + "u32 f(struct s *p) { return p->q - p->b; }",
        {"p->q is what p->a was"},
    ),
    "a member that is written": (
        S + "void f(struct s *p) { p->a = 3; }",
        S.replace("a, b", "q, b") + "void f(struct s *p) { p->q = 3; }",
        {"p->q is what p->a was"},
    ),
    "a member below a pointer": (
        S + "u32 f(struct s *p) { return p->next->a; }",
        S.replace("a, b", "q, b") + "u32 f(struct s *p) { return p->next->q; }",
        {"p->next->q is what p->next->a was"},
    ),
    "a member whose name begins with that of another": (
        S.replace("a, b", "a, ab") + "u32 f(struct s *p) { return p->a - p->ab; }",
        S.replace("a, b", "q, qb, ab") + "u32 f(struct s *p) { return p->q - p->ab; }",
        {"p->q is what p->a was"},
    ),
    "a pointer": (
        S + "u32 f(struct s *p) { return p->next->a; }",
        S.replace("*next", "*then") + "u32 f(struct s *p) { return p->then->a; }",
        {"p->then is what p->next was"},
    ),
    "a struct": (
        S + "u32 f(struct s *p) { return p->next->a; }",
        S.replace("struct s", "struct t") + "u32 f(struct t *p) { return p->next->a; }",
        set(),
    ),
    "members are in a struct of their own": (
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        "struct i { u32 a, b; }; struct s { struct i i; }; u32 f(struct s *p) { return p->i.a - p->i.b; }",
        {"p->i.a is what p->a was", "p->i.b is what p->b was"},
    ),
    "members are in a struct of their own behind a pointer": (
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        "struct i { u32 a, b; }; struct s { struct i *i; }; u32 f(struct s *p) { return p->i->a - p->i->b; }",
        {"p->i is what p was"},
    ),
    "a struct is behind a pointer": (
        "struct i { u32 a, b; }; struct s { struct i i; }; u32 give(struct i *x);"
        " u32 f(struct s *p) { p->i.a = 1; return give(&p->i); }",
        "struct i { u32 a, b; }; struct s { struct i *i; }; u32 give(struct i *x);"
        " u32 f(struct s *p) { p->i->a = 1; return give(p->i); }",
        {"*p->i is what p->i was"},
    ),
    "a struct is no longer behind a pointer": (
        "struct i { u32 a, b; }; struct s { struct i *i; }; u32 give(struct i *x);"
        " u32 f(struct s *p) { p->i->a = 1; return give(p->i); }",
        "struct i { u32 a, b; }; struct s { struct i i; }; u32 give(struct i *x);"
        " u32 f(struct s *p) { p->i.a = 1; return give(&p->i); }",
        {"p->i is what *p->i was"},
    ),
    "a member of another name is in a struct of its own": (
        S + "u32 f(struct s *p) { return p->a; }",
        "struct s { struct { u32 of; } i; u32 b; }; u32 f(struct s *p) { return p->i.of; }",
        {"p->i.of is what p->a was"},
    ),
    "the dimensions of a table change places": (
        "struct s { u32 t[2][3]; }; void f(struct s *p, int i) { p->t[1][i % 3] = i; p->t[0][0] = 7; }",
        "struct s { u32 t[3][2]; }; void f(struct s *p, int i) { p->t[i % 3][1] = i; p->t[0][0] = 7; }",
        {"p->t[i][j] is what p->t[j][i] was"},
    ),
    "a struct's members are in the one around it": (
        "struct i { u32 a, b; }; struct s { struct i i; }; u32 f(struct s *p) { return p->i.a - p->i.b; }",
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        {"p->a is what p->i.a was", "p->b is what p->i.b was"},
    ),
    "a parameter": (
        S + "u32 f(struct s *p) { return p->a; }",
        S + "u32 f(struct s *q) { return q->a; }",
        {"its parameter q is what p was"},
    ),
    "a parameter that is a struct, and one behind it": (
        S + "u32 f(struct s p, u32 n) { return p.a + n; }",
        S + "u32 f(struct s q, u32 m) { return q.a + m; }",
        {"its parameter q is what p was", "its parameter m is what n was"},
    ),
    "a parameter is a member": (
        S + "u32 f(struct s *p, bool w) { return w ? p->a : p->b; }",
        S.replace("a, b", "a, b; bool w") + "u32 f(struct s *p) { return p->w ? p->a : p->b; }",
        {"p->w is what w was"},
    ),
    "a member is a parameter": (
        S.replace("a, b", "a, b; bool w") + "u32 f(struct s *p) { return p->w ? p->a : p->b; }",
        S + "u32 f(struct s *p, bool w) { return w ? p->a : p->b; }",
        {"w is what p->w was"},
    ),
    "parameters are a struct": (
        "u32 f(u32 x, u32 y, bool w) { return w ? x : y; }",
        "struct k { u32 x, y; bool w; }; u32 f(struct k *k) { return k->w ? k->x : k->y; }",
        {"k->x is what x was", "k->y is what y was", "k->w is what w was"},
    ),
    "a number is a truth value": (
        S + "int f(struct s *p) { return p->a & 6; }",
        S + "bool f(struct s *p) { return p->a & 6; }",
        {"what it returns is a truth value in one version only: whether it is 0 is compared"},
    ),
    "a struct by value is behind a pointer": (
        S + "u32 f(struct s p) { return p.a - p.b; }",
        S + "u32 f(const struct s *p) { return p->a - p->b; }",
        {"what its parameter p leads to in one version is given by value in the other: no call changes it"},
    ),
    "a struct behind a pointer is given by value": (
        "union r { u32 w; struct { u32 x : 3; u32 y : 4; }; }; u32 f(union r *r) { return r->x + r->y; }",
        "union r { u32 w; struct { u32 x : 3; u32 y : 4; }; }; u32 f(union r r) { return r.x + r.y; }",
        {"what its parameter r leads to in one version is given by value in the other: no call changes it"},
    ),
    "a bit-field is elsewhere in its word": (
        "struct s { union { u32 w; struct { u32 x : 3; u32 y : 4; }; } r; }; u32 f(struct s *p) { return p->r.y; }",
        "struct s { union { u32 w; struct { u32 y : 4; u32 x : 3; }; } r; }; u32 f(struct s *p) { return p->r.y; }",
        set(),
    ),
}

NOT_FOUND = {
    "another truth value": (
        S + "int f(struct s *p) { return p->a & 6; }",
        S + "bool f(struct s *p) { return p->a & 2; }",
    ),
    "another member of a struct that is behind a pointer": (
        S + "u32 f(struct s p) { return p.a; }",
        S + "u32 f(struct s *p) { return p->b; }",
    ),
    "members are swapped": (
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        "struct i { u32 a, b; }; struct s { struct i i; }; u32 f(struct s *p) { return p->i.b - p->i.a; }",
    ),
    "another struct is behind a pointer": (
        "struct i { u32 a, b; }; struct s { struct i i, j; }; u32 give(struct i *x);"
        " u32 f(struct s *p) { p->i.a = 1; return give(&p->i); }",
        "struct i { u32 a, b; }; struct s { struct i *i, *j; }; u32 give(struct i *x);"
        " u32 f(struct s *p) { p->i->a = 1; return give(p->j); }",
    ),
    "the dimensions of a table change places, and its indices do not": (
        "struct s { u32 t[2][3]; }; void f(struct s *p) { p->t[1][0] = 7; }",
        "struct s { u32 t[3][2]; }; void f(struct s *p) { p->t[1][0] = 7; }",
    ),
    "parameters in a struct are swapped": (
        "u32 f(u32 x, u32 y, bool w) { return w ? x : y; }",
        "struct k { u32 x, y; bool w; }; u32 f(struct k *k) { return k->w ? k->y : k->x; }",
    ),
    "a member that is the other's in both versions": (
        S + "u32 f(struct s *p) { return p->a; }",
        S.replace("a, b", "b, c") + "u32 f(struct s *p) { return p->b; }",
    ),
    "a bit-field of another name": (
        "struct s { union { u32 w; struct { u32 x : 4; u32 y : 4; }; } r; }; u32 f(struct s *p) { return p->r.y; }",
        "struct s { union { u32 w; struct { u32 y : 4; u32 x : 4; }; } r; }; u32 f(struct s *p) { return p->r.x; }",
    ),
    "two members that could each be it": (
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        S.replace("a, b", "x, y") + "u32 f(struct s *p) { return p->y - p->x; }",
    ),
}


@pytest.mark.parametrize(("old", "new", "notes"), FOUND.values(), ids=FOUND.keys())
def test_another_name_is_found_and_told(old: str, new: str, notes: set[str], versions: Versions) -> None:
    held = versions("", old, new).hold()
    assert held.equal, held.notes
    assert set(held.notes) == notes


@pytest.mark.parametrize(("old", "new"), NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_another_thing_is_not_taken_for_another_name(old: str, new: str, versions: Versions) -> None:
    assert not versions("", old, new).hold().equal


def test_what_cannot_be_known_can_be_given(versions: Versions) -> None:
    old, new = (
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        S.replace("a, b", "x, y") + "u32 f(struct s *p) { return p->y - p->x; }",
    )
    found = versions("", old, new, {"p->y": "p->a", "p->x": "p->b"}).hold()
    assert found.equal
    assert found.notes == ("p->y is what p->a was, as --map says", "p->x is what p->b was, as --map says")


def test_what_is_given_may_be_wrong(versions: Versions) -> None:
    old, new = (
        S + "u32 f(struct s *p) { return p->a - p->b; }",
        S.replace("a, b", "x, y") + "u32 f(struct s *p) { return p->x - p->y; }",
    )
    assert not versions("", old, new, {"p->y": "p->a", "p->x": "p->b"}).hold().equal


def test_a_function_without_a_body_can_be_given_its_old_name(versions: Versions) -> None:
    found = versions(
        "", "u32 g(u32); u32 f(u32 x) { return g(x); }", "u32 h(u32); u32 f(u32 x) { return h(x); }", {"h": "g"}
    )
    assert found.hold().equal
    assert (
        not versions("", "u32 g(u32); u32 f(u32 x) { return g(x); }", "u32 h(u32); u32 f(u32 x) { return h(x); }")
        .hold()
        .equal
    )


def test_a_function_is_found_under_another_name(versions: Versions) -> None:
    found = versions("", "u32 before(u32 x) { return x * 3 + 1; }", "u32 after(u32 x) { return x * 3 + 1; }")
    assert found.pairing.notes == ("after() is what before() was",)
    assert found.hold("after").equal


def test_widths_that_differ_are_told(versions: Versions) -> None:
    held = versions("", "u64 f(u32 a) { return a >> 8; }", "u64 f(u64 a) { return a >> 8; }").hold()
    assert held.equal
    assert held.notes == ("a has 64 bits instead of 32: only what fits both is compared",)


def test_an_input_that_is_cut_off_is_not_equal(versions: Versions) -> None:
    assert not versions("", "u64 f(u64 a) { return a; }", "u64 f(u32 a) { return a; }").hold().equal


def test_an_input_is_equal_of_which_only_what_is_left_mattered(versions: Versions) -> None:
    held = versions("", "u64 f(u64 a) { return a & 0xff; }", "u64 f(u32 a) { return a & 0xff; }").hold()
    assert held.equal
    assert held.notes == ("a has 32 bits instead of 64: what is above is cut off",)


#: A bit-field of a word that has another name -> what the new version does with it, and whether that is the same.
BIT_FIELDS = {
    "is read": ("return p->r.q;", "return p->r.x;", True),
    "is not written": ("p->r.q = 0; return 0;", "p->r.x = v; return 0;", False),
    "is written alike": ("p->r.q = v; return 0;", "p->r.x = v; return 0;", True),
}

#: A word with a bit-field that only one version has -> what either version does with it, and whether that is the same.
ONE_SIDED = {
    "neither looks at it": ("p->r.y = v; return 0;", "p->r.y = v; return 0;", True),
    "the old one clears it": ("p->r.x = 0; p->r.y = v; return 0;", "p->r.y = v; return 0;", False),
    "the old one sets it sometimes": ("if (v == 7) p->r.x = 1; return p->r.y;", "return p->r.y;", False),
    "the new one sets it": ("return p->r.y;", "p->r.z = 1; return p->r.y;", False),
    "the new one sets it to what it is": ("return p->r.y;", "p->r.z = p->r.z; return p->r.y;", True),
    "the old one returns it": ("return p->r.x;", "return 0;", False),
}


@pytest.mark.parametrize(("new", "old", "equal"), BIT_FIELDS.values(), ids=BIT_FIELDS.keys())
def test_a_bit_field_with_another_name(new: str, old: str, equal: bool, versions: Versions) -> None:
    text = (
        "struct s {{ union {{ u32 w; struct {{ u32 {} : 3; u32 y : 4; }}; }} r; }}; u32 f(struct s *p, u32 v) {{ {} }}"
    )
    assert versions("", text.format("x", old), text.format("q", new)).hold().equal is equal


@pytest.mark.parametrize(("old", "new", "equal"), ONE_SIDED.values(), ids=ONE_SIDED.keys())
def test_a_bit_field_that_the_other_version_lacks_has_to_stay_as_it_is(
    old: str, new: str, equal: bool, versions: Versions
) -> None:
    text = "struct s {{ union {{ u32 w; struct {{ {} }}; }} r; }}; u32 f(struct s *p, u32 v) {{ {} }}"
    before, after = "u32 x : 3; u32 y : 4;", "u32 y : 4; u32 z : 2;"
    assert versions("", text.format(before, old), text.format(after, new)).hold().equal is equal


def test_what_is_written_has_a_fixed_order(versions: Versions) -> None:
    # The order decides which of several places is taken for the one that is gone.
    names = [f"m{number}" for number in range(12)]
    text = f"struct w {{ u32 {', '.join(names)}; }}; void f(struct w *w) {{ {' '.join(f'w->{name} = 1;' for name in names)} }}"
    found = versions(text, "", "").hold()
    assert found.compared.old.written == tuple(f"w->{name}" for name in names)


# Functions that are not followed: the text of the callee stands in another unit

#: What is done to a callee's parameters -> its old and new text, and the calls of it.
CALLEES = {
    "their order": (
        "u32 g(u32 x, u32 y) { return x - y; }",
        "u32 g(u32 y, u32 x) { return x - y; }",
        "g(3, a)",
        "g(a, 3)",
    ),
    "a name and their order": (
        "u32 g(u32 x, struct s *p, u32 y) { return x - p->a + y; }",
        "u32 g(struct s *p, u32 z, u32 x) { return x - p->a + z; }",
        "g(3, p, a)",
        "g(p, a, 3)",
    ),
}


@pytest.mark.parametrize(("old", "new", "call", "other"), CALLEES.values(), ids=CALLEES.keys())
def test_what_another_unit_is_given_is_compared_by_parameter(
    old: str, new: str, call: str, other: str, versions: Versions
) -> None:
    def declared(text: str) -> str:
        return text.partition("{")[0] + ";"

    def caller(text: str, call_: str) -> str:
        return f"{declared(text)} u32 f(struct s *p, u32 a) {{ return {call_}; }}"

    both = versions(S, caller(old, call), caller(new, other), elsewhere=(old, new))
    assert both.hold().equal
    assert not versions(S, caller(old, call), caller(new, other.replace("3", "4")), elsewhere=(old, new)).hold().equal


def test_arguments_that_are_swapped_where_the_parameters_are_not_differ(versions: Versions) -> None:
    callee = "u32 g(u32 x, u32 y) { return x - y; }"
    text = "u32 g(u32, u32); u32 f(u32 a) { return g(%s); }"
    assert not versions(S, text % "a, 3", text % "3, a", elsewhere=(callee, callee)).hold().equal


_LONG = "".join(f"p->a += {number} * p->b; " for number in range(80))


@pytest.mark.parametrize(
    ("old", "new", "equal"),
    [
        (
            "void g(struct s *p, u32 x) { %s p->b = x; } void f(struct s *p) { g(p, 3); }",
            "void g(struct s *p) { %s p->b = 3; } void f(struct s *p) { g(p); }",
            True,
        ),
        (
            "void g(struct s *p, u32 x) { %s p->b = x; } void f(struct s *p) { g(p, 3); }",
            "void g(struct s *p) { %s p->b = 4; } void f(struct s *p) { g(p); }",
            False,
        ),
        (
            "void g(struct s *p) { %s } void h(struct s *p) { g(p); g(p); } void f(struct s *p) { h(p); }",
            "void g(struct s *p) { %s } void f(struct s *p) { g(p); g(p); }",
            True,
        ),
    ],
    ids=("a parameter fewer", "a parameter fewer, and another number", "a function that is gone"),
)
def test_a_large_function_that_cannot_be_compared_as_a_call_is_followed(
    old: str, new: str, equal: bool, versions: Versions
) -> None:
    assert versions(S, old % _LONG, new % _LONG).hold().equal is equal


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (["shadow_nx_mask", "shadow_me_mask"], ["m.nx", "shadow_me_mask"], {"m.nx": "shadow_nx_mask"}),
        (
            ["shadow_acc_track_mask"],
            ["shadow_access_track_mask"],
            {"shadow_access_track_mask": "shadow_acc_track_mask"},
        ),
        (
            ["shadow_xs_mask", "shadow_xu_mask", "shadow_acc_track_mask", "shadow_accessed_mask"],
            ["m.xu", "m.xs", "m.accessed", "m.acc_track"],
            {
                "m.xs": "shadow_xs_mask",
                "m.xu": "shadow_xu_mask",
                "m.accessed": "shadow_accessed_mask",
                "m.acc_track": "shadow_acc_track_mask",
            },
        ),
        (["shadow_mmio_value", "shadow_mmio_mask"], ["m.mmio", "m.other"], {}),
        (["shadow_x_mask"], ["shadow_xs_mask", "shadow_xu_mask"], {}),
        (["shadow_nx_mask"], ["m.user"], {}),
    ],
)
def test_a_mask_in_another_place_is_told_by_the_words_of_its_name(
    old: list[str], new: list[str], found: dict[str, str]
) -> None:
    assert renamed_masks(old, new) == found


@pytest.mark.parametrize(
    ("new", "renamed"),
    [
        ("u32 f(u32 given) { u32 sum = given + 1; return sum; }", True),
        ("u32 f(u32 v) { u32 w = v + 1; return w; }", False),
        ("u32 f(u32 v) { /* Said. */ u32 w = v + ONE; return w; }", False),
        ("u32 f(u32 given) { u32 sum = given + 2; return sum; }", False),
    ],
    ids=["both are called otherwise", "nothing is another", "a comment and a macro", "a number is another as well"],
)
def test_it_is_known_that_only_local_variables_are_called_otherwise(
    new: str, renamed: bool, versions: Versions
) -> None:
    both = versions("#define ONE 1\n", "u32 f(u32 v) { u32 w = v + 1; return w; }", new)
    assert renames_locals(both.old, both.new, both.pair("f"), {}) is renamed


def test_a_local_variable_that_is_called_like_a_function_is_none(versions: Versions) -> None:
    both = versions(
        "static u32 at(u32 v) { return v + 1; }\n",
        "u32 f(u32 v) { u32 at = v; return at * 2; }\nu32 g(u32 v) { return f(v); }",
        "u32 f(u32 v) { u32 in = v; return in * 2; }\nu32 g(u32 v) { return f(v); }",
    )
    assert both.unchanged("f")
    assert both.unchanged("g")
    both = versions(
        "static u32 at(u32 v) { return v + 1; }\nu32 each(u32 (*of)(u32), u32 v) { return of(v); }\n",
        "u32 f(u32 v) { return each(at, v); }",
        "static u32 in(u32 v) { return v + 2; }\nu32 f(u32 v) { return each(in, v); }",
    )
    assert not both.unchanged("f"), "one that is handed on is a function"
