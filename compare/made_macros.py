"""Functions that are macros now: asked for as functions whose body is the macro.

Where a macro says what a function of it would, whatever it is given, its uses are calls again, and may be left unknown
as those of the function were. That is so if its arguments have the types that the function's parameters had, each is
evaluated once or has no effect, and neither it nor its arguments come apart among what stands around them.
Else uses are what the preprocessor makes of them, and only who asks for the function is given one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuproof.compare.put_back import OtherForm, Stretch, file_text
from mmuproof.lift.parsing.former_names import FormerNames
from mmuproof.lift.parsing.prototypes import Prototype
from mmuproof.lift.tree.kvm_text import files_of_kvm

_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)\(([\w \t,]*)\)((?:\\\n|[^\n])*)\n", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_GUARD_END = re.compile(r"^#[ \t]*endif\b[^\n]*\n?\s*\Z", re.MULTILINE)
_EFFECT = re.compile(r"\+\+|--|(?<![=!<>])=(?!=)|\w\s*\(")
_MADE = "mmuproof_as_function_"
_MACRO = "mmuproof_macro_"


@dataclass(frozen=True, kw_only=True)
class MacroOf:
    """A macro with arguments.

    Args:
        name: what it is called.
        file: where it is defined.
        start: where its definition begins, in characters.
        end: where it ends.
        parameters: what it calls its arguments.
        body: what it stands for, without comments.
    """

    name: str
    file: str
    start: int
    end: int
    parameters: tuple[str, ...]
    body: str

    @property
    def is_closed(self) -> bool:
        """Whether neither what it stands for nor an argument in it comes apart among what stands around."""
        return _is_one(self.body) and all(self._is_apart(each) for each in self.parameters)

    def times(self, parameter: str) -> int:
        """How often an argument stands in what it stands for."""
        return len(re.findall(rf"\b{parameter}\b", self.body))

    def _is_apart(self, parameter: str) -> bool:
        text = f"({self.body})"
        uses = re.finditer(rf"\b{parameter}\b", text)
        around = ((text[: use.start()].rstrip()[-1], text[use.end() :].lstrip()[0]) for use in uses)
        return all(before in "([," and after in ")]," for before, after in around)


def macros_with_arguments(root: Path) -> Mapping[str, MacroOf]:
    """The macros with arguments of a tree that are defined once, by name."""
    found: dict[str, MacroOf | None] = {}
    for file in files_of_kvm(root):
        for match in _DEFINE.finditer(file_text(root, file)):
            name, parameters, body = match.groups()
            made = MacroOf(
                name=name,
                file=file,
                start=match.start(),
                end=match.end(),
                parameters=tuple(each.strip() for each in parameters.split(",") if each.strip()),
                body=" ".join(_COMMENT.sub(" ", body.replace("\\\n", " ")).split()),
            )
            found[name] = None if name in found else made
    return {name: each for name, each in found.items() if each is not None}


def as_functions(root: Path, gone: Mapping[str, Prototype]) -> Iterator[OtherForm]:
    """Functions of an earlier tree that are macros in this one.

    Args:
        root: the tree's folder.
        gone: the functions of an earlier tree that this one lacks, as they were declared.
    """
    macros = macros_with_arguments(root) if gone else {}
    for name, function in sorted(gone.items()):
        macro = macros.get(name)
        if macro is not None and len(macro.parameters) == len(function.given):
            asked = _asked(root, macro, function)
            yield _called(macro, function, asked) if _may_be_called(root, macro) else asked


def _function(function: Prototype, name: str, macro: str) -> str:
    given = ", ".join(each.name for each in function.given)
    returns = "" if function.gives_nothing else "return "
    return f"{function.text(name)} {{ {returns}{macro}({given}); }}\n"


def _said(macro: MacroOf, *, is_called: bool) -> FormerNames:
    made, uses = f"{_MADE}{macro.name}", "calls" if is_called else "what they expand to"
    asked = f"{macro.name}() is a macro now: it is asked as a function that says what the macro does"
    return FormerNames(functions={made: macro.name}, forms={macro.name: f"{asked}, and its uses as {uses}"})


def _asked(root: Path, macro: MacroOf, function: Prototype) -> OtherForm:
    """The function for who asks for it, at the end of the macro's file."""
    text = file_text(root, macro.file)
    guard = _GUARD_END.search(text) if macro.file.endswith(".h") else None
    place = len(text) if guard is None else guard.start()
    made = _function(function, f"{_MADE}{macro.name}", macro.name)
    added = f"\n#ifdef {macro.name}\n{made}#endif\n"
    return OtherForm(
        name=macro.name,
        changes=(Stretch(file=macro.file, start=place, end=place, text=added),),
        names=_said(macro, is_called=False),
        mark=macro.name,
    )


def _called(macro: MacroOf, function: Prototype, asked: OtherForm) -> OtherForm:
    """The function where the macro is defined, and uses of the macro as calls of it."""
    made, inner = f"{_MADE}{macro.name}", f"{_MACRO}{macro.name}"
    given = ", ".join(macro.parameters)
    # A use with arguments of other types does not parse: there the macro may say something else.
    checks = "".join(
        f"typedef char mmuproof_same_{number}_{macro.name}[{each.is_type_of(mine)} ? 1 : -1]; "
        for number, (each, mine) in enumerate(zip(function.given, macro.parameters, strict=True))
    )
    text = (
        f"#define {inner}({given}) {macro.body}\n"
        f"{_function(function, made, inner)}"
        f"#define {macro.name}({given}) ({{ {checks}{made}({given}); }})\n"
    )
    return OtherForm(
        name=macro.name,
        changes=(Stretch(file=macro.file, start=macro.start, end=macro.end, text=text),),
        names=_said(macro, is_called=True),
        mark=macro.name,
        otherwise=asked,
    )


def _may_be_called(root: Path, macro: MacroOf) -> bool:
    """Whether a use of a macro does what a call of a function does, arguments of its types given."""
    if not macro.is_closed:
        return False
    often = [at for at, each in enumerate(macro.parameters) if macro.times(each) != 1]
    if not often:
        return True
    uses = (use for file in files_of_kvm(root) for use in _uses(file_text(root, file), macro.name))
    return all(len(use) == len(macro.parameters) and not _EFFECT.search(use[at]) for use in uses for at in often)


def _uses(text: str, name: str) -> Iterator[Sequence[str]]:
    """The arguments of each use of a macro, its definition left out."""
    for match in re.finditer(rf"(?<!define )\b{name}\(", text):
        depth, parts, start = 1, [], match.end()
        for at in range(match.end(), len(text)):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
            if depth == 0 or (depth == 1 and text[at] == ","):
                parts.append(text[start:at])
                start = at + 1
            if depth == 0:
                break
        yield parts


def _is_one(text: str) -> bool:
    """Whether a text is one pair of parentheses and what is in it, or a call."""
    opened = re.match(r"\w*\(", text)
    if opened is None:
        return False
    depth = 0
    for at in range(opened.end() - 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at == len(text) - 1
    return False
