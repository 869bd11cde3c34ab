"""Parsed translation units, kept from one run to the next.

What is kept is clang's own file of a parsed unit, which loads in a fiftieth of the time that parsing takes. It is
found under a digest of everything that parsing depends on: the content of every file of the unit, the names of all
files that a header could be looked for under, clang's arguments and clang's version. A file that was changed is
therefore never mistaken for what it was, and one that is changed back is found again.

Several runs may use one folder at once: files appear under their names only when they are complete, and count only
while their content has the digest that was noted with it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from clang.cindex import TranslationUnit

from mmuproof.lift.errors import ParseFailed, SourceError
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.reader import Reader
from mmuproof.lift.parsing.unit import MAIN, errors_of, parse_text
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.stand_ins import StandIns, stand_in_texts, write_stand_ins

_FORMAT = "1"
_AST, _MAKING = ".ast", ".making-"
_LISTED = ("include", "arch/x86/include", "arch/x86/kvm", "virt/kvm")
_LISTS = 8
_MOST_BYTES = 1 << 30
_SETTLED = 2.0
"""Seconds that a file must have been left alone for what was read of it to be kept."""
_PASSING = 600.0
"""Seconds after which nobody needs what was not meant to be kept."""


class SavedUnits:
    """The parsed units below a folder.

    Args:
        folder: where they are; it is made when it is needed.
        most_bytes: how much may be kept; what has not been used for longest goes first.
    """

    def __init__(self, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
        self._folder, self._most_bytes = folder.absolute(), most_bytes

    def stand_ins(self, tree_root: Path, given: DotConfig | None = None) -> StandIns:
        """The headers that a tree lacks under a configuration, at a place that depends on nothing but their content.

        Raises:
            SourceError: the tree lacks a file from which a header is made, or the folder cannot be written.
        """
        made, texts = stand_in_texts(tree_root, Path(), given)
        digest = hashlib.sha256()
        for path, text in sorted(texts.items()):
            digest.update(f"{path}\0{len(text)}\0{text}".encode())
        place = self._folder / f"headers-{digest.hexdigest()[:32]}"
        wanted = {place / path: text for path, text in texts.items()}
        if not _holds(place, wanted):
            with _writing(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(prefix=_MAKING, dir=self._folder) as scratch:
                    ready = Path(scratch) / "headers"
                    write_stand_ins(tree_root, ready, given)
                    # Another run may have been quicker, and be reading already: only what is damaged is replaced.
                    if not _placed(ready, place) and not _holds(place, wanted):
                        with suppress(OSError):
                            place.rename(Path(scratch) / "damaged")
                        _placed(ready, place)
        return replace(made, overlay=place / made.overlay, build=place / made.build)

    def saved(self, root: Path, path: str, arguments: Sequence[str]) -> Path:
        """The file that clang has saved of the unit at ``path`` below ``root``; it is parsed if it is not there.

        Raises:
            ParseFailed: the unit does not parse without errors.
            SourceError: it cannot be read, or the folder cannot be written.
        """
        root = root.resolve()
        names = _names(root)
        unit = _unit_key(root, path, arguments)
        for files in self._lists(unit):
            found = self._entry(_content_key(unit, names, files))
            if found is not None:
                return found
        return self._parse(root, path, arguments, unit, names)

    def files(self, root: Path, path: str, arguments: Sequence[str]) -> tuple[str, ...]:
        """The files that the unit consisted of when it was parsed last; none if it never was."""
        lists = self._lists(_unit_key(root.resolve(), path, arguments))
        return tuple(lists[0]) if lists else ()

    def forget(self, saved: Path) -> None:
        """Drop a unit that turns out to be unusable."""
        with suppress(OSError):
            _sum_of(saved).unlink(missing_ok=True)
            saved.unlink(missing_ok=True)

    # -- finding ----------------------------------------------------------------------------------

    def _lists(self, unit: str) -> list[list[str]]:
        """Of which files the unit has consisted so far, the latest first."""
        try:
            known = json.loads((self._folder / f"{unit}.files").read_text("utf-8"))
            return [[str(name) for name in files] for files in known]
        except (OSError, ValueError, TypeError):
            return []

    def _entry(self, key: str | None) -> Path | None:
        if key is None:
            return None
        saved = self._folder / f"{key}.ast"
        try:
            if _sum_of(saved).read_text("ascii") != hashlib.sha256(saved.read_bytes()).hexdigest():
                return None
            os.utime(saved)
        except (OSError, ValueError):
            return None
        return saved

    # -- parsing ----------------------------------------------------------------------------------

    def _parse(self, root: Path, path: str, arguments: Sequence[str], unit: str, names: bytes) -> Path:
        started = time.time()
        parsed = parse_text(root, path, f'#include "{path}"\n', arguments)
        failed = errors_of(parsed, Reader(root))
        if failed:
            raise ParseFailed(path, failed)
        files = sorted({os.path.abspath(each.include.name) for each in parsed.get_includes()} - {str(root / MAIN)})
        key = _content_key(unit, names, files)
        # Of a file that changes while clang reads it nobody can tell what was read; the stand-ins are our own.
        theirs = (name for name in files if not Path(name).is_relative_to(self._folder))
        settled = key is not None and _left_alone(theirs, started)
        with _writing(self._folder):
            saved = self._folder / (f"{key}.ast" if settled else f"{unit}-{os.getpid()}.ast")
            scratch = self._scratch()
            try:
                _save(parsed, scratch)
                digest = hashlib.sha256(scratch.read_bytes()).hexdigest()
                scratch.replace(saved)
            finally:
                scratch.unlink(missing_ok=True)
            self._write(_sum_of(saved), digest)
            lists = [files, *(each for each in self._lists(unit) if each != files)]
            self._write(self._folder / f"{unit}.files", json.dumps(lists[:_LISTS]))
            self._keep_small(saved)
        return saved

    def _write(self, path: Path, text: str) -> None:
        """Write a file that appears under its name when it is complete."""
        scratch = self._scratch()
        scratch.write_text(text, "utf-8")
        scratch.replace(path)

    def _scratch(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_MAKING, dir=self._folder)
        os.close(handle)
        return Path(name)

    def _keep_small(self, newest: Path) -> None:
        """Drop what nobody needs any more, and what has not been used for longest until the rest is small enough."""
        now, kept = time.time(), []
        for each in self._folder.iterdir():
            with suppress(OSError):
                known = each.stat()
                passing = each.name.startswith(_MAKING) or "-" in each.stem
                if passing and each.is_file() and known.st_mtime < now - _PASSING:
                    each.unlink()
                elif each.suffix == _AST and each != newest:
                    kept.append((known.st_mtime, known.st_size, each))
        room = self._most_bytes - newest.stat().st_size
        for _, size, saved in sorted(kept, reverse=True):
            room -= size
            if room < 0:
                self.forget(saved)


def _save(parsed: TranslationUnit, into: Path) -> None:
    """Have clang write a parsed unit, in a copy of this process: where the disk is full clang ends the process.

    Raises:
        OSError: it has not been written.
    """
    copy = os.fork()
    if copy == 0:
        status = 1
        try:
            parsed.save(str(into))
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(copy, 0)
    if status != 0:
        raise OSError(errno.EIO, "clang cannot write there what it has parsed; is the disk full?")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(f"the cache folder {folder} cannot be used: {error.strerror or error}") from error


def _unit_key(root: Path, path: str, arguments: Sequence[str]) -> str:
    words = [_FORMAT, clang_api.version(), str(root), path, *arguments]
    return hashlib.sha256(os.fsencode("\0".join(words))).hexdigest()[:32]


def _sum_of(saved: Path) -> Path:
    return saved.with_suffix(".sum")


def _content_key(unit: str, names: bytes, files: Sequence[str]) -> str | None:
    """The digest of a unit that consists of these files as they are now; None if one is gone."""
    digest = hashlib.sha256(unit.encode() + names)
    for name in files:
        try:
            content = Path(name).read_bytes()
        except OSError:
            return None
        digest.update(os.fsencode(name) + b"\0%d\0" % len(content))
        digest.update(content)
    return digest.hexdigest()


def _names(root: Path) -> bytes:
    """A digest of the names of all files that a header could be looked for under."""
    digest = hashlib.sha256()
    for part in _LISTED:
        for folder, folders, names in os.walk(root / part):
            folders.sort()
            digest.update(os.fsencode("\0".join((folder, *sorted(names)))) + b"\0\0")
    return digest.digest()


def _left_alone(files: Iterable[str], since: float) -> bool:
    """Whether no file has been written lately."""
    try:
        return all(os.stat(name).st_mtime < since - _SETTLED for name in files)
    except OSError:
        return False


def _placed(folder: Path, place: Path) -> bool:
    """Give a folder its name, if there is none of that name."""
    try:
        folder.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        return False
    return True


def _holds(folder: Path, texts: Mapping[Path, str]) -> bool:
    """Whether a folder has these files, with these contents, and no others."""
    try:
        found = {path for path in folder.rglob("*") if path.is_file()}
        return found == set(texts) and all(path.read_text("utf-8") == text for path, text in texts.items())
    except (OSError, ValueError):
        return False
