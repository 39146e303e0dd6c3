"""The recordings, and the seed that holds the same data as the Moodle they were made on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent / "recordings" / "moodle-4.5"
URL = "http://localhost:8080"
TOOL = "http://localhost:5055"
CLIENT_ID = "sFh6TrISPXJgaSl"
NOW = 1795456393  # when most of it was recorded


def load(kind: str, name: str) -> Any:
    """Read a recording."""
    return json.loads((ROOT / kind / f"{name}.json").read_text("utf-8"))


def names(kind: str) -> set[str]:
    """Name all recordings of a kind."""
    return {path.stem for path in (ROOT / kind).glob("*.json")}


def person(username: str, firstname: str, lastname: str) -> dict[str, Any]:
    """Describe one of the recorded people."""
    email, idnumber = f"{username}@example.org", f"SN-{username}"
    return {
        "username": username,
        "firstname": firstname,
        "lastname": lastname,
        "email": email,
        "idnumber": idnumber,
    }


def seed(jwks: dict[str, Any] | None = None, *, tools: bool = True) -> dict[str, Any]:
    """Give the data of the recorded Moodle as it was when recording began."""
    request = load("lti", "dynreg_request")
    tool = {
        "name": "Capture",
        "client_id": CLIENT_ID,
        "login_url": f"{TOOL}/login",
        "redirect_uris": [f"{TOOL}/launch", f"{TOOL}/deep"],
        "target_link_uri": f"{TOOL}/launch",
        "deep_link_uri": f"{TOOL}/deep",
        "logo_uri": f"{TOOL}/logo.png",
        "jwks": jwks or {"keys": []},
        "custom": request["https://purl.imsglobal.org/spec/lti-tool-configuration"]["custom_parameters"],
    }
    link = {"name": "Площадка", "idnumber": "act-1", "custom": {"programme": "p1"}}
    return {
        "site": {"sitename": "Polysaevo Moodle", "shortname": "pm", "lang": "en"},
        "users": [
            person("stud1", "Анна", "Иванова"),
            person("stud2", "Борис", "Петров"),
            person("teach1", "Вера", "Сидорова"),
            person("tutor1", "Глеб", "Орлов"),
        ],
        "categories": [{"name": "Category 1"}],
        "tools": [tool] if tools else [],
        "courses": [
            {
                "shortname": "CAP1",
                "fullname": "Стажировка: современный урок",
                "idnumber": "PROG-1",
                "startdate": 1796083200,
                "activities": [link] if tools else [],
            }
        ],
        "enrolments": [
            {"user": "stud1", "course": "CAP1"},
            {"user": "stud2", "course": "CAP1"},
            {"user": "teach1", "course": "CAP1", "role": "editingteacher"},
            {"user": "tutor1", "course": "CAP1", "role": "teacher"},
        ],
    }
