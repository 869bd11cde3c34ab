"""An emulator is ended when its guest is done, when its time is up, and when it ends by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mmuproof.live.emulators.bounded import EmulatorError, run_program, run_until_done


def emulator(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def saying(console: Path, *lines: str) -> str:
    said = "".join(f"{line}\n" for line in lines)
    return f"import time; open({str(console)!r}, 'w').write({said!r}); "


def test_a_guest_that_is_done_ends_the_emulator(tmp_path: Path) -> None:
    console = tmp_path / "console"
    ran = run_until_done(emulator(saying(console, "@ up", "@ done") + "time.sleep(600)"), console, 60)
    assert (ran.console, ran.ended) == ("@ up\n@ done\n", "")


def test_a_dead_vmm_is_told(tmp_path: Path) -> None:
    console = tmp_path / "console"
    ran = run_until_done(emulator(saying(console, "@ dead") + "time.sleep(600)"), console, 60)
    assert ran.ended == "the VMM is dead"


def test_a_guest_that_says_nothing_more_is_ended(tmp_path: Path) -> None:
    console = tmp_path / "console"
    ran = run_until_done(emulator(saying(console, "@ up") + "time.sleep(600)"), console, 2)
    assert ran.ended == "it was ended after 2 s"


def test_an_emulator_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    ran = run_until_done(emulator("import sys; sys.exit('no such option')"), tmp_path / "console", 60)
    assert ran.ended == "the emulator ended with status 1: no such option"


def test_what_an_earlier_guest_has_said_does_not_count(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_text("@ done\n")
    assert run_until_done(emulator("import time; time.sleep(600)"), console, 1).ended


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="no-such-emulator"):
        run_until_done(["no-such-emulator"], tmp_path / "console", 1)
    with pytest.raises(EmulatorError, match=r"No such file or directory \(get it\)$"):
        run_until_done(["no-such-emulator"], tmp_path / "console", 1, hint=" (get it)")
    with pytest.raises(EmulatorError, match="no-such-program"):
        run_program(["no-such-program"])
    with pytest.raises(EmulatorError, match="status 3"):
        run_program(emulator("raise SystemExit(3)"))
