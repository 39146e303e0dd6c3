"""Bring in the data set: programmes as drafts first, to say what they lead to and ask for, then the rest."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.permissions import SYSTEM, Actor, Role
from lti_app.importing.report import ImportReport
from lti_app.importing.service import import_workbook
from lti_app.programmes.demands import DemandRow
from lti_app.programmes.drafts import DraftFacts, PlanRow, save_draft
from lti_app.programmes.models import LessonKind, ProductKind, Programme
from lti_app.sites.models import SiteLeader

BEFORE_COUNCIL = ("organisations", "people", "sites", "topics")
"""Sheets that are needed before the council has decided, besides the programmes."""


@dataclass(frozen=True)
class Written:
    """Say what a programme of the data set says beyond the columns that are imported."""

    texts: Mapping[str, str]
    competences: tuple[str, ...]
    demands: tuple[DemandRow, ...] = ()


WRITTEN = {
    "UROK-16": Written(
        texts={
            "audience": "Учителя-предметники и учителя начальных классов",
            "tasks": "Освоить приемы целеполагания и мотивации\nСкорректировать раздел рабочей программы\n"
            "Разработать технологическую карту урока и защитить ее",
            "control": "Взаимная оценка технологических карт на итоговом семинаре",
            "conditions": "Кабинет с интерактивной панелью, электронный курс в Moodle, руководитель высшей категории",
        },
        competences=(
            "Формулирует планируемые результаты урока так, что их достижение можно проверить",
            "Подбирает приемы мотивации и целеполагания под задачу урока",
            "Проектирует урок открытия нового знания и составляет его технологическую карту",
        ),
        demands=(
            DemandRow(
                ProductKind.TECHNOLOGICAL_MAP,
                "Технологическая карта урока",
                criteria=(
                    "Цель урока сформулирована через действия ученика",
                    "Этапы урока связаны с целью",
                    "Для каждого этапа указано, как проверяется результат",
                ),
            ),
            DemandRow(
                ProductKind.WORK_PROGRAMME,
                "Раздел рабочей программы под планируемые результаты",
                is_required=False,
                criteria=("Результаты раздела соотнесены с федеральной программой", "Распределение часов обосновано"),
            ),
        ),
    ),
    "CIFRA-24": Written(
        texts={
            "audience": "Учителя-предметники, педагоги-психологи, социальные педагоги",
            "tasks": "Отобрать инструменты под задачу урока\nПровести урок с ними и разобрать его",
            "control": "Разработка урока и самоанализ проведенного урока",
            "conditions": "Кабинет информатики, доступ к Интернету, электронный курс в Moodle",
        },
        competences=(
            "Отбирает цифровые инструменты под задачу урока",
            "Применяет цифровые инструменты для формирующего оценивания",
        ),
        demands=(
            DemandRow(
                ProductKind.LESSON_DESIGN,
                "Разработка урока с цифровыми инструментами",
                LessonKind.IN_CLASS,
                criteria=("Выбор инструмента обоснован задачей урока", "Предусмотрена обратная связь каждому ученику"),
            ),
        ),
    ),
}
"""By the programme's code."""


def bring_in(session: Session, folder: Path, *, zone: ZoneInfo, now: datetime) -> ImportReport:
    """Import the rendered data set in ``folder``; return the report of the whole import. Writes ``folder``/drafts."""
    import_workbook(session, _drafts(folder), zone=zone, actor=SYSTEM, now=now)
    session.flush()
    for code, written in WRITTEN.items():
        _write(session, code, written, now)
    session.flush()
    return import_workbook(session, folder, zone=zone, actor=SYSTEM, now=now)


def _drafts(folder: Path) -> Path:
    """Make a folder in which the programmes aren't before the council yet."""
    drafts = folder / "drafts"
    drafts.mkdir(exist_ok=True)
    for name in BEFORE_COUNCIL:
        shutil.copy(folder / f"{name}.csv", drafts)
    with (folder / "programmes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (drafts / "programmes.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "council_protocol": "", "council_date": ""} for row in rows)
    return drafts


def _write(session: Session, code: str, written: Written, now: datetime) -> None:
    programme = session.scalars(select(Programme).where(Programme.code == code)).one()
    (version,) = programme.versions
    leader_id = session.scalars(select(SiteLeader.person_id).where(SiteLeader.site_id == programme.site_id)).one()
    facts = DraftFacts(
        title=version.title,
        hours=version.hours,
        hours_needed=version.hours_needed,
        needs_completion=version.needs_completion,
        texts={"direction": version.direction, "goals": version.goals, **written.texts},
        competences=written.competences,
        rows=tuple(
            PlanRow(topic.title, topic.form, topic.mode, topic.hours, topic_id=topic.id) for topic in version.topics
        ),
        demands=written.demands,
    )
    leader = Actor(leader_id, "", roles=frozenset({Role.LEADER}), led_site_ids=frozenset({programme.site_id}))
    save_draft(session, version.id, facts, seen=version.revision, actor=leader, now=now)
