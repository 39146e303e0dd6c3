"""The project's pages as the tests read them: fenced blocks, tables, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^\s*```(\w*)\s*$")
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[list[tuple[int, str]]]:
        """Return the fenced blocks of a language, as numbered lines without their indentation."""
        found: list[list[tuple[int, str]]] = []
        inside: str | None = None
        for number, line in enumerate(self.text.splitlines(), 1):
            fence = FENCE.match(line)
            if fence and inside is None:
                inside = fence[1]
                found += [[]] if inside == language else []
            elif fence:
                inside = None
            elif inside == language:
                found[-1].append((number, line.strip()))
        return found

    def prose(self) -> str:
        """Return the text without fenced blocks."""
        kept, inside = [], False
        for line in self.text.splitlines():
            if FENCE.match(line):
                inside = not inside
            elif not inside:
                kept.append(line)
        return "\n".join(kept)

    def section(self, heading: str) -> str:
        """Return what stands under a heading, up to the next one of its level or above."""
        level, _, _ = heading.partition(" ")
        begin = self.text.index(f"\n{heading}\n") + len(heading) + 2
        end = re.search(rf"^#{{1,{len(level)}}} ", self.text[begin:], re.MULTILINE)
        return self.text[begin : begin + end.start()] if end else self.text[begin:]

    def anchors(self) -> set[str]:
        """Return the names under which headings can be linked to."""
        return {
            re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in HEADING.findall(self.text)
        }


def pages() -> list[Page]:
    """Return every page of the project: the guide to the server first, since later ones go on from there."""
    first = [ROOT / "README.md", ROOT / "docs/administrator.md", ROOT / "docs/operations.md"]
    rest = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("config/*.md")]
    return [Page(path) for path in [*first, *sorted(set(rest) - set(first))]]


def page(name: str) -> Page:
    return Page(ROOT / name)


def rows(section: str) -> list[list[str]]:
    """Return the rows of the first table of a section, without its head."""
    lines = section[section.index("|") :].splitlines()
    table = []
    for line in lines:
        if not line.strip().startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return table[2:]


def code(text: str) -> list[str]:
    """Return what stands in backquotes."""
    return INLINE.findall(text)
