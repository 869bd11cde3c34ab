"""Records of frozen dataclasses as JSON holds them, and back."""

from __future__ import annotations

import json
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


def json_of(record: object) -> str:
    """A record as JSON."""
    return json.dumps(plain(record))


def of_json(kind: type[_T], text: str) -> _T:
    """What `json_of` has made of a record of some class.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is something else.
    """
    return record_of(kind, json.loads(text))
