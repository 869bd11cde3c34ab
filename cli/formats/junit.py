"""A run as JUnit XML, which Jenkins, GitLab and others read.

A suite is an area.  A failure is what is wrong, an error what could not be decided; what is known and allowed is
skipped, with the reason, so that it is seen and turns nothing red.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun
from mmuproof.cli.shared.console import shown

_ELEMENTS = {Ending.WRONG: "failure", Ending.OPEN: "error", Ending.KNOWN: "skipped", Ending.SKIPPED: "skipped"}


def junit_text(run: JudgedRun) -> str:
    """The whole run."""
    counts = _counts(run.cases)
    # Here, unlike in a suite, the schema does not have it.
    del counts["skipped"]
    root = _element("testsuites", name=f"mmuproof {run.command}", **counts, time=_seconds(run.seconds))
    for group, cases in run.groups.items():
        root.append(_suite(run, group, cases))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(run: JudgedRun, group: str, cases: Sequence[JudgedCase]) -> ElementTree.Element:
    suite = _element("testsuite", name=group, **_counts(cases), time=_seconds(sum(each.seconds for each in cases)))
    properties = ElementTree.SubElement(suite, "properties")
    properties.append(_element("property", name="subject", value=run.subject))
    suite.extend(_case(run, each) for each in cases)
    return suite


def _case(run: JudgedRun, case: JudgedCase) -> ElementTree.Element:
    found = _element("testcase", classname=_class(run, case), name=case.named, time=_seconds(case.seconds))
    if case.outcome in _ELEMENTS:
        known = f"{case.known}: " if case.known else ""
        told = _element(_ELEMENTS[case.outcome], type=case.verdict, message=f"{known}{case.sentence}")
        place = (f"{case.at}: {case.sentence}",) if case.at else ()
        told.text = shown("\n".join((*place, *case.details)))
        found.append(told)
    return found


def _class(run: JudgedRun, case: JudgedCase) -> str:
    """Where a case stands in the tree that a CI shows; each dot would begin a level of it."""
    return f"{run.command}.{case.group.replace('.', '_')}"


def _counts(cases: Sequence[JudgedCase]) -> dict[str, str]:
    elements = [_ELEMENTS.get(each.outcome) for each in cases]
    numbers = {"tests": len(cases)} | {
        f"{name}{'' if name == 'skipped' else 's'}": elements.count(name) for name in ("failure", "error", "skipped")
    }
    return {name: str(number) for name, number in numbers.items()}


def _element(tag: str, **attributes: str) -> ElementTree.Element:
    """An element; XML has no way to write some characters that a tree may have in its names."""
    return ElementTree.Element(tag, {name: shown(value) for name, value in attributes.items()})


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
