"""Kernel trees in archives: ``linux-*.tar.xz`` from kernel.org and Debian's ``linux-source-*.deb``.

Everything streams: of the two gigabytes in such an archive only what is read ever reaches the disk. The
whole archive is looked at all the same, because one that holds a single path leading out of it is refused
as a whole.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tarfile import EOFHeaderError  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, BinaryIO

from debian.arfile import ArError, ArFile

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.parts import Limits, PartsWriter, Readable, components, link_target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_AR = b"!<arch>\n"
_XZ = b"\xfd7zXZ\x00"
_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
_ZSTD = b"\x28\xb5\x2f\xfd"
_KERNEL_TARBALL = re.compile(r"usr/src/linux-source-[^/]*\.tar[^/]*")
_CHUNK = 1 << 20
# tarfile reads these headers into memory whole; no path needs a megabyte.
_LONG_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_LONG_HEADER_BYTES = 1 << 20


def archive_digest(archive: Path) -> str:
    """The SHA-256 of the archive file.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        with archive.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{archive} cannot be read: {error.strerror}") from error


def unpack_archive(archive: Path, into: Path, limits: Limits) -> frozenset[str]:
    """Write what is read of the kernel in ``archive`` below ``into``; return the names of its arch folders.

    Raises:
        SourceError: it is not such an archive, is damaged, is too large, or holds a path that leads out of it.
    """
    writer = PartsWriter(into, str(archive), limits)
    unpacker = _Unpacker(archive, writer, limits)
    try:
        with archive.open("rb") as file:
            if file.peek(len(_AR)).startswith(_AR):
                unpacker.package(file)
            else:
                unpacker.kernel(file)
        writer.finish()
    except EOFError as error:
        raise SourceError(f"{archive} is truncated") from error
    except (tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, ArError) as error:
        raise SourceError(f"{archive} is damaged or not an archive of a kernel: {error}") from error
    except OSError as error:
        raise SourceError(f"{archive} cannot be unpacked: {error.strerror or error}") from error
    return frozenset(writer.architectures)


class _Unpacker:
    """Takes one archive apart, however deep the kernel lies in it."""

    def __init__(self, archive: Path, writer: PartsWriter, limits: Limits) -> None:
        self._archive = archive
        self._writer = writer
        self._limits = limits

    def package(self, file: BinaryIO) -> None:
        """Unpack the kernel tarball inside a Debian package.

        Raises:
            SourceError: there is none, or it cannot be unpacked.
        """
        members = {member.name: member for member in ArFile(fileobj=file)}
        data = next((member for name, member in members.items() if name.startswith("data.tar")), None)
        if "debian-binary" not in members or data is None:
            raise SourceError(f"{self._archive} is not a Debian package")
        found = False
        for tar, info in self._members(io.BufferedReader(self._bounded(data))):
            if not found and info.isreg() and _KERNEL_TARBALL.fullmatch("/".join(components(info.name))):
                self.kernel(io.BufferedReader(self._bounded(_content(tar, info))))
                found = True
        if not found:
            raise SourceError(f"{self._archive} is a package without a usr/src/linux-source-*.tar.xz in it")

    def kernel(self, file: io.BufferedReader) -> None:
        """Hand the files of a kernel tarball to the writer, without the folder in which they all stand.

        Raises:
            SourceError: something in it is neither a file nor a folder, or it cannot be unpacked.
        """
        top: str | None = None
        for tar, info in self._members(file):
            first, *rest = components(info.name) or ("",)
            path = tuple(rest)
            top = top or first
            if first != top or not self._writer.note(path) or info.isdir():
                continue
            if info.issym():
                self._writer.link(path, link_target(path, info.linkname))
            elif info.islnk():
                self._writer.link(path, components(info.linkname)[1:])
            elif info.isreg():
                self._writer.file(path, _content(tar, info), info.size)
            else:
                raise SourceError(f"{self._archive} holds {info.name!r}, which is neither a file nor a folder")

    def _members(self, file: io.BufferedReader) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
        """Each member of a tar stream, compressed or not, once it is sure not to lead out of the archive."""
        archive = self._archive
        ended = False

        class Header(tarfile.TarInfo):
            @classmethod
            def fromtarfile(cls, stream: tarfile.TarFile) -> "Header":
                nonlocal ended
                try:
                    return super().fromtarfile(stream)
                except EOFHeaderError:
                    # tarfile takes a file that simply stops for a whole one; only a zero block is an end.
                    ended = True
                    raise

            # Not frombuf, which newer releases of Python (and Debian 12's) do not call.
            def _proc_member(self, stream: tarfile.TarFile) -> Any:
                if self.type in _LONG_HEADERS and self.size > _LONG_HEADER_BYTES:
                    raise SourceError(f"{archive} has a header of {self.size} bytes: it is not unpacked")
                return super()._proc_member(stream)  # type: ignore[misc]

        count = 0
        stream = self._bounded(self._decompressed(file))
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=Header, bufsize=_CHUNK) as tar:
            while (info := tar.next()) is not None:
                count += 1
                if count > self._limits.pieces:
                    raise SourceError(f"{archive} holds more files than a kernel tree can: it is not unpacked")
                self._check(info)
                yield tar, info
        if not ended:
            raise EOFError
        # The checksum of a compressed stream comes last.
        while stream.read(_CHUNK):
            pass

    def _check(self, info: tarfile.TarInfo) -> None:
        try:
            path = components(info.name)
            if info.issym():
                # The first component is the tree's own top folder: a link may not lead out of that either.
                link_target(path[1:], info.linkname)
            elif info.islnk():
                components(info.linkname)
        except ValueError:
            arrow = f" -> {info.linkname!r}" if info.linkname else ""
            raise SourceError(
                f"{self._archive} holds a path that leads out of it, {info.name!r}{arrow}: nothing of it is unpacked"
            ) from None

    def _decompressed(self, file: io.BufferedReader) -> Readable:
        head = file.peek(len(_XZ))
        if not head:
            raise EOFError
        if head.startswith(_XZ):
            return lzma.LZMAFile(file)
        if head.startswith(_GZIP):
            return gzip.GzipFile(fileobj=file)
        if head.startswith(_BZIP2):
            return bz2.BZ2File(file)
        if head.startswith(_ZSTD):
            raise SourceError(f"{self._archive} is compressed with zstd, which cannot be read; unpack it first")
        return file

    def _bounded(self, inner: Readable) -> "_Bounded":
        return _Bounded(inner, self._archive, self._limits)


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Readable:
    content = tar.extractfile(info)
    # Only links and devices have none, and the callers have ruled those out.
    assert content is not None
    return content


class _Bounded(io.RawIOBase):
    """Reads from something that can be read, up to a number of bytes that no kernel reaches."""

    def __init__(self, inner: Readable, archive: Path, limits: Limits) -> None:
        super().__init__()
        self._inner = inner
        self._archive = archive
        self._left = limits.stream_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._inner.read(_CHUNK if size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise SourceError(f"{self._archive} holds more than a kernel tree can: it is not unpacked")
        return data

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
