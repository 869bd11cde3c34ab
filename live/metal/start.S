/* From the boot loader to main() in long mode.  Documentation/arch/x86/boot.rst of the kernel: QEMU and ISOLINUX load an
 * image of this form, and the plan as its initial RAM disk. */
	.section .setup, "awx"
	.code16
	.globl setup_start
setup_start:
	.org 0x1f1
	.byte 1				/* sectors of setup after the first */
	.word 0
	.long image_paragraphs
	.word 0, 0xffff, 0
	.word 0xaa55
	.byte 0xeb, begin - 0x202
	.ascii "HdrS"
	.word 0x206			/* version of the protocol */
	.long 0
	.word 0, 0
	.byte 0
	.byte 1				/* what follows setup is loaded at 1 MByte */
	.word 0
	.long 0x100000
plan_at:
	.long 0
plan_size:
	.long 0
	.long 0
	.word 0, 0
	.long 0
	.long 0x37ffffff		/* where the plan may end */
	.long 0x1000
	.byte 0, 0
	.word 0
	.long 255
begin:
	cli
	xor %eax, %eax
	mov %ds, %ax
	shl $4, %eax
	add $setup_gdt, %eax
	mov %eax, setup_gdtr + 2
	mov plan_at, %ebx
	mov plan_size, %ebp
	in $0x92, %al			/* address line 20 */
	or $2, %al
	and $0xfe, %al
	out %al, $0x92
	lgdtl setup_gdtr
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	ljmpl $8, $0x100000
	.balign 8
setup_gdt:
	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
setup_gdtr:
	.word 23
	.long 0

	.section .start, "ax"
	.code32
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	/* Guests have the low memory. */
	cld
	mov $0x100000, %esi
	mov $image_start, %edi
	mov $image_words, %ecx
	rep movsl
	mov $1f, %eax
	jmp *%eax
1:	mov $image_end, %edi
	mov $bss_end, %ecx
	sub %edi, %ecx
	xor %eax, %eax
	rep stosb
	/* Four GBytes to themselves, in pages of 2 MBytes, for CPL 0. */
	mov $directory_pointers + 3, %eax
	mov %eax, own_tables
	mov $directories + 3, %eax
	mov $directory_pointers, %edi
	mov $4, %ecx
2:	mov %eax, (%edi)
	add $0x1000, %eax
	add $8, %edi
	loop 2b
	mov $0x83, %eax
	mov $directories, %edi
	mov $2048, %ecx
3:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 3b
	mov $0x20, %eax			/* PAE */
	mov %eax, %cr4
	mov $own_tables, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx		/* EFER: long mode */
	rdmsr
	or $0x100, %eax
	wrmsr
	mov $0x80000031, %eax		/* PG, NE, ET, PE */
	mov %eax, %cr0
	lgdt own_gdtr
	ljmp $8, $4f
	.code64
4:	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	mov $stack_end, %esp
	mov %ebx, %edi
	mov %ebp, %esi
	call main
5:	hlt
	jmp 5b

	/* An exception of our own: its number and where it was. */
	.text
	.globl own_vectors
own_vectors:
	.set vector, 0
	.rept 32
	.balign 16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	push $0
	.endif
	push $vector
	jmp 6f
	.set vector, vector + 1
	.endr
6:	pop %rdi
	pop %rax
	mov (%rsp), %rsi
	call own_exception		/* where to go on */
	mov %rax, (%rsp)
	iretq

	.data
	.balign 8
	.globl own_gdtr
own_gdt:
	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
own_gdtr:
	.word 23
	.quad own_gdt

	.bss
	.balign 0x1000
	.globl own_tables
own_tables:
	.skip 0x1000
directory_pointers:
	.skip 0x1000
directories:
	.skip 0x4000
	.skip 0x4000
stack_end:
