"""What the centre, the council, the leaders and those who want a place have under way when the demonstration starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.permissions import SYSTEM, Actor, Role
from lti_app.demo import story
from lti_app.demo.dates import workday
from lti_app.intakes.making import IntakeTerms, create_intake
from lti_app.intakes.models import Intake
from lti_app.intakes.publishing import publish
from lti_app.intakes.requests import ask
from lti_app.lti.models import Moodle
from lti_app.meetings.guests import sign_up
from lti_app.meetings.models import Meeting
from lti_app.meetings.opening import OpenTerms, set_open
from lti_app.people.keeping import name_head
from lti_app.people.models import Organisation, Person
from lti_app.people.service import grant_role
from lti_app.programmes.beginning import create_programme
from lti_app.programmes.drafts import DraftFacts, PlanRow, save_draft
from lti_app.programmes.models import Form, Mode, Programme, ProgrammeVersion, Section, Topic
from lti_app.programmes.remarks import add_remark
from lti_app.programmes.sittings import SittingFacts, add_version, call_sitting
from lti_app.programmes.submitting import submit_version
from lti_app.sites.applications import ApplicationFacts, begin_application, submit_application
from lti_app.sites.models import SiteLeader


@dataclass(frozen=True)
class Cast:
    """Hold who acts, at which moment, in whose Moodle."""

    session: Session
    moodle: Moodle
    now: datetime
    zone: ZoneInfo

    def person(self, number: str) -> Person:
        """Return somebody of the data set."""
        return self.session.scalars(select(Person).where(Person.moodle_idnumber == number)).one()

    def actor(self, number: str, *roles: Role) -> Actor:
        """Act as somebody of the data set, on the sites that they lead."""
        person = self.person(number)
        led = select(SiteLeader.site_id).where(SiteLeader.person_id == person.id, SiteLeader.until.is_(None))
        return Actor(
            person_id=person.id,
            name=person.full_name,
            moodle_id=self.moodle.id,
            roles=frozenset(roles),
            led_site_ids=frozenset(self.session.scalars(led)),
        )


def grant_roles(cast: Cast, user_ids: dict[str, int]) -> None:
    """Give the centre's specialist and the council's secretary their roles; ``user_ids`` by idnumber in Moodle."""
    for number, role in ((story.SPECIALIST, Role.CENTRE), (story.SECRETARY, Role.COUNCIL)):
        grant_role(
            cast.session,
            moodle_id=cast.moodle.id,
            user_id=user_ids[number],
            role=role,
            actor=SYSTEM,
            now=cast.now,
        )


def begin_work(cast: Cast) -> None:
    """Put down an application, a programme before the council, an intake that takes requests, an open seminar."""
    _apply(cast)
    version = _write_programme(cast)
    _discuss(cast, version)
    _open_intake(cast)
    _open_seminar(cast)


def _apply(cast: Cast) -> None:
    author = cast.actor(story.APPLICANT)
    leader = cast.person(story.PROPOSED_LEADER)
    facts = ApplicationFacts(
        host_id=leader.organisation_id or 0,
        direction="Естественно-научная грамотность",
        topic="Школьный эксперимент как основа естественно-научной грамотности",
        experience=(
            "С прошлого года лицей ведёт муниципальный проект «Лаборатория на уроке»: проведено 14 открытых уроков, "
            "разработаны 22 экспериментальные работы с оценочными листами."
        ),
        equipment="Цифровая лаборатория по химии; 12\nИнтерактивная панель; 2\nКабинет химии на 26 мест; 1",
        achievements="Лауреат муниципального конкурса «Учитель года», автор сборника экспериментальных работ.",
        leader_id=leader.id,
    )
    application = begin_application(cast.session, facts, applicant_id=None, actor=author, now=cast.now)
    cast.session.flush()
    today = cast.now.astimezone(cast.zone).date()
    submit_application(cast.session, application.id, actor=author, now=cast.now, today=today)


def _write_programme(cast: Cast) -> ProgrammeVersion:
    leader = cast.actor(story.LEADER, Role.LEADER)
    version = create_programme(
        cast.session,
        site_id=min(leader.led_site_ids),
        title="Смешанное обучение: проектируем урок",
        hours=Decimal(18),
        actor=leader,
        now=cast.now,
    )
    cast.session.flush()
    facts = DraftFacts(
        title=version.title,
        hours=Decimal(18),
        hours_needed=Decimal(16),
        needs_completion=False,
        texts={
            "direction": version.direction,
            "annotation": "Как соединить работу в классе и в электронном курсе, чтобы ученику было что делать.",
            "relevance": "Электронные курсы в школах есть, а уроков, где они к месту, мало.",
            "goals": "Научиться проектировать урок смешанного обучения и провести его.",
            "tasks": "Познакомиться с моделями смешанного обучения\nСпроектировать урок\nПровести его и разобрать",
            "audience": "Учителя-предметники 5–9 классов",
            "control": "Технологическая карта урока и самоанализ проведённого урока",
            "conditions": "Компьютерный класс, электронный курс в Moodle, руководитель высшей категории",
            "sources": "Рабочие программы учебных предметов\nМетодические рекомендации центра",
        },
        competences=(
            "Выбирает модель смешанного обучения под задачу урока",
            "Проектирует и проводит урок смешанного обучения",
        ),
        rows=(
            PlanRow("Модели смешанного обучения", Form.LECTURE, Mode.DISTANCE, Decimal(2)),
            PlanRow("Перевёрнутый урок: от цели к заданию", Form.SEMINAR, Mode.DISTANCE, Decimal(4)),
            PlanRow("Технологическая карта урока", Form.TECHNOLOGICAL_MAP, Mode.ON_SITE, Decimal(6), Decimal(2)),
            PlanRow("Открытый урок и его разбор", Form.OPEN_LESSON, Mode.ON_SITE, Decimal(4)),
            PlanRow("Консультация по урокам стажёров", Form.CONSULTATION, Mode.DISTANCE, Decimal(2)),
        ),
    )
    save_draft(cast.session, version.id, facts, seen=version.revision, actor=leader, now=cast.now)
    today = cast.now.astimezone(cast.zone).date()
    submit_version(cast.session, version.id, actor=leader, now=cast.now, today=today)
    return version


def _discuss(cast: Cast, version: ProgrammeVersion) -> None:
    secretary = cast.actor(story.SECRETARY, Role.COUNCIL)
    sitting = call_sitting(
        cast.session,
        SittingFacts(
            held_on=workday(cast.now.astimezone(cast.zone).date(), 8),
            starts_at="15:00",
            place="МБОУ ДПО «ИМЦ», конференц-зал",
            chair="Т. В. Ершова",
            secretary=cast.person(story.SECRETARY).short_name,
        ),
        actor=secretary,
        now=cast.now,
    )
    cast.session.flush()
    add_version(cast.session, sitting.id, version.id, actor=secretary, now=cast.now)
    add_remark(
        cast.session,
        version.id,
        section=Section.TOPIC,
        topic_position=2,
        text="Четыре часа семинара подряд на расстоянии много: разделите на два занятия.",
        actor=secretary,
        now=cast.now,
    )


def _open_intake(cast: Cast) -> None:
    leader = cast.actor(story.LEADER, Role.LEADER)
    programme = cast.session.scalars(select(Programme).where(Programme.code == story.OPEN_PROGRAMME)).one()
    starts_on = cast.now.astimezone(cast.zone).date() + timedelta(days=24)
    terms = IntakeTerms(
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=45),
        capacity=12,
        moodle_id=cast.moodle.id,
        needs_head=True,
        note="Занятия по вторникам после уроков. Возьмите с собой текст, по которому хотите дать урок.",
    )
    intake: Intake = create_intake(cast.session, programme.id, terms, actor=leader, now=cast.now, zone=cast.zone)
    cast.session.flush()
    publish(cast.session, intake.id, actor=leader, now=cast.now, zone=cast.zone)
    organisation = cast.session.get_one(Organisation, cast.person(story.HEAD).organisation_id)
    name_head(
        cast.session,
        organisation.id,
        person_id=cast.person(story.HEAD).id,
        since=starts_on - timedelta(days=700),
        actor=cast.actor(story.SPECIALIST, Role.CENTRE),
        now=cast.now,
    )
    cast.session.flush()
    for number in story.WANT_A_PLACE:
        ask(cast.session, intake.id, actor=cast.actor(number), now=cast.now, zone=cast.zone)


def _open_seminar(cast: Cast) -> None:
    intake, topic = story.OPEN_SEMINAR
    meeting = cast.session.scalars(
        select(Meeting)
        .join(Intake, Intake.id == Meeting.intake_id)
        .join(Topic, Topic.id == Meeting.topic_id)
        .where(Intake.code == intake, Topic.position == topic)
    ).one()
    set_open(
        cast.session,
        meeting.id,
        OpenTerms(is_open=True, guest_places=len(story.SEMINAR_GUESTS) - 1, cancel_hours=3),
        seen=meeting.revision,
        actor=cast.actor(story.LEADER, Role.LEADER),
        now=cast.now,
        zone=cast.zone,
    )
    for guest in story.SEMINAR_GUESTS:
        sign_up(cast.session, meeting.id, actor=cast.actor(guest), now=cast.now)
