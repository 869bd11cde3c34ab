"""An initramfs: files in the kernel's own archive format, cpio with "new ASCII" headers.

Source: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping

_FILE, _FOLDER = 0o100755, 0o040755


def packed(files: Mapping[str, bytes]) -> bytes:
    """The archive of some files.

    Args:
        files: by path, without a leading slash; their folders are made.
    """
    folders = sorted({"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)})
    members = [(folder, _FOLDER, b"") for folder in folders]
    members += [(path, _FILE, content) for path, content in files.items()]
    return b"".join(
        _member(number, *member) for number, member in enumerate((*members, ("TRAILER!!!", 0, b"")), start=1)
    )


def _member(number: int, path: str, mode: int, content: bytes) -> bytes:
    name = path.encode() + b"\0"
    # ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _aligned(head + name) + _aligned(content)


def _aligned(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
