"""Make the virtual environment .venv, or bring it up to date: ``setup_venv.py [EXTRA ...]``.

It gets this project (editable), its dependencies and those of the named extras of pyproject.toml, in
the versions of requirements.lock.  A record inside .venv, written last, says what it was made from:
nothing is done while that still holds, and what an interrupted run left is made anew.  Only one
set-up of a work tree runs at a time.

The base interpreter needs either pip 22.3 (which can install into another environment; Debian's
python3-pip does, without python3-venv) or ensurepip.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
RECORD = VENV / "mmuproof-setup.json"
LOCK = ROOT / "requirements.lock"


def _say(text: str) -> None:
    sys.stderr.write(f"setup: {text}\n")


def _fingerprint() -> str:
    """What the environment depends on: the requirements, the interpreter, and where it stands."""
    digest = hashlib.sha256()
    for part in (
        (ROOT / "pyproject.toml").read_bytes(),
        LOCK.read_bytes(),
        Path(__file__).read_bytes(),
        os.path.realpath(sys.executable).encode(),
        sys.version.encode(),
        str(ROOT).encode(),
    ):
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def _installed(fingerprint: str) -> set[str] | None:
    """The extras that .venv has; None if it is to be made anew."""
    try:
        record = json.loads(RECORD.read_text())
        if record["fingerprint"] == fingerprint and PYTHON.exists():
            return set(record["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _run(*command: str) -> None:
    environment = {
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_USER": "0",
        # The isolated environment in which the project is built is held to the lock by these alone.
        "PIP_CONSTRAINT": LOCK.as_uri(),
        "PIP_BUILD_CONSTRAINT": LOCK.as_uri(),
    }
    environment.pop("PYTHONPATH", None)
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL)


def _has_pip() -> bool:
    """Whether the base interpreter's pip can install into another environment."""
    try:
        version = str(importlib.import_module("pip").__version__)
    except ImportError:
        return False
    return tuple(int(number) for number in version.split(".")[:2]) >= (22, 3)


def _make() -> None:
    _say("making .venv")
    options = ["--without-pip"] if _has_pip() else []
    _run(sys.executable, "-m", "venv", "--clear", *options, str(VENV))


def _install(*requirements: str) -> None:
    pip = [str(PYTHON), "-m", "pip"]
    if _has_pip():
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    _run(*pip, "-qq", "install", *requirements)


def _set_up(wanted: set[str]) -> None:
    fingerprint = _fingerprint()
    present = _installed(fingerprint)
    if present is not None and wanted <= present:
        return

    import tomllib

    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    unknown = wanted - set(optional)
    if unknown:
        sys.exit(f"setup: pyproject.toml has no extra named {', '.join(sorted(unknown))}")

    RECORD.unlink(missing_ok=True)
    if present is None:
        _make()
        _say("installing mmuproof and what it needs")
        _install("--editable", str(ROOT))
    # Not as "mmuproof[extra]": that would take the project away for a moment from whoever is running it.
    for extra in sorted(wanted - (present or set())):
        _say(f"installing what the extra '{extra}' needs")
        _install(*optional[extra])

    unfinished = RECORD.with_suffix(".new")
    record = {"fingerprint": fingerprint, "extras": sorted(wanted | (present or set()))}
    unfinished.write_text(json.dumps(record))
    unfinished.replace(RECORD)


def main() -> None:
    """Set up, alone."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one is to read this, not a traceback
        sys.exit(
            f"setup: {sys.executable} is Python {sys.version.split()[0]}; mmuproof needs 3.11 or later "
            "(make PYTHON=python3.11 ...)"
        )
    if Path(sys.prefix) == VENV:
        # It is activated: what is to be made anew cannot make itself.
        base = str(getattr(sys, "_base_executable", sys.executable))
        os.execv(base, [base, *sys.argv])
    if not _has_pip() and importlib.util.find_spec("ensurepip") is None:
        sys.exit("setup: this Python has neither pip 22.3 nor ensurepip (Debian: apt install python3-pip)")
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("waiting for another set-up of this work tree")
        fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        _set_up(set(sys.argv[1:]))
    except subprocess.CalledProcessError as failure:
        sys.exit(f"setup: {' '.join(failure.cmd)}: exit status {failure.returncode}")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; the next run begins anew")


if __name__ == "__main__":
    main()
