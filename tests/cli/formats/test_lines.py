"""The formats that are lines of text: for editors, for GitHub, and Markdown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from mmuproof.cli.formats.editor import editor_text
from mmuproof.cli.formats.github import github_text
from mmuproof.cli.formats.markdown import markdown_text
from mmuproof.cli.formats.places import root_of
from mmuproof.cli.shared.console import shown
from tests.cli.formats.runs import FILE, HOSTILE, run, tree


def test_an_editor_reads_a_line_for_each_finding() -> None:
    new, odd, lost, known = shown(editor_text(run())).splitlines()
    assert new == f"{FILE}:305: REFUTED: bad.new intel: It is wrong."
    assert odd.startswith(f"{FILE}:7: REFUTED: odd.text intel: 50% of <b>bits</b>")
    assert lost == "LOST: bad.lost intel: not found: is_new"
    assert known == f"{FILE}:1: REFUTED: bad.known intel: Wrong, and known. (known finding 7)"


def test_a_file_is_named_as_it_is_opened_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linux = tree(tmp_path / "work" / "linux")
    first = editor_text(run(linux)).splitlines()[0]
    assert first.startswith(f"{linux}/{FILE}:305: ")
    monkeypatch.chdir(tmp_path / "work")
    assert editor_text(run(linux)).startswith(f"linux/{FILE}:305: ")
    assert "file=linux/arch" in github_text(run(linux))


def test_the_folder_of_a_source(tmp_path: Path) -> None:
    assert root_of(str(tmp_path)) == root_of(f"{tmp_path}@v7.2") == str(tmp_path)
    assert root_of(str(tmp_path / "linux.tar.xz")) == root_of("") == ""


def test_github_gets_a_command_for_each_finding_and_no_other() -> None:
    lines = github_text(run()).splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert [re.split("[ :]", line)[2] for line in commands] == ["error", "error", "error", "notice"]
    assert commands[0].startswith(
        f"::error file={FILE},line=305,title=REFUTED bad.new intel::It is wrong.%0Ax=1%0A50%25 of <b>bits</b>, # not ok"
    )
    assert lines[-1].startswith("mmuproof prove: 3 REFUTED")


def test_properties_are_escaped_as_github_reads_them() -> None:
    found = run(cases=tuple(each for each in run().cases if each.name == "bad.new"))
    at = "a,b:c%d.c:3"
    (case,) = found.cases
    told = github_text(run(cases=(type(case)(**{**vars(case), "at": at}),)))
    assert told.startswith("::error file=a%2Cb%3Ac%25d.c,line=3,title=REFUTED bad.new intel::")


def test_markdown_shows_the_words_as_they_are() -> None:
    text = shown(markdown_text(run()))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    tags = {each.type for each in tokens}
    assert {"heading_open", "table_open", "bullet_list_open", "fence"} <= tags
    inline = "".join(
        child.content
        for each in tokens
        if each.type == "inline"
        for child in each.children or ()
        if child.type != "html_inline"
    )
    assert shown(" ".join(HOSTILE.split())) in inline
    assert "Something is wrong." in inline
    assert "known finding 7" in inline
    html = [each.content.strip() for each in tokens if each.type == "html_block"]
    assert all(re.fullmatch(r"</?details>.*", each, re.DOTALL) for each in html)
    fences = [each.content for each in tokens if each.type == "fence"]
    assert all(shown(each) == each for each in fences)
    assert any("x=1" in each for each in fences)
