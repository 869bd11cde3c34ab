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
"""

from collections.abc import Mapping
from types import MappingProxyType

WARN_CALL = "__mmuproof_warn"
BUG_CALL = "__mmuproof_bug"
BUILD_BUG_CALL = "__mmuproof_build_bug"

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

#: Path below the overlay folder -> text.
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "asm-generic/bug.h": _BUG_H,
        "linux/build_bug.h": _BUILD_BUG_H,
    }
)
