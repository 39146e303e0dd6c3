"""Every text for people has its Russian, and no Russian stands in templates outside of the catalogue."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po

from lti_app.sync.words import FINDINGS, REMEDIES
from lti_app.web import i18n
from moodle_sync import errors

PACKAGE = Path(i18n.__file__).resolve().parents[1]
RUSSIAN = i18n.TRANSLATIONS / "ru" / "LC_MESSAGES" / "messages.po"
KEYWORDS = ["_l", "lazy_gettext", "lazy_ngettext:1,2", "plural_forms:1,2"]
TEXTS = {*DEFAULT_KEYWORDS, "_l", "lazy_gettext", "lazy_ngettext", "plural_forms"}
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")

Msgid = str | tuple[str, ...]


@pytest.fixture(scope="module")
def russian() -> Catalog:
    with RUSSIAN.open("rb") as stream:
        return read_po(stream, locale="ru", abort_invalid=True)


@pytest.fixture(scope="module")
def in_code() -> set[Msgid]:
    """Return the msgids that stand in the code and the templates, as `pybabel extract` finds them."""
    with (Path(i18n.__file__).parent / "babel.cfg").open() as config:
        methods, options = parse_mapping_cfg(config)
    found = extract_from_dir(str(PACKAGE), methods, options, keywords={**DEFAULT_KEYWORDS, **parse_keywords(KEYWORDS)})
    return {tuple(text) if isinstance(text, (list, tuple)) else text for _file, _line, text, _notes, _context in found}


def forms(string: Msgid) -> list[str]:
    return [string] if isinstance(string, str) else list(string)


def test_every_text_has_its_russian(russian: Catalog, in_code: set[Msgid]) -> None:
    def missing(text: Msgid) -> bool:
        message = russian.get(text if isinstance(text, str) else text[0])
        return message is None or message.fuzzy or not all(forms(message.string))

    assert len(in_code) > 300
    assert sorted(str(text) for text in in_code if missing(text)) == []


def test_no_text_hides_in_an_f_string() -> None:
    """`pybabel extract` doesn't look into them."""
    hidden = [
        f"{path.name}:{call.lineno}"
        for path in PACKAGE.rglob("*.py")
        for string in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in TEXTS
    ]

    assert hidden == []


def test_the_catalogue_holds_nothing_that_is_gone(russian: Catalog, in_code: set[Msgid]) -> None:
    firsts = {forms(text)[0] for text in in_code}

    assert (
        sorted(forms(message.id)[0] for message in russian if message.id and forms(message.id)[0] not in firsts) == []
    )
    assert not russian.obsolete


def test_plurals_have_all_russian_forms(russian: Catalog) -> None:
    assert russian.num_plurals == 3
    assert [m.id for m in russian if isinstance(m.id, tuple) and (len(m.string) != 3 or not all(m.string))] == []


def test_the_first_russian_form_serves_21_as_well_as_1(russian: Catalog) -> None:
    """It names the number, and nothing in it speaks of one person only."""
    only_one = re.compile(r"\bод(?:ин|на|но|ного|ной|ному|ним)\b|\b(?:его|ему|ней|участник не)\b")
    wrong = [
        message.string[0]
        for message in russian
        if isinstance(message.id, tuple)
        and (only_one.search(message.string[0]) or not re.search(r"%\((?:num|hours)\)s", message.string[0]))
    ]

    assert len([m for m in russian if isinstance(m.id, tuple)]) > 10
    assert wrong == []


def test_translations_keep_the_placeholders(russian: Catalog) -> None:
    """Each form fills in what the English one does, no more and no less."""
    broken = [
        message.id
        for message in russian
        if message.id
        for form in forms(message.string)
        if set(PLACEHOLDER.findall(form)) != set(PLACEHOLDER.findall(forms(message.id)[0]))
    ]

    assert broken == []


def test_russian_is_written_in_cyrillic(russian: Catalog) -> None:
    """A translation without a Cyrillic letter was forgotten, unless it is made of placeholders."""
    latin = re.compile(r"[A-Za-z]{2,}")
    forgotten = [
        message.id
        for message in russian
        if message.id
        for form in forms(message.string)
        if latin.search(PLACEHOLDER.sub("", form)) and not re.search("[а-яё]", form, re.IGNORECASE)
    ]

    assert forgotten == []


@pytest.mark.parametrize("word", [r"\bID\b", r"\bсинк", r"эндпоинт", r"токен", r"\bюзер"])
def test_no_programmers_words(russian: Catalog, word: str) -> None:
    found = [form for m in russian if m.id for form in forms(m.string) if re.search(word, form, re.IGNORECASE)]

    assert found == []


@pytest.mark.parametrize("template", sorted(PACKAGE.glob("**/templates/**/*.html")), ids=lambda path: path.name)
def test_templates_hold_no_russian(template: Path) -> None:
    assert re.findall(r"[А-Яа-яЁё]+", template.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("template", sorted(PACKAGE.glob("**/templates/**/*.html")), ids=lambda path: path.name)
def test_templates_hold_no_text_outside_of_the_catalogue(template: Path) -> None:
    """What is left of a template without its tags, expressions and comments has no words in it."""
    text = template.read_text(encoding="utf-8")
    for gone in (r"\{#.*?#\}", r"\{%.*?%\}", r"\{\{.*?\}\}", r"<!--.*?-->", r"<[^>]*>"):
        text = re.sub(gone, " ", text, flags=re.DOTALL)

    assert re.findall(r"[A-Za-z]{2,}", text.replace("&nbsp;", " ")) == []


@pytest.mark.parametrize("template", sorted(PACKAGE.glob("**/templates/**/*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_scripts_or_styles(template: Path) -> None:
    """The content policy would forbid them."""
    text = re.sub(r"\{\{.*?\}\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert re.findall(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", text) == []


def test_the_library_about_moodle_says_nothing_untranslated() -> None:
    """Its remedies are shown in the reader's language (sync.words)."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MoodleError)]

    assert {kind.remedy for kind in kinds} <= set(REMEDIES)
    assert len(FINDINGS) == len(set(FINDINGS))


def test_an_old_catalogue_is_compiled_again(tmp_path: Path) -> None:
    source = tmp_path / "ru" / "LC_MESSAGES" / "messages.po"
    source.parent.mkdir(parents=True)
    source.write_bytes(RUSSIAN.read_bytes())

    i18n.compile_catalogues(tmp_path)

    compiled = source.with_suffix(".mo")
    assert compiled.exists()
    before = compiled.stat().st_mtime_ns
    i18n.compile_catalogues(tmp_path)
    assert compiled.stat().st_mtime_ns == before
    assert not list(source.parent.glob("*~"))
