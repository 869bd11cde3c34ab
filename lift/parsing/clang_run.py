"""Having clang parse a text, within limits of time and memory, in a thread that is left behind when it passes them.

The kernel's own code is parsed in seconds; a macro that doubles itself forty times is never done. Clang cannot be
told to stop, but it can be left alone: whoever asked goes on with an error, and the thread ends with the process.

That is done in this process, and not in one of its own that hands over what it has parsed, since handing over takes
half as long again as parsing: a unit of 1.2 s takes 0.4 s to write and 0.2 s to read.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from clang.cindex import Index, TranslationUnit, TranslationUnitLoadError

from mmuproof.lift.errors import LimitReached, SourceError
from mmuproof.lift.parsing.deep_stack import second_stack
from mmuproof.lift.parsing.landlock import read_only
from mmuproof.lift.parsing.limits import parse_limits
from mmuproof.lift.parsing.view import View

# Clang stays in the thread that calls it, so that the clock of this thread tells how long it takes.
os.environ.setdefault("LIBCLANG_NOTHREADS", "1")
_STACK = 64 << 20
"""Bytes of that thread's stack: clang calls itself for what is nested."""
_LOOKS = 0.05
"""Seconds between two looks at what clang takes."""
_WAITS = 10
"""How many times as long as it may work clang may wait: for the processor, or for a file that never comes."""
_MEBIBYTE = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


def run_clang(
    main: str, path: str, arguments: Sequence[str], files: Sequence[tuple[str, str]], view: View
) -> TranslationUnit:
    """Have clang parse a text.

    Args:
        main: the file that it is.
        path: what it is made of, for messages.
        arguments: clang's command line.
        files: contents that stand in for files, that of ``main`` among them.
        view: what may be read.

    Raises:
        LimitReached: clang takes too long, or too much memory.
        SourceError: clang cannot read what the text or the arguments refer to.
    """
    run = _Run(main, [*arguments], [*files], view)
    limits, began, before = parse_limits(), time.monotonic(), _memory()
    run.start_with_stack()
    while not run.done.wait(_LOOKS):
        if max(run.worked, (time.monotonic() - began) / _WAITS) > limits.seconds:
            raise LimitReached(path, f"{limits.seconds} seconds", "--parse-seconds")
        if _memory() - before > limits.mebibytes * _MEBIBYTE:
            raise LimitReached(path, f"{limits.mebibytes} MiB of memory", "--parse-memory")
    # All of it has ended: a copy that is made of this process is made of one at rest.
    run.join()
    if isinstance(run.failed, TranslationUnitLoadError):
        raise SourceError(f"clang cannot read {path}, or has crashed on it") from None
    if run.parsed is None:
        raise run.failed or AssertionError
    return run.parsed


class _Run(threading.Thread):
    """Clang at work; nobody waits for it at the end."""

    def __init__(self, main: str, arguments: list[str], files: list[tuple[str, str]], view: View) -> None:
        super().__init__(daemon=True)
        self._main, self._arguments, self._files, self._view = main, arguments, files, view
        # Not in the thread, which could not even open clang's library.
        self._index = Index.create()
        self.done, self.parsed = threading.Event(), None
        self.failed: Exception | None = None

    def start_with_stack(self) -> None:
        """Begin, on a stack that is large enough for clang."""
        usual = threading.stack_size(_STACK)
        try:
            self.start()
        finally:
            threading.stack_size(usual)

    @property
    def worked(self) -> float:
        """Seconds of processor time that it has taken so far; none once it has ended."""
        assert self.native_id is not None
        try:
            # How Linux numbers the clock of a thread, from its id.
            return time.clock_gettime((~self.native_id << 3) | 6)
        except OSError:
            return 0.0

    def run(self) -> None:
        """Let clang parse."""
        try:
            with self._view.arguments() as arguments, second_stack():
                # The thread has no other work, so it can give up its rights for good.
                read_only(self._view.paths)
                self.parsed = self._index.parse(
                    self._main, args=[*self._arguments, *arguments], unsaved_files=self._files
                )
        except Exception as error:
            # Told by the thread that waits: this one may not even open what it takes to tell.
            self.failed = error
        finally:
            self.done.set()


def _memory() -> int:
    """How much memory this process has, in bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE
