"""What is said of a field of a result besides its type; comparisons of two implementations go by it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

AT_LEAST: Mapping[str, object] = MappingProxyType({"at_least": True})
"""A flag that holds whenever something happens; it may hold otherwise too."""

LINE: Mapping[str, object] = MappingProxyType({"line": True})
"""Where in the code, ``file:line``: the reference model knows neither."""

FUNCTION: Mapping[str, object] = MappingProxyType({"function": True})
"""Where in the code, ``file:function``: the reference model knows the function."""


def counts_where(flag: str) -> Mapping[str, object]:
    """A field that says something only where another one of the same result, a flag, holds."""
    return {"counts_where": flag}
