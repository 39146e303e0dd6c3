"""Commands about Moodles and registrations."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from lti_app.core.cli import Group, Refused, with_database
from lti_app.core.edge import tool
from lti_app.core.numbers import LARGEST_ID
from lti_app.core.permissions import SYSTEM
from lti_app.core.saving import Saved
from lti_app.lti.invitations import LIFE, invite
from lti_app.lti.keys import OVERLAP, PUBLISHED_AFTERWARDS, ensure_key, rotate_keys
from lti_app.lti.models import LtiRegistration, Moodle
from lti_app.lti.moodles import save_moodle, set_account_making, set_options
from lti_app.lti.parts import parts
from lti_app.lti.registrations import (
    add_registration,
    disable_registrations,
    enable_registrations,
    moodle_named,
)
from lti_app.lti.service_page import fill
from moodle_sync.functions import FACTS, Function, needed_capabilities

moodle_commands = Group("moodle", help="Moodles that the tool serves.")
moodle_number = click.IntRange(min=1, max=LARGEST_ID)
per_site_option = click.option(
    "--category-per-site/--no-category-per-site",
    default=None,
    help="make new courses in a category of their site's own, below that category",
)

DONE = {Saved.CREATED: "stored", Saved.CHANGED: "updated", Saved.UNCHANGED: "unchanged"}

lti_commands = Group("lti", help="Registrations of the tool with Moodles, and its keys.")


@moodle_commands.command("add")
@click.argument("name")
@click.option("--url", required=True, help="Moodle's address, such as https://moodle.example.org")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="file with the web-service token; without it the token is read from standard input",
)
@click.option("--template", metavar="COURSE", help="id or shortname of the course to copy intakes' courses from")
@click.option("--category", type=moodle_number, help="id of the category of new courses")
@per_site_option
@click.option("--trainee-role-id", type=moodle_number, help="id of Moodle's role for trainees; 5, Student, if not told")
@click.option("--leader-role-id", type=moodle_number, help="id of Moodle's role for leaders; 3, Teacher, if not told")
@with_database
def moodle_add(name: str, url: str, token_file: Path | None, **chosen: Any) -> None:
    """Store the access to the web services of the Moodle NAME; running it again updates."""
    token = _read_token(token_file)
    with tool().database.transaction() as session:
        saved = save_moodle(
            session,
            tool().vault,
            name=name,
            url=url,
            token=token,
            **chosen,
            actor=SYSTEM,
            now=tool().clock(),
        )
    parts().registrations.forget()
    click.echo(f"Moodle {name} {DONE[saved]}; check it with: moodle doctor {name}")


@moodle_commands.command("set")
@click.argument("name")
@per_site_option
@with_database
def moodle_set(name: str, **chosen: Any) -> None:
    """Change how courses are made in the Moodle NAME; what is not told stays as it was."""
    if all(value is None for value in chosen.values()):
        raise click.UsageError("nothing to set: say what, such as --category-per-site")
    with tool().database.transaction() as session:
        moodle = moodle_named(session, name)
        saved = set_options(session, moodle, **chosen, actor=SYSTEM, now=tool().clock())
    click.echo(f"Moodle {name} {DONE[saved]}")


@moodle_commands.command("accounts")
@click.argument("name")
@click.option("--create/--no-create", "allowed", default=None, help="let nights make accounts, or no longer")
@click.option("--auth", metavar="METHOD", help="how new users log in, by Moodle's name for it; manual, if never told")
@with_database
def moodle_accounts(name: str, allowed: bool | None, auth: str | None) -> None:
    """Say whether nights may make accounts in the Moodle NAME for people whom it does not have; off unless told."""
    with tool().database.transaction() as session:
        moodle = moodle_named(session, name)
        if allowed is not None or auth is not None:
            allowed = moodle.creates_users if allowed is None else allowed
            set_account_making(session, moodle, allowed=allowed, auth=auth, actor=SYSTEM, now=tool().clock())
        state = f"made by nights, logging in by {moodle.new_user_auth}" if moodle.creates_users else "never made"
    click.echo(f"Moodle {name}: missing accounts are {state}")


@moodle_commands.command("functions")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option(
    "--write",
    "page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="write the tables into this page anew, between their marks, and print nothing",
)
def moodle_functions(as_json: bool, page: Path | None) -> None:
    """List the web-service functions that the token's service needs, and the capabilities of its user."""
    if page is not None:
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")
        return
    if as_json:
        listed = [
            {
                "name": str(function),
                "purpose": facts.purpose,
                "writes": facts.writes,
                "optional": facts.optional,
                "capabilities": list(facts.capabilities),
            }
            for function, facts in FACTS.items()
        ]
        document = {"functions": listed, "capabilities": needed_capabilities()}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for function, facts in FACTS.items():
        click.echo(f"{function}  {facts.purpose}{' (optional)' if facts.optional else ''}")
    click.echo("\nCapabilities of the token's user:")
    for capability in needed_capabilities():
        click.echo(f"  {capability}")
    click.echo("\nOnly where nights make accounts (moodle accounts NAME --create):")
    for capability in FACTS[Function.CREATE_USERS].capabilities:
        click.echo(f"  {capability}")


@lti_commands.command("invite")
@click.argument("name")
@with_database
def lti_invite(name: str) -> None:
    """Print a one-time address that registers the tool with the Moodle NAME."""
    with tool().database.transaction() as session:
        token = invite(session, moodle=moodle_named(session, name), actor=SYSTEM, now=tool().clock())
    click.echo(f"{tool().settings.public_url}/lti/register/{token}")
    click.echo(
        f"Paste it in Moodle: Site administration, Plugins, External tool, Manage tools; then activate the tool. "
        f"It serves once, for {LIFE.days} days.",
        err=True,
    )


@lti_commands.command("add")
@click.argument("name")
@click.option("--issuer", required=True)
@click.option("--client-id", required=True)
@click.option("--deployment-id", required=True)
@click.option("--auth-login-url", required=True)
@click.option("--auth-token-url", required=True)
@click.option("--key-set-url", required=True)
@with_database
def lti_add(name: str, **given: str) -> None:
    """Store a registration that was made by hand in the Moodle NAME."""
    with tool().database.transaction() as session:
        add_registration(
            session,
            moodle=moodle_named(session, name),
            **given,
            actor=SYSTEM,
            now=tool().clock(),
        )
        ensure_key(session, tool().vault, tool().clock())
    parts().registrations.forget()
    public_url = tool().settings.public_url
    click.echo(f"registered with {name} as {given['client_id']}. In Moodle the tool needs:")
    click.echo(f"  tool URL, redirection URI   {public_url}/lti/launch")
    click.echo(f"  content selection URL       {public_url}/lti/deep-link")
    click.echo(f"  initiate login URL          {public_url}/lti/login")
    click.echo(f"  public keyset URL           {public_url}/lti/jwks")


@lti_commands.command("list")
@with_database
def lti_list() -> None:
    """List the registrations."""
    with tool().database.session(writes=False) as session:
        rows = session.execute(
            select(Moodle.name, LtiRegistration).join(Moodle).order_by(Moodle.name, LtiRegistration.id)
        ).all()
    if not rows:
        click.echo("no registrations yet; make one with: lti invite NAME")
    for name, row in rows:
        state = f"disabled {_local(row.disabled_at)}" if row.disabled_at else "enabled"
        click.echo(
            f"{name}  issuer {row.issuer}  client {row.client_id}  deployment {row.deployment_id}  {state}  "
            f"since {_local(row.created_at)}"
        )


client_option = click.option("--client-id", help="only this registration; without it all with that Moodle")


@lti_commands.command("disable")
@click.argument("name")
@client_option
@with_database
def lti_disable(name: str, client_id: str | None) -> None:
    """Take no launches from the Moodle NAME any more; visits that came from there end at once."""
    _switch(name, client_id, disable_registrations, "disabled")
    click.echo("launches are refused and visits have ended; `lti enable` takes it back; nights go on", err=True)


@lti_commands.command("enable")
@click.argument("name")
@client_option
@with_database
def lti_enable(name: str, client_id: str | None) -> None:
    """Take launches from the Moodle NAME again; people come in anew from Moodle."""
    _switch(name, client_id, enable_registrations, "enabled")


def _switch(name: str, client_id: str | None, switch: Callable[..., Sequence[LtiRegistration]], done: str) -> None:
    with tool().database.transaction() as session:
        rows = switch(
            session,
            moodle=moodle_named(session, name),
            client_id=client_id,
            actor=SYSTEM,
            now=tool().clock(),
        )
        clients = [row.client_id for row in rows]
    parts().registrations.forget()
    for client in clients:
        click.echo(f"registration of {name}, client {client}: {done}")
    if not clients:
        click.echo(f"nothing to do: {done} already")


@lti_commands.command("rotate-keys")
@click.option(
    "--now", "at_once", is_flag=True, help="older keys are no longer safe: the new one signs at once, they go"
)
@with_database
def lti_rotate_keys(at_once: bool) -> None:
    """Publish a new signing key; it signs once Moodles had a day to learn it, and older keys go a week later."""
    with tool().database.transaction() as session:
        key = rotate_keys(session, tool().vault, tool().clock(), at_once=at_once)
        kid, signs_from = key.kid, key.signs_from
    if at_once:
        click.echo(f"key {kid} is published and signs at once; older keys are neither published nor used any more")
        click.echo("Moodles that keep the old key set refuse calls until they read it again; scores wait meanwhile")
        return
    wait = f"from {_local(signs_from)} ({OVERLAP.total_seconds() / 3600:.0f} h from now)"
    click.echo(f"key {kid} is published and signs {wait}")
    click.echo(f"older keys stay published until {_local(signs_from + PUBLISHED_AFTERWARDS)}")


def _local(moment: datetime) -> str:
    return moment.astimezone(tool().settings.zone).strftime("%Y-%m-%d %H:%M %Z")


def _read_token(token_file: Path | None) -> str:
    if token_file is not None:
        token, place = token_file.read_text(encoding="utf-8"), f"{token_file} is empty"
    elif sys.stdin.isatty():
        token, place = click.prompt("web-service token", hide_input=True), "nothing was typed"
    else:
        token, place = sys.stdin.read(), "standard input is empty"
    if not token.strip():
        raise Refused(
            f"no web-service token: {place}; copy it from Moodle (Site administration, Server, Web services, "
            f"Manage tokens) into a file that only you can read, and give its name with --token-file"
        )
    return str(token).strip()
