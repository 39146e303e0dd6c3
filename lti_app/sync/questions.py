"""Who is who, where a night can't be sure: questions that it opens and closes, and that an administrator decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.people.models import MoodleAccount, Person, PersonQuestion
from lti_app.people.service import tie_account
from moodle_sync.plan import Note
from moodle_sync.roster import Account, Doubt, Observed

DECIDED_NONE = "none of the users that match, as was decided"


def keep_questions(session: Session, moodle_id: int, observed: Observed, *, now: datetime) -> None:
    """Open a question for everybody who isn't found for certain; close those whose cause is gone.

    "None of them" stands as long as the same users match. Whoever was tied while Moodle was read is not asked about.
    """
    rows = select(PersonQuestion).where(PersonQuestion.moodle_id == moodle_id).with_for_update()
    known = {question.person_id: question for question in session.scalars(rows)}
    tied = set(session.scalars(select(MoodleAccount.person_id).where(MoodleAccount.moodle_id == moodle_id)))
    unresolved = {key: doubt for key, doubt in observed.unresolved.items() if key not in tied}
    for question in known.values():
        if question.person_id not in unresolved and question.closed_at is None:
            question.closed_at = now
    for key, doubt in unresolved.items():
        candidates = [_candidate(account) for account in observed.accounts.get(key, ())]
        if key not in known:
            session.add(
                PersonQuestion(
                    moodle_id=moodle_id, person_id=key, reason=doubt.code, candidates=candidates, opened_at=now
                )
            )
            continue
        question = known[key]
        changed = fingerprint(question.candidates) != fingerprint(candidates)
        stands = question.decided_at is not None and question.user_id is None and not changed
        if not stands and (question.closed_at or question.decided_at):
            question.opened_at, question.decided_at, question.decided_by, question.user_id = now, None, None, None
        question.closed_at, question.reason, question.candidates = None, doubt.code, candidates
    session.flush()


def close_question(session: Session, moodle_id: int, person_id: int, *, now: datetime) -> None:
    """Close the question about somebody for whom an account was made."""
    question = session.scalar(
        select(PersonQuestion).where(PersonQuestion.moodle_id == moodle_id, PersonQuestion.person_id == person_id)
    )
    if question is not None:
        question.closed_at = now


def _candidate(account: Account) -> dict[str, Any]:
    return {
        "user_id": account.user_id,
        "idnumber": account.idnumber,
        "email": account.email,
        "full_name": account.full_name,
    }


def fingerprint(candidates: Iterable[Mapping[str, Any]]) -> str:
    """Return what tells one set of candidates from another: who they are and by what they match, not their names."""
    values = sorted([row["user_id"], row["idnumber"], str(row["email"]).casefold()] for row in candidates)
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def settled_notes(session: Session, moodle_id: int, notes: Iterable[Note]) -> list[Note]:
    """Return the notes; of people for whom "none of them" was decided they say that."""
    settled = set(
        session.scalars(
            select(PersonQuestion.person_id).where(
                PersonQuestion.moodle_id == moodle_id,
                PersonQuestion.closed_at.is_(None),
                PersonQuestion.decided_at.is_not(None),
            )
        )
    )
    return [
        note._replace(text=DECIDED_NONE) if note.code == "person_not_found" and note.subject in settled else note
        for note in notes
    ]


def _is_open(actor: Actor, *, with_candidates: bool) -> list[ColumnElement[bool]]:
    has_none = PersonQuestion.reason == Doubt.NO_USER.code
    return [
        true() if actor.moodle_id is None else PersonQuestion.moodle_id == actor.moodle_id,
        PersonQuestion.closed_at.is_(None),
        PersonQuestion.decided_at.is_(None),
        ~has_none if with_candidates else has_none,
    ]


def count_open(session: Session, *, actor: Actor, with_candidates: bool) -> int:
    """Count the questions that wait and that ``actor`` may see.

    Either those to be decided, or those about people of whom Moodle has no trace.
    """
    query = select(func.count()).select_from(PersonQuestion)
    return session.scalar(query.where(*_is_open(actor, with_candidates=with_candidates))) or 0


def open_questions(
    session: Session, *, actor: Actor, with_candidates: bool, offset: int = 0, limit: int | None = None
) -> Sequence[PersonQuestion]:
    """Return a page of those questions, by name."""
    return session.scalars(
        select(PersonQuestion)
        .join(PersonQuestion.person)
        .where(*_is_open(actor, with_candidates=with_candidates))
        .options(joinedload(PersonQuestion.person).joinedload(Person.organisation), joinedload(PersonQuestion.moodle))
        .order_by(Person.last_name, Person.first_name, PersonQuestion.id)
        .offset(offset)
        .limit(limit)
    ).all()


def decide(
    session: Session, *, question_id: int, user_id: int | None, seen: str, actor: Actor, now: datetime
) -> PersonQuestion:
    """Say which of the candidates somebody is; None: none of them. ``seen`` is the fingerprint of those shown.

    Raises Forbidden; NotFound, also for a question of another Moodle; Conflict where somebody was quicker, other users
    match now, or the chosen one is tied to somebody else; DomainError for a user who is no candidate.
    """
    actor.require(Permission.DECIDE_PEOPLE)
    question = session.scalar(
        select(PersonQuestion)
        .where(
            PersonQuestion.id == question_id,
            true() if actor.moodle_id is None else PersonQuestion.moodle_id == actor.moodle_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if question is None:
        raise NotFound("no_such_question", _l("There is no such question."))
    if question.decided_at is not None:
        raise Conflict(
            "decided_already",
            _l("This was decided already, by %(name)s.", name=question.decided_by),
            remedy=_l("If that is wrong: people untie and people tie, on the server."),
        )
    if question.closed_at is not None or not question.candidates or fingerprint(question.candidates) != seen:
        raise Conflict(
            "question_changed",
            _l("Moodle has changed since: other users match now, or there is nothing to decide any more."),
            remedy=_l("Look at the list as it is now, and decide anew."),
        )
    if user_id is not None:
        if all(user_id != candidate["user_id"] for candidate in question.candidates):
            raise DomainError(
                "no_candidate",
                _l("This user is none of those who match."),
                remedy=_l("Choose one of the list, or none of them."),
                field="user",
            )
        tie_account(
            session, moodle_id=question.moodle_id, user_id=user_id, person=question.person, actor=actor, now=now
        )
    question.decided_at, question.decided_by, question.user_id = now, actor.name, user_id
    changes = {"user_id": [None, user_id], "candidates": [None, [row["user_id"] for row in question.candidates]]}
    audit.record(session, actor=actor, now=now, action="decide_person", on=question, changes=changes)
    return question


def question_about(session: Session, *, moodle_id: int, person: Person) -> PersonQuestion:
    """Return the question that waits about a person. Raises NotFound."""
    question = session.scalar(
        select(PersonQuestion).where(
            PersonQuestion.moodle_id == moodle_id,
            PersonQuestion.person_id == person.id,
            PersonQuestion.closed_at.is_(None),
        )
    )
    if question is None or not question.candidates:
        raise NotFound(
            "no_such_question",
            _l("Nothing is to be decided about %(name)s.", name=person.full_name),
            remedy=_l("`people questions` lists what is."),
        )
    return question
