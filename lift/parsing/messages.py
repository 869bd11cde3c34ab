"""What clang says, as far as it may be shown."""

from __future__ import annotations

from clang.cindex import Diagnostic

_NOT_FOUND = "file not found"
_ASSEMBLY, _LABEL = "Inline Assembly Issue", "use of undeclared label"
_WITHHELD = "inline assembly or a label that clang does not understand"


def message_of(diagnostic: Diagnostic) -> str:
    """A message of clang's, on one line, without a word from a file that is not read.

    Clang's own assembler may have read one, and its messages quote it.
    """
    message = " ".join(diagnostic.spelling.split())
    if diagnostic.category_name == _ASSEMBLY or message.startswith(_LABEL):
        return _WITHHELD
    return f"{message}; only files of the tree are read" if message.endswith(_NOT_FOUND) else message
