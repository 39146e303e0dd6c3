"""Products that a version asks for: read from the editor, kept with the draft, compared, copied, printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import Conflict, DomainError
from lti_app.programmes.beginning import begin_version, copy_programme
from lti_app.programmes.comparing import compare
from lti_app.programmes.demands import MOST_CRITERIA, MOST_DEMANDS, DemandRow, as_rows
from lti_app.programmes.draft_form import facts_from, form_of, read_form, rearranged
from lti_app.programmes.drafts import DraftFacts, save_draft, version_of
from lti_app.programmes.models import LessonKind, ProductKind, ProgrammeVersion, VersionState
from lti_app.programmes.papers import programme_asks, programme_paper
from tests.lti_app.world import NOW, World

LESSON = DemandRow(
    ProductKind.LESSON_DESIGN, "Разработка занятия", LessonKind.INTEGRATED, criteria=("Цель диагностична", "Есть итог")
)
OPEN = DemandRow(ProductKind.OPEN_LESSON, "Открытый урок", is_required=False)


def facts(version: ProgrammeVersion, *demands: DemandRow) -> DraftFacts:
    return replace(facts_from(form_of(version)), demands=demands)


def saved(session: Session, world: World, *demands: DemandRow, seen: int | None = None) -> ProgrammeVersion:
    version = version_of(session, world.version.id)
    return save_draft(
        session,
        version.id,
        facts(version, *demands),
        seen=version.revision if seen is None else seen,
        actor=world.leader_actor,
        now=NOW,
    )


def test_demands_are_kept_with_the_draft_and_copied_with_it(app: Flask, database: Database) -> None:
    with app.app_context(), database.session() as session:
        world = World(session, state=VersionState.DRAFT, published=False)
        assert as_rows(saved(session, world, LESSON, OPEN).demands) == (LESSON, OPEN)
        version = saved(session, world, OPEN, LESSON)
        assert as_rows(version.demands) == (OPEN, LESSON)
        text = version.revision
        assert saved(session, world, OPEN, LESSON).revision == text  # nothing differs: nothing is counted
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "change_plan")).first()
        assert entry is not None
        assert entry.changes["demands"][1].startswith(
            "1. Разработка занятия — разработка занятия: интегрированное\n    – Цель диагностична\n"
        )
        with pytest.raises(EditedMeanwhile) as caught:
            saved(session, world, LESSON, seen=text - 1)
        assert [difference.theirs.count("\n") for difference in caught.value.differences] == [3]
        copied = copy_programme(session, world.programme.id, site_id=world.site.id, actor=world.leader_actor, now=NOW)
        assert as_rows(copied.demands) == (OPEN, LESSON)

        version.state, version.council_protocol, version.council_date = VersionState.APPROVED, "4", NOW.date()
        session.flush()
        with pytest.raises(Conflict):
            saved(session, world)
        following = begin_version(session, world.programme.id, actor=world.leader_actor, now=NOW)
        assert as_rows(following.demands) == (OPEN, LESSON)
        assert compare(version, following).is_same


def test_versions_with_other_demands_differ_and_the_programme_prints_them(app: Flask, database: Database) -> None:
    with app.app_context(), database.session() as session:
        world = World(session, state=VersionState.DRAFT, published=False)
        version = saved(session, world, LESSON)
        before = ProgrammeVersion(
            title=version.title, hours=Decimal(24), hours_needed=Decimal(24), needs_completion=False
        )
        (change,) = compare(before, version).fields
        assert "Разработка занятия" in "".join(str(piece.text) for piece in change.pieces if piece.kind == "added")
        day = date(2026, 11, 24)
        typed = {ask.name: ask.value for ask in programme_asks(session, version, day)}
        printed = programme_paper(session, version, day, typed).control
        assert printed.splitlines() == [
            "1. Разработка занятия — разработка занятия: интегрированное",
            "    – Цель диагностична",
            "    – Есть итог",
        ]


def test_too_many_demands_are_refused(app: Flask, database: Database) -> None:
    with app.app_context(), database.session() as session:
        world = World(session, state=VersionState.DRAFT, published=False)
        with pytest.raises(DomainError) as caught:
            saved(session, world, *[OPEN] * (MOST_DEMANDS + 1))
        assert (caught.value.code, caught.value.field) == ("too_many_demands", "demands")


def typed(*rows: dict[str, str], **other: str) -> MultiDict[str, str]:
    fields: list[tuple[str, str]] = [("title", "Урок"), ("hours", "8"), ("revision", "1"), *other.items()]
    for number, row in enumerate(rows, start=1):
        fields.append(("demand", str(number)))
        fields += [(f"demand_{name}_{number}", value) for name, value in row.items()]
    return MultiDict(fields)


def test_the_form_gives_the_rows_that_were_typed() -> None:
    lesson = {"kind": "lesson_design:integrated", "title": " Разработка  занятия", "required": "yes"}
    form = read_form(
        typed(
            {**lesson, "criteria": "Цель диагностична\n\nЕсть итог\n"},
            {"kind": "open_lesson", "title": "Открытый урок", "criteria": ""},
            {"kind": "other", "title": " ", "criteria": ""},
        )
    )
    assert facts_from(form).demands == (LESSON, OPEN)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"kind": "open_lesson", "title": "", "criteria": "Цель"}, "title"),
        ({"kind": "open_lesson", "title": "я" * 301, "criteria": ""}, "title"),
        ({"kind": "open_lesson", "title": "Урок", "criteria": "я" * 501}, "criteria"),
        ({"kind": "open_lesson", "title": "Урок", "criteria": "я\n" * (MOST_CRITERIA + 1)}, "criteria"),
        ({"kind": "nonsense", "title": "Урок", "criteria": ""}, "kind"),
        ({"kind": "open_lesson:integrated", "title": "Урок", "criteria": ""}, "kind"),
    ],
)
def test_what_is_wrong_is_said_at_its_row(row: dict[str, str], field: str) -> None:
    form = read_form(typed(row))
    with pytest.raises(DomainError) as caught:
        facts_from(form)
    assert caught.value.code == "form_has_errors"
    assert list(form.demands[0].errors) == [field]


def test_buttons_work_without_scripts() -> None:
    form = read_form(typed({"title": "а"}, {"title": "б"}))
    titles = [
        [one.values["title"] for one in rearranged(form, step).demands]
        for step in ("add-demand", "up-demand:2", "down-demand:2", "up-demand:1", "remove-demand:1", "remove-demand:9")
    ]
    assert titles == [["а", "б", ""], ["б", "а", ""], ["а", "б", ""], ["а", "б", ""], ["б", ""], ["б", ""]]
    assert [one.key for one in form.demands] == ["2", "3"]
