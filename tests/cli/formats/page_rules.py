"""What every page has to keep: nothing from the net, no script, markup that is closed, and links that lead somewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = {"meta", "link", "br", "hr", "img", "input"}
_FORBIDDEN = {"script", "iframe", "object", "embed", "img", "form", "base"}


@dataclass
class CheckedPage(HTMLParser):
    """A page, read and checked on the way; ``text`` is what a reader sees."""

    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), f"an attribute of {tag} stands twice"
        assert tag not in _FORBIDDEN, tag
        assert not [name for name in given if name.startswith("on")], given
        assert "src" not in given, given
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"] or "")
        if "href" in given:
            self.links.append(given["href"] or "")
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdecimal():
            self.headings.append(int(tag[1]))
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            assert "url(" not in data
            assert "@import" not in data
        else:
            self.parts.append(data)


def checked_page(text: str) -> CheckedPage:
    """Read a page, and hold it against the rules."""
    assert text.startswith("<!doctype html>\n<html lang=")
    page = CheckedPage()
    page.feed(text)
    page.close()
    assert not page.open
    assert len(set(page.ids)) == len(page.ids)
    assert {each for each in page.links if each != "data:,"} <= {f"#{each}" for each in page.ids}
    assert page.headings[0] == 1
    # No level is left out.
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert any("default-src 'none'" in (given.get("content") or "") for _, given in page.tags)
    return page
