/* To a guest and back.  This page and the one after it, with what crosses, are where they are in every guest's tables:
 * the page for CPL 0 alone.  While a guest's four levels of 64-bit tables are used, paging stays on as it is, for it
 * must not be turned off in VMX operation.  To all other modes it is turned off on the way. */
#include "crossing.h"

#define EFER 0xc0000080
#define PG 0x80000000
#define VMXE (1 << 13)

/* A stack of our own, and the guest's task and data segments: the same instructions in 32-bit and 64-bit code. */
	.macro as_the_guest
	mov $CROSSED_STACK, %esp
	mov $TASK, %eax
	ltr %ax
	xor %eax, %eax
	lldt %ax
	mov SS_VALUE, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	.endm

	.section .crossing, "ax"
	.code64
	.globl cross
cross:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, OWN_RSP
	lgdt GDTR
	lidt IDTR
	cmpl $0, IN_PLACE
	je 1f
	mov $EFER, %ecx
	mov EFER_VALUE, %eax
	xor %edx, %edx
	wrmsr
	mov CR4_VALUE, %eax
	mov %rax, %cr4
	mov CR3_VALUE, %eax
	mov %rax, %cr3
	mov CR0_VALUE, %eax
	mov %rax, %cr0
	jmp go_64
1:	pushq $CODE_32
	pushq $2f
	lretq
	.code32
2:	mov $DATA, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %cr0, %eax
	and $~PG, %eax
	mov %eax, %cr0
	mov $EFER, %ecx
	mov EFER_VALUE, %eax
	and $~0x400, %eax		/* LMA follows from the others */
	xor %edx, %edx
	wrmsr
	mov CR4_VALUE, %eax
	mov %eax, %cr4
	mov CR3_VALUE, %eax
	mov %eax, %cr3
	mov CR0_VALUE, %eax
	mov %eax, %cr0
	cmpl $64, BITS
	jne go_32
	ljmp $CODE_64, $go_64

	/* A frame as an interrupt leaves it, on a stack of our own. */
go_32:	as_the_guest
	cmpl $0, CPL
	jne 3f
	mov $DATA, %eax
	mov %eax, %ss
	mov RSP_VALUE, %esp
	jmp 4f
3:	pushl SS_VALUE
	pushl RSP_VALUE
4:	pushl RFLAGS_VALUE
	pushl CS_VALUE
	pushl RIP_VALUE
	mov RDI_VALUE, %edi
	iretl

	.code64
go_64:	as_the_guest
	mov %rax, %rcx
	push %rcx
	pushq RSP_VALUE
	pushq RFLAGS_VALUE
	pushq CS_VALUE
	pushq RIP_VALUE
	mov RDI_VALUE, %rdi
	iretq

	/* The guest has stopped: with an INT, with CPL 0 before and after. */
	.globl stopped_64, stopped_32
stopped_64:
	mov %rax, RAX_VALUE
	mov %rbx, RBX_VALUE
	mov (%rsp), %rax
	mov %rax, RIP_VALUE
	mov 24(%rsp), %rax
	mov %rax, RSP_VALUE
	mov $OWN_STACK, %esp
	cmpl $0, IN_PLACE
	je 1f
	mov %cr4, %rax
	and $VMXE, %eax
	or $0x20, %eax
	mov %rax, %cr4
	mov OWN_CR3, %eax
	mov %rax, %cr3
	mov $0x80000031, %eax
	mov %rax, %cr0
	jmp back
1:	pushq $CODE_32
	pushq $5f
	lretq

	.code32
stopped_32:
	mov %eax, RAX_VALUE
	mov %ebx, RBX_VALUE
	mov (%esp), %eax
	mov %eax, RIP_VALUE
	lea 12(%esp), %eax
	mov %eax, RSP_VALUE
	mov $OWN_STACK, %esp
5:	mov $DATA, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %cr0, %eax
	and $~PG, %eax
	mov %eax, %cr0
	mov $0x20, %eax
	mov %eax, %cr4
	mov OWN_CR3, %eax
	mov %eax, %cr3
	mov $EFER, %ecx
	mov $0x100, %eax
	xor %edx, %edx
	wrmsr
	mov $0x80000031, %eax
	mov %eax, %cr0
	ljmp $CODE_64, $back

	.code64
back:	lgdt OWN_GDTR
	lidt OWN_IDTR
	mov OWN_RSP, %rsp
	mov $16, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %rax
	pushq $8
	push %rax
	lretq
