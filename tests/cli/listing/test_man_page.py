from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest
from typer.testing import Result as CliResult

from mmuproof.cli.main import COMMANDS
from mmuproof.cli.shared.options import declared

Cli = Callable[..., CliResult]


def test_every_command_and_option_is_on_the_page(cli: Cli) -> None:
    text = cli("man").stdout
    for command in COMMANDS:
        assert f'.SH "MMUPROOF {command.name.upper()}"' in text
    plain = text.replace("\\-", "-")
    for command in COMMANDS:
        for _, _, given in declared(command.request):
            assert all(f"\\fB{name}\\fR" in plain for name in given.names)


def test_it_is_set_without_a_warning(cli: Cli) -> None:
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    ran = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-cbou"],
        input=cli("man").stdout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    assert "  mmuproof prove 'permission.*' --vendor intel --kernel ~/linux\n" in ran.stdout
