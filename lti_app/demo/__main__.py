"""`make demo`: a pocket Moodle and the tool on this machine, a data set, a first night, and who to log in as."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import requests
from cryptography.fernet import Fernet
from flask_babel import force_locale
from rich.console import Console

from config.settings import Settings, load_settings
from lti_app import create_app
from lti_app.core.attachments import STORE
from lti_app.core.cli import LANGUAGE
from lti_app.core.edge import Tool
from lti_app.core.migrate import upgrade
from lti_app.core.permissions import SYSTEM
from lti_app.demo import at_work, history, story, under_way
from lti_app.demo.bringing import bring_in
from lti_app.demo.dates import DATA, render
from lti_app.demo.seed import TEMPLATE, sandbox_seed
from lti_app.demo.stage import Stage, StageError, require_free
from lti_app.lti.invitations import invite
from lti_app.lti.moodles import save_moodle
from lti_app.lti.registrations import moodle_named
from lti_app.sync.cli_report import lines_of, progress_on
from lti_app.sync.looking import look
from lti_app.sync.models import RunStatus
from lti_app.sync.names import names_in
from lti_app.sync.night import client_for, quiet, run_night
from lti_app.sync.outsiders import keep_outsiders

FOLDER = Path(os.environ.get("DEMO_FOLDER") or ".demo")
MARKER = ".made-by-the-demonstration"
LATENCY_MS = 15
"""The pocket Moodle answers as slowly as a quick real one, so that the night's progress can be seen."""


def main() -> None:
    """Set the stage, tell how far it is, say "ready", and wait for Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    sandbox_port = int(os.environ.get("SANDBOX_PORT") or 8800)
    tool_port = int(os.environ.get("TOOL_PORT") or 8700)
    try:
        require_free(sandbox_port, "SANDBOX_PORT")
        require_free(tool_port, "TOOL_PORT")
        _clear(FOLDER)
        with Stage(FOLDER) as stage:
            _play(stage, sandbox_port, tool_port)
    except StageError as error:
        sys.exit(str(error))


def _clear(folder: Path) -> None:
    """Make the folder anew; only one that an earlier demonstration made, or an empty one, is removed."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise StageError(f"{folder} holds something else; name another folder: DEMO_FOLDER=…")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / MARKER).touch()


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is what the command is for


def _play(stage: Stage, sandbox_port: int, tool_port: int) -> None:
    moodle_url, tool_url = f"http://localhost:{sandbox_port}", f"http://localhost:{tool_port}"
    environ = {
        "SECRET_KEY": secrets.token_urlsafe(40),
        "DATA_KEYS": Fernet.generate_key().decode("ascii"),
        "PUBLIC_URL": tool_url,
        "DATABASE_URL": f"sqlite:///{FOLDER.resolve() / 'demo.sqlite3'}",
        "LOG_LEVEL": "WARNING",
    }
    settings = load_settings(environ)
    config = _write_config(FOLDER / "config.toml", environ)
    app = create_app(settings)
    parts: Tool = app.extensions["ploshchadka"]
    with app.app_context():
        _say("1/5 database and data set")
        upgrade(parts.database)
        render(DATA, FOLDER / "data", parts.clock(), settings.zone)
        _put_rooms(FOLDER / "data" / "meetings.csv", moodle_url)
        token = secrets.token_hex(16)
        _say("2/5 sandbox Moodle and tool")
        _start_sandbox(stage, sandbox_port, moodle_url, token)
        _start_tool(stage, tool_port, tool_url, environ)
        _say("3/5 registering them with each other")
        _connect(parts, moodle_url, token)
        _say("4/5 importing")
        with parts.database.transaction() as session:
            bring_in(session, FOLDER / "data", zone=settings.zone, now=parts.clock())
            history.confirm_past_meetings(session)
            history.replay_stays(session)
            cast = under_way.Cast(session, moodle_named(session, story.MOODLE), parts.clock(), settings.zone)
            under_way.grant_roles(cast, _user_ids(moodle_url))
            under_way.begin_work(cast)
            at_work.show_work(cast, parts.services[STORE])
        _say("5/5 a first night")
        _first_night(parts)
        _let_a_stranger_in(moodle_url)
        _notice_the_stranger(parts)
    _say(_words(moodle_url, tool_url, settings, config))
    _say("ready")
    _wait(stage)


def _write_config(path: Path, environ: Mapping[str, str]) -> Path:
    """Write the settings to a file that APP_CONFIG can name, for commands given beside the demonstration."""
    # JSON's strings are TOML's as well.
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in environ.items()), encoding="utf-8")
    path.chmod(0o600)
    return path.resolve()


def _put_rooms(meetings: Path, moodle_url: str) -> None:
    """Let the seminars' links lead to a page on this machine: the addresses of the data set lead nowhere."""
    text = meetings.read_text(encoding="utf-8")
    meetings.write_text(text.replace("https://meet.example.org/", f"{moodle_url}/_sandbox/room/"), encoding="utf-8")


def _start_sandbox(stage: Stage, port: int, url: str, token: str) -> None:
    seed = FOLDER / "seed.json"
    seed.write_text(json.dumps(sandbox_seed(FOLDER / "data"), ensure_ascii=False), encoding="utf-8")
    command = ["-m", "moodle_sync.sandbox", "--port", str(port), "--url", url, "--seed", str(seed), "--token", token]
    stage.start("sandbox", [*command, "--latency", str(LATENCY_MS)], {})
    stage.wait_until_ready("sandbox", f"{url}/_sandbox/ready")


def _start_tool(stage: Stage, port: int, url: str, environ: Mapping[str, str]) -> None:
    command = ["-m", "gunicorn", "-c", "config/gunicorn.conf.py", "lti_app:create_app()"]
    stage.start("tool", command, {**environ, "BIND": f"127.0.0.1:{port}"})
    stage.wait_until_ready("tool", f"{url}/readyz")


def _connect(parts: Tool, moodle_url: str, token: str) -> None:
    """Do an administrator's part: store the access, register and activate the tool, link it in the template."""
    now = parts.clock()
    with parts.database.transaction() as session:
        save_moodle(
            session,
            parts.vault,
            name=story.MOODLE,
            url=moodle_url,
            token=token,
            template=TEMPLATE,
            category=None,
            actor=SYSTEM,
            now=now,
        )
        secret = invite(session, moodle=moodle_named(session, story.MOODLE), actor=SYSTEM, now=now)
    begin = _control(moodle_url, "invite", {"url": f"{parts.settings.public_url}/lti/register/{secret}"})
    answer = requests.get(str(begin["url"]), timeout=30)
    if answer.status_code != requests.codes.ok:
        raise StageError(f"the tool could not be registered (HTTP {answer.status_code}); see {FOLDER}/tool.log")
    _control(moodle_url, "activate", {})
    for course in (TEMPLATE, story.FOREIGN_COURSE, story.CENTRE_COURSE):
        _control(moodle_url, "activities", {"course": course, "name": "Площадка: занятия и часы"})


def _control(moodle_url: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(f"{moodle_url}/_sandbox/{name}", json=body, timeout=30)
    if answer.status_code != requests.codes.ok:
        raise StageError(f"the sandbox refused {name}: {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found


def _user_ids(moodle_url: str) -> dict[str, int]:
    """Return the sandbox's user ids by idnumber, as an administrator would look them up in Moodle."""
    state = requests.get(f"{moodle_url}/_sandbox/state", timeout=30).json()
    return {user["idnumber"]: int(user["id"]) for user in state["users"] if user.get("idnumber")}


def _first_night(parts: Tool) -> None:
    with parts.database.session(writes=False) as session:
        moodle = moodle_named(session, story.MOODLE)
    # The first night is approved beforehand, as an administrator would after a --dry-run.
    with force_locale(LANGUAGE):
        with progress_on(Console(stderr=True), moodle.name) as progress:
            result = run_night(parts, moodle.id, approve=True, progress=progress)
        with parts.database.session(writes=False) as session:
            names = names_in(session, result.report)
        for line in lines_of(result.report, names):
            _say(f"    {line}")
    if result.status is not RunStatus.DONE:
        raise StageError("the first night did not go well")


def _let_a_stranger_in(moodle_url: str) -> None:
    """Enrol somebody on no list in a course of ours, as a teacher may in Moodle: its leader is asked about him."""
    _control(moodle_url, "enrolments", {"user": story.STRANGER, "course": story.INTAKE, "role": "student"})


def _notice_the_stranger(parts: Tool) -> None:
    """Do that part of the next night which offers him to the leader, so that its page shows it from the start."""
    with parts.database.session(writes=False) as session:
        moodle = moodle_named(session, story.MOODLE)
    with client_for(parts, moodle) as client:
        seen, _plan, _verdict = look(parts, moodle, client, quiet)
        keep_outsiders(parts, moodle, client, seen)


def _words(moodle_url: str, tool_url: str, settings: Settings, config: Path) -> str:
    command = shlex.quote(str(config))
    return f"""
Moodle    {moodle_url}/login - log in by choosing a name:
  trainee         {story.TRAINEE_NAME}: course «Современный урок …», link «Площадка: занятия и часы», a seminar now
  leader          {story.LEADER_NAME}: the same course: who waits today, confirm attendance, credit hours
  centre          {story.SPECIALIST_NAME}: course «Стажировочные площадки …»: what is due, all sites, the calendar
  council         {story.SECRETARY_NAME}: the same course: the next agenda, a programme with a remark at its topic
  administrator   Администратор Системы: course «Современный урок …»: how the night went
  stranger        {story.STRANGER_NAME}: on no list, enrolled there by hand; and in «Педсовет», which is no intake's
Tool      {tool_url} - opens from Moodle only
Commands  in another terminal, in this folder:
  export APP_CONFIG={command}
  {Path(sys.executable).parent / "flask"} --app lti_app sync status
Time      {settings.timezone}; everything is kept in {FOLDER}/ and made anew at each start. Ctrl-C ends it.
"""


def _wait(stage: Stage) -> None:
    while (name := stage.ended()) is None:
        time.sleep(0.5)
    raise StageError(f"{name} has ended; see {FOLDER}/{name}.log")


if __name__ == "__main__":
    main()
