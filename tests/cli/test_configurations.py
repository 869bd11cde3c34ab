"""A configuration of the user's: what is proved under it, what it leaves out, and what is told of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from typer.testing import Result as CliResult

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.lift.errors import Gone
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.tree.configuration import base_config
from mmuproof.lift.tree.dot_config import read_dot_config
from mmuproof.lift.tree.source import open_source
from mmuproof.model.lifted.unit_paths import SPTE_C
from mmuproof.proofs.catalogue import THEOREMS
from tests.cli.telling.schema import valid
from tests.kernels import opened_kernel

EVERY = [f"{each.name} {vendor.value}" for each in THEOREMS for vendor in each.vendors]
TDX = ("KVM_INTEL_TDX", "INTEL_TDX_HOST")


def configured(folder: Path, *without: str, **more: str) -> Path:
    """A file like our own configuration, without some symbols and with others."""
    values = {**{name: value for name, value in base_config().items() if value != "n"}, **more}
    lines = [
        f"# CONFIG_{name} is not set" if name in without else f"CONFIG_{name}={each}" for name, each in values.items()
    ]
    file = folder / "my.config"
    file.write_text("\n".join(lines) + "\n")
    return file


def run(*words: object) -> CliResult:
    return CliRunner().invoke(build_app(Installed()), [str(each) for each in words], prog_name="mmuproof")


def results(file: Path) -> Mapping[str, Mapping[str, Any]]:
    return {f"{each['theorem']} {each['vendor']}": each for each in valid(file.read_text())["results"]}


@pytest.mark.parametrize(
    "words", [("prove", "--kernel", "."), ("diff", ".", "."), ("ask", "u64 s: s == 1", "--kernel", ".")]
)
def test_a_configuration_that_cannot_be_used_is_wrong_usage_with_file_and_line(
    words: Sequence[str], tmp_path: Path
) -> None:
    file = tmp_path / "my.config"
    file.write_text("CONFIG_X86_64=y\nCONFIG_KVM\n")
    done = run(*words, "--config", file)
    assert done.exit_code == 2
    assert f"{file}:2: this is not CONFIG_NAME=value: 'CONFIG_KVM'" in " ".join(done.output.split())


def test_the_reference_model_has_no_configuration(tmp_path: Path) -> None:
    done = run("prove", "--config", configured(tmp_path))
    assert (done.exit_code, "--config goes with a --kernel" in done.output) == (2, True)


@pytest.mark.kernel
def test_units_that_are_kept_are_kept_for_a_configuration(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    tree, saved = kernel_tree("7.2"), SavedUnits(tmp_path / "units")
    places = {saved.stand_ins(tree).build}
    for without in ((), TDX, ("KVM_PROVE_MMU",)):
        places.add(saved.stand_ins(tree, read_dot_config(configured(tmp_path, *without, KVM_XEN="n"))).build)
    assert len(places) == 4


@pytest.mark.kernel
def test_under_a_configuration_without_amd_its_half_does_not_apply_and_the_results_file_says_all(
    kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    file, written = configured(tmp_path, "KVM_AMD", *TDX, KVM="m", KVM_INTEL="m", KVM_X86="m"), tmp_path / "r.json"
    done = run("prove", "layout.frozen", "--kernel", kernel_tree("7.2"), "--config", file, "--json", written)
    assert done.exit_code == 0, done.output
    found = results(written)
    assert found["layout.frozen intel"]["verdict"] == found["layout.frozen shadow"]["verdict"] == "PROVED"
    place = f"{file}:{file.read_text().splitlines().index('# CONFIG_KVM_AMD is not set') + 1}"
    assert (found["layout.frozen amd"]["verdict"], found["layout.frozen amd"]["reason"]) == (
        "NOT_APPLICABLE",
        f"the configuration leaves out what this is about: CONFIG_KVM_AMD is not set ({place})",
    )
    told = valid(written.read_text())["kernel"]["configuration"]
    assert (told["file"], told["sha256"]) == (str(file), hashlib.sha256(file.read_bytes()).hexdigest())
    assert {"KVM_AMD": "n", "KVM_INTEL": "m", "KVM_INTEL_TDX": "n", "X86_64": "y", "HYPERV": "n"}.items() <= told[
        "tested_by_kvm"
    ].items()
    unknown = {each["symbol"]: each["at"] for each in told["taken_as_not_set"]}
    assert "KVM_AMD" not in unknown
    assert any(each.startswith("arch/x86/kvm/") for each in unknown["HYPERV"])
    assert "HAVE_KVM_ARCH_GMEM_POPULATE" in {each["symbol"] for each in told["defaults"]}
    assert f"Read under the configuration {file}" in done.output
    assert "are taken as not set" in done.output


LEAVES_OUT: Mapping[str, tuple[tuple[str, ...], Callable[[str], bool]]] = {
    "without TDX": (TDX, lambda result: False),
    "without AMD": (("KVM_AMD",), lambda result: result.endswith(" amd")),
    "without Intel": (("KVM_INTEL", *TDX), lambda result: result.endswith(" intel")),
    "without KVM's assertions": (("KVM_PROVE_MMU",), lambda result: False),
    "without system-management mode": (("KVM_SMM",), lambda result: result.startswith(("role.smm ", "setting.modes "))),
    "without attributes of memory": (
        ("KVM_GENERIC_MEMORY_ATTRIBUTES", "KVM_SW_PROTECTED_VM", *TDX),
        lambda result: result.startswith("slot.attributes-"),
    ),
    "without Hyper-V for guests": (
        ("KVM_HYPERV",),
        lambda result: result.startswith(("gating.evmcs ", "flush.listed ")),
    ),
}


@pytest.mark.kernel
@pytest.mark.long
@pytest.mark.parametrize("name", LEAVES_OUT)
def test_a_configuration_loses_what_it_leaves_out_and_nothing_else(
    kernel_tree: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    without, leaves_out = LEAVES_OUT[name]
    written = tmp_path / "r.json"
    words = ["prove", "--kernel", kernel_tree("7.3"), "--config", configured(tmp_path, *without)]
    done = run(*words, "--allow-known", "--json", written)
    assert done.exit_code == 0, done.output
    found = results(written)
    assert [*found] == EVERY
    absent = {each for each, result in found.items() if result["verdict"] == "NOT_APPLICABLE"}
    assert absent == {each for each in EVERY if leaves_out(each)}
    assert all(f"CONFIG_{without[0]} is not set" in found[each]["reason"] for each in absent)
    said = {each for each, result in found.items() if "which the configuration leaves out" in (result["reason"] or "")}
    assert said == (
        {f"spte.no-warning {each}" for each in ("intel", "amd", "shadow")} if "assertions" in name else set()
    )


DEBUGGED = ("LOCKDEP", "PROVE_LOCKING", "DEBUG_LOCK_ALLOC", "PROVE_RCU", "DEBUG_SPINLOCK", "KASAN", "DEBUG_VM")
DISTRIBUTED = ("PREEMPTION", "PREEMPT_DYNAMIC", "PREEMPT_RCU", "LIST_HARDENED", "KVM_EXTERNAL_WRITE_TRACKING", "HYPERV")


@pytest.mark.kernel
@pytest.mark.long
def test_nothing_is_lost_with_what_distributions_and_debuggers_set(
    kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    more, written = {**dict.fromkeys((*DEBUGGED, *DISTRIBUTED), "y"), "KVM": "m"}, tmp_path / "r.json"
    words = ["prove", "--kernel", kernel_tree("7.3"), "--config", configured(tmp_path, **more)]
    done = run(*words, "--allow-known", "--json", written)
    assert done.exit_code == 0, done.output
    assert [*results(written)] == EVERY
    assert not [name for name, each in results(written).items() if each["verdict"] == "NOT_APPLICABLE"]


@pytest.mark.kernel
def test_a_name_that_is_gone_is_no_answer_under_a_configuration_either(
    renamed_tree: Callable[[Mapping[str, str]], Path], tmp_path: Path
) -> None:
    tree = renamed_tree({"PFERR_GUEST_FINAL_MASK": "OTHER", "kvm_ad_enabled": "other"})
    given = read_dot_config(configured(tmp_path, *TDX, "KVM_SW_PROTECTED_VM", "KVM_SMM"))
    with open_source(str(tree)) as opened, opened_kernel(opened, given=given) as kvm:
        unit = kvm.units.get(SPTE_C)
        with pytest.raises(Gone, match="kvm_ad_enabled any more"):
            unit.has_variable("kvm_ad_enabled")
        with pytest.raises(Gone, match="PFERR_GUEST_FINAL_MASK any more"):
            unit.constant("PFERR_GUEST_FINAL_MASK")
        # What the configuration leaves out is not there, and not gone.
        assert unit.constant("CONFIG_KVM_SW_PROTECTED_VM") is None


@pytest.mark.kernel
def test_without_vms_protected_by_software_no_fault_is_one_of_their_private_memory(
    kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    file = configured(tmp_path, "KVM_SW_PROTECTED_VM")
    done = run("prove", "fault.answered", "--kernel", kernel_tree("7.2"), "--config", file)
    assert done.exit_code == 0, done.output


@pytest.mark.kernel
def test_what_is_not_built_need_not_parse(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    file = configured(tmp_path, "KVM_INTEL", *TDX, CPU_MITIGATIONS="y")
    done = run("prove", "layout.frozen", "role.vendor-bit", "--kernel", kernel_tree("7.2"), "--config", file)
    assert done.exit_code == 0, done.output
