"""What the sandbox Moodle holds before the tool comes: accounts, a template course, a course of other people."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from lti_app.demo.story import CENTRE_COURSE, FOREIGN_COURSE, SECRETARY, SPECIALIST

CATEGORY = "Стажировочные площадки"
TEMPLATE = "TEMPLATE"
SHOUTED = frozenset({"T-0006", "T-0019", "T-0033"})
"""People whose e-mail Moodle spells in another case, as happens when accounts are typed in by hand."""
ABSENT = frozenset({"T-0047"})
"""People who have no account in Moodle yet: the night reports them, and the administrator makes one."""

OTHERS = (
    ("a.polyakova", "Алла", "Полякова"),
    ("v.grishin", "Виктор", "Гришин"),
    ("s.larina", "Софья", "Ларина"),
    ("m.zakharov", "Михаил", "Захаров"),
    ("t.osipova", "Тамара", "Осипова"),
    ("k.belyaev", "Кирилл", "Беляев"),
)
"""People of the Moodle who have nothing to do with internships; the first teaches a course."""


def sandbox_seed(folder: Path) -> dict[str, Any]:
    """Return the sandbox's seed for the people of ``folder`` (a data set with people.csv)."""
    with (folder / "people.csv").open(encoding="utf-8", newline="") as stream:
        people = [_account(row) for row in csv.DictReader(stream) if row["moodle_idnumber"] not in ABSENT]
    names = {account["idnumber"]: account["username"] for account in people}
    return {
        "site": {"sitename": "Moodle муниципалитета", "shortname": "Moodle", "locks_backup_of_people": True},
        "users": [
            {
                "username": "admin",
                "firstname": "Администратор",
                "lastname": "Системы",
                "email": "admin@example.org",
                "admin": True,
            },
            *people,
            *({"username": name, "firstname": first, "lastname": last, "email": f"{name}@example.org"}
              for name, first, last in OTHERS),
        ],
        "categories": [{"name": CATEGORY, "idnumber": "SITES"}, {"name": "Методическая работа", "idnumber": "METHOD"}],
        "courses": [_template(), _foreign_course(), _centre_course()],
        "enrolments": [
            {"user": names[SPECIALIST], "course": CENTRE_COURSE, "role": "editingteacher"},
            {"user": names[SECRETARY], "course": CENTRE_COURSE, "role": "student"},
            *(
            {"user": name, "course": FOREIGN_COURSE, "role": "student" if place else "editingteacher"}
            for place, (name, _first, _last) in enumerate(OTHERS)),
        ],
    }  # fmt: skip


def _account(row: dict[str, str]) -> dict[str, Any]:
    number = row["moodle_idnumber"]
    username = (row["email"].split("@")[0] or number).lower()
    email = row["email"] or f"{number.lower()}@example.org"
    # Whoever has no number is found by e-mail alone, and without regard to case.
    in_other_case = number in SHOUTED or not number
    return {
        "username": username,
        "firstname": " ".join(part for part in (row["first_name"], row["middle_name"]) if part),
        "lastname": row["last_name"],
        "email": email.title() if in_other_case else email,
        "idnumber": number,
    }


def _template() -> dict[str, Any]:
    return {
        "shortname": TEMPLATE,
        "fullname": "Шаблон стажировки",
        "idnumber": TEMPLATE,
        "category": CATEGORY,
        "summary": "Из этого курса делаются курсы потоков.",
        "visible": 0,
        "activities": [
            {"kind": "page", "name": "О стажировке", "completion": "none"},
            {"kind": "forum", "name": "Объявления площадки", "completion": "none"},
            {"kind": "assign", "name": "Продукт стажёра", "completion": "manual"},
        ],
    }


def _centre_course() -> dict[str, Any]:
    return {
        "shortname": CENTRE_COURSE,
        "fullname": "Стажировочные площадки: рабочее место центра и совета",
        "idnumber": CENTRE_COURSE,
        "category": "Методическая работа",
        "activities": [],
    }


def _foreign_course() -> dict[str, Any]:
    return {
        "shortname": FOREIGN_COURSE,
        "fullname": "Педсовет: материалы и обсуждения",
        "idnumber": FOREIGN_COURSE,
        "category": "Методическая работа",
        "activities": [{"kind": "forum", "name": "Обсуждение", "completion": "none"}],
    }
