"""Whether a file seems to define a function, told from its text alone: where to look first."""

from __future__ import annotations

import re


def seems_to_define(text: str, function: str) -> bool:
    """Whether a line of a C file begins like the definition of a function, or like a declaration of it."""
    # A plain search is quicker, and enough for nearly all files.
    return f"{function}(" in text and bool(
        re.search(rf"^[A-Za-z_][^;={{}}()\n]*\b{re.escape(function)}\(", text, re.MULTILINE)
    )
