"""Commands about people: which Moodle user they are, and the roles granted to users."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from sqlalchemy import select

from lti_app.core.cli import Group
from lti_app.core.edge import tool
from lti_app.core.numbers import LARGEST_ID
from lti_app.core.permissions import ROLE_NAMES, SYSTEM, Role
from lti_app.core.saving import Saved
from lti_app.lti.models import Moodle
from lti_app.lti.registrations import moodle_named
from lti_app.people.accounts import person_called
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
@with_appcontext
def grant(moodle: str, user_id: int, role: str) -> None:
    """Give ROLE to the user with this Moodle user id of the Moodle stored under the name MOODLE."""
    parts = tool()
    with parts.database.transaction() as session:
        known = moodle_named(session, moodle)
        saved = grant_role(
            session, moodle_id=known.id, user_id=user_id, role=Role(role), actor=SYSTEM, now=parts.clock()
        )
    values = {"user": user_id, "moodle": moodle, "role": ROLE_NAMES[Role(role)]}
    if saved is Saved.CREATED:
        click.echo(_("User %(user)s of %(moodle)s is now: %(role)s.", **values))
    else:
        click.echo(_("User %(user)s of %(moodle)s had this role already: %(role)s.", **values))


@people.command("revoke")
@moodle_argument
@user_argument
@role_argument
@with_appcontext
def revoke(moodle: str, user_id: int, role: str) -> None:
    """Take ROLE back from the user with this Moodle user id; it counts from their next page on."""
    parts = tool()
    with parts.database.transaction() as session:
        known = moodle_named(session, moodle)
        saved = revoke_role(
            session, moodle_id=known.id, user_id=user_id, role=Role(role), actor=SYSTEM, now=parts.clock()
        )
    values = {"user": user_id, "moodle": moodle, "role": ROLE_NAMES[Role(role)]}
    if saved is Saved.CHANGED:
        click.echo(_("User %(user)s of %(moodle)s no longer is: %(role)s.", **values))
    else:
        click.echo(_("User %(user)s of %(moodle)s did not have this role: %(role)s.", **values))


@people.command("list")
@with_appcontext
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
        click.echo(_("No role has been granted. Site administrators of Moodle are administrators here without it."))
    for name, held, person in rows:
        since = held.granted_at.astimezone(tool().settings.zone)
        who = person.full_name if person is not None else _("on no list")
        click.echo(f"{name}  {held.user_id}  {held.role.value}  {since:%Y-%m-%d}  {who}")


@people.command("tie")
@moodle_argument
@user_argument
@click.argument("person")
@with_appcontext
def tie(moodle: str, user_id: int, person: str) -> None:
    """Say that the user with this Moodle user id is PERSON: their number in Moodle or e-mail as imported."""
    parts = tool()
    with parts.database.transaction() as session:
        known, meant = moodle_named(session, moodle), person_called(session, person)
        saved = tie_account(session, moodle_id=known.id, user_id=user_id, person=meant, actor=SYSTEM, now=parts.clock())
        values = {"user": user_id, "moodle": moodle, "name": meant.full_name}
    if saved is Saved.CREATED:
        click.echo(_("User %(user)s of %(moodle)s is now known as %(name)s.", **values))
    else:
        click.echo(_("User %(user)s of %(moodle)s was known as %(name)s already.", **values))


@people.command("untie")
@moodle_argument
@user_argument
@with_appcontext
def untie(moodle: str, user_id: int) -> None:
    """Take back who the user with this Moodle user id is; it counts from their next page on."""
    parts = tool()
    with parts.database.transaction() as session:
        known = moodle_named(session, moodle)
        person = untie_account(session, moodle_id=known.id, user_id=user_id, actor=SYSTEM, now=parts.clock())
        values = {"user": user_id, "moodle": moodle, "name": person.full_name}
    click.echo(_("User %(user)s of %(moodle)s is no longer known as %(name)s.", **values))
