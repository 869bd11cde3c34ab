"""What a user has settled once for all runs: in the environment, in a tree's file, in a file of the user's own.

What a command line says goes first, then the environment, then the tree's ``.mmuproof.toml``, then the user's.  Where
none of them names a kernel, it is the tree around the current folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.tree.around import is_bare_repository, tree_around

FILE = ".mmuproof.toml"
"""What a file of settings is called, at the top of a tree or in the user's home."""
REFERENCE_MODEL = "reference"
"""How the reference model is named where a kernel is."""
KERNEL, CONFIG, CACHE_SIZE = "kernel", "config", "cache-size"
_VARIABLE = "MMUPROOF_"
_TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def check_tree(kernel: str | None, command: str) -> None:
    """See that there is a kernel tree for a command that needs one.

    Raises:
        UsageProblem: there is none.
    """
    if kernel is None or kernel == REFERENCE_MODEL:
        raise UsageProblem(
            f"{command} needs C, which the reference model has not: run it in a kernel tree, or give a --kernel{hint()}"
        )


def hint() -> str:
    """What helps somebody who is in a git repository without a work tree."""
    if not is_bare_repository(Path()):
        return ""
    return "; this is a repository without a work tree, of which --kernel @HEAD is what HEAD holds"


@dataclass(frozen=True)
class Setting:
    """A value, and where it comes from, in words."""

    value: Any
    where: str

    def __str__(self) -> str:
        """The value as a file has it, and where it comes from."""
        value = ", ".join(self.value) if isinstance(self.value, tuple) else self.value
        return f"{str(value).lower() if isinstance(value, bool) else value} ({self.where})"


@dataclass(frozen=True)
class Surroundings:
    """Where a command is run.

    Args:
        folder: the current folder.
        home: the user's own.
        environment: the environment's variables.
    """

    folder: Path
    home: Path
    environment: Mapping[str, str]

    def settings(self) -> dict[str, Setting]:
        """What is settled, by name.

        Raises:
            UsageProblem: a file or variable is not as it is to be.
        """
        tree = tree_around(self.folder)
        found = {} if tree is None else {KERNEL: Setting(str(tree), "the tree around the current folder")}
        found |= _of_file(self.home / FILE)
        if tree is not None:
            found |= _of_tree(tree)
        for name in _READERS:
            text = self.environment.get(_variable(name))
            if text:
                found[name] = Setting(_from_text(name, text), f"${_variable(name)}")
        return found


def chosen(told: Mapping[str, Any], found: Mapping[str, Setting], names: Mapping[str, str]) -> dict[str, Setting]:
    """What a command is told beside its command line, by field.

    Args:
        told: what the command line says, by field.
        found: what is settled, by name.
        names: the field of each setting that the command has.
    """
    kernel = found.get(KERNEL)
    source = told.get(names.get(KERNEL, ""), None if kernel is None else kernel.value)
    fitting = {names[name]: each for name, each in found.items() if name in names and names[name] not in told}
    if KERNEL in names and source in (None, REFERENCE_MODEL):
        # The reference model has no configuration.
        fitting.pop(names.get(CONFIG, ""), None)
    return fitting


def _variable(name: str) -> str:
    return _VARIABLE + name.upper().replace("-", "_")


def _of_file(file: Path) -> dict[str, Setting]:
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageProblem(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    unknown = sorted(content.keys() - _READERS.keys())
    if unknown:
        raise UsageProblem(f"{file}: there is no setting {unknown[0]!r}; there are {', '.join(_READERS)}")
    return {
        name: Setting(_READERS[name](f"{file}: {name}", value, file.parent), str(file))
        for name, value in content.items()
    }


def _of_tree(tree: Path) -> dict[str, Setting]:
    """What a tree's own file settles: it may be a stranger's, and leads to nothing outside of the tree."""
    file = tree / FILE
    if file.is_symlink():
        raise UsageProblem(f"{file} is a link: it is not read")
    found = _of_file(file)
    if CACHE_SIZE in found:
        raise UsageProblem(f"{file}: {CACHE_SIZE} is about all trees: it belongs into the file in your home")
    kernel, config = found.get(KERNEL), found.get(CONFIG)
    if kernel is not None and kernel.value.partition("@")[0] not in (str(tree), REFERENCE_MODEL):
        raise UsageProblem(f"{file}: kernel is to be a revision of this tree, such as '@HEAD'")
    if config is not None and not config.value.resolve().is_relative_to(tree.resolve()):
        raise UsageProblem(f"{file}: config is to be a file in this tree")
    return found


def _source(what: str, value: object, folder: Path) -> str:
    """A kernel's source; one that is no absolute path is told from where the file is."""
    text = _text(what, value)
    if text == REFERENCE_MODEL or text.startswith(("/", "~")):
        return text
    return f"{folder}{text}" if text.startswith("@") else str(folder / text)


def _vendors(what: str, value: object, _folder: Path) -> tuple[str, ...]:
    return tuple(_text(what, each) for each in (value if isinstance(value, list) else [value]))


def _number(what: str, value: object, _folder: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageProblem(f"{what} is to be a number from 1 on")
    return value


def _truth(what: str, value: object, _folder: Path) -> bool:
    if not isinstance(value, bool):
        raise UsageProblem(f"{what} is to be true or false")
    return value


def _path(what: str, value: object, folder: Path) -> Path:
    return folder / Path(_text(what, value)).expanduser()


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UsageProblem(f"{what} is to be text in quotes")
    return value


_READERS: Mapping[str, Callable[[str, object, Path], Any]] = {
    KERNEL: _source,
    "vendor": _vendors,
    "jobs": _number,
    CONFIG: _path,
    "allow-known": _truth,
    CACHE_SIZE: _number,
}


def _from_text(name: str, text: str) -> Any:
    """What an environment's variable says: as in a file, of lists the parts between commas."""
    value: object = text
    if name == "vendor":
        value = text.split(",")
    elif _READERS[name] is _number and text.isdecimal():
        value = int(text)
    elif name == "allow-known":
        value = _TRUTHS.get(text.lower(), text)
    if name == KERNEL:
        return _text(_variable(name), value)
    return _READERS[name](f"${_variable(name)}", value, Path())
