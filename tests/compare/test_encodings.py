"""Bits that have moved: how an old number becomes a new one."""
# A C function reads best on one line.

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.compare.encodings import (
    Bits,
    Encoding,
    Kind,
    Move,
    access_encodings,
    kind_of,
    set_encoding,
    spte_encoding,
)
from mmuproof.smt.terms import BitVec, bv

from .small_versions import Versions, versions

__all__ = ["versions"]

WORD = st.integers(0, (1 << 64) - 1)


def encode(encoding: Encoding, value: int, width: int = 64) -> int:
    found = encoding.encode(bv(value, width))
    assert found.is_const
    return found.value


@st.composite
def _moves(draw: st.DrawFn) -> tuple[Move, ...]:
    count = draw(st.integers(1, 6))
    bits = st.lists(st.integers(0, 63), min_size=count, max_size=count, unique=True)
    return tuple(Move(f"bit {old}", 1 << old, 1 << new) for old, new in zip(draw(bits), draw(bits), strict=True))


@given(moves=_moves(), values=st.lists(WORD, min_size=2, max_size=2, unique=True))
def test_no_two_numbers_become_one(moves: tuple[Move, ...], values: list[int]) -> None:
    encoding = Encoding(Kind.SPTE, moves)
    assert encode(encoding, values[0]) != encode(encoding, values[1])


@given(moves=_moves(), value=WORD)
def test_each_bit_goes_to_its_place_and_none_is_made(moves: tuple[Move, ...], value: int) -> None:
    found = encode(Encoding(Kind.SPTE, moves), value)
    assert found.bit_count() == value.bit_count()
    for move in moves:
        assert bool(value & move.old) is bool(found & move.new)


@given(value=WORD, old=st.integers(0, 60), new=st.integers(0, 60))
def test_a_field_of_several_bits_moves_as_one(value: int, old: int, new: int) -> None:
    found = encode(Encoding(Kind.SPTE, (Move("field", 7 << old, 7 << new),)), value)
    assert found >> new & 7 == value >> old & 7
    assert found.bit_count() == value.bit_count()


@given(moves=_moves(), value=WORD)
def test_what_moves_back_is_what_it_was(moves: tuple[Move, ...], value: int) -> None:
    back = tuple(Move(each.name, each.new, each.old) for each in moves)
    there = encode(Encoding(Kind.SPTE, moves), value)
    again = encode(Encoding(Kind.SPTE, back), there)
    for move in moves:
        assert bool(again & move.old) is bool(value & move.old)


def test_one_bit_may_become_two() -> None:
    encoding = Encoding(Kind.SPTE, (Move("X", 4, 4 | 1 << 10),))
    assert [encode(encoding, value) for value in (0, 4, 1 << 10, 1 << 63)] == [0, 4 | 1 << 10, 0, 1 << 63]


def test_a_bit_may_always_be_set() -> None:
    assert encode(Encoding(Kind.ACCESS, (Move("W", 2, 8),), 1), 0b10, 8) == 0b1001


def bits(constants: Mapping[str, int], masks: Mapping[str, BitVec] | None = None) -> Bits:
    return Bits(constants, masks or {})


ACCESS = {"ACC_EXEC_MASK": 1, "ACC_WRITE_MASK": 2, "ACC_USER_MASK": 4}
MOVED = {"ACC_EXEC_MASK": 8, "ACC_WRITE_MASK": 2, "ACC_USER_MASK": 4}


def test_access_bits_that_move_are_told_by_their_names() -> None:
    (found,) = access_encodings(bits(ACCESS), bits(MOVED))
    assert found.notes == ("access: ACC_EXEC_MASK is in bit 3 instead of bit 0",)
    assert [encode(found, value, 8) for value in (1, 2, 5, 8)] == [8, 2, 12, 1]


def test_what_has_not_moved_is_no_encoding() -> None:
    assert access_encodings(bits(ACCESS), bits(ACCESS)) == ()
    assert spte_encoding(bits({"SPTE_TDP_AD_MASK": 3}), bits({"SPTE_TDP_AD_MASK": 3})) is None


def test_a_bit_for_reading_that_is_new_is_always_set_or_what_user_was() -> None:
    new = {"ACC_READ_MASK": 1, "ACC_WRITE_MASK": 2, "ACC_USER_MASK": 4, "ACC_USER_EXEC_MASK": 4, "ACC_EXEC_MASK": 8}
    plain, ept = access_encodings(bits(ACCESS), bits(new))
    assert [encode(plain, value, 8) for value in (0, 1, 7)] == [1, 9, 15]
    assert [encode(ept, value, 8) for value in (0, 1, 4, 7)] == [0, 12, 1, 15]


def test_a_word_with_a_bit_for_each_access_mask_moves_with_these() -> None:
    (inner,) = access_encodings(bits(ACCESS), bits(MOVED))
    found = set_encoding(inner)
    assert encode(found, 1 << 1, 16) == 1 << 8
    assert encode(found, 0xFF, 16) == ~found.left_out(16) & 0xFFFF
    assert found.left_out(16).bit_count() == 8


def test_masks_that_are_set_up_move_sptes() -> None:
    old, new = (
        bits({"SPTE_TDP_AD_MASK": ad << 52}, {"shadow_host_writable_mask": bv(1 << at, 64)})
        for ad, at in ((3, 57), (3 << 8, 53))
    )
    found = spte_encoding(old, new)
    assert found is not None
    assert found.notes == (
        "SPTE: the A/D type is in bits 60, 61 instead of bits 52, 53",
        "SPTE: host-writable is in bit 53 instead of bit 57",
    )
    assert encode(found, 1 << 53 | 1 << 57) == 1 << 61 | 1 << 53


@pytest.mark.parametrize(
    ("name", "width", "kind"),
    [
        ("spte", 64, Kind.SPTE),
        ("old_spte", 64, Kind.SPTE),
        ("*sptep", 64, Kind.SPTE),
        ("sp->spt[3]", 64, Kind.SPTE),
        ("make_spte()", 64, Kind.SPTE),
        ("spte", 32, None),
        ("respite", 64, None),
        ("pte_access", 32, Kind.ACCESS),
        ("walker->pt_access after get()", 32, Kind.ACCESS),
        ("accessed", 32, None),
        ("mmu->permissions[3]", 8, Kind.ACCESS_SET),
        ("permissions", 8, None),
    ],
)
def test_a_number_is_known_by_its_name(name: str, width: int, kind: Kind | None) -> None:
    assert kind_of(name, width) is kind


# In functions

OLD = "#define ACC_EXEC_MASK 1\n#define ACC_WRITE_MASK 2\n#define ACC_USER_MASK 4\n"
SWAPPED = "#define ACC_EXEC_MASK 4\n#define ACC_WRITE_MASK 2\n#define ACC_USER_MASK 1\n"
ELSEWHERE = OLD.replace("MASK 1", "MASK 8")
AD, AD_ELSEWHERE = (f"#define SPTE_TDP_AD_MASK (3ull << {at})\n" for at in (52, 55))
NOTE = "access: ACC_EXEC_MASK is in bit {} instead of bit 0"

#: A function in two encodings -> the two, the function, and a note.
EQUAL = {
    "an access mask is read": (
        OLD,
        SWAPPED,
        "u32 f(u32 access) { return access & ACC_EXEC_MASK ? 5 : 0; }",
        NOTE.format(2),
    ),
    "an access mask is returned": (
        OLD,
        SWAPPED,
        "u32 get_access(u32 x) { return x ? ACC_EXEC_MASK : ACC_WRITE_MASK; }",
        NOTE.format(2),
    ),
    "an access mask has a new bit": (
        OLD,
        ELSEWHERE,
        "u32 f(u32 access) { return !(access & ACC_EXEC_MASK); }",
        NOTE.format(3),
    ),
    "an SPTE is read": (
        AD,
        AD_ELSEWHERE,
        "u64 f(u64 spte) { return (spte & SPTE_TDP_AD_MASK) != 0; }",
        "SPTE: the A/D type is in bits 55, 56 instead of bits 52, 53",
    ),
    "an SPTE is written": (
        AD,
        AD_ELSEWHERE,
        "struct s { u64 spte; }; void f(struct s *p) { p->spte |= SPTE_TDP_AD_MASK; }",
        "SPTE: the A/D type is in bits 55, 56 instead of bits 52, 53",
    ),
}
NOT_EQUAL = {
    "an access bit is left where it was, besides": (
        OLD,
        ELSEWHERE,
        "u32 f(u32 access) { return !!(access & ACC_EXEC_MASK); }",
        "!!(access & (ACC_EXEC_MASK | 1))",
    ),
    "a bit of SPTEs is left where it was, besides": (
        AD,
        AD_ELSEWHERE,
        "u64 f(u64 spte) { return !!(spte & SPTE_TDP_AD_MASK); }",
        "!!(spte & (SPTE_TDP_AD_MASK | 1ull << 52))",
    ),
    "another access bit is asked for": (
        OLD,
        SWAPPED,
        "u32 f(u32 access) { return !!(access & ACC_EXEC_MASK); }",
        "!!(access & ACC_WRITE_MASK)",
    ),
}


@pytest.mark.parametrize(("old", "new", "text", "note"), EQUAL.values(), ids=EQUAL.keys())
def test_a_function_is_equal_in_another_encoding(old: str, new: str, text: str, note: str, versions: Versions) -> None:
    held = versions("", old + text, new + text).hold("get_access" if "get_access" in text else "f")
    assert held.equal
    assert note in held.notes


@pytest.mark.parametrize(("old", "new", "text", "other"), NOT_EQUAL.values(), ids=NOT_EQUAL.keys())
def test_a_function_that_has_not_moved_with_its_bits_is_not_equal(
    old: str, new: str, text: str, other: str, versions: Versions
) -> None:
    before, keyword, _ = text.partition("return ")
    assert not versions("", old + text, f"{new}{before}{keyword}{other}; }}").hold().equal


@pytest.mark.parametrize("left", ["1", "4"])
def test_a_function_that_is_left_behind_is_not_equal(left: str, versions: Versions) -> None:
    old = "u32 f(u32 access) { return !!(access & %s); }" % ("ACC_EXEC_MASK" if left == "1" else "ACC_USER_MASK")
    found = versions("", OLD + old, f"{SWAPPED}u32 f(u32 access) {{ return !!(access & {left}); }}")
    assert found.unchanged()
    assert not found.unchanged(moved=[Kind.ACCESS])
    assert not found.hold().equal


#: What is done with an access mask -> the function, in a way that does not depend on where its bits are.
WHOLE = {
    "it is returned": "u32 f(u32 access) { return access; }",
    "it is compared with another": "u32 f(u32 access, u32 pte_access) { return access == pte_access; }",
    "a word is shifted by it": "u32 f(u32 access, u32 x) { return x >> (access & 31); }",
    "it is put above something else": "u64 f(u32 access, u64 gfn) { return gfn << 12 | access; }",
    "it is given to a function": "u32 g(u32 x, u32 access); u32 f(u32 access) { return g(1, access); }",
    "all of it is tested": "u32 f(u32 access) { return !access; }",
    "a bit that has stayed is tested": "u32 f(u32 access) { return !!(access & ACC_WRITE_MASK); }",
    "an access in an error code is tested": "u32 f(u64 access) { return !!(access & 4); }",
}

#: As above, but it does depend on where they are.
SINGLE = {
    "a bit is tested": "u32 f(u32 access) { return !!(access & 1); }",
    "two bits are compared": "u32 f(u32 access) { return (access & 1) == (access >> 1 & 1); }",
    "a bit is cleared": "u32 f(u32 access) { return access & ~4u; }",
    "a bit is set": "u32 f(u32 access) { return access | 1; }",
    "a number is returned": "u32 get_access(u32 x) { return x ? 4 : 1; }",
    "it is compared with a number": "u32 f(u32 access) { return access == 1; }",
    "it is below a number": "u32 f(u32 access) { return access < 2; }",
    "a number is below it": "u32 f(u32 access) { return 33 < access; }",
    "it picks a bit of a number": "u32 f(u32 access) { return 0x52 >> (access & 7) & 1; }",
    "the bit with its number is returned": "u32 f(u32 access) { return 1u << (access & 7); }",
    "a bit with its number is picked": "u32 f(u32 access) { return !!((1u << (access & 7)) & 2); }",
    "a number is written": "struct s { u32 access; }; void f(struct s *p) { p->access = 4; }",
    "a number is given to a function": 'u32 g(u32 access) { asm volatile ("nop"); return access; } u32 f(u32 x) { return g(4); }',
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE.keys())
def test_what_takes_an_access_mask_as_a_whole_is_equal_wherever_its_bits_are(text: str, versions: Versions) -> None:
    assert versions("", OLD + text, SWAPPED + text).hold().equal


@pytest.mark.parametrize("text", SINGLE.values(), ids=SINGLE.keys())
def test_what_looks_at_single_bits_has_to_move_with_them(text: str, versions: Versions) -> None:
    found = versions("", OLD + text, SWAPPED + text)
    name = "get_access" if "get_access" in text else "f"
    assert not found.unchanged(name, [Kind.ACCESS])
    assert not found.hold(name).equal
    # Where no bit has moved, it is the same.
    assert versions("", OLD + text, OLD + text).hold(name).equal


@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        ("access & ACC_EXEC_MASK", "access & ACC_EXEC_MASK", True),
        ("access & ACC_EXEC_MASK", "access & ACC_WRITE_MASK", False),
        ("access == ACC_EXEC_MASK", "access == ACC_EXEC_MASK", True),
    ],
)
def test_an_access_mask_in_a_word_that_has_changed_is_encoded(
    before: str, after: str, equal: bool, versions: Versions
) -> None:
    word = "union r {{ u32 word; struct {{ u32 level : 4; u32 access : {}; u32 nx : 1; }}; }}; "
    text = "u32 f(union r role) {{ return !!(role.{}); }}"
    old = OLD + word.format(3) + text.format(before)
    new = SWAPPED + word.format(4) + text.format(after)
    assert versions("", old, new).hold().equal is equal


def test_an_access_mask_is_put_into_a_word_that_has_changed(versions: Versions) -> None:
    word = "union r {{ u32 word; struct {{ u32 level : 4; u32 access : {}; u32 nx : 1; }}; }}; struct s {{ union r role; }}; "
    text = "void f(struct s *p, u32 x) { p->role.access = x ? ACC_EXEC_MASK : ACC_WRITE_MASK; }"
    assert versions("", OLD + word.format(3) + text, SWAPPED + word.format(4) + text).hold().equal
    assert (
        not versions("", OLD + word.format(3) + text, SWAPPED + word.format(4) + text.replace("EXEC", "USER"))
        .hold()
        .equal
    )


@pytest.mark.parametrize("width", [3, 4], ids=["the word is the same", "the word has changed"])
def test_an_access_mask_in_a_word_is_not_left_behind(width: int, versions: Versions) -> None:
    word = "union r {{ u32 word; struct {{ u32 level : 4; u32 access : {}; u32 nx : 1; }}; }}; "
    text = "u32 f(union r role) {{ return !!(role.access & {}); }}"
    old = OLD + word.format(3) + text.format("ACC_EXEC_MASK")
    for mask, equal in (("ACC_EXEC_MASK", True), ("1", False)):
        assert versions("", old, SWAPPED + word.format(width) + text.format(mask)).hold().equal is equal
