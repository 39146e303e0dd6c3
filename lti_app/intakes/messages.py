"""A leader writes to a selection of an intake's trainees: by mail and as messages of Moodle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import String as SqlString
from sqlalchemy import cast, func, literal, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.message_models import IntakeMessage
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.notices.models import Notice
from lti_app.notices.service import tell
from lti_app.people.models import MoodleAccount, Person
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site

OCCASION = "leader_message"
LONGEST_MESSAGE = 2000
SHOWN = 20
"""Messages sent last that the page lists."""
SHOWN_TO_TRAINEE = 3


@dataclass(frozen=True)
class Recipient:
    """Show a trainee whom the leader may write to, and by which ways that can arrive."""

    trainee_id: int
    name: str
    organisation: str | None
    has_mail: bool
    has_account: bool

    @property
    def is_reachable(self) -> bool:
        """Tell whether anything arrives."""
        return self.has_mail or self.has_account


@dataclass(frozen=True)
class SentMessage:
    """Show a message that was sent, with the names of those it went to."""

    text: str
    sent_at: datetime
    sent_by: str
    recipients: int
    names: tuple[str, ...]


def intake_to_write_to(session: Session, intake_id: int, *, actor: Actor) -> Intake:
    """Return an intake of a site that ``actor`` leads. Raises NotFound, Forbidden to who does not (4.1)."""
    actor.require(Permission.RUN_INTAKES)
    intake = session.scalar(
        select(Intake)
        .where(Intake.id == intake_id)
        .options(
            joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .joinedload(Site.organisation)
        )
    )
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    return intake


def recipients_of(session: Session, intake_id: int) -> list[Recipient]:
    """Return the trainees who have a place now, by name, in one query."""
    has_account = (
        select(MoodleAccount.id)
        .where(
            MoodleAccount.person_id == Person.id,
            MoodleAccount.not_shown_since.is_(None),
            MoodleAccount.seen_suspended.is_(False),
        )
        .exists()
    )
    rows = session.execute(
        select(Trainee.id, Person, has_account)
        .join(Person, Person.id == Trainee.person_id)
        .options(joinedload(Person.organisation))
        .where(Trainee.intake_id == intake_id, Trainee.state == TraineeState.ENROLLED)
        .order_by(Person.last_name, Person.first_name, Trainee.id)
    )
    return [
        Recipient(
            trainee_id=trainee_id,
            name=person.full_name,
            organisation=person.organisation.label if person.organisation else None,
            has_mail=bool(person.email),
            has_account=bool(account),
        )
        for trainee_id, person, account in rows
    ]


def send_message(
    session: Session,
    intake_id: int,
    *,
    text: str,
    trainee_ids: Collection[int],
    form_key: str,
    actor: Actor,
    now: datetime,
) -> IntakeMessage:
    """Write to the chosen trainees of an intake; a form that is sent a second time sends nothing more.

    Raises NotFound, Forbidden to who does not lead the site (4.1), DomainError for an empty or too long text and where
    nobody is chosen, Conflict where somebody chosen has no place any more, or the form was sent with another text or
    to others.
    """
    intake = intake_to_write_to(session, intake_id, actor=actor)
    session.execute(select(Intake.id).where(Intake.id == intake_id).with_for_update(key_share=True))
    known = session.scalar(
        select(IntakeMessage).where(IntakeMessage.intake_id == intake_id, IntakeMessage.form_key == form_key)
    )
    text = _checked_text(text)
    people = _people(session, intake_id, set(trainee_ids))
    if known is not None:
        _require_same(session, known, text, people)
        return known
    require_fitting(IntakeMessage, {"form_key": form_key})
    message = IntakeMessage(
        intake_id=intake_id,
        text=text,
        sent_by_id=actor.require_person(),
        sent_at=now,
        recipients=len(people),
        form_key=form_key,
    )
    session.add(message)
    session.flush()
    audit.record(
        session,
        actor=actor,
        now=now,
        action="write_to_trainees",
        on=message,
        changes={"recipients": [None, len(people)]},
    )
    facts = {"title": intake.version.title, "leader": actor.name, "text": text}
    path = f"/intakes/{intake_id}?as=trainee#messages"
    tell(session, people, occasion=OCCASION, about=message, path=path, facts=facts, now=now)
    return message


def _require_same(session: Session, sent: IntakeMessage, text: str, people: Collection[int]) -> None:
    """Refuse what was written anew in a form that was sent: whoever goes back to it would think that it went out."""
    went_to = session.scalars(
        select(Notice.person_id).where(
            Notice.occasion == OCCASION,
            Notice.about_type == cast(literal(IntakeMessage.__tablename__), SqlString),
            Notice.about_id == sent.id,
        )
    ).all()
    if sent.text != text or set(went_to) != set(people):
        raise Conflict(
            "form_sent_already",
            _l("From this form another message was sent already; this one was not."),
            remedy=_l("Look through it, and send it from here."),
        )


def _checked_text(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise DomainError(
            "message_empty", _l("The message is empty."), remedy=_l("Write what you want to say."), field="text"
        )
    if len(text) > LONGEST_MESSAGE:
        raise DomainError(
            "message_too_long",
            _l("The message is longer than %(limit)s characters.", limit=LONGEST_MESSAGE),
            remedy=_l("Say it shorter, or send it in two parts."),
            field="text",
        )
    return text


def _people(session: Session, intake_id: int, trainee_ids: set[int]) -> list[int]:
    if not trainee_ids:
        raise DomainError(
            "nobody_chosen",
            _l("Nobody is chosen."),
            remedy=_l("Tick those whom you want to write to."),
            field="trainee",
        )
    people = session.scalars(
        select(Trainee.person_id).where(
            Trainee.id.in_(trainee_ids), Trainee.intake_id == intake_id, Trainee.state == TraineeState.ENROLLED
        )
    ).all()
    if len(people) != len(trainee_ids):
        raise Conflict(
            "not_a_trainee",
            _l("Somebody chosen has no place in this intake any more."),
            remedy=_l("Look through the list below, and send it again."),
            field="trainee",
        )
    return list(people)


def sent_messages(session: Session, intake_id: int, *, limit: int = SHOWN) -> list[SentMessage]:
    """Return the messages sent last, the newest first, with who got them; in two queries."""
    messages = session.scalars(
        select(IntakeMessage)
        .where(IntakeMessage.intake_id == intake_id)
        .options(joinedload(IntakeMessage.sent_by))
        .order_by(IntakeMessage.sent_at.desc(), IntakeMessage.id.desc())
        .limit(limit)
    ).all()
    names: dict[int, list[str]] = {}
    rows = session.execute(
        select(Notice.about_id, Person)
        .join(Person, Person.id == Notice.person_id)
        .where(
            Notice.occasion == OCCASION,
            Notice.about_type == cast(literal(IntakeMessage.__tablename__), SqlString),
            Notice.about_id.in_([message.id for message in messages]),
        )
        .order_by(Person.last_name, Person.first_name, Person.id)
    )
    for message_id, person in rows:
        names.setdefault(message_id, []).append(person.short_name)
    return [
        SentMessage(
            text=message.text,
            sent_at=message.sent_at,
            sent_by=message.sent_by.full_name,
            recipients=message.recipients,
            names=tuple(names.get(message.id, ())),
        )
        for message in messages
    ]


def count_sent(session: Session, intake_id: int) -> int:
    """Count the messages sent in an intake."""
    return (
        session.scalar(select(func.count()).select_from(IntakeMessage).where(IntakeMessage.intake_id == intake_id)) or 0
    )


def messages_to(session: Session, *, intake_id: int, person_id: int) -> Sequence[SentMessage]:
    """Return what was written to a person in an intake last, the newest first; nobody else is named."""
    rows = session.execute(
        select(IntakeMessage, Person)
        .join(Notice, Notice.about_id == IntakeMessage.id)
        .join(Person, Person.id == IntakeMessage.sent_by_id)
        .where(
            Notice.occasion == OCCASION,
            Notice.about_type == cast(literal(IntakeMessage.__tablename__), SqlString),
            Notice.person_id == person_id,
            IntakeMessage.intake_id == intake_id,
        )
        .order_by(IntakeMessage.sent_at.desc(), IntakeMessage.id.desc())
        .limit(SHOWN_TO_TRAINEE)
    )
    return [SentMessage(one.text, one.sent_at, by.full_name, one.recipients, ()) for one, by in rows]
