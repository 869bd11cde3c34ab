"""What is asked for is listed, and what is listed is asked for; what is not listed is a mistake of ours."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.compare.encodings import Bits
from mmuproof.lift.errors import UnlistedConstant
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.constants import CONSTANTS, OF_OTHER_KERNELS
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.constants import LOOKED_UP, constant_of
from mmuproof.model.named import constants
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.proofs.known_findings import KNOWN_FINDINGS
from tests.kernels import kernel_at
from tests.lift.machine.conftest import CLANG

ROOT = Path(__file__).resolve().parent.parent.parent
ASKS = {Kvm.constant.__name__, Kvm.defines.__name__, constant_of.__name__}
LISTED = {"proofs": {*CONSTANTS, *OF_OTHER_KERNELS}, "model": {*LOOKED_UP.names}}


def nodes(folder: str) -> Iterator[ast.AST]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        if path.name != "constants.py":
            yield from ast.walk(ast.parse(path.read_text("utf-8"), str(path)))


def literals(folder: str) -> set[str]:
    """Every text that stands in the sources by itself."""
    return {each.value for each in nodes(folder) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def asked(folder: str) -> Iterator[str]:
    """A pattern of each name that is asked for, where it is told in so many words or put together."""
    for node in nodes(folder):
        function = node.func if isinstance(node, ast.Call) else None
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if isinstance(node, ast.Call) and name in ASKS:
            for argument in node.args:
                choices = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                yield from (found for each in choices if (found := _pattern(each)))


def _pattern(text: ast.expr) -> str:
    if isinstance(text, ast.JoinedStr):
        return "".join(_pattern(part) or r"\w+" for part in text.values)
    if isinstance(text, ast.Attribute) and isinstance(text.value, ast.Name) and text.value.id == "constants":
        return re.escape(str(getattr(constants, text.attr)))
    return re.escape(text.value) if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""


@pytest.mark.parametrize("folder", LISTED)
def test_what_is_asked_for_is_listed(folder: str) -> None:
    patterns = {*asked(folder)}
    assert len(patterns) > 5
    assert [each for each in patterns if not any(re.fullmatch(each, name) for name in LISTED[folder])] == []


def test_what_is_listed_is_asked_for() -> None:
    told, patterns = literals("proofs"), [each for each in asked("proofs") if r"\w+" in each]
    assert [each for each in CONSTANTS if each not in told and not any(re.fullmatch(p, each) for p in patterns)] == []


def test_what_marks_newer_trees_is_listed() -> None:
    assert {each.lacking for each in KNOWN_FINDINGS if each.lacking} <= LISTED["proofs"]


def test_the_reference_model_knows_what_is_listed_or_of_other_kernels() -> None:
    assert [name for name in CONSTANTS if not ReferenceKvm().defines(name)] == []
    assert [name for name in OF_OTHER_KERNELS if ReferenceKvm().defines(name)] == []


@pytest.mark.parametrize("ask", [Kvm.constant, Kvm.defines], ids=["constant", "defines"])
def test_what_is_not_listed_is_a_mistake_that_names_the_file(ask: Callable[[Kvm, str], object]) -> None:
    # What the reference model has a number for is no exception: a tree would not be asked for it.
    for name in ("ACC_MISSPELT_MASK", "failed_assertions", "PAGE_SHIFT"):
        with pytest.raises(UnlistedConstant, match=rf"^{name} is asked for, but model/constants\.py does not list it"):
            ask(ReferenceKvm(), name)


def test_a_number_that_the_reference_model_lacks_is_a_mistake_that_names_the_file() -> None:
    lacking = Constants()
    vars(lacking).pop("ACC_ALL")
    with pytest.raises(UnlistedConstant, match=r"^ACC_ALL is asked for, but model/reference/base/constants\.py"):
        ReferenceKvm(lacking).constant("ACC_ALL")


def test_a_unit_is_asked_only_for_what_it_was_parsed_for(tmp_path: Path) -> None:
    (tmp_path / "unit.c").write_text("enum { RET_PF_FIXED = 4, RET_PF_OTHER };\n#define KVM_ADDRESS_SPACE_NUM 3\n")
    unit = Unit(tmp_path, "unit.c", CLANG, LOOKED_UP)
    assert constant_of(unit, "RET_PF_FIXED") == 4
    assert constant_of(unit, "KVM_MAX_NR_ADDRESS_SPACES", "KVM_ADDRESS_SPACE_NUM") == 3
    with pytest.raises(UnlistedConstant, match=r"model/lifted/constants\.py"):
        constant_of(unit, "RET_PF_OTHER")


def test_bits_are_known_by_constants_that_are_looked_up() -> None:
    bits = Bits({}, {})
    assert (bits.of("ACC_READ_MASK"), bits.of("shadow_x_mask")) == (None, None)
    with pytest.raises(UnlistedConstant, match=r"compare/encodings\.py"):
        bits.of("ACC_ALL")


@pytest.mark.kernel
def test_what_is_of_other_kernels_was_defined_once(kernel_tree: Callable[[str], Path]) -> None:
    with kernel_at(kernel_tree("6.1")) as kvm:
        assert [name for name in OF_OTHER_KERNELS if not kvm.defines(name)] == []
        with pytest.raises(UnlistedConstant, match=r"model/constants\.py"):
            kvm.defines("PAGE_SHIFT")
