/* Every kind of expression, apart from those that the operator table covers. */

int integer_promotion_of_narrow_operands(u8 a, s8 b) { return (a << 4) + (b * 3) - ~a; }
u64 promoted_complement_is_wide(u8 a) { return ~a; }
u64 minus_of_unsigned_int_wraps(u32 a) { return -a; }
s64 minus_of_narrow_is_int(u16 a) { return -a; }
u64 unsigned_wins_at_the_same_rank(s32 a, u32 b) { return (a < b) + ((a + b) >> 1); }
u64 wider_signed_wins(s64 a, u32 b) { return (a < b) + ((a + b) >> 1); }
u64 long_and_unsigned_int(long a, u32 b) { return a / (long)(b | 1); }
u64 casts_narrow_then_widen(u64 a) { return (u64)(s8)a + (u64)(u16)a + (u64)(s32)(s16)a; }
u64 cast_to_bool(u64 a) { return (bool)a + (bool)(u8)a + !!a; }
bool narrow_to_bool_on_return(u64 a) { return a & 0xff00; }
s8 narrow_on_return(s64 a) { return a; }
u64 character_constants(u8 a) { return (a == 'x') + '\377' + '\0'; }
u64 integer_constants(u64 a) { return a + 0xffffffff + 077 + 1u + 0x7fffffff + 4294967296 + -1; }
u64 ternary_of_different_types(bool c, s32 a, u32 b) { return c ? a : b; }
s64 ternary_of_narrow_types(bool c, s8 a, u16 b) { return c ? a : b; }
u64 ternary_without_a_middle(u32 a, u64 b) { return a ?: b; }
u64 ternary_without_a_middle_evaluates_once(u8 a, u64 b) { u8 n = a; u64 r = n++ ?: b; return r * 256 + n; }
u64 comma(u32 a, u32 b) { u32 x; return (x = a + 1, x * b); }
u64 and_short_circuits(u32 a, u32 b) { u32 n = 0; u32 r = a && (n++, b); return r * 16 + n; }
u64 or_short_circuits(u32 a, u32 b) { u32 n = 0; u32 r = a || (n++, b); return r * 16 + n; }
u64 nested_short_circuits(u8 a, u8 b, u8 c)
{
	u32 n = 0;
	u32 r = (a && (n += 1, b)) || ((n += 16, c) && (n += 256, a));
	return r + 2 * n;
}
u64 effects_in_both_arms(bool c, u32 a) { u32 x = a, y = a; u32 r = c ? x++ : --y; return r + 3 * x + 5ull * y; }
u64 assignment_has_a_value(u32 a) { u8 n; u32 m = n = a; return m; }
u64 assignment_to_bool(u32 a) { bool b; u32 m = (b = a) + 1; return m; }
u64 compound_assignment_converts_back(u8 a, s32 b) { a += b; a *= 3; a -= b >> 2; a <<= 1; return a; }
u64 compound_shift_keeps_its_type(s8 a, u64 n) { a >>= n & 7; return a; }
u64 compound_with_a_wider_right_side(u8 a, u64 b) { a |= b; a ^= b >> 3; a &= ~b; return a; }
s64 compound_division(s16 a, s32 b) { if (b) { a /= b; a %= b; } return a; }
u64 compound_on_bool(bool a, u32 b) { a |= b; a ^= 1; a += b; a &= 3; return a; }
u64 compound_evaluates_its_target_once(u8 i, u32 v)
{
	u32 a[4] = { 1, 2, 3, 4 };
	u32 k = i & 1;
	a[k++] += v;
	a[k++] <<= 1;
	return a[0] + 5ull * a[1] + 25ull * a[2] + k;
}
u64 increments_of_narrow_types(u8 a, s8 b)
{
	u64 r = a++ + (++b & 0xff);
	return r * 65536 + a * 256 + (u8)b;
}
u64 increments_of_bool(bool a, bool b) { u64 r = a++ + b--; u64 s = ++a + --b; return r + 8 * s + 64 * a + 128 * b; }
u64 increment_through_a_pointer_moves_once(u32 v)
{
	u32 a[3] = { v, 10, 20 };
	u32 *p = a;
	u32 r = (*p++)++;
	return r + (u64)*p * 7 + (p - a) + 3ull * a[0];
}
enum colour { RED = 1, GREEN = 5, BLUE = -3 };
enum small { ONE = 1, BIG = 0x80000001 };
s64 enumerators(s32 x) { enum colour c = x; return (c == BLUE) + (c < GREEN) * 2 + GREEN * 4 + c; }
u64 unsigned_enumeration(u32 x) { enum small s = x; return (s > ONE) + (s >> 31) + BIG; }
u64 sizeof_and_alignof(u32 a)
{
	struct s { u8 a; u64 b; u16 c[3]; } x;
	return sizeof(x) + sizeof(x.c) * 256 + _Alignof(struct s) + sizeof(a++) + ARRAY_SIZE(x.c) + a;
}
struct holder { u8 a; struct { u32 b; u16 c[4]; }; union { u64 d; u8 e[8]; }; };
u64 offsets(u32 a) { return offsetof(struct holder, c[2]) + offsetof(struct holder, e[3]) * 100 + a; }
struct with_array { u64 first; u16 held[4]; };
u64 offset_of_any_element(u32 a) { return offsetof(struct with_array, held[a & 3]); }
#define kind(x) _Generic((x), u8: 1, s32: 2, u64: 3, default: 4)
u64 generic_selection(u8 a, u64 b) { return kind(a) + kind(a + 1) * 10 + kind(b) * 100 + kind(&a) * 1000; }
u64 choose_expr(u32 a, u64 b)
{
	return __builtin_choose_expr(sizeof(a) == 4, a + 1, "no number") + __builtin_choose_expr(0, a, b++) + b;
}
u64 choose_expr_in_a_macro(u32 a, u32 b)
{
#define pick(x, y) __builtin_choose_expr(__builtin_types_compatible_p(typeof(x), typeof(y)), (x) & (y), (x) | (y))
	return pick(a, b) + 3ull * pick(a, (u64)b);
}
u64 statement_expression(u32 a, u32 b) { return min(a, b) + 3ull * min_t(u8, a, b); }
u64 statement_expression_returns_early(u32 a)
{
	u32 x = ({ if (a > 10) return 77; a * 2; });
	return x + 1;
}
u64 statement_expression_in_a_condition(u32 a) { return ({ u32 t = a & 3; t; }) ? ({ a >>= 1; a; }) : 9; }
u64 read_once_and_write_once(u32 a, u64 b) { WRITE_ONCE(a, b); return READ_ONCE(a) + READ_ONCE(b); }
u64 typeof_of_an_expression(u8 a) { typeof(a + 1) x = a - 300; __typeof__(x) y = x; return x + y; }
u64 extension(u32 a) { return __extension__ (a + 1) + __builtin_expect(!!(a > 4), 0); }
u64 bit_builtins(u32 a, u64 b)
{
	return __builtin_popcountll(b) + 100 * __builtin_popcount(a) + 10000ull * __builtin_ffs(a) +
	       1000000ull * __builtin_ctzll(b | 1ull << 40) + 100000000ull * __builtin_clz(a | 2);
}
u64 byte_swaps(u16 a, u32 b, u64 c) { return __builtin_bswap16(a) + __builtin_bswap32(b) + __builtin_bswap64(c); }
u64 string_literals(u8 i) { const char *s = "a\xfe\tz"; return s[i & 3] + sizeof("abc") + "xyz"[1] + s[4]; }
u64 function_name(u8 i) { return __func__[i & 7]; }
u64 pointers_as_truth_values(u32 a) { u32 *p = a > 5 ? &a : NULL; return (p ? 1 : 2) + !p * 4 + (p && *p) * 8 + (p == NULL) * 16; }
u64 division_by_constants(s32 a, u32 b, s64 c) { return a / 7 + a % 8 + b / 16 + b % 10 + c / -3 + c % 4; }
u64 void_conditional(bool c, u32 a) { c ? (void)a++ : (void)(a += 7); return a; }
