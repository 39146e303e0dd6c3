"""Commands about people: which Moodle user they are, and the roles granted to users."""

from __future__ import annotations

import click
from sqlalchemy import select

from lti_app.core.cli import Group, with_database
from lti_app.core.edge import tool
from lti_app.core.numbers import LARGEST_ID
from lti_app.core.permissions import ROLE_NAMES, SYSTEM, Role
from lti_app.core.saving import Saved
from lti_app.lti.models import Moodle
from lti_app.lti.registrations import moodle_named
from lti_app.people.accounts import person_called, person_of_user
from lti_app.people.models import MoodleAccount, Person, RoleGrant
from lti_app.people.service import GRANTABLE, grant_role, revoke_role, tie_account, untie_account

people = Group("people", help="People, their Moodle accounts and their roles.")

moodle_argument = click.argument("moodle")
user_argument = click.argument("user_id", type=click.IntRange(min=1, max=LARGEST_ID))
role_argument = click.argument("role", type=click.Choice([role.value for role in GRANTABLE]))


@people.command("grant")
@moodle_argument
@user_argument
@role_argument
@with_database
def grant(moodle: str, user_id: int, role: str) -> None:
    """Give ROLE to the user with this Moodle user id of the Moodle stored under the name MOODLE.

    The user need not have come yet: so the first administrator is made before anybody has launched the tool.
    """
    parts = tool()
    with parts.database.transaction() as session:
        known = moodle_named(session, moodle)
        saved = grant_role(
            session, moodle_id=known.id, user_id=user_id, role=Role(role), actor=SYSTEM, now=parts.clock()
        )
        person = person_of_user(session, moodle_id=known.id, user_id=user_id)
        profile = f"{known.url}/user/profile.php?id={user_id}"
    done = "is now" if saved is Saved.CREATED else "already was"
    click.echo(f"{_called(moodle, user_id, person)} {done}: {ROLE_NAMES[Role(role)]}")
    if person is None:
        click.echo(
            f"note: user {user_id} of {moodle} is nobody on the lists, or has not come yet; the role counts for "
            f"whoever comes as this user, from their first launch on. See that {profile} is the person meant; "
            f"if not: people revoke {moodle} {user_id} {role}",
            err=True,
        )


@people.command("revoke")
@moodle_argument
@user_argument
@role_argument
@with_database
def revoke(moodle: str, user_id: int, role: str) -> None:
    """Take ROLE back from the user with this Moodle user id; it counts from their next page on."""
    parts = tool()
    with parts.database.transaction() as session:
        known = moodle_named(session, moodle)
        revoke_role(session, moodle_id=known.id, user_id=user_id, role=Role(role), actor=SYSTEM, now=parts.clock())
        person = person_of_user(session, moodle_id=known.id, user_id=user_id)
    click.echo(f"{_called(moodle, user_id, person)} no longer is: {ROLE_NAMES[Role(role)]}")


def _called(moodle: str, user_id: int, person: Person | None) -> str:
    """Name a user of a Moodle, and the person if known."""
    return f"user {user_id} of {moodle}" + (f" ({person.full_name})" if person else "")


@people.command("list")
@with_database
def list_command() -> None:
    """Say who holds which granted role. Leaders and trainees are not granted: they stand in orders and lists."""
    with tool().database.session(writes=False) as session:
        rows = session.execute(
            select(Moodle.name, RoleGrant, Person)
            .join(Moodle, Moodle.id == RoleGrant.moodle_id)
            .outerjoin(
                MoodleAccount,
                (MoodleAccount.moodle_id == RoleGrant.moodle_id) & (MoodleAccount.user_id == RoleGrant.user_id),
            )
            .outerjoin(Person, Person.id == MoodleAccount.person_id)
            .order_by(Moodle.name, RoleGrant.user_id, RoleGrant.role)
        ).all()
    if not rows:
        click.echo("no role has been granted; site administrators of Moodle are administrators here without it")
    for name, held, person in rows:
        since = held.granted_at.astimezone(tool().settings.zone)
        who = person.full_name if person is not None else "on no list"
        click.echo(f"{name}  {held.user_id}  {held.role.value}  {since:%Y-%m-%d}  {who}")


@people.command("tie")
@moodle_argument
@user_argument
@click.argument("person")
@with_database
def tie(moodle: str, user_id: int, person: str) -> None:
    """Say that the user with this Moodle user id is PERSON: their number in Moodle or e-mail as imported."""
    parts = tool()
    with parts.database.transaction() as session:
        known, meant = moodle_named(session, moodle), person_called(session, person)
        saved = tie_account(session, moodle_id=known.id, user_id=user_id, person=meant, actor=SYSTEM, now=parts.clock())
        name = meant.full_name
    done = "is now known" if saved is Saved.CREATED else "was known already"
    click.echo(f"user {user_id} of {moodle} {done} as {name}")


@people.command("untie")
@moodle_argument
@user_argument
@with_database
def untie(moodle: str, user_id: int) -> None:
    """Take back who the user with this Moodle user id is; it counts from their next page on."""
    parts = tool()
    with parts.database.transaction() as session:
        known = moodle_named(session, moodle)
        person = untie_account(session, moodle_id=known.id, user_id=user_id, actor=SYSTEM, now=parts.clock())
        name = person.full_name
    click.echo(f"user {user_id} of {moodle} is no longer known as {name}")
