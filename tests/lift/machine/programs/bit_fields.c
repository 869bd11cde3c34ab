/* Bit-fields, unions and what overlaps in them. */

union role {
	u32 word;
	struct {
		unsigned level : 4;
		unsigned direct : 1;
		unsigned access : 3;
		unsigned : 2;
		unsigned invalid : 1;
		signed delta : 5;
		bool yes : 1;
		unsigned : 0;
		u8 smm;
	} base;
	struct { u16 low, high; };
	u8 bytes[8];
};
u64 write_bits_read_word(u32 a, u8 b) { union role r = { 0 }; r.base.level = a; r.base.access = b; r.base.direct = a > b; return r.word; }
u64 write_word_read_bits(u32 a)
{
	union role r = { .word = a };
	return r.base.level + 100 * r.base.access + 10000ull * r.base.invalid + 1000000ull * r.base.yes + (s64)r.base.delta;
}
u64 bytes_of_a_union(u32 a, u8 i) { union role r; r.word = a; return r.bytes[i & 3] + r.low * 256ull + ((u64)r.high << 32); }
u64 write_byte_read_bits(u8 a, u32 w) { union role r = { .word = w }; r.bytes[1] = a; return r.word ^ (u32)r.base.delta; }
u64 bit_field_beyond_the_word(u64 a) { union role r = { 0 }; r.base.smm = a; r.base.yes = a; return r.bytes[4] + r.word; }
s64 signed_bit_field(s32 a) { struct { int x : 5; int y : 1; } s; s.x = a; s.y = a; return s.x * 100 + s.y; }
u64 assignment_to_bit_field_is_cut(u32 a) { struct { unsigned x : 3; } s; u32 r = (s.x = a); return r * 10 + s.x; }
s64 assignment_to_signed_bit_field_is_cut(s32 a) { struct { int x : 3; } s; s32 r = (s.x = a); return r * 10 + s.x; }
u64 increments_of_bit_fields(u32 a)
{
	struct { unsigned x : 3; unsigned y : 29; } s = { a, a };
	u32 p = s.x++;
	u32 q = ++s.x;
	u32 r = s.y--;
	u32 t = --s.y;
	return p + 10 * q + 100 * s.x + r + t + s.y;
}
u64 increments_of_bool_bit_fields(bool a) { struct { bool x : 1; } s = { a }; u32 p = s.x++; u32 q = s.x--; u32 r = --s.x; return p + 2 * q + 4 * r + 8 * s.x; }
u64 compound_on_bit_fields(u32 a, u32 b)
{
	struct { unsigned x : 5; int y : 6; bool z : 1; } s = { a, a, a };
	s.x += b; s.x <<= 1; s.y -= b; s.y >>= 1; s.z |= b; s.x |= s.y;
	return s.x + 100 * s.z + (s64)s.y * 1000;
}
s64 narrow_bit_field_promotes_to_int(u32 a) { struct { unsigned x : 5; } s = { a }; return s.x - 40; }
u64 full_bit_field_stays_unsigned(u32 a) { struct { unsigned x : 32; } s = { a }; return (s.x - 40) / 2; }
u64 wide_bit_field(u64 a) { struct { u64 x : 52; u64 y : 12; } s = { a, a >> 52 }; return (u64)s.x + ((u64)s.y << 52) + (s.x == a); }
s64 wide_signed_bit_field(s64 a) { struct { s64 x : 40; } s = { a }; return s.x; }
u64 bit_fields_of_different_types(u64 a)
{
	struct { u8 a : 3; u16 b : 7; u32 c : 20; u64 d : 33; } s = { a, a >> 3, a >> 10, a >> 30 };
	return s.a + s.b + s.c + (u64)s.d + sizeof(s);
}
u64 layout_of_mixed_bit_fields(u64 a)
{
	union { struct { u8 a : 3; u16 b : 7; u8 : 0; u32 c : 20; u8 d; } s; u64 w; } u = { .w = a };
	return u.s.a + 10 * u.s.b + 10000ull * u.s.c + 100000000000ull * u.s.d;
}
struct __attribute__((packed)) tight { u8 a; u32 b : 20; u32 c : 12; u16 d; };
u64 packed_struct(u64 a)
{
	union { struct tight t; u64 w; } u = { .w = a };
	u.t.b += 1;
	u.t.d = u.t.c;
	return u.w + sizeof(struct tight);
}
enum state { IDLE, BUSY, GONE = 6 };
u64 enumeration_bit_field(u32 a) { struct { enum state s : 3; u32 rest : 29; } x = { a, a }; return x.s * 2 + (x.s == GONE) + x.rest; }
union nested { u64 all; struct { union { u16 pair; struct { u8 lo, hi; }; }; union { u32 w; struct { u32 p : 12, q : 20; }; }; }; };
u64 nested_unions(u64 a, u8 b) { union nested n = { .all = a }; n.hi = b; n.q ^= b; return n.all ^ n.pair ^ n.p; }
u64 union_larger_than_a_word(u64 a, u8 i)
{
	union { u64 w[3]; u8 b[24]; struct { u32 x; u64 y __attribute__((packed)); } s; } u = { { a, ~a, 3 } };
	u.b[9] = i;
	return u.s.y + u.w[1] + u.b[i % 24];
}
u64 union_of_bit_field_and_bool(u8 a) { union { bool b; u8 w; struct { u8 x : 1; u8 y : 7; }; } u = { .w = a & 1 }; return u.b + u.x * 2 + u.y * 4; }
u64 bit_field_chosen_by_condition(bool c, u32 v)
{
	union role r = { 0 }, *p = &r;
	if (c)
		p->base.access = v;
	else
		p->word |= v;
	return r.word;
}

typedef u32 four __attribute__((vector_size(16)));
union wide { four whole; u64 half[2]; u32 part[4]; };
struct registers { u8 count; four each[3]; };
u64 vector_moved(u64 a, u64 b, u8 i) {
	struct registers r;
	union wide in = { .half = { a, b } }, out;
	r.each[1] = in.whole;
	r.each[2] = r.each[1];
	out.whole = r.each[2];
	return out.half[i & 1] + out.part[i & 3];
}
u64 vector_copied(u64 a, u64 b) {
	struct registers r;
	union wide in = { .half = { a, b } };
	u64 out[2];
	r.each[0] = in.whole;
	__builtin_memcpy(out, &r.each[0], sizeof(out));
	return out[0] ^ out[1] * 3;
}
