"""The text of a patch: where it comes from, what its mail says, and from which folder its paths are meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.parts import PARTS

_SEPARATOR = b"From "
_HEADER = re.compile(rb"\A(?:[\w-]+: .*\n(?:[ \t].*\n)*)+\n")
_SUBJECT = re.compile(rb"^subject: ", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(r"^\s*(?:\[[^]]*\]\s*)+")
_NUMBER = re.compile(r"^\s*\[[^]]*?\b(\d+)/(\d+)\]")
_ANSWER = re.compile(r"^\s*(?:re|aw|sv)\s*:", re.IGNORECASE)
_END = re.compile(r"^(?:---|diff --git .*)$", re.MULTILINE)
_FILES = re.compile(rb"^(---|\+\+\+) ([^\t\n]+)", re.MULTILINE)
_HUNK = re.compile(rb"^@@ ", re.MULTILINE)
_CONTEXT = re.compile(rb"^ ", re.MULTILINE)
_NOTHING = "/dev/null"


@dataclass(frozen=True, kw_only=True)
class PatchText:
    """The text of a patch, or of several.

    Args:
        name: what the user calls it.
        content: a diff, a mail, or a mailbox.
        subject: the first line of its message without what stands in brackets before it; empty if it has none.
        message: the whole message, the subject included.
        number: which patch of how many of its series it is, where the mail says so.
        is_answer: whether it is a mail that answers another one: what it holds is a proposal at most.
    """

    name: str
    content: bytes
    subject: str = ""
    message: str = ""
    number: tuple[int, int] | None = None
    is_answer: bool = False

    @property
    def short_name(self) -> str:
        """The name without folders."""
        return Path(self.name).name


def read_patch(file: Path) -> PatchText:
    """The text in a file.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return PatchText(name=str(file), content=file.read_bytes())
    except (OSError, ValueError) as error:
        raise SourceError(f"the patch {file} cannot be read: {getattr(error, 'strerror', error)}") from error


def as_mailbox(content: bytes) -> bytes | None:
    """The content as a mailbox; a mail by itself becomes one, and None says that it is neither."""
    if content.startswith(_SEPARATOR):
        return content
    header = _HEADER.match(content)
    if header is None or not _SUBJECT.search(header.group()):
        return None
    return b"From a mail Thu Jan  1 00:00:00 1970\n" + content


def mailed(name: str, mail: bytes) -> PatchText:
    """A mail as a patch."""
    parsed = BytesParser(policy=policy.default).parsebytes(mail)
    whole = " ".join(str(parsed["subject"] or "").split())
    subject = _TAG.sub("", whole)
    body = parsed.get_body(("plain",))
    text = "" if body is None else str(body.get_content())
    end = _END.search(text)
    number = _NUMBER.match(whole)
    return PatchText(
        name=name,
        content=as_mailbox(mail) or mail,
        subject=subject,
        message=f"{subject}\n\n{text[: end.start()] if end else text}".strip(),
        number=None if number is None else (int(number.group(1)), int(number.group(2))),
        is_answer=_ANSWER.match(whole) is not None,
    )


def place_of_paths(diff: bytes, name: str, root: Path) -> list[str]:
    """How git has to be told what the paths of a diff mean in a tree, and that lines around its changes are left out.

    Args:
        diff: the diff.
        name: what it is called in a message.
        root: the tree.

    Raises:
        SourceError: its paths fit several folders of the tree.
    """
    hunks = _HUNK.search(diff)
    told = ["--unidiff-zero"] if hunks and not _CONTEXT.search(diff, hunks.start()) else []
    named = list(_paths(diff))
    old = [path for side, path in named if side == "---" and path != _NOTHING]
    paths = old or [path for _, path in named if path != _NOTHING]
    shorter = [path.partition("/")[2] for path in paths]
    # What has no first component can lose none.
    given = [*told, "-p0"] if "" in shorter else told
    if not old:
        # Where all files are new, the folder tells that they begin with.
        paths, shorter = [_first(each) for each in paths], [_first(each) for each in shorter]
    if not paths or _fits(root, shorter):
        return told
    if _fits(root, paths):
        return [*told, "-p0"]
    for strip, names in (([], shorter), (["-p0"], paths)):
        folders = [folder for folder in _folders(root) if _fits(root / folder, names)]
        if len(folders) > 1:
            raise SourceError(
                f"{name} has paths that fit several folders, {' and '.join(folders[:2])}: "
                "make it from the top of the tree"
            )
        if folders:
            return [*told, *strip, f"--directory={folders[0]}"]
    return given


def _paths(diff: bytes) -> Iterator[tuple[str, str]]:
    for side, path in _FILES.findall(diff):
        yield side.decode("ascii"), path.decode("utf-8", errors="surrogateescape").strip()


def _first(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first + slash


def _fits(folder: Path, names: list[str]) -> bool:
    """Whether a folder has one of some files or folders; the others may be made by other patches."""
    return any(_is_there(folder, name) for name in names)


def _is_there(folder: Path, name: str) -> bool:
    try:
        if not name or name.startswith("/") or ".." in name.split("/"):
            return False
        return (folder / name).is_dir() if name.endswith("/") else (folder / name).is_file()
    except (OSError, ValueError):
        return False


def _folders(root: Path) -> Iterator[str]:
    """The folders of a tree in which patches are made with paths relative to them."""
    for part in PARTS:
        for path in [root / part, *sorted((root / part).glob("kvm")), *sorted((root / part).glob("kvm/*"))]:
            if path.is_dir():
                yield path.relative_to(root).as_posix()
