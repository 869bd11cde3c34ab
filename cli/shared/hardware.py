"""What a user says of the processor: `--erratum NAME=on|off`, and errata of their own in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.naming import near
from mmuproof.cli.shared.results import Result
from mmuproof.spec.errata import ERRATA, Erratum, Manufacturer
from mmuproof.spec.hardware import Hardware
from mmuproof.spec.open_choices import OpenChoice

_VALUES: Mapping[str, bool] = {"on": True, "off": False}
_TEXTS = ("name", "title", "condition", "may_differ", "source", "report")
_LISTS = ("fields", "when")
_OPTIONAL = ("report", *_LISTS)


def read_hardware(settings: Sequence[str], file: Path | None) -> Hardware:
    """The processor that a user describes.

    Args:
        settings: of the form ``NAME=on`` or ``NAME=off``; capitals and hyphens in a name do not matter.
        file: errata of the user's own.

    Raises:
        UsageProblem: a setting or the file is not understood.
    """
    errata = (*ERRATA, *(() if file is None else read_errata(file)))
    try:
        hardware = Hardware(errata)
    except ValueError as error:
        raise UsageProblem(str(error)) from None
    known: dict[str, bool] = {}
    for setting in settings:
        word, _, value = setting.partition("=")
        name = find_switch(word, hardware)
        switch = hardware.switches[name]
        if isinstance(switch, OpenChoice) and switch.followed is not None:
            raise UsageProblem(f"{name} cannot be switched: the specification follows one reading of it")
        if value not in _VALUES:
            raise UsageProblem(f"--erratum {word} is on or off: write {word}=on or {word}=off")
        if known.setdefault(name, _VALUES[value]) is not _VALUES[value]:
            raise UsageProblem(f"--erratum {name} cannot be both on and off")
    return Hardware(errata, known)


def find_switch(word: str, hardware: Hardware) -> str:
    """The name of the erratum or open choice that a user means.

    Raises:
        UsageProblem: there is none.
    """
    name = word.upper().replace("-", "_")
    if name not in hardware.switches:
        raise UsageProblem(f"no erratum and no open choice is called {word!r}{near(name, hardware.switches)}")
    return name


def read_errata(file: Path) -> tuple[Erratum, ...]:
    """The errata in a TOML file: tables ``[[erratum]]`` with the attributes of `mmuproof.spec.errata.Erratum`.

    Raises:
        UsageProblem: the file cannot be read, or something in it is not understood.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageProblem(f"{file} is no TOML: {error}") from None
    tables = content.pop("erratum", None)
    if content or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageProblem(f"{file} has to hold tables [[erratum]] and nothing else")
    return tuple(_erratum(table, file) for table in tables)


def _erratum(table: Mapping[str, object], file: Path) -> Erratum:
    known = [each.name for each in fields(Erratum)]
    unknown = [key for key in table if key not in known]
    if unknown:
        raise UsageProblem(f"{file}: an erratum has no {unknown[0]!r}{near(unknown[0], known)}")
    missing = [key for key in known if key not in table and key not in _OPTIONAL]
    if missing:
        raise UsageProblem(f"{file}: an erratum lacks {', '.join(missing)}")
    texts = {key: _text(table.get(key, ""), key, file) for key in _TEXTS}
    lists = {key: _texts(table.get(key, []), key, file) for key in _LISTS}
    name = texts.pop("name")
    if name != name.upper() or not name.replace("_", "").isalnum():
        raise UsageProblem(f"{file}: the name of an erratum is of capitals, digits and _, not {name!r}")
    vendors = {vendor.value: vendor for vendor in Manufacturer}
    vendor = _text(table["vendor"], "vendor", file)
    if vendor not in vendors:
        raise UsageProblem(f"{file}: no vendor is called {vendor!r}{near(vendor, vendors)}")
    try:
        return Erratum(name=name, vendor=vendors[vendor], **texts, fields=lists["fields"], when=lists["when"])
    except ValueError as error:
        raise UsageProblem(f"{file}: {error}") from None


def _text(value: object, key: str, file: Path) -> str:
    if not isinstance(value, str) or (not value and key not in _OPTIONAL):
        raise UsageProblem(f"{file}: {key} is a text")
    return value


def _texts(value: object, key: str, file: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UsageProblem(f"{file}: {key} is a list of texts")
    return tuple(value)


def settings_text(hardware: Hardware) -> tuple[str, ...]:
    """What is known of the processor, as a user writes it."""
    return tuple(f"{name}={'on' if value else 'off'}" for name, value in hardware.known.items())


def unused(hardware: Hardware, results: Sequence[Result]) -> tuple[str, ...]:
    """For each thing that is known of the processor, a remark if no result rests on it."""
    rested = {assumption for result in results for assumption in result.assumptions}
    return tuple(
        f"No result depends on {name}: {fact.says}." for name, fact in hardware.facts() if fact.says not in rested
    )
