/* Statements. */

u64 if_else_chain(s32 a) { u64 r; if (a < -5) r = 1; else if (a < 0) r = 2; else if (!a) r = 3; else r = a; return r; }
u64 early_returns(u32 a, u32 b) { if (a > b) return a; if (a == b) { if (a & 1) return 7; b += 2; } return b * 2; }
u64 for_loop(u8 n) { u64 s = 0; for (u32 i = 0; i < (n & 15); i++) s = s * 3 + i; return s; }
u64 for_without_parts(u32 a) { u64 s = 0; u32 i = 0; for (;;) { if (i == 5) break; s += a >> i; i++; } for (; i < 8;) i++; for (i = 0; ; i++) if (i > 3) break; for (; ; i++) { if (i > 9) break; } return s + i; }
u64 while_loop(u16 a) { u32 n = 0; while (a) { n += a & 1; a >>= 1; } return n; }
u64 do_loop(u8 a) { u32 n = 0; do { n++; a >>= 1; } while (a); return n; }
u64 continue_and_break(u16 a) { u64 s = 0; for (u32 i = 0; i < 16; i++) { if (!(a & (1 << i))) continue; if (i > 11) break; s = s * 5 + i; } return s; }
u64 continue_in_a_do_loop(u8 a) { u32 n = 0, i = 0; do { if (a & (1 << i)) continue; n += i; } while (++i < 8); return n; }
u64 return_from_a_loop(u16 a) { for (u32 i = 0; i < 16; i++) { if (a & (1 << i)) return i; } return 99; }
u64 loop_from_one_of_several_numbers(u32 a, u8 n) { u64 s = 0; for (s32 i = a & 1 ? 2 : a & 2 ? 5 : 3; i >= 1; i--) s = s * 3 + i + n; return s; }
u64 nested_loops(u8 a) { u64 s = 0; for (u32 i = 0; i < 4; i++) for (u32 j = i; j < 4; j++) { if (j == (a & 3)) break; s += i * 4 + j + a; } return s; }
u64 loop_over_an_array(u32 v, u8 k) { u32 a[6]; u64 s = 0; for (u32 i = 0; i < ARRAY_SIZE(a); i++) a[i] = v * i; a[k % 6] = 1; for (u32 i = 0; i < ARRAY_SIZE(a); i++) s = s * 3 + a[i]; return s; }
u64 switch_falls_through(u8 a) { u64 r = 0; switch (a & 7) { case 0: r += 1; case 1: r += 10; break; case 2: case 3: r += 100; default: r += 1000; case 6: r += 10000; break; case 7: return 5; } return r; }
u64 switch_without_default(u32 a) { u64 r = 9; switch (a) { case 1: r = 1; break; case 0xffffffff: r = 2; break; } return r; }
u64 switch_on_ranges(s32 a) { switch (a) { case -10 ... -1: return 1; case 0: return 2; case 1 ... 100: return 3; case 0x7fffff00 ... 0x7fffffff: return 4; default: return 5; } }
u64 switch_on_a_narrow_value(s8 a) { switch (a) { case -1: return 1; case 255: return 2; case 'a': return 3; } return 4; }
u64 switch_on_a_wide_value(u64 a) { switch (a) { case 1ull << 40: return 1; case 5 ... 1ull << 33: return 2; } return 3; }
enum op { ADD, SUB, NEG };
u64 switch_on_an_enumeration(u32 o, u32 a) { switch ((enum op)(o % 4)) { case ADD: return a + 1; case SUB: return a - 1; case NEG: return -a; } return 77; }
u64 switch_with_a_block_and_declarations(u8 a) { switch (a & 3) { u32 t; case 0: t = 5; return t; case 1: { u32 t = a; return t * 2; } default: t = 1; a += t; } return a; }
u64 switch_inside_a_loop(u32 a) { u64 s = 0; for (u32 i = 0; i < 8; i++) { switch ((a >> (4 * i)) & 3) { case 0: continue; case 1: s += i; break; case 2: goto out; default: s *= 2; } s += 100; } out: return s; }
u64 goto_error_paths(u32 a, u32 b) { u64 r = 0; if (a > 10) goto fail_a; r += 1; if (b > 10) goto fail_b; r += 10; return r; fail_b: r += 100; fail_a: r += 1000; return r; }
u64 goto_out_of_loops(u16 a) { u32 i, j; for (i = 0; i < 4; i++) for (j = 0; j < 4; j++) if (a & (1 << (i * 4 + j))) goto found; return 99; found: return i * 10 + j; }
u64 goto_inside_a_loop(u16 a) { u64 s = 0; for (u32 i = 0; i < 6; i++) { if (a & (1 << i)) goto next; s += i; if (s > 7) goto out; next: s = s * 2 + 1; } out: return s; }
u64 goto_past_a_declaration(u32 a) { if (a > 3) goto out; u32 t = a * 2; a += t; out: return a; }
u64 goto_out_of_a_statement_expression(u32 a) { u32 r = ({ if (a > 9) goto big; a + 1; }); return r; big: return 1000; }
u64 label_at_the_end_of_a_block(u32 a) { { if (a & 1) goto end; a += 4; end: ; } return a; }
u64 declaration_in_a_loop(u32 a) { u64 s = 0; for (u32 i = 0; i < 4; i++) { u32 t; if (a & (1 << i)) t = i; else t = 7; s = s * 8 + t; } return s; }
u64 shadowing(u32 a) { u32 x = a; { u32 x = 5; x += a; a = x; } for (u32 x = 0; x < 2; x++) a += x; return x + a * 3ull; }
u64 pointer_set_on_one_path(u32 a) { u32 x = 3, *p; if (a > 4) p = &x; if (a > 4) *p += a; return x; }
static u32 helper(u32 a, u32 *out) { if (a & 1) { *out = a; return 0; } if (a & 2) return 5; *out = 9; return a >> 2 ? 0 : 6; }
u64 result_and_out_parameter(u32 a) { u32 out = 1, r = helper(a, &out); if (r) return r; return out * 2; }
static void nothing(void) { }
u64 calls_without_a_value(u32 a) { nothing(); (void)helper(a, &a); return a; }
u64 empty_statements(u32 a) { ; if (a > 2) ; else a = 9; while (0) ; { } asm volatile("" ::: "memory"); return a; }
u64 attributed_fallthrough(u32 a) { switch (a & 1) { case 0: a += 2; __attribute__((fallthrough)); case 1: a += 3; } return a; }
u64 both_compilers_constant(u32 a) { return __builtin_constant_p(a + 1) ? a * 2 : a + a; }
u64 build_time_assertions(u32 a) { _Static_assert(sizeof(a) == 4, "size"); return a; }
