"""A program made of a tree's own mmu.c and spte.c, compiled with gcc, and of probes that call their functions.

The kernel's files are compiled whole and unchanged, under the headers and flags under which clang parses them
for the lifter, except for the overlay: the kernel's own WARN macros are used.  The program runs in user mode.
"""

import re
import struct
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mmuproof.lift.tree.stand_ins import StandIns, clang_arguments, write_stand_ins

_PROBES = Path(__file__).parent / "programs"
_KVM = "arch/x86/kvm"
_FLAGS = (
    "-O2",
    "-fno-stack-protector",
    "-fcf-protection=none",
    # asm-offsets.h, from which these come, is empty where nothing has been built.
    "-Wa,--defsym,ALT_INSTR_SIZE=14",
    "-Wa,--defsym,EXTABLE_SIZE=12",
)
_LINK = (
    "-O2",
    "-no-pie",
    # What the functions under test do not call need not be there.
    "-Wl,--unresolved-symbols=ignore-all",
    "-Wl,--wrap=mmu_try_to_unsync_pages",
)
# The kernel's files by the file of probes, and the functions whose parameters vary by the file that defines them.
_UNITS = {"walks.c": f"{_KVM}/mmu/mmu.c", "sptes.c": f"{_KVM}/mmu/spte.c"}
_FUNCTIONS = {
    "mmu.c": ("update_permission_bitmask", "kvm_init_shadow_ept_mmu", "kvm_init_shadow_npt_mmu"),
    "paging_tmpl.h": ("is_present_gpte",),
    "spte.c": ("kvm_mmu_set_ept_masks", "make_spte"),
}


@dataclass(frozen=True)
class Program:
    """The compiled kernel functions of one tree.

    ``dirty_log_size`` is where the size of the dirty log stands, in the kernel's own words.
    """

    file: Path
    dirty_log_size: str

    def run(self, probe: str, cases: Sequence[Sequence[int]], outputs: int) -> list[tuple[int, ...]]:
        """What the probe's functions compute: for each case, which has a number for each input, the results."""
        inputs = len(cases[0])
        words = b"".join(struct.pack(f"{inputs}Q", *case) for case in cases)
        command = [str(self.file), probe, str(inputs), str(outputs)]
        done = subprocess.run(command, input=words, capture_output=True, check=False)
        # Results are written case by case, so a crash is in the case behind the last one.
        finished = len(done.stdout) // (outputs * 8)
        assert done.returncode == 0, f"{command}: {done.returncode} in case {cases[finished]}\n{done.stderr!r}"
        assert finished == len(cases)
        return list(struct.iter_unpack(f"{outputs}Q", done.stdout))


def build(tree: Path, folder: Path) -> Program:
    """Compile the tree's files; everything that is written goes to ``folder``."""
    stand_ins = write_stand_ins(tree, folder)
    mmu = tree / _KVM / "mmu"
    log_size = _search(mmu / "mmu_internal.h", r"return (\S+cpu_dirty_log_size) && ")
    defines = [f"-DDIRTY_LOG_SIZE={log_size}"]
    for file, names in _FUNCTIONS.items():
        defines += [f"-DARGUMENTS_{name}={_parameters(mmu / file, name)}" for name in names]

    def compile_unit(probes: str) -> Path:
        unit, target = _UNITS[probes], folder / f"{probes}.o"
        flags = [*_gcc_arguments(tree, stand_ins, unit), *_FLAGS, f'-DKERNEL_UNIT="{tree / unit}"', *defines]
        _run("gcc", *flags, f"-I{_PROBES}", "-c", _PROBES / probes, "-o", target)
        # A section whose name is an identifier has symbols at its ends, so that main.c can clear it.
        _run("objcopy", "--rename-section", ".data..once=data_once", target)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_unit, _UNITS))
    _run("gcc", *_LINK, _PROBES / "main.c", *objects, "-o", folder / "probe")
    return Program(folder / "probe", log_size)


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _gcc_arguments(tree: Path, stand_ins: StandIns, unit: str) -> list[str]:
    """The lifter's command line without what gcc does not know and without our own WARN macros."""
    arguments = clang_arguments(tree, stand_ins, unit)
    target = arguments.index("-target")
    del arguments[target : target + 2]
    return [each for each in arguments if each not in ("-ferror-limit=0", f"-I{stand_ins.overlay}")]


def _search(file: Path, pattern: str) -> str:
    found = re.search(pattern, file.read_text("utf-8"))
    assert found is not None, f"{file}: nothing like {pattern}"
    return found[1]


def _parameters(file: Path, function: str) -> str:
    """The names of a function's parameters as the file has them; ``FNAME(function)`` is found, too."""
    text = _search(file, rf"\b{function}\)?\(([^()]*)\)\s*\{{")
    return ",".join(re.findall(r"(\w+)\s*(?:,|$)", text))
