"""Rows of a town's catalogue: 10,000 products published, 500 more that wait for an answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from lti_app.core.words import plain
from lti_app.products.models import (
    Decision,
    Product,
    ProductReview,
    ProductState,
    ProductVersion,
    Publication,
    Source,
)
from lti_app.programmes.models import LessonKind, ProductKind

PUBLISHED, WAITING = 10_000, 500
SUBJECTS = ("Математика", "Русский язык", "История", "Биология", "Дошкольное образование", "Музыка", "Логопедия")
WORDS = ("дроби", "причастие", "реформы", "клетка", "сказка", "ритм", "звук", "проект", "рефлексия", "цель")
NOTE = "Разработка прошла апробацию на открытом уроке; приложены карта, раздаточный материал и лист самооценки. "

Rows = Iterator[dict[str, Any]]


def tables(trainee_ids: list[int], site_of: dict[int, int], reviewer_id: int, now: datetime) -> dict[type[Any], Rows]:
    """Return rows by table; ids are 1, 2 … and those of products and their one text agree."""
    dice = random.Random(5)
    made = [
        {
            "id": number + 1,
            "trainee_id": dice.choice(trainee_ids),
            "kind": list(ProductKind)[number % len(ProductKind)],
            "lesson_kind": dice.choice(list(LessonKind)) if number % len(ProductKind) == 1 else None,
            "title": f"Разработка {number}: {dice.choice(WORDS)} и {dice.choice(WORDS)}",
            "subject": dice.choice(SUBJECTS),
            "state": ProductState.ACCEPTED if number < PUBLISHED else ProductState.SUBMITTED,
            "consented_at": now,
            "created_at": now,
        }
        for number in range(PUBLISHED + WAITING)
    ]
    return {
        Product: iter(made),
        ProductVersion: (
            {
                "id": row["id"],
                "product_id": row["id"],
                "number": 1,
                "source": Source.TOOL,
                "note": NOTE,
                "links": [],
                "submitted_at": now,
            }
            for row in made
        ),
        ProductReview: (
            {
                "version_id": row["id"],
                "decision": Decision.ACCEPTED,
                "marks": [],
                "made_at": now,
                "made_by_id": reviewer_id,
            }
            for row in made[:PUBLISHED]
        ),
        Publication: (
            {
                "id": row["id"],
                "product_id": row["id"],
                "version_id": row["id"],
                "site_id": site_of[row["trainee_id"]],
                "search_key": plain(f"{row['title']} {row['subject']} {NOTE * 2}"),
                "subject_key": plain(row["subject"]),
                "published_at": now - timedelta(minutes=dice.randrange(1_000_000)),
            }
            for row in made[:PUBLISHED]
        ),
    }
