"""A .config of the user's is taken as it is written, or refused with the line."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.dot_config import read_dot_config

KVM = "CONFIG_X86_64=y\nCONFIG_KVM=m\nCONFIG_KVM_INTEL=m\n"


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "my.config"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("line", "symbol", "value"),
    [
        ("CONFIG_A=y", "A", "y"),
        ("CONFIG_A=m", "A", "m"),
        ("CONFIG_A=n", "A", "n"),
        ("# CONFIG_A is not set", "A", "n"),
        ("CONFIG_A=-5", "A", "-5"),
        ("CONFIG_A=0x1F", "A", "0x1F"),
        ('CONFIG_A="a \\"b\\" # c"', "A", '"a \\"b\\" # c"'),
        ('CONFIG_A=""', "A", '""'),
        ("CONFIG_A=y\r", "A", "y"),
        ("CONFIG_a1_B=y", "a1_B", "y"),
    ],
)
def test_a_line_gives_a_symbol_its_value(tmp_path: Path, line: str, symbol: str, value: str) -> None:
    given = read_dot_config(written(tmp_path, f"#\n# a comment\n\n{line}\n{KVM}"))
    assert (given.values[symbol], given.at(symbol)) == (value, f"{given.file}:4")


def test_a_file_is_told_by_its_digest(tmp_path: Path) -> None:
    assert read_dot_config(written(tmp_path, KVM)).digest == hashlib.sha256(KVM.encode()).hexdigest()


def test_of_a_symbol_that_is_set_twice_the_last_line_counts_and_that_is_told(tmp_path: Path) -> None:
    given = read_dot_config(written(tmp_path, f"CONFIG_A=y\n{KVM}CONFIG_A=m\nCONFIG_KVM=m\n"))
    assert given.values["A"] == "m"
    assert [*given.remarks] == [f"CONFIG_A is set in {given.file}:1 and again in line 5, which counts"]


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (f"{KVM}CONFIG_A\n", ":4", "not CONFIG_NAME=value: 'CONFIG_A'"),
        (f"{KVM}A=y\n", ":4", "not CONFIG_NAME=value: 'A=y'"),
        (f"{KVM} CONFIG_A=y\n", ":4", "not CONFIG_NAME=value"),
        (f"{KVM}CONFIG_A=\n", ":4", "'' is no value"),
        (f"{KVM}CONFIG_A=yes\n", ":4", "'yes' is no value"),
        (f'{KVM}CONFIG_A="b\n', ":4", "is no value"),
        (f'{KVM}CONFIG_A="b"c"\n', ":4", "is no value"),
        (f'{KVM}CONFIG_A="\\n"\n', ":4", "is no value"),
        (b"CONFIG_A=y\n\xff\xfe\n", ":2", "no text in UTF-8"),
        ("", ":1", "CONFIG_X86_64 is not set"),
        ("CONFIG_64BIT=y\nCONFIG_ARM64=y\nCONFIG_KVM=y\n", ":1", "CONFIG_X86_64 is not set"),
        ("#\n# Linux/arm64 7.2.1 Kernel Configuration\n#\nCONFIG_KVM=y\n", ":2", "for arm64, not for 64-bit x86"),
        (
            "# Linux/x86 7.2.1 Kernel Configuration\n# CONFIG_64BIT is not set\nCONFIG_X86_32=y\n",
            ":2",
            "X86_64 is not set",
        ),
        ("CONFIG_X86_64=y\n# CONFIG_KVM is not set\n", ":2", "there is no KVM"),
        ("CONFIG_X86_64=y\n\nCONFIG_A=y\n\n", ":3", "there is no KVM"),
        ("CONFIG_X86_64=y\nCONFIG_KVM=y\n# CONFIG_KVM_AMD is not set\n", ":3", "neither CONFIG_KVM_INTEL nor"),
    ],
)
def test_what_is_no_configuration_of_kvm_on_x86_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, place: str, says: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SourceError) as refused:
        read_dot_config(file)
    assert refused.value.message.startswith(f"{file}{place}: ")
    assert says in refused.value.message


def test_a_file_that_is_not_there_a_folder_and_a_compressed_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_dot_config(tmp_path / "none")
    with pytest.raises(SourceError, match=r"is a folder; the configuration is the file .*/\.config in it"):
        read_dot_config(tmp_path)
    with pytest.raises(SourceError, match="is compressed"):
        read_dot_config(written(tmp_path, gzip.compress(KVM.encode())))
