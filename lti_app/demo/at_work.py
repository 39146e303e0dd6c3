"""What trainees and leaders of the running intakes have done: plans, ratings, products, questions, feedback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from io import BytesIO

from docx import Document
from sqlalchemy import select

from lti_app.core.attachment_store import AttachmentStore
from lti_app.core.attachments import Upload
from lti_app.core.permissions import Actor, Role
from lti_app.demo import story
from lti_app.demo.dates import workday
from lti_app.demo.under_way import Cast
from lti_app.intakes.messages import send_message
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.arriving import arrive
from lti_app.meetings.changing import Scope, edit_meeting
from lti_app.meetings.feedback import give_feedback, questions_in_force
from lti_app.meetings.models import Meeting
from lti_app.meetings.onsite_models import ArrivalHow
from lti_app.meetings.terms import MeetingTerms
from lti_app.plans.agreeing import agree_to_plan
from lti_app.plans.consulting import Terms, agree_consultation, ask_consultation
from lti_app.plans.models import RatingMoment
from lti_app.plans.rating import competences_of, rate
from lti_app.plans.seats import seat_of
from lti_app.plans.writing import begin_plan
from lti_app.products.catalogue import agree
from lti_app.products.files import attach
from lti_app.products.handing import ProductText, begin_product, hand_in, save_product
from lti_app.products.models import Mark, Product
from lti_app.products.reviewing import MarkRow, accept_product, return_product
from lti_app.programmes.models import Mode, ProductDemand, Topic


@dataclass(frozen=True)
class Work:
    """Say who handed in which product on which demand, and what the leader answered."""

    person: str
    demand: int
    title: str
    subject: str
    note: str
    days_ago: int
    marks: tuple[Mark, ...] = ()
    remarks: str = ""
    is_accepted: bool = False
    is_published: bool = False


MET, PARTLY = Mark.MET, Mark.PARTLY
WORKS = (
    Work(
        story.TRAINEE,
        1,
        "Технологическая карта урока «Состав слова», 3 класс",
        "русский язык",
        "Урок открытия нового знания. Карта рассчитана на 40 минут, работа в парах на третьем этапе.",
        3,
        (MET, MET, PARTLY),
        "Этапы хорошо связаны с целью. Допишите, чем закончится работа в парах: по чему вы увидите результат каждого?",
    ),
    Work(
        story.TRAINEE,
        2,
        "Раздел «Состав слова» рабочей программы, 3 класс",
        "русский язык",
        "Часы перераспределены в пользу практических заданий.",
        8,
        (MET, MET),
        "Принято. Обоснование часов ясное.",
        is_accepted=True,
        is_published=True,
    ),
    Work(
        "T-0004",
        1,
        "Технологическая карта урока «Доли и дроби», 5 класс",
        "математика",
        "Первая редакция, урок еще не проведен.",
        1,
    ),
    Work(
        "T-0013",
        1,
        "Технологическая карта урока «Сочинение-рассуждение», 9 класс",
        "русский язык",
        "Урок проведен, карта дополнена после разбора.",
        4,
        (MET, MET, MET),
        "Принято. Хороший образец того, как проверяется результат каждого этапа.",
        is_accepted=True,
        is_published=True,
    ),
)
"""Products of the story's intake; those without marks wait for the leader."""
AGREED_PLAN, TRAINEES_TURN, LEADERS_TURN = story.TRAINEE, "T-0010", "T-0007"
"""Whose individual plan is agreed, waits for the trainee, waits for the leader."""
RATED: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    story.TRAINEE: ((1, 2, 1), (1, 1, 1)),
    "T-0004": ((1, 1, 0), (1, 1, 1)),
    "T-0010": ((2, 1, 1), (1, 1, 1)),
    "T-0013": ((2, 2, 1), (2, 2, 2)),
}
"""Competences at the start, by the trainee and by the leader."""
FEEDBACK: Mapping[str, tuple[int, str]] = {
    "T-0004": (5, "Хорошо, что карту разбирали на живом примере, а не по образцу из пособия."),
    "T-0010": (4, ""),
    "T-0013": (5, "Хотелось бы больше времени на вопросы."),
    "T-0014": (4, ""),
}
"""What they gave every question on the meeting before the seminar, and wrote."""
FEEDBACK_TOPIC = 6
COMING = ("T-0015", "T-0016", "T-0036")
"""Who has followed the code on the screen of the meeting on site already."""
MESSAGE = (
    "Коллеги, до пятницы пришлите технологические карты: на итоговом семинаре будем оценивать их по критериям "
    "программы. Карту, которая возвращена с замечаниями, пришлите еще раз."
)


def show_work(cast: Cast, store: AttachmentStore) -> None:
    """Let trainees and leaders of the running intakes do what each page of theirs shows."""
    _plan(cast)
    _rate(cast)
    _hand_in(cast, store)
    _consult(cast)
    _give_feedback(cast)
    _meet_on_site(cast)
    _write(cast)


def _then(cast: Cast, days_ago: int, clock: time) -> datetime:
    """Return a moment of an earlier day, at an hour at which people work."""
    day = cast.now.astimezone(cast.zone).date() - timedelta(days=days_ago)
    return datetime.combine(day, clock, cast.zone)


def _intake(cast: Cast, code: str = story.INTAKE) -> Intake:
    return cast.session.scalars(select(Intake).where(Intake.code == code)).one()


def _trainee(cast: Cast, number: str) -> Trainee:
    return cast.session.scalars(
        select(Trainee).where(Trainee.intake_id == _intake(cast).id, Trainee.person_id == cast.person(number).id)
    ).one()


def _as_trainee(cast: Cast, number: str, intake: Intake | None = None) -> Actor:
    person = cast.person(number)
    taken = frozenset({(intake or _intake(cast)).id})
    return Actor(
        person_id=person.id,
        name=person.full_name,
        moodle_id=cast.moodle.id,
        roles=frozenset({Role.TRAINEE}),
        trainee_intake_ids=taken,
    )


def _leader(cast: Cast) -> Actor:
    return cast.actor(story.LEADER, Role.LEADER)


def _meeting(cast: Cast, code: str, topic: int) -> Meeting:
    return cast.session.scalars(
        select(Meeting)
        .join(Topic, Topic.id == Meeting.topic_id)
        .where(Meeting.intake_id == _intake(cast, code).id, Topic.position == topic, Meeting.only_for_id.is_(None))
    ).one()


def _plan(cast: Cast) -> None:
    turns = {AGREED_PLAN: (True, True), TRAINEES_TURN: (False, True), LEADERS_TURN: (True, False)}
    for days, (number, (by_trainee, by_leader)) in enumerate(turns.items(), start=1):
        trainee, then = _trainee(cast, number), _then(cast, days, time(17, 30))
        agreeing = [_as_trainee(cast, number)] * by_trainee + [_leader(cast)] * by_leader
        plan = begin_plan(
            cast.session,
            trainee_id=trainee.id,
            from_programme=True,
            actor=agreeing[0],
            now=then,
            zone=cast.zone,
        )
        cast.session.flush()
        for actor in agreeing:
            agree_to_plan(cast.session, trainee_id=trainee.id, seen=plan.revision, actor=actor, now=then)


def _rate(cast: Cast) -> None:
    competences = competences_of(cast.session, _intake(cast).version_id)
    for number, sides in RATED.items():
        trainee = _trainee(cast, number)
        for actor, values in zip((_as_trainee(cast, number), _leader(cast)), sides, strict=True):
            seat = seat_of(cast.session, trainee.id, actor=actor)
            given = {one.id: value for one, value in zip(competences, values, strict=True)}
            rate(cast.session, seat, RatingMoment.START, given, actor=actor, now=cast.now, zone=cast.zone)


def _hand_in(cast: Cast, store: AttachmentStore) -> None:
    intake = _intake(cast)
    demands = {
        one.position: one
        for one in cast.session.scalars(select(ProductDemand).where(ProductDemand.version_id == intake.version_id))
    }
    for work in WORKS:
        author, then = _as_trainee(cast, work.person), _then(cast, work.days_ago, time(18, 20))
        demand = demands[work.demand]
        product = begin_product(cast.session, intake_id=intake.id, demand_id=demand.id, actor=author, now=then)
        cast.session.flush()
        text = ProductText(work.title, demand.kind, subject=work.subject, note=work.note)
        save_product(cast.session, product.id, text, seen=product.revision, actor=author, now=then)
        upload = Upload(f"{work.title.replace('«', '').replace('»', '')}.docx", _paper(work))
        attach(cast.session, store, product.id, upload, actor=author, now=then)
        if work.is_published:
            agree(cast.session, product.id, agrees=True, actor=author, now=then)
        hand_in(cast.session, product.id, actor=author, now=then)
        cast.session.flush()
        _answer(cast, product, work, _then(cast, work.days_ago - 1, time(16, 10)))


def _answer(cast: Cast, product: Product, work: Work, then: datetime) -> None:
    if not work.marks:
        return
    answer = accept_product if work.is_accepted else return_product
    answer(
        cast.session,
        product.id,
        seen=product.revision,
        remarks=work.remarks,
        marks={place: MarkRow(mark) for place, mark in enumerate(work.marks)},
        actor=_leader(cast),
        now=then,
    )


def _paper(work: Work) -> bytes:
    document = Document()
    document.add_heading(work.title, level=1)
    document.add_paragraph(work.note)
    table = document.add_table(rows=1, cols=3)
    for cell, words in zip(table.rows[0].cells, ("Этап", "Деятельность ученика", "Результат"), strict=True):
        cell.text = words
    for stage in ("Мотивация", "Постановка задачи", "Открытие нового знания", "Закрепление", "Рефлексия"):
        table.add_row().cells[0].text = stage
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


def _consult(cast: Cast) -> None:
    intake = _intake(cast)
    topics = {topic.position: topic for topic in intake.version.topics}
    agreed = ask_consultation(
        cast.session,
        intake_id=intake.id,
        topic_id=topics[6].id,
        question="Как записать в карте результат работы в парах, если пары получили разные задания?",
        wished="Любой день после 15 часов, на расстоянии.",
        actor=_as_trainee(cast, story.TRAINEE),
        now=_then(cast, 2, time(17, 50)),
    )
    ask_consultation(
        cast.session,
        intake_id=intake.id,
        topic_id=topics[5].id,
        question="Хочу показать проект урока биологии до того, как проведу его. Посмотрите со мной этап рефлексии?",
        wished="Вторник или четверг, 6-й урок.",
        actor=_as_trainee(cast, "T-0010"),
        now=_then(cast, 1, time(19, 40)),
    )
    cast.session.flush()
    day = workday(cast.now.astimezone(cast.zone).date(), 2)
    agree_consultation(
        cast.session,
        consultation_id=agreed.id,
        terms=Terms(
            starts_at=datetime.combine(day, time(16, 0), cast.zone),
            minutes=45,
            mode=Mode.DISTANCE,
            place_or_url=f"{cast.moodle.url}/_sandbox/room/konsultaciya",
        ),
        answer="Возьмите карту с собой, разберем прямо по ней.",
        actor=_leader(cast),
        now=_then(cast, 1, time(9, 15)),
        zone=cast.zone,
    )


def _give_feedback(cast: Cast) -> None:
    meeting = _meeting(cast, story.INTAKE, FEEDBACK_TOPIC)
    questions = questions_in_force(cast.session)
    for number, (mark, comment) in FEEDBACK.items():
        give_feedback(
            cast.session,
            meeting_id=meeting.id,
            marks={question.id: mark for question in questions},
            comment=comment,
            actor=_as_trainee(cast, number),
            now=meeting.ends_at + timedelta(hours=20),
        )


def _meet_on_site(cast: Cast) -> None:
    """Name who holds the meeting that begins on site, and let the first arrive."""
    code, topic = story.ON_SITE
    meeting = _meeting(cast, code, topic)
    terms = MeetingTerms(
        topic_id=meeting.topic_id,
        form=meeting.form,
        mode=meeting.mode,
        starts_at=meeting.starts_at,
        minutes=meeting.minutes,
        place_or_url=meeting.place or "",
        host_id=cast.person(story.ON_SITE_HOST).id,
    )
    edit_meeting(
        cast.session,
        meeting.id,
        terms,
        seen=meeting.revision,
        scope=Scope.ONE,
        actor=_leader(cast),
        now=cast.now - timedelta(days=2),
        zone=cast.zone,
    )
    for number in COMING:
        arrive(
            cast.session,
            meeting_id=meeting.id,
            person_id=cast.person(number).id,
            how=ArrivalHow.CODE,
            at=cast.now,
        )


def _write(cast: Cast) -> None:
    intake = _intake(cast)
    send_message(
        cast.session,
        intake.id,
        text=MESSAGE,
        trainee_ids=[trainee.id for trainee in intake.trainees],
        form_key="demo",
        actor=_leader(cast),
        now=_then(cast, 1, time(10, 5)),
    )
