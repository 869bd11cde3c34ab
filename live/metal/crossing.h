/* What crosses to a guest and back, in a page that is where it is in every guest's tables; and its selectors. */
#ifndef CROSSING_H
#define CROSSING_H

#define CROSSED 0x19000
#define CROSSED_STACK 0x19800
#define OWN_STACK 0x1a000

#define CR0_VALUE CROSSED
#define CR3_VALUE CROSSED + 0x8
#define CR4_VALUE CROSSED + 0x10
#define EFER_VALUE CROSSED + 0x18
#define RIP_VALUE CROSSED + 0x20
#define RSP_VALUE CROSSED + 0x28
#define RFLAGS_VALUE CROSSED + 0x30
#define CS_VALUE CROSSED + 0x38
#define SS_VALUE CROSSED + 0x40
#define RDI_VALUE CROSSED + 0x48
#define RAX_VALUE CROSSED + 0x50
#define RBX_VALUE CROSSED + 0x58
#define BITS CROSSED + 0x60
#define CPL CROSSED + 0x68
#define IN_PLACE CROSSED + 0x70
#define OWN_RSP CROSSED + 0x78
#define OWN_CR3 CROSSED + 0x80
#define GDTR CROSSED + 0x90
#define IDTR CROSSED + 0xa0
#define OWN_GDTR CROSSED + 0xb0
#define OWN_IDTR CROSSED + 0xc0

/* The guest's own descriptors, and after them ours. */
#define CODE 8
#define DATA 16
#define TASK 24
#define USER_CODE 0x30
#define USER_DATA 0x38
#define CODE_32 0x40
#define CODE_64 0x48

#ifndef __ASSEMBLER__
#include <stdint.h>

struct descriptors {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct crossed {
	uint64_t cr0, cr3, cr4, efer, rip, rsp, rflags, cs, ss, rdi, rax, rbx, bits, cpl, in_place;
	uint64_t own_rsp, own_cr3, unused;
	struct descriptors gdt __attribute__((aligned(16))), idt __attribute__((aligned(16)));
	struct descriptors own_gdt __attribute__((aligned(16))), own_idt __attribute__((aligned(16)));
};

/* To the guest, and back when it stops. */
void cross(void);
extern char stopped_64[], stopped_32[];
#endif
#endif
