"""Functions that have another name in the later of two versions, found again by what they say."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

_TOKEN = re.compile(r"\w+|[^\w\s]")
_ALIKE, _ALIKE_IF_SHORT, _LONG = 0.6, 0.9, 80
"""How much of two functions' text has to be the same for one to be the other under a new name."""
_ANY = "_"
"""What stands for a name that only one version has."""


def tokens(text: str) -> list[str]:
    """The words and signs of a text in C."""
    return _TOKEN.findall(text)


def find_again(old: Mapping[str, str], new: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The former names of functions that have another name, by the new ones.

    First those are taken that say the same as no other, but for names that only one version has; what a function was
    called tells its callers apart then.  What is left is taken by texts that are much the same.

    Args:
        old: what each function of the old version says, by its name.
        new: the same of the new version.
        known: what functions were called of which that is known already.
    """
    search = _NamesSought(
        {name: tokens(text) for name, text in old.items()}, {name: tokens(text) for name, text in new.items()}, known
    )
    search.take_of_one_text()
    search.take_much_alike()
    search.take_of_one_text()
    return search.found


class _NamesSought:
    """What has been found so far.

    Args:
        old: the tokens of each function of the old version.
        new: the same of the new version.
        known: what functions were called of which that is known already.
    """

    def __init__(
        self, old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]], known: Mapping[str, str]
    ) -> None:
        self._former, self.found = dict(known), dict[str, str]()
        self._gone = {name: text for name, text in old.items() if name not in new and name not in known.values()}
        self._come = {name: text for name, text in new.items() if name not in old and name not in known}
        words, others = ({word for text in texts.values() for word in text} for texts in (old, new))
        self._only_old = {word for word in words - others - {*known.values()} if not word[0].isdigit()}
        self._only_new = {word for word in others - words - known.keys() if not word[0].isdigit()}

    def _take(self, name: str, other: str) -> None:
        self._former[name] = self.found[name] = other
        self._only_old.discard(other)
        self._only_new.discard(name)
        del self._come[name], self._gone[other]

    def take_of_one_text(self) -> None:
        """Take those of a text that one function of each version has, as long as what is taken tells others apart."""
        while True:
            before = _by_text(self._gone, self._only_old, {})
            after = _by_text(self._come, self._only_new, self._former)
            found = [
                (names[0], before[text][0])
                for text, names in after.items()
                if len(names) == 1 and len(before.get(text, ())) == 1
            ]
            for name, other in found:
                self._take(name, other)
            if not found:
                return

    def take_much_alike(self) -> None:
        """Take those whose text is much the same, the more so the shorter it is; none of two that are equally alike."""
        before = {name: _sequences(text, name, {}) for name, text in self._gone.items()}
        candidates: defaultdict[float, list[tuple[str, str]]] = defaultdict(list)
        for name, said in self._come.items():
            after = _sequences(said, name, self._former)
            for other, text in before.items():
                longer, shorter = max(after.total(), text.total()), min(after.total(), text.total())
                wanted = _ALIKE if longer >= _LONG else _ALIKE_IF_SHORT
                if shorter >= wanted * longer:
                    alike = (after & text).total() / longer
                    if alike >= wanted:
                        candidates[alike].append((name, other))
        for alike in sorted(candidates, reverse=True):
            left = [(name, other) for name, other in candidates[alike] if name in self._come and other in self._gone]
            often = Counter(each for pair in left for each in pair)
            for name, other in left:
                if often[name] == often[other] == 1:
                    self._take(name, other)


def _by_text(
    texts: Mapping[str, Sequence[str]], unknown: Collection[str], former: Mapping[str, str]
) -> dict[tuple[str, ...], list[str]]:
    """Functions by what they say, whatever they and what only their version knows are called."""
    found: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, text in texts.items():
        found[tuple(_ANY if word in unknown else former.get(word, word) for word in text)].append(name)
    return found


def _sequences(text: Sequence[str], name: str, former: Mapping[str, str]) -> Counter[tuple[str, ...]]:
    """What stands beside what in a function's text, its own name left out."""
    found = [_ANY if word == name else former.get(word, word) for word in text]
    return Counter(zip(found, found[1:], found[2:], strict=False))
