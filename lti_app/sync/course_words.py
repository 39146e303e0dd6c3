"""Notes of the night about templates, categories and hidden courses, in words for administrators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

CATEGORY = re.compile(r"category site:(?P<site>.+)")
"""How a plan names a category (moodle_sync.changes, ``target``), with the prefix of sync.desired."""
TEMPLATE = re.compile(
    r".*?the template (?P<template>.+) (?:is not in Moodle, .+|holds no link .+|holds an external .+|could not be .+)"
)
"""Where a note names a template (moodle_sync.plan, moodle_sync.templates)."""


def category_words(target: str) -> str | None:
    """Say which category a change is about; None where it is about something else."""
    match = CATEGORY.fullmatch(target)
    return str(gettext("category of site %(site)s", site=match["site"])) if match else None


def course_note_words(note: Mapping[str, Any]) -> str | None:
    """Say what a note about courses, templates or categories asks for; None where it is about something else."""
    course, text = note.get("course_key", ""), str(note.get("text", ""))
    match = TEMPLATE.fullmatch(text)
    template = match["template"] if match else text
    match note.get("code"):
        case "template_not_found":
            words = gettext(
                "Intake %(course)s: no course is made: the template course “%(template)s” is not in Moodle, "
                "or the tool may not see it. Correct it with `moodle template`.",
                course=course,
                template=template,
            )
        case "template_without_link":
            words = gettext(
                "The template course “%(template)s” holds no link to the tool: add the link to the template "
                "and to the courses made of it.",
                template=template,
            )
        case "template_link_without_grade_completion":
            words = gettext(
                "The link in the template course “%(template)s” is not completed by a grade: set its activity "
                "completion to “receive a grade” in the template and in the courses made of it.",
                template=template,
            )
        case "template_not_looked_at":
            words = gettext(
                "The template course “%(template)s” could not be looked at; the tool's link was not checked. "
                "`moodle doctor` says which capability is missing.",
                template=template,
            )
        case "category_unknown":
            words = gettext(
                "Intake %(course)s: no course is made: Moodle does not let the tool look for the site's category. "
                "`moodle doctor` says what is missing.",
                course=course,
            )
        case "course_shown_again":
            words = gettext(
                "Intake %(course)s has ended, and its course was shown again in Moodle by hand; it is hidden again.",
                course=course,
            )
        case _:
            return None
    return str(words)
