"""The specification is written from the manuals alone: nothing of the code under proof is in it."""

import ast
import re
import sys
from pathlib import Path

import pytest

import mmuproof.spec as spec

SOURCES = sorted(source for folder in spec.__path__ for source in Path(folder).glob("*.py"))
ALLOWED_PACKAGES = ("mmuproof.smt.terms", "mmuproof.spec")
# Words of one hypervisor's vocabulary; the manuals use none of them.
FOREIGN = re.compile(
    r"\bkvm\b|\blinux\b|\bacc_[a-z]+|pferr|spte\b|\bfrozen_|shadow_(?!stack)|\bmmu_|\brole\b|\btdp\b", re.IGNORECASE
)


def test_there_are_sources_to_look_at() -> None:
    assert "ept.py" in {source.name for source in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_imports_only_terms_and_itself(source: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
    own = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in own if not name.startswith(ALLOWED_PACKAGES)} == set()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_uses_no_word_of_the_code_under_proof(source: Path) -> None:
    assert FOREIGN.findall(source.read_text()) == []


def test_foreign_words_would_be_found() -> None:
    assert FOREIGN.search("if spte & shadow_x_mask and role")
    assert not FOREIGN.search("SUPERVISOR_SHADOW_STACK")
