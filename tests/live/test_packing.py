"""The archive of an initramfs, read by a reader written from the format's description."""

from __future__ import annotations

from mmuproof.live.packing import packed


def unpacked(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each member."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        content = -(-(at + 110 + name_size) // 4) * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, archive[content : content + size])
        at = -(-(content + size) // 4) * 4


def test_files_come_with_their_folders_before_them() -> None:
    members = unpacked(packed({"init": b"\x7fELF", "a/b/c": b"", "a/d": b"12345"}))
    assert members == {
        "a": (0o040755, b""),
        "a/b": (0o040755, b""),
        "init": (0o100755, b"\x7fELF"),
        "a/b/c": (0o100755, b""),
        "a/d": (0o100755, b"12345"),
    }
    assert list(members).index("a") < list(members).index("a/b") < list(members).index("a/b/c")


def test_each_member_begins_at_a_multiple_of_four() -> None:
    for size in range(9):
        assert unpacked(packed({"x" * (size + 1): b"y" * size, "z": b"!"}))["z"] == (0o100755, b"!")
