"""Who waits for a thread is not deaf to a signal that another thread was given."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mmuproof.lift.waiting import result_of, wait_for

WAITING = """
    import signal, sys, threading
    from concurrent.futures import Future

    from mmuproof.lift.waiting import result_of, wait_for

    waits = threading.Event()

    def ask():
        waits.wait()
        print("waits", flush=True)
        # Only this thread has the signals, so the other one has to look up to see that there was one.
        sys.stdin.read()

    class Ended(Exception):
        pass

    def end(number, frame):
        raise Ended

    signal.signal(signal.SIGTERM, end)
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    never = Future()
    try:
        waits.set()
        {wait}
    except Ended:
        print("ended", flush=True)
"""


@pytest.mark.parametrize("wait", ["result_of(never)", "wait_for([never])"])
def test_a_signal_that_another_thread_is_given_ends_a_wait(wait: str) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WAITING.replace("{wait}", wait))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert run.stdin is not None
    assert run.stdout is not None
    try:
        assert run.stdout.readline() == "waits\n"
        run.send_signal(signal.SIGTERM)
        assert run.stdout.readline() == "ended\n"
    finally:
        run.stdin.close()
        run.kill()
        run.wait()


def test_what_a_future_raises_is_raised() -> None:
    failed: Future[int] = Future()
    failed.set_exception(TimeoutError("of its own"))
    with pytest.raises(TimeoutError, match="of its own"):
        result_of(failed)


def test_it_waits_until_all_is_done() -> None:
    begun = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        futures: list[Future[object]] = [pool.submit(begun.wait), pool.submit(begun.set)]
        wait_for(futures)
        assert all(each.done() for each in futures)
