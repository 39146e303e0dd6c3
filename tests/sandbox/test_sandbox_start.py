"""Starting a sandbox: its seed, its command line, its end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from moodle_sync.sandbox import SeedError, running_sandbox

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("seed", "named"),
    [
        ({"user": []}, "user"),
        ({"users": [{"username": "a"}]}, "users[0]: email, firstname, lastname missing"),
        ({"courses": [{"shortname": "A", "fullname": "A", "colour": 1}]}, "courses[0]: unknown colour"),
        ({"courses": [{"shortname": "A", "fullname": "A", "category": "нет"}]}, "нет"),
        ({"enrolments": [{"user": "nobody", "course": "A"}]}, "nobody"),
        ({"site": {"url": "x"}}, "site: unknown url"),
        ({"courses": [{"shortname": "A", "fullname": "A", "activities": [{"name": "L"}]}]}, "activities[0]"),
    ],
)
def test_a_seed_that_cannot_be_used_is_refused_by_name(seed: dict[str, Any], named: str) -> None:
    with pytest.raises(SeedError) as refusal, running_sandbox(seed):
        pass
    assert named in str(refusal.value)


def test_the_public_address_stands_in_every_url() -> None:
    with running_sandbox(url="https://moodle.example.org") as sandbox:
        body = requests.get(f"{sandbox.local_url}/mod/lti/openid-configuration.php", timeout=10).text
    assert "https://moodle.example.org/mod/lti/token.php" in body
    assert "127.0.0.1" not in body


def test_after_its_end_nothing_answers() -> None:
    with running_sandbox() as sandbox:
        http = requests.Session()
        assert http.get(f"{sandbox.local_url}/_sandbox/ready", timeout=10).json()["ready"]
    with pytest.raises(requests.ConnectionError):
        http.get(f"{sandbox.local_url}/_sandbox/ready", timeout=10)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command_line_serves_until_it_is_told_to_end(ending: signal.Signals, tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"courses": [{"shortname": "A", "fullname": "Курс А"}]}), "utf-8")
    port = free_port()
    command = [sys.executable, "-m", "moodle_sync.sandbox", "--port", str(port), "--seed", str(seed), "--token", "t1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"sandbox Moodle ready at http://localhost:{port}\n"
        fields = {"wstoken": "t1", "wsfunction": "core_course_get_courses_by_field", "moodlewsrestformat": "json"}
        answer = requests.post(f"http://127.0.0.1:{port}/webservice/rest/server.php", fields, timeout=10)
        process.send_signal(ending)
        assert process.wait(10) == 0
    assert [course["shortname"] for course in answer.json()["courses"]] == ["moodle", "A"]


def test_the_command_line_names_what_is_wrong_with_a_seed(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"people": []}', "utf-8")
    command = [sys.executable, "-m", "moodle_sync.sandbox", "--port", "0", "--seed", str(seed)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "sandbox Moodle can't start: seed: unknown people\n"


def test_an_unknown_control_names_those_that_there_are() -> None:
    with running_sandbox() as sandbox:
        answer = requests.post(f"{sandbox.local_url}/_sandbox/nonsense", json={}, timeout=10)
        refused = requests.post(f"{sandbox.local_url}/_sandbox/activate", json={"tool": 7}, timeout=10)
    assert answer.status_code == 404
    assert "enrolments" in answer.json()["error"]
    assert refused.status_code == 400
