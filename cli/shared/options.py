"""How a command is declared: its request is a dataclass, of which each field is an option or an argument.

A field says all of it: ``kernel: Annotated[str | None, option("What it is for.", "SOURCE")] = None``.  Its type and
default are those of the option.  A tuple is an option that may be repeated, or an argument with several words.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, get_args, get_type_hints

import typer

from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.settings import Surroundings, chosen
from mmuproof.lift.parsing.limits import DEFAULT_LIMITS, ParseLimits, set_parse_limits

if TYPE_CHECKING:
    from mmuproof.cli.shared.catalogue import Catalogue

_Request = TypeVar("_Request")


_OF_THEOREMS = ("THEOREM", "PATTERN")
"""What stands for the name of a theorem."""
_OF_DEFECTS = "DEFECT"
"""What stands for that of a defect."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """How a field of a request is given on the command line.

    Args:
        metavar: what stands for its value; None for a flag.
        says: its help; of an argument, the command's help tells it.
        names: what it is called; empty for an argument.
        least: the smallest number allowed.
        most: the largest number allowed.
        setting: what it is called where a user settles it for all runs (`mmuproof.cli.shared.settings`), if that is
            possible.
        values: what a shell offers for it.
    """

    metavar: str | None
    says: str = ""
    names: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    setting: str | None = None
    values: tuple[str, ...] = ()

    def as_typer_has_it(self, catalogue: Catalogue) -> object:
        """The same for typer; a shell is offered names of the catalogue where such a name is wanted."""

        def begun(incomplete: str) -> list[str]:
            return [each for each in self._offered(catalogue) if each.startswith(incomplete)]

        offer = begun if self.values or self.metavar in (*_OF_THEOREMS, _OF_DEFECTS) else None
        if not self.names:
            return typer.Argument(metavar=self.metavar, show_default=False, hidden=True, autocompletion=offer)
        return typer.Option(
            *self.names,
            metavar=self.metavar,
            min=self.least,
            max=self.most,
            show_default=False,
            help=self.says,
            autocompletion=offer,
        )

    def _offered(self, catalogue: Catalogue) -> Iterable[str]:
        if self.values:
            return self.values
        if self.metavar == _OF_DEFECTS:
            # Only now: whoever completes something else need not wait for it.
            from mmuproof.cli.shared.catalogue import ALL_DEFECTS

            return [*catalogue.defects(), ALL_DEFECTS]
        return [each.name for each in catalogue.theorems()]


def option(
    says: str,
    metavar: str | None = None,
    *names: str,
    least: int | None = None,
    most: int | None = None,
    setting: str | None = None,
    values: tuple[str, ...] = (),
) -> Option:
    """What makes a field an option; it is called like the field if no names are given."""
    return Option(
        metavar=metavar, says=says, names=names or ("--",), least=least, most=most, setting=setting, values=values
    )


def argument(metavar: str, *values: str) -> Option:
    """What makes a field an argument, for which a shell offers some values."""
    return Option(metavar=metavar, values=values)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


_BUDGET = "which does not depend on the machine's speed."
SOURCES = "a kernel folder, REPOSITORY@REVISION, linux-*.tar.xz, or linux-source-*.deb"
Kernel = Annotated[
    str | None,
    option(
        f"What is looked at: {SOURCES}; 'reference' for the reference model. By default the tree around the current "
        "folder, else the reference model.",
        "SOURCE",
        setting="kernel",
    ),
]
KernelTree = Annotated[
    str | None,
    option(f"What is looked at: {SOURCES}. By default the tree around the current folder.", "SOURCE", setting="kernel"),
]
Jobs = Annotated[
    int,
    option(
        "How many processes there may be; one for each processor by default.",
        "N",
        "--jobs",
        "-j",
        least=1,
        setting="jobs",
    ),
]
Vendors = Annotated[
    tuple[str, ...],
    option(
        "Intel EPT, AMD nested paging, or shadow paging without either; may be repeated. All by default.",
        "intel|amd|shadow",
        "--vendor",
        setting="vendor",
        values=("intel", "amd", "shadow"),
    ),
]
Results = Annotated[
    Path | None, option("Write the results there as well, whole or not at all; - for standard output alone.", "FILE")
]
Errata = Annotated[Path | None, option("Errata of your own, in TOML (docs/errata.md).", "FILE")]
FromEarlierRuns = Annotated[
    bool,
    option(
        "Take results of earlier runs that asked the same of the same kernel; so it is by default.",
        None,
        "--cache/--no-cache",
    ),
]
OwnTheorems = Annotated[
    tuple[Path, ...],
    option(
        "Theorems of your own, in Python, beside all others (docs/own-theorems.md); may be repeated.",
        "FILE",
        "--theorems",
    ),
]
NewNames = Annotated[
    tuple[str, ...],
    option(
        "What a function, parameter or member is called in the new tree, where it is not found by itself; "
        "may be repeated.",
        "OLD=NEW",
        "--map",
    ),
]
Config = Annotated[
    Path | None,
    option(
        "Read the tree under this .config, and not under the configuration that comes with mmuproof.",
        "FILE",
        setting="config",
    ),
]
ClaimBudget = Annotated[
    int | None, option(f"The solver's resource limit for one claim, {_BUDGET}", "N", least=1, most=2**32 - 1)
]
QuestionBudget = Annotated[
    int | None, option(f"The solver's resource limit for one question, {_BUDGET}", "N", least=1, most=2**32 - 1)
]

ParseSeconds = Annotated[
    int | None,
    option(
        f"The seconds of processor time that clang may take to parse one text of the tree; "
        f"{DEFAULT_LIMITS.seconds} by default.",
        "N",
        least=1,
    ),
]
ParseMemory = Annotated[
    int | None,
    option(f"The MiB of memory that clang may take for it; {DEFAULT_LIMITS.mebibytes} by default.", "N", least=1),
]


@dataclass(frozen=True)
class Command(Generic[_Request]):
    """A command.

    Args:
        name: what it is called.
        says: its help.
        request: the dataclass of what a user can ask for; it may refuse with a `UsageProblem` what makes no sense.
        run: does it; gives the exit status.
    """

    name: str
    says: str
    request: type[_Request]
    run: Callable[[_Request, Catalogue, Output], int]


def declared(request: type) -> Iterator[tuple[str, Any, Option]]:
    """The name and type of each field of a request, and how it is given."""
    hints = get_type_hints(request, include_extras=True)
    # What a request shares with others comes after what is its own.
    for name, annotated in sorted(
        hints.items(), key=lambda each: each[0] not in vars(request).get("__annotations__", ())
    ):
        kind, given = get_args(annotated)
        yield name, kind, replace(given, names=(f"--{name.replace('_', '-')}",)) if given.names == ("--",) else given


def add_command(
    app: typer.Typer, command: Command[Any], catalogue: Catalogue, end: Callable[[Callable[[Output], int]], None]
) -> None:
    """Add a command to a command line; ``end`` runs it and ends with its exit status."""
    request = command.request
    required = {each.name for each in fields(request) if each.default is each.default_factory is MISSING}

    def callback(**given: object) -> None:
        def run(output: Output) -> int:
            if given.get("quiet"):
                output.keep_still()
            told = _with_settings(request, _kept(given), output, tell=not given.get("quiet"))
            asked = request(**told)
            set_parse_limits(_limits(told))
            return command.run(asked, catalogue, output)

        end(run)

    parameters = []
    for name, kind, given in declared(request):
        default: object = inspect.Parameter.empty
        if get_args(kind)[1:] == (...,):
            kind = list[get_args(kind)[0]]  # type: ignore[misc]
        if kind is bool and not any("/" in each for each in given.names):
            default = False
        elif name not in required:
            kind, default = kind | None, None
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=Annotated[kind, given.as_typer_has_it(catalogue)],
            )
        )
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {each.name: each.annotation for each in parameters}
    app.command(command.name, help=command.says)(callback)


def _with_settings(request: type, told: Mapping[str, object], output: Output, *, tell: bool) -> dict[str, object]:
    """What was given, and what is settled; what of it was not given is told, unless nobody wants to hear it."""
    names = {given.setting: name for name, _, given in declared(request) if given.setting is not None}
    if not names:
        return dict(told)
    around = Surroundings(folder=Path.cwd(), home=Path.home(), environment=os.environ)
    settled = chosen(told, around.settings(), names)
    for name, field_name in names.items():
        if field_name in settled and tell:
            output.note(f"mmuproof: {name} = {settled[field_name]}")
    several = {name for name, kind, _ in declared(request) if get_args(kind)[1:] == (...,)}
    values = {name: each.value for name, each in settled.items()}
    return {
        **told,
        **{name: (value,) if name in several and isinstance(value, str) else value for name, value in values.items()},
    }


def _limits(given: Mapping[str, Any]) -> ParseLimits:
    """What clang may take, as far as a command parses anything."""
    return ParseLimits(
        seconds=given.get("parse_seconds") or DEFAULT_LIMITS.seconds,
        mebibytes=given.get("parse_memory") or DEFAULT_LIMITS.mebibytes,
    )


def _kept(given: Mapping[str, object]) -> dict[str, object]:
    """What was given; for all else a request has its own defaults."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value is not None
    }
