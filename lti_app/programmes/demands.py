"""Products that a version asks of its trainees (5.1): kept with the draft, shown as text, copied with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete
from sqlalchemy.orm import Session

from lti_app.core.errors import DomainError, Text
from lti_app.core.words import in_municipal_language
from lti_app.programmes.models import (
    LESSON_KIND_NAMES,
    PRODUCT_KIND_NAMES,
    LessonKind,
    ProductDemand,
    ProductKind,
    ProgrammeVersion,
)

MOST_DEMANDS = 20
MOST_CRITERIA = 20
LONGEST_CRITERION = 500


@dataclass(frozen=True)
class DemandRow:
    """Hold a product that is asked for, as it was typed."""

    kind: ProductKind
    title: str
    lesson_kind: LessonKind | None = None
    is_required: bool = True
    criteria: tuple[str, ...] = ()


def kind_words(kind: ProductKind, lesson_kind: LessonKind | None) -> Text:
    """Name a product's kind, with that of the lesson where it is known."""
    if kind is ProductKind.LESSON_DESIGN and lesson_kind is not None:
        words: Text = _l("%(kind)s: %(lesson)s", kind=PRODUCT_KIND_NAMES[kind], lesson=LESSON_KIND_NAMES[lesson_kind])
        return words
    name: Text = PRODUCT_KIND_NAMES[kind]
    return name


def kind_choices() -> list[tuple[str, Text]]:
    """Return the kinds as a form offers them: (value, words); those of lessons follow the lesson's design."""
    choices: list[tuple[str, Text]] = []
    for kind in ProductKind:
        choices.append((kind.value, PRODUCT_KIND_NAMES[kind]))
        if kind is ProductKind.LESSON_DESIGN:
            choices += [(f"{kind.value}:{lesson.value}", kind_words(kind, lesson)) for lesson in LessonKind]
    return choices


def kind_value(kind: ProductKind, lesson_kind: LessonKind | None) -> str:
    """Return a kind as a form holds it."""
    return f"{kind.value}:{lesson_kind.value}" if lesson_kind is not None else kind.value


def kind_from(text: str) -> tuple[ProductKind, LessonKind | None]:
    """Read a kind from a form. Raises DomainError for what is none."""
    first, _, second = text.partition(":")
    try:
        kind, lesson = ProductKind(first), LessonKind(second) if second else None
    except ValueError:
        kind, lesson = None, None
    if kind is None or (lesson is not None and kind is not ProductKind.LESSON_DESIGN):
        raise DomainError(
            "no_such_kind", _l("The kind of the product is missing."), remedy=_l("Choose a kind."), field="kind"
        )
    return kind, lesson


def as_rows(demands: Sequence[ProductDemand]) -> tuple[DemandRow, ...]:
    """Return stored demands as they would be typed."""
    return tuple(
        DemandRow(one.kind, one.title, one.lesson_kind, one.is_required, tuple(one.criteria)) for one in demands
    )


def demands_text(rows: Sequence[DemandRow]) -> str:
    """Write demands as text, a line each and one for each criterion, for the audit, comparison and print."""
    found: list[str] = []
    for number, row in enumerate(rows, start=1):
        kind = in_municipal_language(kind_words(row.kind, row.lesson_kind))
        optional = "" if row.is_required else f" ({in_municipal_language(OPTIONAL)})"
        found.append(f"{number}. {row.title} — {kind}{optional}")
        found += [f"    – {criterion}" for criterion in row.criteria]
    return "\n".join(found)


OPTIONAL = _l("of one's own choice")


def put_demands(session: Session, version: ProgrammeVersion, rows: Sequence[DemandRow]) -> None:
    """Bring a draft's demands to ``rows``, as a whole; nothing refers to those of a draft yet. Raises DomainError."""
    if as_rows(version.demands) == tuple(rows):
        return
    if len(rows) > MOST_DEMANDS:
        raise DomainError(
            "too_many_demands",
            _l("More than %(limit)s products are asked for.", limit=MOST_DEMANDS),
            remedy=_l("Put some together, or leave them to the trainees' own choice."),
            field="demands",
        )
    session.execute(delete(ProductDemand).where(ProductDemand.version_id == version.id))
    session.add_all(_made(row, position, version.id) for position, row in enumerate(rows, start=1))


def _made(row: DemandRow, position: int, version_id: int | None = None) -> ProductDemand:
    made = ProductDemand(
        position=position,
        kind=row.kind,
        lesson_kind=row.lesson_kind,
        title=row.title,
        is_required=row.is_required,
        criteria=list(row.criteria),
    )
    if version_id is not None:
        made.version_id = version_id
    return made


def copied_demands(source: ProgrammeVersion) -> list[ProductDemand]:
    """Return copies of a version's demands, outside any session."""
    return [_made(row, position) for position, row in enumerate(as_rows(source.demands), start=1)]
