"""The command line on trees, questions and disks that mean no good: an error that says why, and nothing else."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from clang.cindex import TranslationUnit
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.lift.parsing import saved_units
from tests.cli.formats.page_rules import checked_page
from tests.hangs import HANGS
from tests.lift.conftest import FILES
from tests.long_run import only

CLI = [sys.executable, "-m", "mmuproof.cli.main"]
UNIT = "arch/x86/kvm/mmu/spte.c"
SECRET = "abracadabra"
QUESTION = "int a: twice(a) == 2"
TWICE = "int twice(int a) { return 2 * a; }\n"
DOUBLED = "".join(f"#define A{number} A{number - 1} A{number - 1}\n" for number in range(1, 60))
MACRO_BOMB = f"#define A0 x +\n{DOUBLED}int bomb(int x) {{ return A59 x; }}\n"
SLOW_BOMB = f"#define A0\n{DOUBLED}A59\n"
BOMBS = {
    "a macro that becomes a long text": (MACRO_BOMB, ["--parse-memory", "64"], "64 MiB of memory", "--parse-memory"),
    "a macro that becomes nothing": (SLOW_BOMB, ["--parse-seconds", "1"], "1 seconds", "--parse-seconds"),
    "a table of a billion": (
        "int table[1 << 30] = { [0 ... (1 << 30) - 1] = 1 };\n",
        ["--parse-memory", "64"],
        "64 MiB of memory",
        "--parse-memory",
    ),
}
COMMANDS = {
    "ask": ["ask", "--kernel", "linux", QUESTION],
    "prove": ["prove", "--kernel", "linux", "--jobs", "2"],
    "diff": ["diff", "other", "linux"],
}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def write(folder: Path, text: str) -> None:
    for name, content in {**FILES, UNIT: text + TWICE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[str], Path]:
    """Write a tree that has some text in a unit, and another one without it."""

    def make(text: str) -> Path:
        write(tmp_path / "linux", text)
        write(tmp_path / "other", "")
        return tmp_path / "linux"

    return make


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "200"}


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run a command beside the trees."""

    def started(words: Sequence[str], **more: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [*CLI, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANGS, **more
        )

    return started


@pytest.mark.parametrize(("text", "options", "limit", "option"), BOMBS.values(), ids=BOMBS)
def test_what_takes_too_much_is_given_up(
    text: str, options: Sequence[str], limit: str, option: str, tree: Callable[[str], Path], run: Run
) -> None:
    tree(text)
    done = run([*COMMANDS["ask"], *options])
    assert done.returncode == 2
    assert done.stderr == (
        f"mmuproof: {UNIT} is given up: clang has taken more than {limit} for it; {option} sets the limit\n"
    )


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_every_command_has_the_limits(words: Sequence[str], tree: Callable[[str], Path], run: Run) -> None:
    tree(SLOW_BOMB)
    done = run([*words, "--parse-seconds", "1"])
    assert (done.returncode, done.stdout) == (2, "")
    assert "clang has taken more than 1 seconds for" in done.stderr


def test_a_question_has_them_as_well(tree: Callable[[str], Path], run: Run) -> None:
    tree(f"#define A0\n{DOUBLED}")
    done = run(["ask", "--kernel", "linux", "int a: A59 twice(a) == 2", "--parse-seconds", "1"])
    assert done.returncode == 2
    assert "clang has taken more than 1 seconds for" in done.stderr


def test_a_question_about_code_that_calls_itself_is_given_up(tree: Callable[[str], Path], run: Run) -> None:
    tree("static int down(int a) { return a ? down(a - 1) : 0; }")
    done = run(["ask", "--kernel", "linux", "int a: down(a)"])
    assert done.returncode == 3
    assert "calls nest too deeply in down" in done.stdout


@pytest.mark.parametrize("command", only(["prove"], COMMANDS))
def test_ctrl_c_does_not_wait_for_clang(
    command: str, tree: Callable[[str], Path], environment: dict[str, str], tmp_path: Path
) -> None:
    tree(SLOW_BOMB)
    process = subprocess.Popen(
        [*CLI, *COMMANDS[command], "--parse-seconds", "1000000"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not _is_parsing(process.pid):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=HANGS)
    assert (process.returncode, errors) == (130, "mmuproof: interrupted\n")


def _is_parsing(process: int) -> bool:
    """Whether clang is at work in a process, or in a copy that it has made."""
    names = [Path(f"/proc/{process}/task")]
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    names += [Path(f"/proc/{each}/task") for each in children]
    # The view that clang was given is a file in memory.
    return any(
        "mmuproof-view" in os.readlink(file)
        for each in names
        for file in (each.parent / "fd").iterdir()
        if file.is_symlink()
    )


def test_what_a_tree_says_is_obeyed_by_no_terminal(tree: Callable[[str], Path], run: Run) -> None:
    tree('#error \x1b[2J\x9b2J \u202e\n#define S "\x1b]0;owned\x07"\n#pragma clang __debug macro S\n')
    done = run(COMMANDS["ask"])
    assert done.returncode == 2
    assert f"{UNIT}:1: " in done.stderr
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(done.stdout + done.stderr)


FILES_OF_QUESTIONS = {
    "by an absolute path": '#include "{folder}/token"',
    "by a way out": '#include "../token.h"',
    "what is no header": '#include "token.txt"',
    "a link": '#include "link.h"',
}


@pytest.mark.parametrize("text", FILES_OF_QUESTIONS.values(), ids=FILES_OF_QUESTIONS)
def test_a_file_of_questions_reads_nothing_but_headers_beside_it(
    text: str, tree: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    tree("")
    beside = tmp_path / "questions"
    beside.mkdir()
    for name in ("token", "token.h", "questions/token.txt"):
        (tmp_path / name).write_text(f"{SECRET} = 7")
    (beside / "link.h").symlink_to("../token.h")
    (beside / "own.h").write_text("#define OWN 2\n")
    (beside / "q.c").write_text(f'{text.format(folder=tmp_path)}\n#include "own.h"\nint p(int a) {{ return OWN; }}\n')
    done = run(["ask", "--kernel", "linux", "--file", str(beside / "q.c")])
    assert done.returncode == 2
    assert "q.c:1" in done.stderr
    assert "only files of the tree are read" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    (beside / "q.c").write_text('#include "own.h"\nint p(int a) { return OWN; }\n')
    assert run(["ask", "--kernel", "linux", "--file", str(beside / "q.c")]).returncode == 0


def test_where_the_disk_of_the_cache_is_full_a_question_is_answered(
    tree: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree("")
    save = saved_units._save

    def fills(path: str, parsed: TranslationUnit, place: Path) -> None:
        if place.is_relative_to(tmp_path / "cache"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(path, parsed, place)

    monkeypatch.setattr(saved_units, "_save", fills)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = CliRunner().invoke(
        build_app(Installed()), ["ask", "--kernel", str(tmp_path / "linux"), "int a: twice(a) == 2"]
    )
    assert done.exit_code == 0, done.output
    assert "POSSIBLE" in done.output


def test_a_full_disk_is_an_error(tree: Callable[[str], Path], run: Run) -> None:
    tree("".join(f"int variable_{number};\n" for number in range(5000)))
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100_000, 100_000))
    done = run(COMMANDS["ask"], preexec_fn=full)
    assert done.returncode == 2
    assert done.stderr.endswith("clang cannot write there what it has parsed; is the disk full?\n")
    assert run(COMMANDS["ask"]).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        '/* </span><script>alert(1)</script> \x1b[2J \u202e " onfocus="x */ ',
        '#line 1 "../token.c"\n',
        '#line 1 "{folder}/token.c"\n',
        '#line 1 "<script>alert(1)</script>.c"\n',
    ],
    ids=["a comment", "a way out", "an absolute path", "a file's name"],
)
def test_a_page_shows_a_tree_as_text_and_nothing_else(
    text: str, tree: Callable[[str], Path], tmp_path: Path, run: Run
) -> None:
    (tmp_path / "token.c").write_text(f"{SECRET}\n" * 9)
    tree(f"{text.replace('{folder}', str(tmp_path))}int thrice(int a) {{ int b = 2 * a; b += a; return b; }}\n")
    done = run(["ask", "--kernel", "linux", "int a: thrice(a) == 3", "--prove", "--format", "html"])
    assert done.returncode == 1, done.stderr
    page = checked_page(done.stdout)
    assert "2 * a" in page.text or "#line" in text
    assert SECRET not in page.text
    assert not {"\x1b", "\u202e"} & set(done.stdout)
