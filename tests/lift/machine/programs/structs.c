/* Structs by value and by pointer, arrays, pointers, initializers. */

struct point { u32 x; u16 y; };
struct line { struct point from, to; u8 tag; };
static struct point make(u32 x, u16 y) { struct point p = { x, y }; return p; }
static struct point flip(struct point p) { u32 t = p.x; p.x = p.y; p.y = t; return p; }
static struct point pick(bool c, struct point a, struct point b) { if (c) return a; return b; }
static void move(struct point *p, u32 by) { p->x += by; p->y -= by; }
u64 struct_result(u32 a, u16 b) { return make(a, b).x + 3 * make(b, a).y; }
u64 struct_argument_is_a_copy(u32 a, u16 b) { struct point p = { a, b }; struct point q = flip(p); return p.x + 3ull * p.y + 5ull * q.x + 7ull * q.y; }
u64 struct_from_several_returns(bool c, u32 a) { struct point p = pick(c, make(a, 1), make(2, a)); return p.x * 4ull + p.y; }
u64 struct_assignment(u32 a) { struct line l = { { 1, 2 }, { 3, 4 }, 5 }; struct line m; m = l; m.from.x = a; l.to = m.from; return l.to.x + 2 * m.from.y + m.tag + l.from.x; }
u64 struct_assignment_has_a_value(u32 a) { struct point p = { a, 1 }, q, r; r = q = p; return (p = r).x + q.y + r.x; }
u64 struct_conditional(bool c, u32 a) { struct point p = { a, 1 }, q = { 2, 3 }; struct point r = c ? p : q; return r.x + 10 * r.y + (c ? q : p).y; }
u64 struct_in_a_comma(u32 a) { struct point p = { a, 1 }; struct point q = (p.x++, p); return q.x; }
u64 struct_through_pointers(u32 a, u32 b) { struct point p = { a, 9 }; move(&p, b); struct point *q = &p; (*q).x ^= 5; return p.x + ((u64)q->y << 32); }
u64 pointer_to_a_member(u32 a) { struct line l = { .tag = 1 }; u16 *p = &l.to.y; *p = a; u8 *t = &l.tag; *t += 3; return l.to.y + l.tag; }
u64 pointer_to_pointer(bool c, u32 a) { u32 x = a, y = 2, *p = &x, *q = &y; u32 **r = c ? &p : &q; **r = 7; *r = &x; return x + 10ull * y + 100ull * *q + 1000ull * *p; }
u64 write_through_a_chosen_pointer(u8 c, u32 v) { u32 a = 1, b = 2, d = 3, *p = c & 1 ? &a : c & 2 ? &b : &d; *p += v; return a + 100ull * b + 10000ull * d; }
u64 container(u32 a) { struct line l = { { a, 1 }, { 2, 3 }, 4 }; struct point *p = &l.to; return container_of(p, struct line, to)->from.x + container_of(&p->y, struct line, to.y)->tag; }
u64 struct_in_a_statement_expression(u32 a) { return ({ struct point p = { a, 2 }; p; }).x; }
u64 overlapping_copy(u32 a) { struct { struct point a[3]; } s = { { { a, 1 }, { 2, 3 }, { 4, 5 } } }; s.a[1] = s.a[0]; s.a[0] = s.a[2]; return s.a[0].x + 10 * s.a[1].x + s.a[1].y; }
u64 other_type_reads(u64 a) { u32 *p = (u32 *)&a; u8 *b = (u8 *)&a; return p[1] + b[3] + *(u16 *)(b + 1); }
u64 other_type_writes(u64 a, u16 v) { *(u16 *)((u8 *)&a + 3) = v; return a; }
u64 void_pointer_arithmetic(u64 a) { void *p = &a; p += 2; return *(u8 *)p; }
u64 address_as_a_number(u32 i) { u32 a[8]; return ((u64)&a[i & 7] - (u64)a) + ((u64)&a[3] & 0) + ((u64)(a + 2) - (u64)&a[1]); }

u64 array_symbolic_read(u8 i, u32 v) { u32 a[5] = { 1, v, 3 }; return a[i % 5]; }
u64 array_symbolic_write(u8 i, u8 j, u32 v) { u32 a[4] = { 1, 2, 3, 4 }; a[i & 3] = v; a[j & 3] += 1; return a[0] + 3ull * a[1] + 5ull * a[2] + 7ull * a[3]; }
u64 array_of_arrays(u8 i, u8 j, u32 v) { u16 a[3][4] = { { 1, 2 }, { 3 }, [2][3] = 9 }; a[i % 3][j & 3] += v; return a[j % 3][i & 3] + 7 * a[2][3] + a[0][1]; }
u64 array_of_structs(u8 i, u32 v) { struct line a[3] = { [1] = { .to = { 5, 6 } } }; a[i % 3].to.y = v; a[1].from = a[i % 3].to; return a[1].to.y + 3 * a[2].to.y + 5ull * a[1].from.y + a[i % 3].to.x; }
u64 struct_copied_from_a_symbolic_index(u8 i) { struct point a[3] = { { 1, 2 }, { 3, 4 }, { 5, 6 } }; struct point p = a[i % 3]; a[(i + 1) % 3] = p; return p.x + a[0].x * 10 + a[1].y * 100 + a[2].x * 1000; }
u64 array_of_pointers(u8 i, u32 v) { u32 x = 1, y = 2, z = 3, *a[3] = { &x, &y, &z }; *a[i % 3] = v; a[0] = a[i % 3]; return x + 3ull * y + 5ull * z + 7ull * *a[0]; }
u64 pointer_walk(u32 v) { u32 a[4] = { v, 2, 3, 4 }, *p = a, *end = a + 4; u64 s = 0; while (p < end) s = s * 3 + *p++; return s + (end - p) + (p == end); }
u64 pointer_difference(u8 i, u8 j) { u16 a[9]; return (&a[i % 9] - &a[j % 9]) + (&a[i % 9] < &a[j % 9]) * 100 + (a + i % 9 == a + j % 9) * 1000; }
u64 pointer_moves_by_a_symbolic_count(u8 i) { u16 a[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, *p = a + 4; p -= i & 3; p += i >> 6; return *p + p[-1] + *(p + (i & 1)); }
u64 array_parameter_is_a_pointer(u32 v);
static u64 sum(const u32 a[4], u32 n) { u64 s = 0; u32 i; for (i = 0; i < n; i++) s += a[i] + sizeof(a); a++; return s + *a + a[1]; }
u64 array_parameter_is_a_pointer(u32 v) { u32 a[4] = { 1, v, 3, 4 }; return sum(a, 4); }
static const u16 squares[] = { 0, 1, 4, 9, 16, [7] = 49 };
static const struct { u8 key; const char *name; struct point at; } table[] = { { 3, "x", { 1, 2 } }, { .key = 5, .at.y = 9, .name = "yz" } };
u64 constant_table(u8 i) { return squares[i & 7] + ARRAY_SIZE(squares); }
u64 constant_table_of_structs(u8 i) { struct point p = table[i & 1].at; return table[i & 1].key + p.y * 10 + table[1].name[i & 1] + p.x; }
static const u32 *const pointers[] = { &(const u32){ 5 }, (const u32[]){ 6, 7 }, 0 };
u64 constant_table_of_pointers(u8 i) { return *pointers[i & 1] + pointers[1][1] + !pointers[2]; }
u64 static_local_constant(u8 i) { static const u8 map[2][2] = { { 1, 2 }, { 3, 4 } }; return map[i & 1][(i >> 1) & 1]; }

struct deep { u8 a; union { u32 b; struct { u16 c, d; }; }; struct { u8 e[3]; struct point p; } in; u32 f : 3, g : 5; };
u64 designated_members(u32 a) { struct deep s = { .in.p.y = 7, .c = a, .in.e[1] = 3, .g = a, .a = 2 }; return s.b + s.in.p.y * 3 + s.in.e[1] + s.in.e[0] + s.f + s.g * 100 + s.a + s.in.p.x; }
u64 designator_then_next_member(u32 a) { struct { u32 a, b, c; } s = { .b = a, 5 }; return s.a + s.b * 3ull + s.c * 5; }
u64 designated_elements(u32 a) { u32 v[8] = { 1, [3] = a, 4, [1] = 7, [5 ... 6] = 9 }; return v[0] + v[1] * 2 + v[2] + v[3] * 3ull + v[4] * 5 + v[5] * 7 + v[6] * 11 + v[7]; }
u64 later_designator_wins(u32 a) { struct point p = { .x = 1, .y = 2, .x = a }; return p.x + p.y; }
u64 nested_braces(u32 a) { struct line l[2] = { { { a, 2 }, { 3 } }, { { 4 } } }; return l[0].from.x + l[0].from.y + l[0].to.x + l[0].to.y + l[1].from.x * 9 + l[1].tag; }
u64 empty_braces(u32 a) { struct deep s = {}; s.a = a; return s.b + s.a + s.in.p.x; }
u64 compound_literal(u32 a) { struct point *p = &(struct point){ .y = a }; struct point q = (struct point){ a, 3 }; p->x = 4; return p->x + p->y + q.x + (struct point){ 1, a }.y + ((u8[]){ 1, 2, 3 })[a % 3]; }
u64 string_fills_an_array(u8 i) { char s[6] = "a\0c", t[2] = "xy"; return s[i % 6] + t[i & 1] + sizeof(s); }
u64 scalar_in_braces(u32 a) { u32 x = { a }; return x; }
u64 memory_functions(u64 a, u8 b)
{
	struct line l, m;
	u64 w = a;
	__builtin_memset(&l, b, sizeof(l));
	__builtin_memcpy(&m, &l, sizeof(m));
	__builtin_memcpy(&w, &m.to, 3);
	__builtin_memset(&l, 0, sizeof(l));
	return m.from.x + m.to.y + l.tag + w;
}
static u64 twice(u64 (*f)(u32, u16), u32 a) { return f(a, 1) + f(1, a); }
u64 call_through_a_pointer(u32 a, u16 b) { u64 (*f)(u32, u16) = struct_result; return twice(struct_argument_is_a_copy, a) + (*f)(a, b); }
static u64 down(u32 n, u64 s) { return n ? down(n - 1, s * 3 + n) : s; }
u64 bounded_recursion(u64 s) { return down(5, s); }
