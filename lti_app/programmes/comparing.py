"""Two versions of a programme side by side: what was added, taken away, changed, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.saving import as_json
from lti_app.programmes.demands import as_rows, demands_text
from lti_app.programmes.drafts import TEXTS
from lti_app.programmes.models import ProgrammeVersion, Topic
from lti_app.programmes.words import FIELD_NAMES

WORDS = re.compile(r"\s+|[^\s]+")
Kind = Literal["same", "added", "removed"]
YES_NO = {True: _l("yes"), False: _l("no")}


@dataclass(frozen=True)
class Piece:
    """Show a run of words that is the same in both texts, added or removed."""

    kind: Kind
    text: Text


@dataclass(frozen=True)
class FieldChange:
    """Show a field whose text differs."""

    name: Text
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class TopicChange:
    """Show what became of a topic; ``fields`` names what differs where it is in both plans."""

    kind: Literal["added", "removed", "moved", "changed"]
    before: Topic | None
    after: Topic | None
    title: tuple[Piece, ...]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Show all that differs between two versions."""

    fields: tuple[FieldChange, ...]
    topics: tuple[TopicChange, ...]

    @property
    def is_same(self) -> bool:
        """Tell whether both versions say the same."""
        return not self.fields and not self.topics


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Return both texts as one, by words: first what is removed, then what is added in its place."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    found: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(str.isspace, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Piece("same", "".join(old[a:b])))
            continue
        if b > a:
            found.append(Piece("removed", "".join(old[a:b])))
        if d > c:
            found.append(Piece("added", "".join(new[c:d])))
    return tuple(found)


def compare(before: ProgrammeVersion, after: ProgrammeVersion) -> Comparison:
    """Compare two versions, whose plans and competences are loaded."""
    texts = [(name, getattr(before, name) or "", getattr(after, name) or "") for name in TEXTS]
    texts += [
        (name, str(as_json(getattr(before, name))), str(as_json(getattr(after, name))))
        for name in ("hours", "hours_needed")
    ]
    texts.append(("competences", _lines(before), _lines(after)))
    texts.append(("demands", demands_text(as_rows(before.demands)), demands_text(as_rows(after.demands))))
    fields = [FieldChange(FIELD_NAMES[name], pieces(old, new)) for name, old, new in texts if old != new]
    if before.needs_completion != after.needs_completion:
        changed = (Piece("removed", YES_NO[before.needs_completion]), Piece("added", YES_NO[after.needs_completion]))
        fields.append(FieldChange(FIELD_NAMES["needs_completion"], changed))
    return Comparison(
        tuple(fields),
        tuple(_topics(before.topics, after.topics)),
    )


def _lines(version: ProgrammeVersion) -> str:
    return "\n".join(one.text for one in version.competences)


def _topics(before: Sequence[Topic], after: Sequence[Topic]) -> Iterator[TopicChange]:
    pairs, removed, added = _matched(before, after)
    pairs.sort(key=lambda pair: pair[0].position)
    stayed = _in_order([new.position for _old, new in pairs])
    for old, new in sorted(pairs, key=lambda pair: pair[1].position):
        fields = tuple(
            name
            for name in ("title", "form", "mode", "hours", "independent_hours", "control", "content")
            if getattr(old, name) != getattr(new, name)
        )
        if fields:
            yield TopicChange("changed", old, new, pieces(old.title, new.title), fields)
        elif new.position not in stayed:
            yield TopicChange("moved", old, new, pieces(old.title, new.title))
    for old in removed:
        yield TopicChange("removed", old, None, (Piece("removed", old.title),))
    for new in added:
        yield TopicChange("added", None, new, (Piece("added", new.title),))


def _in_order(positions: Sequence[int]) -> set[int]:
    """Return the most positions that rise as they stand: the topics that nobody needs to have moved."""
    runs: list[list[int]] = [[]]
    for position in positions:
        earlier = [run for run in runs if not run or run[-1] < position]
        runs.append([*max(earlier, key=len), position])
    longest = max(runs, key=len)
    return set(longest)


def _matched(
    before: Sequence[Topic], after: Sequence[Topic]
) -> tuple[list[tuple[Topic, Topic]], list[Topic], list[Topic]]:
    """Match topics by their titles; what is left over, by their places where the titles are alike."""
    old, new = list(before), list(after)
    pairs: list[tuple[Topic, Topic]] = []
    for alike in (lambda a, b: a.title == b.title, _is_alike):
        for one in list(old):
            twin = next((other for other in new if alike(one, other)), None)
            if twin is not None:
                pairs.append((one, twin))
                old.remove(one)
                new.remove(twin)
    return pairs, old, new


def _is_alike(one: Topic, other: Topic) -> bool:
    return SequenceMatcher(None, one.title, other.title).ratio() > 0.6
