"""Running an emulator until the guest's console says that it is done, bounded in time and memory."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuproof.live.console import DEAD, READY

_BETWEEN_LOOKS = 0.2
_GRACE = 5.0
_MEMORY_BYTES = 4 << 30


@dataclass(frozen=True)
class EmulatorRun:
    """How an emulator has run.

    Args:
        console: all that the guest has said.
        seconds: how long it took.
        ended: why it says less than it should; empty if the guest came to its end.
    """

    console: str
    seconds: float
    ended: str


class EmulatorError(Exception):
    """An emulator or something that it needs is not there."""


def run_until_done(
    command: Sequence[str],
    console: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    *,
    hint: str = "",
) -> EmulatorRun:
    """Run an emulator whose guest's serial port writes to a file.

    Args:
        command: the emulator and its arguments.
        console: the file.
        seconds: after which it is ended.
        environment: of the process; that of this one if there is none.
        hint: what to do if the emulator is not there.

    Raises:
        EmulatorError: there is no such program.
    """
    started, log = time.monotonic(), console.with_suffix(".emulator")
    console.unlink(missing_ok=True)
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=console.parent,
                env=environment,
                preexec_fn=_bound,
            )
    except OSError as error:
        raise EmulatorError(f"{command[0]}: {error.strerror}{hint}") from error
    ended = f"it was ended after {seconds:.0f} s"
    try:
        while time.monotonic() - started < seconds:
            gone = process.poll()
            last = _last_word(console)
            if last:
                ended = "" if last == READY else "the VMM is dead"
                break
            if gone is not None:
                ended = f"the emulator ended with status {gone}: {_tail(log)}"
                break
            time.sleep(_BETWEEN_LOOKS)
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return EmulatorRun(_text(console), time.monotonic() - started, ended)


def run_program(command: Sequence[str]) -> None:
    """Run a program that prepares something.

    Raises:
        EmulatorError: it is not there, or has failed.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise EmulatorError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise EmulatorError(f"{command[0]} ended with status {done.returncode}: {done.stderr.strip()}")


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _last_word(console: Path) -> str:
    text = _text(console)
    return next((word for word in (READY, DEAD) if f"@ {word}\n" in text.replace("\r", "")), "")


def _tail(log: Path) -> str:
    return " / ".join(_text(log).strip().splitlines()[-2:])
