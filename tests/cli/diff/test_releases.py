"""Two releases between which the bits of SPTEs have moved: what a reader sees of that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from tests.cli.formats.page_rules import checked_page
from tests.cli.telling.schema import valid


@pytest.mark.kernel
def test_sptes_are_read_in_the_witness_and_their_layouts_are_drawn(
    kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    old, new = kernel_tree("6.12"), kernel_tree("7.2")
    page, results = tmp_path / "page.html", tmp_path / "results.json"
    words = ["diff", old, new, "make_nonleaf_spte", "--html", page, "--json", results]
    done = CliRunner().invoke(build_app(Installed()), [*map(str, words)])
    assert done.exit_code == 1, done.output
    assert "and of it only bit 8 (A)." in done.output
    assert "(R|W|XS|XU|MMU-present|SVE, pfn 0), where the new version has these bits" in done.output
    (intel,) = [each for each in valid(results.read_text())["results"] if each["masks"] == "intel"]
    assert intel["witness"]["new_reads"] == "R|W|XS|A|XU|MMU-present|SVE, pfn 0"
    assert intel["witness"]["old_steps"][0]["reads"] == "MMU-present, pfn 0"
    told = checked_page(page.read_text()).text
    assert "intel: EPT PTE that maps a 4-KByte page" in told
    assert "They differ in bits 62, 61, 60, 58, 57, 56, 55, 54, 53, 52, 10, 2, 0, which are marked." in told
