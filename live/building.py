"""A KVM of one's own: the source of a kernel with a patch on it, built against the headers that Debian's kernel has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from mmuproof.live.kernels import BuiltKernel, NoKernelError

_PARTS = ("arch/x86/kvm", "virt/kvm")
_MODULES = ("kvm", "kvm-amd", "kvm-intel")
# In a namespace of our own, which needs no root: the build sees the headers' root folder, with its own compiler.
_INSIDE = 'mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"'


class BuildError(Exception):
    """The patch does not apply, or KVM cannot be built with it."""


def patched_kernel(kernel: BuiltKernel, patch: Path, folder: Path) -> BuiltKernel:
    """The kernel with modules that are built anew, with a patch on their source.

    Args:
        kernel: which.
        patch: a unified diff of the kernel's tree, as git makes it.
        folder: a new one, for the patched source and the modules.

    Raises:
        BuildError: see there; the compiler's last lines are told.
        NoKernelError: source or headers are not in the cache.
    """
    root, source = kernel.cache / f"headers-{kernel.series}", kernel.cache / f"linux-{kernel.series}"
    headers = sorted((root / "usr/src").glob("linux-headers-*-amd64"))
    common = sorted((root / "usr/src").glob("linux-headers-*-common"))
    if not headers or not common:
        raise NoKernelError(f'{root.name} is not in the cache: make live-kernels ARGS="--headers {kernel.series}"')
    if not patch.is_file():
        raise BuildError(f"{patch}: there is no such file")
    patched = folder / "source"
    for part in _PARTS:
        shutil.copytree(source / part, patched / part)
    _apply(patch, patched)
    _bring_over(patched, common[0])
    where = {path: f"/{path.relative_to(root)}" for path in (headers[0], common[0])}
    build = ("make", f"-j{os.cpu_count()}", "-C", where[headers[0]], f"M={where[common[0]]}/{_PARTS[0]}", "modules")
    _run(("unshare", "--map-root-user", "--mount", "sh", "-c", _INSIDE, str(root), *build), root)
    made = folder / "built"
    shutil.copytree(kernel.folder, made)
    for name in _MODULES:
        shutil.copy(common[0] / _PARTS[0] / f"{name}.ko", made)
    return BuiltKernel(kernel.series, f"{kernel.version} with {patch.name}", made, kernel.cache)


def _bring_over(patched: Path, tree: Path) -> None:
    """Write what differs, and nothing else: what an earlier build has made of the rest still holds."""
    for path in (path for path in patched.rglob("*") if path.is_file()):
        there, content = tree / path.relative_to(patched), path.read_bytes()
        if not there.is_file() or there.read_bytes() != content:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content)


def _apply(patch: Path, tree: Path) -> None:
    # Outside of any repository, whatever the cache is in.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    command = ("git", "apply", "-p1", str(patch.resolve()))
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{patch.name} does not apply: {done.stderr.strip()}")


def _run(command: tuple[str, ...], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    except OSError as error:
        raise BuildError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        raise BuildError("KVM cannot be built: " + "\n".join(said[-20:]))
