"""Landlock: a thread gives up the right to open anything but a few files and folders, for itself and what it starts.

Linux has it since 5.13, if it was built and booted with it; see landlock(7).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from ctypes import CDLL, Structure, byref, c_int, c_long, c_size_t, c_uint, c_uint64, c_ulong, sizeof
from functools import cache

# The numbers of the calls are the same on all architectures; those of rights and options are the kernel's.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_ALL_OF_VERSION_1 = (1 << 13) - 1
_NO_NEW_PRIVILEGES = 38


class _Ruleset(Structure):
    _fields_ = (("handled_access_fs", c_uint64),)


class _PathBeneath(Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", c_uint64), ("parent_fd", c_int))


@cache
def _library() -> CDLL:
    library = CDLL(None, use_errno=True)
    library.syscall.restype = c_long
    library.prctl.argtypes = [c_int, c_ulong, c_ulong, c_ulong, c_ulong]
    return library


def read_only(paths: Iterable[str]) -> bool:
    """From now on this thread, and those that it starts, can open nothing but these files and folders, to read them.

    False, and nothing has changed, where the kernel cannot do that.
    """
    call = _library().syscall
    rules = _Ruleset(_ALL_OF_VERSION_1)
    ruleset = call(c_long(_CREATE_RULESET), byref(rules), c_size_t(sizeof(rules)), c_uint(0))
    if ruleset < 0:
        return False
    try:
        for path in paths:
            with suppress(FileNotFoundError):
                _allow(ruleset, path)
        if _library().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            return False
        return bool(call(c_long(_RESTRICT_SELF), c_int(ruleset), c_uint(0)) == 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)
        rule = _PathBeneath(rights, place)
        _library().syscall(c_long(_ADD_RULE), c_int(ruleset), c_int(_PATH_BENEATH), byref(rule), c_uint(0))
    finally:
        os.close(place)
