"""Commands about who is who, where the night can't be sure: what is to be decided, and the decision."""

from __future__ import annotations

import click

from lti_app.core.cli import with_database
from lti_app.core.edge import tool
from lti_app.core.numbers import LARGEST_ID
from lti_app.core.permissions import SYSTEM
from lti_app.lti.registrations import moodle_named
from lti_app.people.accounts import person_called
from lti_app.people.cli import moodle_argument, people
from lti_app.people.models import PersonQuestion
from lti_app.sync.question_views import NONE_OF_THEM
from lti_app.sync.questions import decide, fingerprint, open_questions, question_about
from lti_app.sync.words import doubt_words

__all__ = ["people"]

user_number: click.ParamType[int] = click.IntRange(min=1, max=LARGEST_ID)


@people.command("questions")
@with_database
def questions_command() -> None:
    """List whom the night could not find for certain, with the users that match; then those whom Moodle lacks."""
    with tool().database.session(writes=False) as session:
        asked = open_questions(session, actor=SYSTEM, with_candidates=True)
        missing = open_questions(session, actor=SYSTEM, with_candidates=False)
    for question in asked:
        click.echo(f"{_who(question)}: {doubt_words(question.reason)}")
        for row in question.candidates:
            facts = "  ".join(filter(None, (row["full_name"], row["idnumber"], row["email"])))
            click.echo(f"  {row['user_id']}  {facts}")
    for question in missing:
        click.echo(f"{_who(question)}: {doubt_words(question.reason)}")
    if not asked and not missing:
        click.echo("nothing is to be decided")
    elif asked:
        click.echo("to decide: people answer MOODLE PERSON USER_ID, or none in place of USER_ID")


def _who(question: PersonQuestion) -> str:
    person = question.person
    return f"{question.moodle.name}  {person.moodle_idnumber or person.email}  {person.full_name}"


@people.command("answer")
@moodle_argument
@click.argument("person")
@click.argument("answer", metavar="USER_ID|none")
@with_database
def answer_command(moodle: str, person: str, answer: str) -> None:
    """Say which of the users that match PERSON is (number in Moodle or e-mail as imported); none: none of them."""
    user = None if answer == NONE_OF_THEM else user_number.convert(answer, None, None)
    parts = tool()
    with parts.database.transaction() as session:
        known, meant = moodle_named(session, moodle), person_called(session, person)
        question = question_about(session, moodle_id=known.id, person=meant)
        seen = fingerprint(question.candidates)
        decide(session, question_id=question.id, user_id=user, seen=seen, actor=SYSTEM, now=parts.clock())
        name = meant.full_name
    if user is None:
        click.echo(f"{name} is none of these users of {moodle}")
    else:
        click.echo(f"user {user} of {moodle} is now known as {name}")
