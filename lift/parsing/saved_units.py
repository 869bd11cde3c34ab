"""Parsed translation units, kept from one run to the next.

What is kept is clang's own file of a parsed unit, which loads in a fiftieth of the time that parsing takes. It is
found under a digest of everything that parsing depends on: the content of every file of the unit, the names of all
files that a header could be looked for under, clang's arguments and clang's version. A file that was changed is
therefore never mistaken for what it was, and one that is changed back is found again.

Several runs may use one folder at once: files appear under their names only when they are complete, and count only
while their content has the digest that was noted with it. What a unit declares stands in an index beside it, so that
clang need not load it to tell what is there; see `mmuproof.lift.parsing.unit_index`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.util import Finalize
from pathlib import Path

from clang.cindex import Cursor, TranslationUnit

from mmuproof.lift.errors import LimitReached, ParseFailed, SourceError
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.declared import Declared, DeclaredLater
from mmuproof.lift.parsing.limits import parse_limits
from mmuproof.lift.parsing.reader import Reader
from mmuproof.lift.parsing.unit import (
    MAIN,
    NO_CONSTANTS,
    ConstantNames,
    Unit,
    errors_of,
    parse_behind,
    parse_text,
    unit_text,
)
from mmuproof.lift.parsing.unit_index import UnitIndex, index_text, read_index
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.stand_ins import StandIns, stand_in_texts, write_stand_ins

_State = tuple[int, int, int]
"""The device and the number of a folder, and when something was last put into it or taken out."""
_FORMAT = "2"
_AST, _MAKING = ".ast", ".making-"
_LISTED = ("include", "arch/x86/include", "arch/x86/kvm", "virt/kvm")
_LISTS = 8
_MOST_BYTES = 2 << 30
_SETTLED = 2.0
"""Seconds that a file must have been left alone for what was read of it to be kept."""
_PASSING = 600.0
"""Seconds after which nobody needs what was not meant to be kept."""
_LESS = 10
"""By so much what is done for the next run is less urgent."""
_WAITS = 10
"""How many times as long as it may work a copy of this process may take to write something."""


class SavedUnits:
    """The parsed units below a folder.

    Args:
        folder: where they are; it is made when it is needed.
        most_bytes: how much may be kept; what has not been used for longest goes first.
        constants: those of which the units tell the values.
        spare: those that are kept elsewhere as long as somebody needs them, where the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        most_bytes: int = _MOST_BYTES,
        constants: ConstantNames = NO_CONSTANTS,
        spare: SavedUnits | None = None,
    ) -> None:
        self._spare = spare
        self._folder, self._most_bytes, self.constants = folder.absolute(), most_bytes, constants
        self._digests: dict[tuple[str, int, int, int], bytes | None] = {}
        self._listed: dict[Path, _Listed] = {}
        self._copies: list[int] = []
        self._noting = threading.Lock()

    def stand_ins(self, tree_root: Path, given: DotConfig | None = None) -> StandIns:
        """The headers that a tree lacks under a configuration, at a place that depends on nothing but their content.

        Raises:
            SourceError: the tree lacks a file from which a header is made, or the folder cannot be written.
        """
        try:
            return self._stand_ins(tree_root, given)
        except SourceError:
            if self._spare is None:
                raise
        # What is wrong with the tree is told there as well.
        return self._spare.stand_ins(tree_root, given)

    def _stand_ins(self, tree_root: Path, given: DotConfig | None) -> StandIns:
        made, texts = stand_in_texts(tree_root, Path(), given)
        digest = hashlib.sha256()
        for path, text in sorted(texts.items()):
            digest.update(f"{path}\0{len(text)}\0{text}".encode())
        place = self._folder / f"headers-{digest.hexdigest()[:32]}"
        wanted = {place / path: text for path, text in texts.items()}
        if _holds(place, wanted):
            with suppress(OSError):
                os.utime(place)
        else:
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
        asked = self._looked_for(root, path, arguments)
        found = self._find(asked)
        return self._parse(asked) if found is None else found[0]

    def unit(self, root: Path, path: str, arguments: Sequence[str]) -> Unit:
        """The unit at ``path`` below ``root``: as it was kept, or else parsed, and kept by a copy of this process.

        Nothing is lost if it cannot be kept, as one is not in which an assertion fails.

        Raises:
            ParseFailed: the unit does not parse.
            SourceError: it cannot be read.
        """
        asked = self._looked_for(root, path, arguments)
        for saved, files in self._candidates(asked):
            declared = self._declared(asked, saved)
            if declared is not None:
                return Unit.kept(root, path, declared, self.constants, files)
        return Unit.read(root, path, self._parsed(asked), self.constants)

    def _declared(self, asked: _LookedFor, saved: Path) -> Declared | DeclaredLater | None:
        """What the unit in a file declares; None if there is no such file, or nothing can be made of it."""
        index = self._index(saved)
        if index is not None:
            return DeclaredLater(index, lambda: self._declared_in(asked, saved, index) or self._declared_anew(asked))
        return self._declared_in(asked, saved)

    def _index(self, saved: Path) -> UnitIndex | None:
        """What is kept beside the file of a unit."""
        try:
            for each in (saved, _sum_of(saved), _index_of(saved)):
                os.utime(each)
            return read_index(_index_of(saved).read_text("utf-8"), saved.name, _sum_of(saved).read_text("ascii"))
        except (OSError, ValueError):
            return None

    def _declared_in(self, asked: _LookedFor, saved: Path, index: UnitIndex | None = None) -> Declared | None:
        """The same, and it is loaded.

        Args:
            asked: the unit.
            saved: the file.
            index: its index; it is kept if there was none.
        """
        if not self._is_whole(saved):
            return None
        try:
            parsed = parse_behind(asked.root, asked.path, "", asked.arguments, saved)
        except LimitReached:
            raise
        except SourceError:
            self.forget(saved)
            return None
        cursors = _declarations(parsed)
        if index is None:
            index = UnitIndex.of(cursors)
            # Nothing is lost if it cannot be kept.
            with suppress(OSError, ValueError):
                text = index_text(index, saved.name, _sum_of(saved).read_text("ascii"))
                self._write(_index_of(saved), text)
        return Declared(parsed, cursors, index)

    def _declared_anew(self, asked: _LookedFor) -> Declared:
        """What a unit declares whose file has gone or was damaged after it had been found."""
        parsed = self._parsed(asked)
        if failed := errors_of(parsed, Reader(asked.root)):
            raise ParseFailed(asked.path, failed)
        return Declared(parsed, _declarations(parsed))

    def _parsed(self, asked: _LookedFor) -> TranslationUnit:
        """What clang has parsed of a unit, which a copy of this process keeps if it has no errors."""
        started = time.time()
        parsed = parse_text(asked.root, asked.path, unit_text(asked.path, self.constants), asked.arguments)
        if not errors_of(parsed, Reader(asked.root)):
            self._note(_in_a_copy(lambda: self._keep_aside(asked, parsed, started)))
        return parsed

    def _note(self, copy: int) -> None:
        """Know of a copy of this process, and no more of those that have ended, each of which would stay a zombie."""
        with self._noting:
            if not self._copies:
                # A process that is a copy itself, and never gets to where it would wait for its own, waits at its end.
                Finalize(None, self.finish, exitpriority=0)
            self._copies[:] = [copy, *(each for each in self._copies if not _has_ended(each))]

    def finish(self) -> None:
        """Wait until all is kept that is to be."""
        while self._copies:
            with suppress(ChildProcessError):
                os.waitpid(self._copies.pop(), 0)

    def files(self, root: Path, path: str, arguments: Sequence[str]) -> tuple[str, ...]:
        """The files that the unit consisted of when it was parsed last; none if it never was."""
        lists = self._lists(_unit_key(root.resolve(), path, arguments, self.constants))
        return tuple(lists[0]) if lists else ()

    def forget(self, saved: Path) -> None:
        """Drop a unit that turns out to be unusable."""
        with suppress(OSError):
            for each in (_index_of(saved), _sum_of(saved), saved):
                each.unlink(missing_ok=True)

    # -- finding ----------------------------------------------------------------------------------

    def _lists(self, unit: str) -> list[list[str]]:
        """Of which files the unit has consisted so far, the latest first."""
        try:
            known = json.loads((self._folder / f"{unit}.files").read_text("utf-8"))
            return [[str(name) for name in files] for files in known]
        except (OSError, ValueError, TypeError):
            return []

    def _looked_for(self, root: Path, path: str, arguments: Sequence[str]) -> _LookedFor:
        place = root.resolve()
        key = _unit_key(place, path, arguments, self.constants)
        return _LookedFor(root=place, path=path, arguments=tuple(arguments), key=key, names=self._names(place))

    def _names(self, root: Path) -> bytes:
        """A digest of the names of all files that a header could be looked for under."""
        known = self._listed.get(root)
        if known is None or not known.is_as_it_was():
            known = self._listed[root] = _Listed.of(root)
        return known.digest

    def _find(self, asked: _LookedFor) -> tuple[Path, Sequence[str]] | None:
        """What is kept of a unit, and the files that it is made of."""
        return next((each for each in self._candidates(asked) if self._is_whole(each[0])), None)

    def _candidates(self, asked: _LookedFor) -> Iterator[tuple[Path, Sequence[str]]]:
        """Where a unit would be kept that consists of some files as they are now, and these."""
        for files in self._lists(asked.key):
            key = _content_key(asked, files, self._digest)
            if key is not None:
                yield self._folder / f"{key}{_AST}", files

    def _digest(self, file: str) -> bytes | None:
        """That of a file: units have most of theirs in common, and read each once as long as it is not written anew."""
        try:
            status = os.stat(file)
        except OSError:
            return _file_digest(file)
        # A tree may take the place of another; what is written to a file, and when, the time of its inode tells.
        known = file, status.st_ino, status.st_ctime_ns, status.st_size
        if known not in self._digests:
            self._digests[known] = _file_digest(file)
        return self._digests[known]

    def _is_whole(self, saved: Path) -> bool:
        """Whether the file of a unit is there, with the content that was noted of it."""
        try:
            if _sum_of(saved).read_text("ascii") != hashlib.sha256(saved.read_bytes()).hexdigest():
                return False
            for each in (saved, _sum_of(saved)):
                os.utime(each)
        except (OSError, ValueError):
            return False
        return True

    # -- parsing ----------------------------------------------------------------------------------

    def _parse(self, asked: _LookedFor) -> Path:
        started = time.time()
        parsed = parse_text(asked.root, asked.path, unit_text(asked.path, self.constants), asked.arguments)
        failed = errors_of(parsed, Reader(asked.root))
        if failed:
            raise ParseFailed(asked.path, failed)
        try:
            return self._keep(asked, parsed, started, for_now=True)
        except LimitReached:
            raise
        except SourceError:
            if self._spare is None:
                raise
        return self._spare._keep(asked, parsed, started, for_now=True)

    def _keep(self, asked: _LookedFor, parsed: TranslationUnit, started: float, *, for_now: bool) -> Path:
        """Keep a unit that was begun to be parsed at some time, and has no errors; where it is.

        Args:
            asked: the unit.
            parsed: what clang has parsed.
            started: when that was begun.
            for_now: whether somebody waits for it, even if nobody can find it again.

        Raises:
            SourceError: the folder cannot be written.
        """
        included = {os.path.abspath(each.include.name) for each in parsed.get_includes()}
        files = sorted(included - {str(asked.root / MAIN)})
        key = _content_key(asked, files, _file_digest)
        # Of a file that changes while clang reads it nobody can tell what was read; the stand-ins are our own.
        theirs = (name for name in files if not Path(name).is_relative_to(self._folder))
        settled = key is not None and _left_alone(theirs, started)
        saved = self._folder / (f"{key}{_AST}" if settled else f"{asked.key}-{os.getpid()}{_AST}")
        if not settled and not for_now:
            return saved
        with _writing(self._folder):
            scratch = self._scratch()
            try:
                _save(asked.path, parsed, scratch)
                digest = hashlib.sha256(scratch.read_bytes()).hexdigest()
                scratch.replace(saved)
            finally:
                # Clang writes into a file beside it first.
                for left in self._folder.glob(f"{scratch.name}*"):
                    left.unlink(missing_ok=True)
            self._write(_sum_of(saved), digest)
            lists = [files, *(each for each in self._lists(asked.key) if each != files)]
            self._write(self._folder / f"{asked.key}.files", json.dumps(lists[:_LISTS]))
            self._keep_small(saved)
        return saved

    def _keep_aside(self, asked: _LookedFor, parsed: TranslationUnit, started: float) -> None:
        """The same for the next run alone: whoever works now goes first."""
        os.nice(_LESS)
        self._keep(asked, parsed, started, for_now=False)

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


def _save(path: str, parsed: TranslationUnit, into: Path) -> None:
    """Have clang write a parsed unit, in a copy of this process: where the disk is full clang ends the process.

    Raises:
        LimitReached: that takes longer than clang may take to parse one.
        OSError: it has not been written.
    """
    _, status = os.waitpid(_in_a_copy(lambda: parsed.save(str(into))), 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM):
        raise LimitReached(path, f"{parse_limits().seconds} seconds", "--parse-seconds")
    if status != 0:
        raise OSError(errno.EIO, "clang cannot write there what it has parsed; is the disk full?")


def _in_a_copy(work: Callable[[], object]) -> int:
    """Have a copy of this process do something, which ends then; its id."""
    copy = os.fork()
    if copy != 0:
        return copy
    status = 1
    try:
        for each in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(each, signal.SIG_DFL)
        # What another thread was about to do when this copy was made nobody will finish here.
        signal.setitimer(signal.ITIMER_PROF, parse_limits().seconds)
        signal.alarm(_WAITS * parse_limits().seconds)
        _write_nowhere()
        work()
        status = 0
    finally:
        os._exit(status)


def _write_nowhere() -> None:
    """Let go of all that this process has open: who reads what a run writes waits for no copy of it."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(f"the cache folder {folder} cannot be used: {error.strerror or error}") from error


@dataclass(frozen=True, kw_only=True)
class _LookedFor:
    """A unit that is looked for.

    Args:
        root: the tree's folder, without links in its path.
        path: the unit, relative to it.
        arguments: clang's command line.
        key: the digest of all of that.
        names: that of the names of all files that a header could be looked for under.
    """

    root: Path
    path: str
    arguments: tuple[str, ...]
    key: str
    names: bytes


def _unit_key(root: Path, path: str, arguments: Sequence[str], constants: ConstantNames) -> str:
    words = [_FORMAT, clang_api.version(), str(root), unit_text(path, constants), *arguments]
    return hashlib.sha256(os.fsencode("\0".join(words))).hexdigest()[:32]


def _sum_of(saved: Path) -> Path:
    return saved.with_suffix(".sum")


def _index_of(saved: Path) -> Path:
    return saved.with_suffix(".index")


def _declarations(parsed: TranslationUnit) -> list[Cursor]:
    """What a unit declares at file scope, in its order."""
    clang_api.load(parsed.cursor)
    return clang_api.children(parsed.cursor)


def _content_key(asked: _LookedFor, files: Sequence[str], digest_of: Callable[[str], bytes | None]) -> str | None:
    """The digest of a unit that consists of these files as they are now; None if one is gone."""
    digest = hashlib.sha256(asked.key.encode() + asked.names)
    for name in files:
        content = digest_of(name)
        if content is None:
            return None
        digest.update(os.fsencode(name) + b"\0" + content)
    return digest.hexdigest()


def _file_digest(file: str) -> bytes | None:
    try:
        return hashlib.sha256(Path(file).read_bytes()).digest()
    except OSError:
        return None


@dataclass(frozen=True)
class _Listed:
    """The names of all files that a header could be looked for under.

    Args:
        digest: that of the names.
        states: what changes when something is put into one of the folders or taken out; None where that is not sure.
    """

    digest: bytes
    states: Mapping[str, _State | None]

    @classmethod
    def of(cls, root: Path) -> _Listed:
        """Those of a tree."""
        digest = hashlib.sha256()
        # Each folder is looked at before its names are read.
        states = {str(root / part): _state_of(str(root / part)) for part in _LISTED}
        for part in _LISTED:
            for folder, folders, names in os.walk(root / part):
                folders.sort()
                states.update((each, _state_of(each)) for each in (os.path.join(folder, name) for name in folders))
                digest.update(os.fsencode("\0".join((folder, *sorted(names)))) + b"\0\0")
        return cls(digest.digest(), states)

    def is_as_it_was(self) -> bool:
        """Whether the same names are there still, as far as that is sure."""
        return all(state is not None and state == _state_of(folder) for folder, state in self.states.items())


def _state_of(folder: str) -> _State | None:
    try:
        known = os.stat(folder)
    except OSError:
        return None
    # What happens within a tick of the clock leaves the time as it is.
    is_old = known.st_ctime < time.time() - _SETTLED
    return (known.st_dev, known.st_ino, known.st_ctime_ns) if is_old else None


def _has_ended(child: int) -> bool:
    """Whether a child of this process has ended; it is gone for good then."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


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
