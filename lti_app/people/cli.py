"""Commands about people."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from sqlalchemy import select

from lti_app.core.cli import Group, Refused
from lti_app.core.edge import tool
from lti_app.core.permissions import ROLE_NAMES, SYSTEM, Role
from lti_app.core.saving import Saved
from lti_app.lti.models import Moodle
from lti_app.people.service import GRANTABLE, grant_role

people = Group("people", help="People and their roles.")


@people.command("grant")
@click.argument("moodle")
@click.argument("user_id", type=click.IntRange(min=1))
@click.argument("role", type=click.Choice([role.value for role in GRANTABLE]))
@with_appcontext
def grant(moodle: str, user_id: int, role: str) -> None:
    """Give ROLE to the user with this Moodle user id of the Moodle stored under the name MOODLE."""
    parts = tool()
    with parts.database.transaction() as session:
        known = session.scalar(select(Moodle).where(Moodle.name == moodle))
        if known is None:
            names = ", ".join(session.scalars(select(Moodle.name).order_by(Moodle.name))) or "—"
            raise Refused(
                _("No Moodle is stored under the name “%(name)s”. Known: %(names)s.", name=moodle, names=names)
            )
        saved = grant_role(
            session, moodle_id=known.id, user_id=user_id, role=Role(role), actor=SYSTEM, now=parts.clock()
        )
    values = {"user": user_id, "moodle": moodle, "role": ROLE_NAMES[Role(role)]}
    if saved is Saved.CREATED:
        click.echo(_("User %(user)s of %(moodle)s is now: %(role)s.", **values))
    else:
        click.echo(_("User %(user)s of %(moodle)s had this role already: %(role)s.", **values))
