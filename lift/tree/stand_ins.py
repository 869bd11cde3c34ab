"""What a built kernel has and an unbuilt tree lacks, put beside the tree so that clang can parse it.

Nothing is written into the tree and nothing of it is run: the stand-ins go to a folder of the caller's, and
the arguments name ours first, so that what a build has left in the tree is not read.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.configuration import Configuration, configuration
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.generated import headers
from mmuproof.lift.tree.overlay import HEADERS
from mmuproof.lift.tree.version import version_numbers

# Flags of a 64-bit kernel build that change types, macros or which code is seen, and no others.
_FLAGS = (
    "-x",
    "c",
    "-target",
    "x86_64-linux-gnu",
    "-std=gnu11",
    "-nostdinc",
    "-fms-extensions",
    "-fshort-wchar",
    "-funsigned-char",
    "-fno-common",
    "-fno-PIE",
    "-mno-sse",
    "-mno-mmx",
    "-mno-sse2",
    "-mno-3dnow",
    "-mno-avx",
    "-mno-red-zone",
    "-mcmodel=kernel",
    "-fno-strict-aliasing",
    "-fno-strict-overflow",
    "-fno-delete-null-pointer-checks",
    "-fno-asynchronous-unwind-tables",
    # By default clang stops after 20 errors; every one is wanted, none of the warnings is.
    "-ferror-limit=0",
    "-w",
    "-D__KERNEL__",
)
_FIRST_HEADERS = ("compiler-version.h", "kconfig.h", "compiler_types.h")


@dataclass(frozen=True)
class StandIns:
    """The generated headers on disk.

    Args:
        overlay: the folder that is searched first.
        build: the folder below which those are that a build would make; they are searched before the tree as well.
        configuration: the configuration that they stand for: it is part of every claim made about the tree.
    """

    overlay: Path
    build: Path
    configuration: Configuration

    @property
    def include_dirs(self) -> tuple[Path, ...]:
        """Every folder that holds a stand-in header, in search order."""
        return (
            self.overlay,
            self.build / "arch/x86/include/generated",
            self.build / "include",
            self.build / "arch/x86/include/generated/uapi",
            self.build / "include/generated/uapi",
        )


def stand_in_texts(tree_root: Path, into: Path, given: DotConfig | None = None) -> tuple[StandIns, dict[Path, str]]:
    """The headers that the tree at ``tree_root`` lacks, by the path below the folder ``into`` where they are to stand.

    Args:
        tree_root: the tree.
        into: the folder.
        given: the user's configuration; ours if there is none.

    Raises:
        SourceError: the tree lacks a file from which a header is made, or has no KVM under that configuration.
    """
    config = configuration(tree_root, given)
    stand_ins = StandIns(into / "overlay", into / "build", config)
    texts = {
        stand_ins.build / path: text
        for path, text in headers(tree_root, config.values, version_numbers(tree_root)).items()
    }
    return stand_ins, texts | {stand_ins.overlay / path: text for path, text in HEADERS.items()}


def write_stand_ins(tree_root: Path, into: Path, given: DotConfig | None = None) -> StandIns:
    """Write the headers that the tree at ``tree_root`` lacks below the folder ``into``; see `stand_in_texts`.

    Raises:
        SourceError: the tree lacks a file from which a header is made, has no KVM under that configuration, or the
            headers cannot be written.
    """
    stand_ins, texts = stand_in_texts(tree_root, into, given)
    try:
        for folder in {path.parent for path in texts}:
            folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, "utf-8")
    except OSError as error:
        raise SourceError(f"{error.filename or into} cannot be written: {error.strerror}") from None
    return stand_ins


def clang_arguments(tree_root: Path, stand_ins: StandIns, unit: str) -> list[str]:
    """The command line under which clang parses ``unit``, a path such as ``arch/x86/kvm/mmu/mmu.c``.

    The unit itself is not part of it.

    Raises:
        SourceError: the tree has no such file.
    """
    if not (tree_root / unit).is_file():
        raise SourceError(f"the tree has no {unit}")
    overlay, generated, build, generated_uapi, build_uapi = stand_ins.include_dirs
    folders = (
        overlay,
        # Ours come first: a tree in which something was built has headers of another configuration in these places.
        generated,
        build,
        generated_uapi,
        build_uapi,
        tree_root / "arch/x86/include",
        tree_root / "include",
        tree_root / "arch/x86/include/uapi",
        tree_root / "include/uapi",
        tree_root / "arch/x86/kvm",
        tree_root / "virt/kvm",
    )
    path = PurePosixPath(unit)
    module = {"vmx": "kvm_intel", "svm": "kvm_amd"}.get(path.parent.name, "kvm")
    config = stand_ins.configuration.values
    base = path.stem.replace("-", "_")
    return [
        *_FLAGS,
        f'-DKBUILD_MODNAME="{module}"',
        f'-DKBUILD_MODFILE="{path.parent / module}"',
        f'-DKBUILD_BASENAME="{base}"',
        f"-D__KBUILD_MODNAME={module}",
        *(["-DMODULE"] if config.get(module.upper()) == "m" else []),
        *(["-DCC_USING_FENTRY"] if "FUNCTION_TRACER" in config else []),
        *(f"-I{folder}" for folder in folders),
        *(word for name in _FIRST_HEADERS for word in ("-include", str(tree_root / "include/linux" / name))),
    ]
