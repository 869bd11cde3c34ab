"""Files of properties: the header that they include, and what they say of themselves."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.cli.ask.replies import Goal
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.c_types import IntType
from mmuproof.lift.parsing.probe import Property
from mmuproof.model.vendor import Vendor

HEADER_NAME = "mmuproof.h"
HEADER = """\
/*
 * For files of properties: mmuproof ask --kernel SOURCE --file FILE
 *
 * Every function that is not static is a property.  It is to return true for
 * all values of its parameters; a pointer leads to an object of its own, whose
 * content is free as well.  Static functions are helpers.
 */
#ifndef MMUPROOF_H
#define MMUPROOF_H

/* In a property: look only at states in which this holds. */
#define assume(condition) mmuproof_assume(!!(condition))

/* In front of a property: it is to be true in some state, or in none. */
#define must_be_possible __attribute__((annotate("mmuproof:possible")))
#define must_be_impossible __attribute__((annotate("mmuproof:impossible")))

/*
 * In front of a property: with the shadow_* masks as they are set up for intel
 * (EPT), amd (nested paging) or shadow (neither).  Without it, the masks have
 * any value, or those that --vendor asks for.
 */
#define set_up_for(vendor) __attribute__((annotate("mmuproof:" #vendor)))

void mmuproof_assume(_Bool condition);

#endif
"""
_PREFIX = "mmuproof:"
_WANTED = {wanted.value: wanted for wanted in Goal}
_VENDORS = {vendor.value: vendor for vendor in Vendor}


@dataclass(frozen=True)
class Stated:
    """A property: its name, what it is to be, and for which masks; for none in particular if there are none."""

    name: str
    wanted: Goal
    vendors: tuple[Vendor, ...]


def stated(properties: tuple[Property, ...], file: str, vendors: tuple[Vendor, ...]) -> tuple[Stated, ...]:
    """What a file states.

    Args:
        properties: the functions of the file.
        file: what messages call it.
        vendors: what the user asks for, for properties that name none.

    Raises:
        UsageProblem: the file states nothing, or says something that has no meaning.
    """
    if not properties:
        raise UsageProblem(f"{file} has no property: a function that is not static")
    return tuple(_stated(each, file, vendors) for each in properties)


def _stated(each: Property, file: str, vendors: tuple[Vendor, ...]) -> Stated:
    function = each.function
    place = f"{file}:{function.location.line}"
    if not isinstance(function.result, IntType):
        raise UsageProblem(f"{place}: {function.name}() returns no truth value; a helper is static")
    wanted: list[Goal] = []
    own: list[Vendor] = []
    for annotation in each.annotations:
        word = annotation.removeprefix(_PREFIX)
        if annotation.startswith(_PREFIX) and word in _VENDORS:
            own.append(_VENDORS[word])
        elif annotation.startswith(_PREFIX) and word in _WANTED:
            wanted.append(_WANTED[word])
        elif annotation.startswith(_PREFIX):
            raise UsageProblem(f"{place}: masks are set up for {', '.join(_VENDORS)}, not for {word}")
    if len(wanted) > 1:
        raise UsageProblem(f"{place}: {function.name}() is to be {' and '.join(each.value for each in wanted)}")
    return Stated(function.name, wanted[0] if wanted else Goal.ALWAYS, tuple(own) or vendors)
