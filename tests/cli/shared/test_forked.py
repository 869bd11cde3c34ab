"""Work side by side: in order, with errors that come back, and with nothing that is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.cli.shared.forked import Died, side_by_side
from mmuproof.cli.shared.process import RECURSION
from mmuproof.lift.errors import Refused
from tests.hangs import HANGS

REPOSITORY = Path(__file__).parents[3]


def nothing() -> None:
    """Nobody waits for news."""


def none_is_left() -> bool:
    return not multiprocessing.active_children()


def end(_item: int) -> int:
    os._exit(3)


def refuse(item: int) -> int:
    if item == 2:
        raise Refused("asm goto", "mmu.c:7")
    return item


class UnpicklableError(Exception):
    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("never")


def raise_unpicklable(_item: int) -> int:
    raise UnpicklableError


@pytest.mark.parametrize("processes", [1, 2, 3, 9])
def test_results_are_in_the_order_of_the_items_whoever_is_first(processes: int) -> None:
    last_is_done = multiprocessing.get_context("fork").Event()

    def work(item: int) -> int:
        if item == 6:
            last_is_done.set()
        elif item == 0 and processes > 1:
            assert last_is_done.wait(HANGS)
        return item * item

    assert side_by_side(work, range(7), processes, nothing) == [each * each for each in range(7)]
    assert none_is_left()


def test_no_item_needs_no_process() -> None:
    assert side_by_side(end, [], 2, nothing) == []


def test_each_item_is_told_of_once() -> None:
    told: list[None] = []
    side_by_side(abs, range(-5, 0), 2, lambda: told.append(None))
    assert len(told) == 5


@pytest.mark.parametrize("items", [0, 1, 3])
def test_meanwhile_this_process_does_something_else_once(items: int) -> None:
    calls: list[int] = []
    assert len(side_by_side(abs, range(items), 2, nothing, lambda: calls.append(items))) == items
    assert calls == [items]


def test_what_goes_wrong_meanwhile_ends_the_processes() -> None:
    def fail() -> None:
        raise Refused("the tree is gone")

    with pytest.raises(Refused, match="the tree is gone"):
        side_by_side(abs, range(3), 2, nothing, fail)
    assert none_is_left()


def test_a_process_whose_answer_nobody_reads_ends_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    def long_enough() -> None:
        # Until both have answered.
        time.sleep(0.3)
        raise Refused("enough")

    with pytest.raises(Refused, match="enough"):
        side_by_side(abs, [1, 2], 2, nothing, long_enough)
    assert capfd.readouterr().err == ""


def test_work_is_done_in_other_processes_that_know_what_this_one_does() -> None:
    known = {"here": lambda: os.getpid()}
    found = side_by_side(lambda _: known["here"](), range(4), 2, nothing)
    assert os.getpid() not in found
    assert len(set(found)) <= 2


def test_neighbours_go_to_the_same_process_while_there_is_enough_to_do() -> None:
    # Neither is quicker: each item is begun together with one of the other process.
    step = multiprocessing.get_context("fork").Barrier(2)

    def work(_item: int) -> int:
        step.wait(HANGS)
        return os.getpid()

    done_by = side_by_side(work, range(12), 2, nothing)
    assert len(set(done_by[:6])) == 1
    assert len(set(done_by[6:])) == 1


def test_who_is_done_helps_the_others() -> None:
    helped = multiprocessing.get_context("fork").Event()

    def work(item: int) -> int:
        if item == 0:
            assert helped.wait(HANGS)
        elif item < 6:
            helped.set()
        return os.getpid()

    done_by = side_by_side(work, range(12), 2, nothing)
    assert len(set(done_by[:6])) == 2


def test_no_more_processes_than_items() -> None:
    assert len(set(side_by_side(lambda _: os.getpid(), range(2), 50, nothing))) == 2


def test_an_exception_in_a_process_comes_back_as_it_was() -> None:
    with pytest.raises(Refused) as caught:
        side_by_side(refuse, range(5), 2, nothing)
    assert (caught.value.location, caught.value.reason) == ("mmu.c:7", "asm goto")
    assert none_is_left()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_ends_early_loses_one_item_if_somebody_says_what_stands_for_it(processes: int) -> None:
    def work(item: int) -> str:
        if item in (0, 3):
            os.kill(os.getpid(), signal.SIGKILL)
        return str(item)

    told: list[None] = []
    found = side_by_side(work, range(5), processes, lambda: told.append(None), lost=lambda item, how: f"{item} {how}")
    assert found == ["0 was ended by SIGKILL", "1", "2", "3 was ended by SIGKILL", "4"]
    assert len(told) == 5
    assert none_is_left()


def test_how_a_process_has_ended_is_told() -> None:
    assert side_by_side(end, range(1), 1, nothing, lost=lambda _item, how: how) == ["has ended with 3"]


def test_a_process_that_ends_early_has_died() -> None:
    with pytest.raises(Died):
        side_by_side(end, range(5), 2, nothing)
    assert none_is_left()


def test_a_process_that_is_killed_has_died() -> None:
    def work(item: int) -> int:
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(Died):
        side_by_side(work, range(5), 2, nothing)
    assert none_is_left()


def test_a_process_that_ends_between_two_items_has_died() -> None:
    def done() -> None:
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            child.join()

    with pytest.raises(Died):
        side_by_side(abs, range(5), 1, done)
    assert none_is_left()


@pytest.mark.parametrize("work", [raise_unpicklable, lambda _: lambda: None], ids=["exception", "result"])
def test_what_cannot_be_handed_back_is_an_error_and_no_hang(work: Callable[[int], object]) -> None:
    with pytest.raises((Died, TypeError, AttributeError)) as caught:
        side_by_side(work, range(3), 2, nothing)
    assert not isinstance(caught.value, UnpicklableError)
    assert none_is_left()


def test_code_may_nest_deeply() -> None:
    def down(depth: int) -> int:
        return down(depth - 1) if depth else 7

    assert side_by_side(down, [RECURSION // 4], 1, nothing) == [7]


# What is left behind

# Each says that it works, and is done as soon as the process that made it has ended.
_LONG = """
import os, signal, time
from mmuproof.cli.shared.forked import nothing, side_by_side
signal.signal(signal.SIGINT, signal.default_int_handler)
made_by = os.getpid()
def work(item):
    os.write(1, b"working\\n")
    while os.getppid() == made_by:
        time.sleep(0.01)
side_by_side(work, range(4), 2, nothing)
"""

# A signal that another thread takes does not end a wait, like one that comes just before the wait begins.
_UNNOTICED = """
import os, signal, threading, time
from mmuproof.cli.shared.forked import nothing, side_by_side
signal.signal(signal.SIGINT, signal.default_int_handler)
made_by = os.getpid()
def interrupt():
    time.sleep(1)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
def work(item):
    while os.getppid() == made_by:
        time.sleep(0.01)
side_by_side(work, range(4), 2, nothing, threading.Thread(target=interrupt).start)
"""


def test_an_interrupt_that_ends_no_system_call_is_noticed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNNOTICED], cwd=REPOSITORY, capture_output=True, timeout=HANGS, check=False, text=True
    )
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_process_outlives_the_one_that_made_it(signal_: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _LONG],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"working\n"] * 2
    process.send_signal(signal_)
    # The pipe ends when the last of them has ended that can write into it.
    try:
        rest, _ = process.communicate(timeout=HANGS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert rest == b""
    assert process.returncode != 0
