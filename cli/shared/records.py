"""Records of frozen dataclasses as JSON holds them, and back."""

from __future__ import annotations

from typing import Any, TypeVar

from cattrs import Converter

_T = TypeVar("_T")
_CONVERTER = Converter(
    detailed_validation=False, forbid_extra_keys=True, unstruct_collection_overrides={frozenset: sorted}
)
# What is decoded of a number is plain already.
_CONVERTER.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)


def plain(record: object) -> Any:
    """A record as dictionaries, lists, texts and numbers."""
    return _CONVERTER.unstructure(record)


def record_of(kind: type[_T], content: object) -> _T:
    """What `plain` has made of a record of some class.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is something else.
    """
    try:
        return _CONVERTER.structure(content, kind)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise
    except Exception as error:
        raise ValueError(str(error)) from None
