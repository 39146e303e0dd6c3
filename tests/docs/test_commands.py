"""Every command of the pages is given: to a real tool, a migrated database and a pocket Moodle."""

from __future__ import annotations

import csv
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import requests
from flask.cli import ScriptInfo
from openpyxl import Workbook

from lti_app.core.clock import system_clock
from lti_app.demo.dates import DATA, render
from lti_app.demo.seed import CATEGORY, TEMPLATE, sandbox_seed
from lti_app.sync import service
from lti_app.sync.models import RunStatus
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.docs.pages import ROOT, Page, code, pages
from tests.lti_app.core.mail_server import mail_server
from tests.lti_app.lti.live import LiveTool, serving

PREFIX = "flask --app lti_app "


class Administrator:
    """Follow the pages: give the commands, and do in Moodle what stands between them."""

    def __init__(self, tool: LiveTool, sandbox: Sandbox, folder: Path) -> None:
        self.tool, self.sandbox, self.folder = tool, sandbox, folder
        category = next(row.id for row in sandbox.state.categories.values() if row.name == CATEGORY)
        (folder / "token").write_text(f"{sandbox.token}\n", encoding="utf-8")
        self.instead = {
            "https://moodle.example.org": sandbox.url,
            "/etc/ploshchadka/token-town": str(folder / "token"),
            "autumn.xlsx": str(folder / "autumn.xlsx"),
            "--category 7": f"--category {category}",
        }
        self.printed: dict[str, list[str]] = {}

    def arguments(self, command: str) -> list[str]:
        for written, real in self.instead.items():
            command = command.replace(written, real)
        return shlex.split(command.removeprefix(PREFIX))

    def give(self, command: str) -> None:
        result = self.tool.app.test_cli_runner().invoke(args=self.arguments(command))
        # Until a plan was approved for this Moodle, a look at it ends with "held".
        held = "sync run --dry-run" in command and "sync run --approve" not in self.printed
        expected = service.EXIT_CODES[RunStatus.HELD] if held else 0
        assert result.exit_code == expected, (
            f"{command}: exit {result.exit_code}\n{result.output}\n{result.exception!r}"
        )
        self.printed.setdefault(command.removeprefix(PREFIX), []).append(result.stdout)
        if " lti invite " in command:
            self._paste_in_moodle(result.stdout.strip())

    def _paste_in_moodle(self, address: str) -> None:
        begin = self._control("invite", url=address)["url"]
        assert requests.get(str(begin), timeout=20).status_code == 200
        self._control("activate")
        self._control("activities", course=TEMPLATE, name="Площадка", completion="grade")

    def _control(self, what: str, **given: str) -> dict[str, object]:
        response = requests.post(f"{self.sandbox.url}/_sandbox/{what}", json=given, timeout=10)
        assert response.status_code == 200, response.text
        answer: dict[str, object] = response.json()
        return answer


def write_workbook(folder: Path, path: Path) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    for source in sorted(folder.glob("*.csv")):
        sheet = book.create_sheet(source.stem)
        with source.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                sheet.append(["town" if cell == "demo" else cell for cell in row])
    book.save(path)


@pytest.fixture
def administrator(tmp_path: Path) -> Iterator[Administrator]:
    with mail_server() as mail, serving(f"sqlite:///{tmp_path / 'fresh.sqlite3'}", smtp_url=mail.url) as tool:
        zone = tool.app.extensions["ploshchadka"].settings.zone
        render(DATA, tmp_path / "data", system_clock(), zone)
        write_workbook(tmp_path / "data", tmp_path / "autumn.xlsx")
        with running_sandbox(sandbox_seed(tmp_path / "data")) as sandbox:
            yield Administrator(tool, sandbox, tmp_path)


def commands_of(page: Page) -> list[tuple[str, str]]:
    """Return where a command stands and what it is."""
    found = []
    for block in page.blocks("sh"):
        for number, line in block:
            command = line.split("  #")[0].strip()
            found += [(f"{page.name}:{number}", command)] if command.startswith((PREFIX, "make ")) else []
    return found


def wants_a_word(command: str) -> bool:
    """Tell whether the reader has to put something in: an argument in capitals that nothing here stands for."""
    return any(word.isupper() and word.isalpha() and word != TEMPLATE for word in command.split())


def test_the_pages_lead_from_an_empty_database_to_a_night_with_nothing_to_do(administrator: Administrator) -> None:
    given = 0
    for page in pages():
        for _place, command in commands_of(page):
            if command.startswith(PREFIX) and not wants_a_word(command):
                administrator.give(command)
                given += 1
    assert given >= 20
    assert "nothing to change" in administrator.printed["sync run"][0]
    assert "amiss" not in administrator.printed["moodle doctor town"][0]
    state = administrator.sandbox.state
    assert {"UROK-16-1", "UROK-16-2", "CIFRA-24-1"} <= {course.idnumber for course in state.courses.values()}


def parse(administrator: Administrator, command: str) -> None:
    """Let click take the command apart as it would, and stop before doing anything."""
    group: click.Command = administrator.tool.app.cli
    context = click.Context(group, obj=ScriptInfo(create_app=lambda: administrator.tool.app))
    words = [str(administrator.folder) if word == "PATH" else word for word in administrator.arguments(command)]
    while isinstance(group, click.Group):
        assert words, f"{command}: names no sub-command"
        found = group.get_command(context, words[0])
        assert found is not None, f"{command}: there is no {words[0]}"
        group, words = found, words[1:]
    group.make_context(group.name, words, parent=context)


def test_commands_with_a_word_to_put_in_have_the_right_shape(administrator: Administrator) -> None:
    for page in pages():
        spans = [span for span in code(page.prose()) if span.startswith(PREFIX)]
        written = [command for _place, command in commands_of(page) if command.startswith(PREFIX)]
        for command in [*spans, *written]:
            whole = command.removeprefix(PREFIX).split()
            if len(whole) == 2 and whole == ["moodle", "add"]:  # named, not given
                continue
            parse(administrator, command)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_make_knows_the_targets(page: Page) -> None:
    for place, command in commands_of(page):
        if command.startswith("make "):
            asked = ["make", "-n", *shlex.split(command)[1:]]
            result = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
            assert result.returncode == 0, f"{place}: {result.stderr}"
