from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from typer.testing import Result as CliResult

from mmuproof.cli.shared import json_file
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.json_file import check_writable, write_json
from mmuproof.cli.shared.results import Counterexample, Input, TracedStep
from mmuproof.cli.telling.results_file import counterexample_content


def test_a_folder_that_is_not_there_is_found_before_the_work(cli: Callable[..., CliResult], tmp_path: Path) -> None:
    ran = cli("prove", "source.interrupted", "--json", tmp_path / "no" / "r.json")
    assert ran.exit_code == 2
    assert "there is no folder" in ran.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageProblem, match="Permission denied"):
        check_writable(tmp_path / "r.json")


@pytest.mark.parametrize("path", ["/proc/r.json", "/dev/null", "."])
def test_what_is_no_file_is_not_replaced(path: str) -> None:
    with pytest.raises(UsageProblem, match="cannot be written"):
        check_writable(Path(path))


def test_a_file_name_that_is_too_long_is_found_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="cannot be written"):
        check_writable(tmp_path / ("x" * 300))


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "r.json")
    assert not list(tmp_path.iterdir())


def test_checking_puts_nothing_into_the_folder_that_could_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def made(**_options: Path) -> Iterator[None]:
        with TemporaryFile():
            seen.append(os.listdir(tmp_path))
            yield

    seen: list[list[str]] = []
    monkeypatch.setattr(json_file, "TemporaryFile", made)
    check_writable(tmp_path / "r.json")
    assert seen == [[]]


def test_what_a_killed_run_left_in_the_way_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / f".r.json.{os.getpid()}").write_text("left")
    with pytest.raises(UsageProblem, match="is in the way"):
        check_writable(tmp_path / "r.json")


def test_writing_replaces_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    write_json(path, {"é": [1]})
    assert json.loads(path.read_text("utf-8")) == {"é": [1]}
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to("real.json")
    write_json(link, {})
    assert link.is_symlink()
    assert json.loads((tmp_path / "real.json").read_text()) == {}


def test_a_failure_while_writing_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_json(path, {"results": [1, 2, object()]})
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]


def test_numbers_whose_bits_mean_something_have_a_key_of_their_own() -> None:
    told = Counterexample(
        symptom="wrong",
        sentence="It is wrong.",
        inputs=(Input("spte", "0xc04", "XS|XU|MMU-present", {"kind": "spte"}), Input("level", "1")),
        values={},
        steps=(TracedStep("spte.c:7", "*new_spte = 0xc04", "XS|XU|MMU-present"), TracedStep("spte.c:8", "x = 1")),
        actual="this",
        expected="that",
        at="spte.c:8",
    )
    content = counterexample_content(told)
    assert content["inputs"] == {"spte": "0xc04", "level": "1"}
    assert content["decoded"] == {"spte": {"kind": "spte"}}
    assert content["steps"] == [
        {"at": "spte.c:7", "text": "*new_spte = 0xc04", "reads": "XS|XU|MMU-present"},
        {"at": "spte.c:8", "text": "x = 1"},
    ]
