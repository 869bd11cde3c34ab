"""Headers that make the kernel's assertions visible as calls.

``WARN_ON_ONCE(x)`` normally expands into inline assembly, ``BUG()`` into an undefined instruction, and
``BUILD_BUG_ON(x)`` into nothing at all when the compiler does not optimise. In front of the tree's own
headers stand two of ours, which include the real one and then give the same macros a meaning that a lifter
recognises:

=============================================  ======================================================
``WARN*(c, ...)``                              the int ``__mmuproof_warn(!!(c))``, which returns its argument
``BUG_ON(c)``, ``BUG()``                       ``__mmuproof_bug(!!(c))``, ``__mmuproof_bug(1)``
``BUILD_BUG_ON(c)``, ``BUILD_BUG()``, ...      ``__mmuproof_build_bug(!!(c))``, ``__mmuproof_build_bug(1)``
=============================================  ======================================================

The first is laid over ``asm-generic/bug.h``, not ``linux/bug.h``: x86's ``asm/bug.h`` ends by including it,
so every file that sees a ``BUG`` or ``WARN`` macro sees ours, whichever header it came through. The format
arguments of a ``WARN`` are dropped; the kernel evaluates them only to print.

A third stands in front of ``asm/cmpxchg.h``: the machine runs one thread, in which an exchange and a
compare-and-exchange are what the inline assembly does without its lock, so they are written in C. The same goes for
``asm/barrier.h``: the order in which others see reads and writes is that of the one thread. The mask there that keeps
an index inside its array is a comparison, which the kernel has in assembly so that no processor guesses it.

One in front of ``asm/smp.h`` reads the number of the processor, where the kernel stays on one, from a variable: any
number, and the same at each place.

Two are about variables of which each processor has its own. The one in front of ``linux/percpu-defs.h`` calls
``__mmuproof_of_processor()`` with the variable and where the processor's part of memory begins; the one in front of
``asm/percpu.h`` writes that of the processor in use in C. It is read in assembly as before, and holds anything.
"""

from collections.abc import Mapping
from types import MappingProxyType

WARN_CALL = "__mmuproof_warn"
BUG_CALL = "__mmuproof_bug"
BUILD_BUG_CALL = "__mmuproof_build_bug"
GET_USER_CALL = "__mmuproof_get_user"
EXCHANGE_USER_CALL = "__mmuproof_exchange_user"
OF_PROCESSOR_CALL = "__mmuproof_of_processor"
EXCHANGED = frozenset(("__xchg_old", "__cx_old", "__tcx_old"))
"""The variables into which an exchange reads.

What it does from there to its end is one step of the processor.
"""

_BUG_H = f"""\
#include_next <asm-generic/bug.h>
#if !defined(MMUPROOF_BUG_H) && !defined(__ASSEMBLY__)
#define MMUPROOF_BUG_H

int {WARN_CALL}(int condition);
void {BUG_CALL}(int condition);

#undef WARN
#undef WARN_ON
#undef WARN_ONCE
#undef WARN_ON_ONCE
#undef WARN_TAINT
#undef WARN_TAINT_ONCE
#undef BUG
#undef BUG_ON
#define WARN(c, ...) {WARN_CALL}(!!(c))
#define WARN_ON(c) {WARN_CALL}(!!(c))
#define WARN_ONCE(c, ...) {WARN_CALL}(!!(c))
#define WARN_ON_ONCE(c) {WARN_CALL}(!!(c))
#define WARN_TAINT(c, ...) {WARN_CALL}(!!(c))
#define WARN_TAINT_ONCE(c, ...) {WARN_CALL}(!!(c))
#define BUG() {BUG_CALL}(1)
#define BUG_ON(c) {BUG_CALL}(!!(c))
#endif
"""

_BUILD_BUG_H = f"""\
#include_next <linux/build_bug.h>
#ifndef MMUPROOF_BUILD_BUG_H
#define MMUPROOF_BUILD_BUG_H

void {BUILD_BUG_CALL}(int condition);

#undef BUILD_BUG
#undef BUILD_BUG_ON
#undef BUILD_BUG_ON_MSG
#define BUILD_BUG() {BUILD_BUG_CALL}(1)
#define BUILD_BUG_ON(c) {BUILD_BUG_CALL}(!!(c))
#define BUILD_BUG_ON_MSG(c, ...) {BUILD_BUG_CALL}(!!(c))
#endif
"""

_CMPXCHG_H = """\
#include_next <asm/cmpxchg.h>
#ifndef MMUPROOF_CMPXCHG_H
#define MMUPROOF_CMPXCHG_H

#undef arch_xchg
#define arch_xchg(ptr, v) ({ \\
	__typeof__(ptr) __xchg_at = (ptr); \\
	__typeof__(*(ptr)) __xchg_new = (__typeof__(*(ptr)))(v), __xchg_old = *__xchg_at; \\
	*__xchg_at = __xchg_new; \\
	__xchg_old; })

#undef __raw_cmpxchg
#define __raw_cmpxchg(ptr, old, new, size, lock) ({ \\
	__typeof__(ptr) __cx_at = (ptr); \\
	__typeof__(*(ptr)) __cx_want = (old), __cx_new = (new), __cx_old = *__cx_at; \\
	if (__cx_old == __cx_want) \\
		*__cx_at = __cx_new; \\
	__cx_old; })

#undef __raw_try_cmpxchg
#define __raw_try_cmpxchg(ptr, pold, new, size, lock) ({ \\
	__typeof__(ptr) __tcx_at = (ptr); \\
	__typeof__(ptr) __tcx_want = (__typeof__(ptr))(pold); \\
	__typeof__(*(ptr)) __tcx_new = (new), __tcx_old = *__tcx_at; \\
	_Bool __tcx_done = __tcx_old == *__tcx_want; \\
	if (__tcx_done) \\
		*__tcx_at = __tcx_new; \\
	else \\
		*__tcx_want = __tcx_old; \\
	__tcx_done; })
#endif
"""

_BARRIER_H = """\
#include_next <asm/barrier.h>
#ifndef MMUPROOF_BARRIER_H
#define MMUPROOF_BARRIER_H

#undef barrier
#define barrier() do { } while (0)
#undef smp_rmb
#define smp_rmb() do { } while (0)
#undef smp_wmb
#define smp_wmb() do { } while (0)
#undef smp_mb
#define smp_mb() do { } while (0)
#undef array_index_mask_nospec
#define array_index_mask_nospec(idx, sz) ({ \\
	__typeof__((idx) + (sz)) __mask_of = (idx), __mask_below = (sz); \\
	_Bool __mask_inside = sizeof(__mask_of) == 8 \\
		? (unsigned long)__mask_of < (unsigned long)__mask_below \\
		: (unsigned int)__mask_of < (unsigned int)__mask_below; \\
	__mask_inside ? ~0UL : 0UL; })
#undef smp_load_acquire
#define smp_load_acquire(p) READ_ONCE(*(p))
#undef smp_store_release
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)
#endif
"""

_UACCESS_H = f"""\
#include_next <asm/uaccess.h>
#ifndef MMUPROOF_UACCESS_H
#define MMUPROOF_UACCESS_H

int {GET_USER_CALL}(void *into, const volatile void *from, unsigned long size);

#undef get_user
#undef __get_user
#define get_user(x, p) ({{ \\
	__typeof__(*(p)) __mmuproof_value; \\
	int __mmuproof_result = {GET_USER_CALL}(&__mmuproof_value, (p), sizeof(__mmuproof_value)); \\
	(x) = __mmuproof_value; \\
	__mmuproof_result; \\
}})
#define __get_user(x, p) get_user(x, p)

int {EXCHANGE_USER_CALL}(const volatile void *at, unsigned long long old, unsigned long long new, unsigned long size);

#undef __try_cmpxchg_user
#define __try_cmpxchg_user(p, old, new, label) {EXCHANGE_USER_CALL}((p), *(old), (new), sizeof(*(p)))
#endif
"""

_SMP_H = """\
#include_next <asm/smp.h>
#ifndef __ASSEMBLY__

extern const int this_processor_number;

#undef __smp_processor_id
#define __smp_processor_id() (this_processor_number)
#endif
"""

_PERCPU_DEFS_H = f"""\
#include_next <linux/percpu-defs.h>
#ifndef MMUPROOF_PERCPU_DEFS_H
#define MMUPROOF_PERCPU_DEFS_H

void *{OF_PROCESSOR_CALL}(void *variable, unsigned long offset);

#undef SHIFT_PERCPU_PTR
#define SHIFT_PERCPU_PTR(p, offset) ((__typeof__(*(p)) *){OF_PROCESSOR_CALL}((void *)(p), (offset)))
#endif
"""

_PERCPU_WRITES = "".join(
    f"#undef {prefix}_cpu_write_{size}\n#define {prefix}_cpu_write_{size}(pcp, val) __mmuproof_write(pcp, val)\n"
    for prefix in ("raw", "this")
    for size in (1, 2, 4, 8)
)
_PERCPU_H = f"""\
#include_next <asm/percpu.h>
#if !defined(MMUPROOF_PERCPU_H) && !defined(__ASSEMBLY__)
#define MMUPROOF_PERCPU_H

extern const int this_processor_number;

#define __mmuproof_write(pcp, val) do {{ \\
	*SHIFT_PERCPU_PTR(&(pcp), __per_cpu_offset[this_processor_number]) = (__typeof__(pcp))(unsigned long)(val); \\
}} while (0)
{_PERCPU_WRITES}#endif
"""

#: Path below the overlay folder -> text.
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "asm-generic/bug.h": _BUG_H,
        "linux/build_bug.h": _BUILD_BUG_H,
        "asm/uaccess.h": _UACCESS_H,
        "asm/cmpxchg.h": _CMPXCHG_H,
        "asm/barrier.h": _BARRIER_H,
        "asm/smp.h": _SMP_H,
        "asm/percpu.h": _PERCPU_H,
        "linux/percpu-defs.h": _PERCPU_DEFS_H,
    }
)
