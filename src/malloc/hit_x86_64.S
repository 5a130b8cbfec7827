/* SPDX-License-Identifier: MIT */
/*
 * hit_x86_64.S - malloc and free when they hit
 *
 *   malloc    13 instructions for a size up to 1 KiB, 18 up to 32 KiB, if the sheaf of its class
 *             has an object
 *     malloc_slow     everything else, by tail call with the arguments as they came
 *   free      16 instructions: an object of a class of this thread's node, sheaf not full
 *     free_slow       everything else: NULL, large, foreign, another node, full
 *
 * No lock, no atomic instruction, no store to the object.  Cache lines touched:
 *
 *   malloc    the task's head, its size table, the cursor, the sheaf
 *   free      the page map, the task's head, the cursor, the sheaf
 *   both      two lines of thread-local storage: the pointer to the task, and the word where
 *             sequences are armed
 *
 * Each hit is a restartable sequence (rseq): the store of its descriptor's address arms it, and the
 * instruction that moves the cursor commits it.  A signal or a preemption in between takes the
 * thread to the abort label, which starts over.  That makes two things safe without an atomic
 * instruction: a signal handler that allocates while its thread is inside a hit, and a reclaimer
 * that swaps the cursor of a sleeping thread for a disabled one and then fences (os_rseq_fence).
 * Without rseq every cursor stays disabled, and every call takes the slow path (task.cursors_on,
 * slab.h).
 *
 * A debugger that steps through a hit interrupts every try.  So every sixteenth interruption leads
 * to the slow path, which interruptions do not restart.
 *
 * A pop compares the top object with the slot below.  In an empty sheaf both are NULL (slab.h).  If
 * the program has freed an object twice in a row, both are that object, and malloc_slow reports it.
 *
 * A disabled cursor is both empty and full: the slots below it hold NULL, and it lies above every
 * end.  So nothing tests whether the thread has a task, whether the object is ours, or whether
 * debugging is on: the page map's byte and the cursor answer all of that.
 *
 * The offsets are those of struct hit_area (slab.h) and struct page_map (page.h), which assert
 * them.  %rdi is kept throughout: the slow paths and the restarts need the argument.
 */
#define MALLOC_CS	0
#define RSEQ_SLOT	64
#define ABORTS		80
#define CURSOR		128
#define SIZE_TO_MAP	2176
#define STEPS_TO_MAP	3208
#define HIT_MAX_SIZE	1024
#define KMALLOC_MAX_SIZE 32768
#define FREE_CS		32	/* hit_free_tls points this far into the area */

#define RSEQ_SIG	0x53053053

	.text

#define ABORT_STEP	16	/* the byte overflows at every 16th abort */

/*
 * The signature must stand right before an abort label; executed, it traps.  The kernel leaves the
 * registers as they were at the interruption, so rdi, rdx and rcx are still valid.
 * \area: how many bytes beyond the start of the hit area rdx points.
 */
.macro abort_label name, start, slow, area=0
	.byte 0x0f, 0xb9, 0x3d	/* ud1 with the signature as displacement */
	.long RSEQ_SIG
	.cfi_startproc
\name:
	addb	$ABORT_STEP, ABORTS-\area(%rdx)
	jnc	\start
	jmp	\slow
	.cfi_endproc
.endm

.macro export_function name, binding=globl
	.\binding \name
	.type \name, @function
	.p2align 6
\name:
	.cfi_startproc
.endm

.macro end_function name
	.cfi_endproc
	.size \name, . - \name
.endm

	.hidden malloc_slow, free_slow, new_slow, page_map, hit_malloc_tls, hit_free_tls

/*
 * The body of malloc.  \cs: the descriptor of the sequence; without it, the head of the hit area.
 * Registers: rdx = hit area, rcx = page map value of the class, rsi = cursor, rax = object.
 */
.macro malloc_body slow, medium, start, commit, cs
	cmpq	$HIT_MAX_SIZE, %rdi
	ja	\medium
	movq	hit_malloc_tls@gottpoff(%rip), %rdx
	movq	%fs:(%rdx), %rdx
	movzbl	SIZE_TO_MAP(%rdx,%rdi), %ecx
\start:
	movq	RSEQ_SLOT(%rdx), %rsi
.ifb \cs
	movq	%rdx, (%rsi)
.else
	leaq	\cs(%rip), %rax
	movq	%rax, (%rsi)
.endif
	movq	CURSOR(%rdx,%rcx,8), %rsi
	movq	-8(%rsi), %rax
	cmpq	-16(%rsi), %rax
	je	\slow
	subq	$8, CURSOR(%rdx,%rcx,8)
\commit:
	ret
.endm

/* Sizes above 1 KiB: another table, in steps of 128 bytes; five instructions more. */
.macro malloc_medium slow, start
	cmpq	$KMALLOC_MAX_SIZE, %rdi
	ja	\slow
	movq	hit_malloc_tls@gottpoff(%rip), %rdx
	movq	%fs:(%rdx), %rdx
	leaq	127(%rdi), %rcx
	shrq	$7, %rcx
	movzbl	STEPS_TO_MAP(%rdx,%rcx), %ecx
	jmp	\start
.endm

	export_function malloc
	malloc_body malloc_slow, hit_malloc_medium, hit_malloc_start, hit_malloc_commit
hit_malloc_medium:
	malloc_medium malloc_slow, hit_malloc_start
	end_function malloc

	abort_label hit_malloc_abort, hit_malloc_start, malloc_slow

	export_function free
	movq	%rdi, %rax
	shrq	$12, %rax
	cmpq	page_map(%rip), %rax
	jae	free_slow
	movq	8+page_map(%rip), %rcx
	movzbl	(%rcx,%rax), %ecx
	movq	hit_free_tls@gottpoff(%rip), %rdx
	movq	%fs:(%rdx), %rdx
hit_free_start:
	movq	RSEQ_SLOT-FREE_CS(%rdx), %rsi
	movq	%rdx, (%rsi)
	movq	CURSOR-FREE_CS(%rdx,%rcx,8), %rsi
	cmpq	CURSOR+8-FREE_CS(%rdx,%rcx,8), %rsi
	jae	free_slow
	movq	%rdi, (%rsi)
	addq	$8, CURSOR-FREE_CS(%rdx,%rcx,8)
hit_free_commit:
	ret
	end_function free

	abort_label hit_free_abort, hit_free_start, free_slow, FREE_CS

/* This library's, even if the program has a malloc and a free of its own: see internal.h. */
	.globl own_malloc, own_free
	.hidden own_malloc, own_free
	.set own_malloc, malloc
	.set own_free, free

/* What task.c puts into the descriptors of a task: start, length and abort address of each. */
	.globl hit_sequences
	.hidden hit_sequences
	.type hit_sequences, @object
	.section .data.rel.ro.local, "aw", @progbits
	.p2align 3
hit_sequences:
	.quad hit_malloc_start, hit_malloc_commit - hit_malloc_start, hit_malloc_abort
	.quad hit_free_start, hit_free_commit - hit_free_start, hit_free_abort
	.size hit_sequences, . - hit_sequences

/*
 * operator new: malloc's hit with another slow path, which throws, and one instruction more, which
 * loads a descriptor of its own.  The other operators are in cxx.cc.  Weak: a program that is
 * linked with the archive may define its own.
 */
	.section .data.rel.ro.local, "aw", @progbits
	.p2align 5
hit_new_cs:
	.long 0, 0
	.quad hit_new_start, hit_new_commit - hit_new_start, hit_new_abort

	.text
	export_function _Znwm, weak
	malloc_body new_slow, hit_new_medium, hit_new_start, hit_new_commit, hit_new_cs
hit_new_medium:
	malloc_medium new_slow, hit_new_start
	end_function _Znwm
	abort_label hit_new_abort, hit_new_start, new_slow

/* The descriptor of a sequence, for those that have none in the task. */
.macro sequence_of name
	.p2align 5
\name\()_cs:
	.long 0, 0
	.quad \name\()_start, \name\()_commit - \name\()_start, \name\()_abort
.endm

/*
 * The rest of a function that takes the top object out of \cursor, or returns NULL.  rdx = hit
 * area; the registers of \cursor are kept.
 */
.macro pop_or_null name, cursor:vararg
\name\()_start:
	movq	RSEQ_SLOT(%rdx), %rsi
	leaq	\name\()_cs(%rip), %rax
	movq	%rax, (%rsi)
	movq	\cursor, %rsi
	movq	-8(%rsi), %rax
	cmpq	-16(%rsi), %rax
	je	\name\()_nothing
	subq	$8, \cursor
\name\()_commit:
	ret
\name\()_nothing:
	xorl	%eax, %eax
	ret
	end_function \name
	abort_label \name\()_abort, \name\()_start, \name\()_nothing
.endm

	.section .data.rel.ro.local, "aw", @progbits
	sequence_of hit_pop

	.text

/* hit_pop - void *hit_pop(u8 map_value): malloc's hit for a class already known */
	.hidden hit_pop
	export_function hit_pop
	movzbl	%dil, %ecx
	movq	hit_malloc_tls@gottpoff(%rip), %rdx
	movq	%fs:(%rdx), %rdx
	pop_or_null hit_pop, CURSOR(%rdx,%rcx,8)

/*
 * The hits of the program's own caches: 11 and 14 instructions, beside those of cache_api.c, which
 * calls them.  Few programs run them, so they lie with the other code that is set apart.
 */
	.section .data.rel.ro.local, "aw", @progbits
	sequence_of hit_take
	sequence_of hit_put

	.section .text.unlikely, "ax", @progbits

/* hit_take - void *hit_take(struct cursor *c): malloc's hit for any cursor */
	.hidden hit_take
	export_function hit_take
	movq	hit_malloc_tls@gottpoff(%rip), %rdx
	movq	%fs:(%rdx), %rdx
	pop_or_null hit_take, (%rdi)

/*
 * hit_put - bool hit_put(struct cursor *c, void *obj): free's hit for any cursor
 *
 * Unlike free's it checks whether the object is on top already.
 */
	.hidden hit_put
	export_function hit_put
	movq	hit_malloc_tls@gottpoff(%rip), %rdx
	movq	%fs:(%rdx), %rdx
hit_put_start:
	movq	RSEQ_SLOT(%rdx), %rcx
	leaq	hit_put_cs(%rip), %rax
	movq	%rax, (%rcx)
	movq	(%rdi), %rcx
	cmpq	8(%rdi), %rcx
	jae	hit_put_nothing
	cmpq	%rsi, -8(%rcx)
	je	hit_put_nothing
	movq	%rsi, (%rcx)
	addq	$8, (%rdi)
hit_put_commit:
	movl	$1, %eax
	ret
hit_put_nothing:
	xorl	%eax, %eax
	ret
	end_function hit_put
	abort_label hit_put_abort, hit_put_start, hit_put_nothing
	.text

/* All of these are free(): the page map tells all that it needs to know of a block. */
.macro is_free binding, names:vararg
.irp name, \names
	.\binding \name
	.type \name, @function
	.set \name, free
.endr
.endm
	is_free globl, cfree, free_sized, free_aligned_sized
	is_free weak, _ZdlPv, _ZdlPvSt11align_val_t

	.section .note.GNU-stack, "", @progbits
