"""What happens when clang's stack is used up: an error of the parse, and not the end of the process.

Clang catches its own crashes, but runs what catches them on the stack that is used up. Here it is given another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import (
    CDLL,
    POINTER,
    Structure,
    addressof,
    byref,
    c_byte,
    c_int,
    c_size_t,
    c_void_p,
    create_string_buffer,
    sizeof,
)
from functools import cache
from signal import SIGBUS, SIGSEGV

_SIZE = 1 << 16
_ON_STACK, _DISABLE = 0x08000000, 2
_MASK_BYTES = 128


class _Stack(Structure):
    _fields_ = (("sp", c_void_p), ("flags", c_int), ("size", c_size_t))


class _Action(Structure):
    """What the C library has for a signal."""

    _fields_ = (("handler", c_void_p), ("mask", c_byte * _MASK_BYTES), ("flags", c_int), ("restorer", c_void_p))


@cache
def _library() -> CDLL:
    library = CDLL(None)
    library.sigaltstack.argtypes = [POINTER(_Stack), POINTER(_Stack)]
    library.sigaction.argtypes = [c_int, POINTER(_Action), POINTER(_Action)]
    return library


@contextmanager
def second_stack() -> Iterator[None]:
    """In this thread, as long as the block lasts: signals that tell of a stack that is used up have one of their own.

    Whoever handles them has to have said so before.
    """
    library = _library()
    for number in (SIGSEGV, SIGBUS):
        action = _Action()
        library.sigaction(number, None, byref(action))
        if action.handler and not action.flags & _ON_STACK:
            action.flags |= _ON_STACK
            library.sigaction(number, byref(action), None)
    memory = create_string_buffer(_SIZE)
    library.sigaltstack(byref(_Stack(addressof(memory), 0, sizeof(memory))), None)
    try:
        yield
    finally:
        library.sigaltstack(byref(_Stack(None, _DISABLE, 0)), None)
