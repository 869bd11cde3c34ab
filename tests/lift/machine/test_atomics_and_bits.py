"""Exchanges and single bits, which the kernel has in inline assembly, mean what the processor does."""
# A C function reads best on one line.

from collections.abc import Callable

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from mmuproof.lift.errors import LiftError, Missing, Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, pointer_to
from mmuproof.lift.tree.overlay import HEADERS
from mmuproof.smt.terms import BitVec, bv, var

from .conftest import NUMBERS, SEED, BuiltFile, LiftedFile

_OURS = HEADERS["asm/cmpxchg.h"].replace("#include_next <asm/cmpxchg.h>", "")
_GCCS = """
#define arch_xchg(ptr, v) __atomic_exchange_n(ptr, v, __ATOMIC_SEQ_CST)
#define __raw_cmpxchg(ptr, old, new, size, lock) __sync_val_compare_and_swap(ptr, old, new)
#define __raw_try_cmpxchg(ptr, pold, new, size, lock) __atomic_compare_exchange_n(ptr, pold, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
"""
_EXCHANGES = """
u64 exchange(u64 m, u64 v) { u64 old = arch_xchg(&m, v); return m * 3 + old; }
u64 compare(u64 m, u64 want, u64 v) { u64 old = __raw_cmpxchg(&m, want, v, 8, ""); return m * 3 + old; }
u64 equal(u64 m, u64 v) { u64 old = __raw_cmpxchg(&m, m, v, 8, ""); return m * 3 + old; }
u64 attempt(u64 m, u64 want, u64 v) { bool done = __raw_try_cmpxchg(&m, &want, v, 8, ""); return m * 3 + want * 5 + done; }
u64 succeed(u64 m, u64 v) { u64 want = m; bool done = __raw_try_cmpxchg(&m, &want, v, 8, ""); return m * 3 + want * 5 + done; }
"""
# The machine gives the called functions a meaning of its own; gcc compiles the bodies.
_BITS = """
static unsigned long variable__ffs(unsigned long word) { return __builtin_ctzl(word); }
static int variable_ffs(int x) { return __builtin_ffs(x); }
static bool variable_test_bit(long nr, const volatile unsigned long *addr) { return addr[nr / 64] >> nr % 64 & 1; }
static int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static void arch_clear_bit(long nr, volatile unsigned long *addr) { *addr &= ~(1ul << nr); }
static bool arch_test_and_clear_bit(long nr, volatile unsigned long *addr) { bool was = *addr >> nr & 1; *addr &= ~(1ul << nr); return was; }
static void arch___set_bit(unsigned long nr, volatile unsigned long *addr) { *addr |= 1ul << nr; }
u64 lowest(u64 w) { return variable__ffs(w); }
u64 first(u64 w) { return variable_ffs((int)w); }
u64 tested(u64 w) { return variable_test_bit(7, (unsigned long *)&w); }
u64 tested_far(u64 v, u64 w) { unsigned long both[2] = { v, w }; return variable_test_bit(70, both); }
u64 last(u64 w) { return fls((unsigned int)w); }
u64 last_of_64(u64 w, u64 n) { return fls64(w >> (n & 63)); }
u64 clear(u64 w, u64 n) { arch_clear_bit(n, &w); return w; }
u64 clear_low(u64 w, u64 n) { arch_clear_bit(n & 63, &w); return w; }
u64 set(u64 w, u64 n) { arch___set_bit(n, &w); return w; }
u64 set_low(u64 w, u64 n) { arch___set_bit(n & 63, &w); return w; }
u64 test_and_clear(u64 w, u64 n) { bool was = arch_test_and_clear_bit(n & 63, &w); return w * 2 + was; }
"""


def compare(lifted: LiftedFile, library: BuiltFile, name: str) -> int:
    """How many of some random arguments are defined; on these both agree."""
    defined = 0

    @seed(SEED)
    @settings(max_examples=60, database=None)
    @given(st.lists(NUMBERS, min_size=3, max_size=3))
    def agree(values: list[int]) -> None:
        nonlocal defined
        arguments = lifted.arguments(name, values)
        expected = lifted.lift(name).evaluate(arguments)
        if expected is not None:
            defined += 1
            for level, actual in library.call(lifted.lift(name).function, arguments).items():
                assert expected == actual, f"{name}{tuple(arguments)} at {level}, MMUPROOF_SEED={SEED}"

    agree()
    return defined


@pytest.mark.compiler
@pytest.mark.parametrize("name", ["exchange", "compare", "equal", "attempt", "succeed"])
def test_an_exchange_is_the_processors(
    name: str, program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    assert compare(program(_OURS + _EXCHANGES), compiled(_GCCS + _EXCHANGES), name)


@pytest.mark.compiler
@pytest.mark.parametrize(
    "name",
    [
        "lowest",
        "first",
        "last",
        "last_of_64",
        "tested",
        "tested_far",
        "clear",
        "clear_low",
        "set",
        "set_low",
        "test_and_clear",
    ],
)
def test_a_bit_is_the_one_that_c_finds(
    name: str, program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    assert compare(program(_BITS), compiled(_BITS), name)


_MASKS = """
u64 narrow(u32 i, u32 n) { return array_index_mask_nospec(i, n); }
u64 negative(int i, int n) { return array_index_mask_nospec(i, n); }
u64 wide(u64 i, u64 n) { return array_index_mask_nospec(i, n); }
"""
_PROCESSORS_MASK = r"""
#define array_index_mask_nospec(idx, sz) ({ typeof((idx) + (sz)) at = (idx), below = (sz); unsigned long m; \
    asm volatile("cmp %1,%2; sbb %0,%0" : "=r"(m) : "r"(below), "r"(at) : "cc"); m; })
"""


@pytest.mark.compiler
@pytest.mark.parametrize("name", ["narrow", "negative", "wide"])
def test_the_mask_of_an_index_is_the_processors(
    name: str, program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    ours = HEADERS["asm/barrier.h"].replace("#include_next <asm/barrier.h>", "")
    assert compare(program(ours + _MASKS), compiled(_PROCESSORS_MASK + _MASKS), name)


# How much larger a byte is the standard leaves open; the sign is what may be used.
_COMPARED = """
int memcmp(const void *a, const void *b, unsigned long size);
union role { u32 word; struct { u32 level : 4, direct : 1, access : 3; }; };
struct pair { u32 a; u16 b, c; };
int sign(int x) { return (x > 0) - (x < 0); }
int word(u64 v, u64 w) { return sign(memcmp(&v, &w, sizeof(v))); }
int odd_size(u64 v, u64 w) { return sign(memcmp(&v, &w, 3)); }
int nothing(u64 v, u64 w) { return memcmp(&v, &w, 0); }
int unions(u32 v, u32 w) { union role a = { .word = v }, b = a; b.level = w; return !memcmp(&a, &b, sizeof(a)); }
int members(u64 v, u64 w) { struct pair a = { v, w, v }, b = { v, w >> 1, v }; return sign(memcmp(&a, &b, sizeof(a))); }
int nearly(u64 v, u64 n) { u64 a[2] = { 1, v }, b[2] = { 1, v ^ n % 3 }; return sign(memcmp(a, b, sizeof(a))); }
int chosen(u64 v, u64 w) { u64 a = v, b = w; return sign(memcmp(v & 1 ? &a : &b, &w, 8)); }
"""


@pytest.mark.compiler
@pytest.mark.parametrize("name", ["word", "odd_size", "nothing", "unions", "members", "nearly", "chosen"])
def test_memory_is_compared_byte_by_byte(
    name: str, program: Callable[[str], LiftedFile], compiled: Callable[[str], BuiltFile]
) -> None:
    assert compare(program(_COMPARED), compiled(_COMPARED), name)


def test_a_comparison_of_unknown_size_is_refused(program: Callable[[str], LiftedFile]) -> None:
    lifted = program(
        "int memcmp(const void *a, const void *b, u64 size); int f(u64 v, u64 n) { return memcmp(&v, &n, n & 7); }"
    )
    with pytest.raises(Refused, match="how much is compared"):
        lifted.lift("f")


_FOUND = """
struct entry { u64 *at; u64 value; bool valid; };
u64 *find(struct entry *entry, u64 *value);
u64 f(u64 a) { struct entry entry; u64 value; u64 *at = find(&entry, &value); *at += 1; return *entry.at * 4 + value * 2 + entry.valid; }
"""


def found(program: Callable[[str], LiftedFile]) -> BitVec:
    lifted = program(_FOUND)
    target = Object(name="target", type=lifted.unit.function("f").result, kind=ObjectKind.UNSET)
    memory = Memory()
    memory.write(target, 0, 64, bv(10, 64))
    stores = ((0, "at", pointer_to(target)), (0, "valid|absent", bv(1, 8)), (1, "", bv(3, 64)))
    cut = Cut(function="find", reason="x", writes=((0, ""), (1, "")), gives=pointer_to(target), stores=stores)
    result = lifted.machine(cut).run(lifted.unit.function("f"), [var("a", 64)], memory)
    assert isinstance(result, BitVec)
    return result


def test_a_cut_gives_and_stores_what_is_known(program: Callable[[str], LiftedFile]) -> None:
    assert found(program) is bv(11 * 4 + 3 * 2 + 1, 64)


@pytest.mark.parametrize(
    ("stores", "raised"),
    [
        pytest.param(((0, "none", bv(1, 8)),), Missing, id="no such member"),
        pytest.param(((1, "at", bv(1, 64)),), Missing, id="no member of a number"),
        pytest.param(((2, "", bv(1, 64)),), Refused, id="no such argument"),
    ],
)
def test_a_cut_that_stores_nowhere_is_refused(
    program: Callable[[str], LiftedFile], stores: tuple[tuple[int, str, BitVec], ...], raised: type[LiftError]
) -> None:
    lifted = program(_FOUND)
    with pytest.raises(raised):
        lifted.machine(Cut(function="find", reason="x", stores=stores)).run(
            lifted.unit.function("f"), [var("a", 64)], Memory()
        )
