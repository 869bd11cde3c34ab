"""Functions that have another name are found again by what they say, whatever else is called otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mmuproof.compare.renamed_functions import find_again

_LONG = "int {name}(struct vm *vm, u64 gfn) {{ lock(vm); if (gfn > vm->last) return -{number}; {called}(vm, gfn); return 0; }}"
OLD = {
    "zap_one": "bool zap_one(struct head *head) { return zap_list(head); }",
    "age_one": "bool age_one(struct head *head) { return age_list(head); }",
    "zap_list": "bool zap_list(struct head *head) { head->first = 0; return true; }",
    "age_list": "bool age_list(struct head *head) { head->young = 0; return false; }",
    "map_page": _LONG.format(name="map_page", number=14, called="zap_one"),
}


def with_names(names: Mapping[str, str]) -> Mapping[str, str]:
    def renamed(text: str) -> str:
        for former, name in names.items():
            text = text.replace(f"{former}(", f"{name}(")
        return text

    return {renamed(f"{name}(")[:-1]: renamed(text) for name, text in OLD.items()}


def test_all_are_found_when_all_have_other_names_those_of_like_callers_by_what_they_call() -> None:
    names = {"zap_one": "first", "age_one": "second", "zap_list": "third", "age_list": "fourth", "map_page": "fifth"}
    assert find_again(OLD, with_names(names), {}) == {name: former for former, name in names.items()}


def test_what_is_known_tells_others_apart() -> None:
    both = {name: OLD[name] for name in ("zap_one", "age_one")}
    new = {
        "first": "bool first(struct head *head) { return all(head); }",
        "second": "bool second(struct head *head) { return some(head); }",
    }
    assert find_again(both, new, {}) == {}
    known = {"all": "zap_list", "some": "age_list"}
    assert find_again(both, new, known) == {"first": "zap_one", "second": "age_one"}


def test_a_function_that_says_much_the_same_is_taken_for_it_and_one_that_does_not_is_not() -> None:
    text = OLD["map_page"].replace("map_page", "map_frame").replace("lock(vm);", "lock(vm); note(vm);")
    assert (
        find_again({"map_page": OLD["map_page"]}, {"map_frame": text, "other": "int other(void) { return 1; }"}, {})
        == {}
    )
    long = OLD["map_page"].replace("return 0;", "tell(vm, gfn); " * 12 + "return 0;")
    assert find_again(
        {"map_page": long},
        {"map_frame": long.replace("map_page", "map_frame").replace("lock(vm);", "lock(vm); note(vm);")},
        {},
    ) == {"map_frame": "map_page"}


@pytest.mark.parametrize("number", [15, 0])
def test_another_number_is_another_text(number: int) -> None:
    new = {"fifth": _LONG.format(name="fifth", number=number, called="called_now")}
    old = {"map_page": OLD["map_page"]}
    assert find_again(old, new, {}) == {}


def test_of_two_that_say_the_same_none_is_taken() -> None:
    old = {"one": "int one(void) { return 0; }", "two": "int two(void) { return 0; }"}
    assert find_again(old, {"three": "int three(void) { return 0; }"}, {}) == {}
