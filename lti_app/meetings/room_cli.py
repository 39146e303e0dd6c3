"""Commands about servers that rooms are made on."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from lti_app.core.cli import Group, Refused, with_database
from lti_app.core.edge import tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.cli import DONE
from lti_app.lti.doctor.checks import Status
from lti_app.meetings.bigbluebutton import Server
from lti_app.meetings.room_models import ChecksumKind
from lti_app.meetings.rooms.doctor import examine_server
from lti_app.meetings.rooms.servers import save_server, server_named, servers

rooms_commands = Group("rooms", help="BigBlueButton servers that rooms of meetings are made on.")


@rooms_commands.command("add")
@click.argument("name")
@click.option("--url", required=True, help="what bbb-conf --secret prints as URL")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="file with the shared secret; without it the secret is read from standard input",
)
@click.option(
    "--checksum",
    type=click.Choice([kind.value for kind in ChecksumKind]),
    help="digest that requests are signed with; sha256, if never told",
)
@with_database
def rooms_add(name: str, url: str, secret_file: Path | None, checksum: str | None) -> None:
    """Store the BigBlueButton server NAME; running it again updates."""
    secret = _read_secret(secret_file)
    with tool().database.transaction() as session:
        saved = save_server(
            session,
            tool().vault,
            name=name,
            url=url,
            secret=secret,
            kind=ChecksumKind(checksum) if checksum else None,
            actor=SYSTEM,
            now=tool().clock(),
        )
    click.echo(f"server {name} {DONE[saved]}; check it with: rooms check {name}")


@rooms_commands.command("list")
@with_database
def rooms_list() -> None:
    """List the servers; rooms are made on the first one unless another is chosen."""
    with tool().database.session(writes=False) as session:
        lines = [f"{row.name}  {row.url}  {row.checksum}" for row in servers(session)]
    for line in lines or ["no server is stored; store one with: rooms add NAME --url URL"]:
        click.echo(line)


@rooms_commands.command("check")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@with_database
def rooms_check(name: str, as_json: bool) -> None:
    """Check whether rooms can be made on the server NAME. Exit code 1 if something is amiss. Changes nothing there."""
    with tool().database.session(writes=False) as session:
        row = server_named(session, name)
        server = Server(row.url, tool().vault.open(row.secret_encrypted), row.checksum)
    checks = examine_server(server, tool().settings.public_url)
    bad = any(check.status is Status.AMISS for check in checks)
    if as_json:
        listed = [asdict(check) for check in checks]
        click.echo(json.dumps({"server": name, "ok": not bad, "checks": listed}, ensure_ascii=False, indent=2))
    else:
        for check in checks:
            remedy = f" — {check.remedy}" if check.remedy else ""
            click.echo(f"{check.status:5}  {check.name}: {check.message}{remedy}")
    if bad:
        sys.exit(1)


def _read_secret(path: Path | None) -> str:
    if path is not None:
        secret, place = path.read_text(encoding="utf-8"), f"{path} is empty"
    elif sys.stdin.isatty():
        secret, place = click.prompt("shared secret", hide_input=True), "nothing was typed"
    else:
        secret, place = sys.stdin.read(), "standard input is empty"
    if not secret.strip():
        raise Refused(
            f"no shared secret: {place}; write what bbb-conf --secret prints as Secret into a file that only you can "
            "read, and give its name with --secret-file"
        )
    return str(secret).strip()
