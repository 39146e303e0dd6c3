"""Names, positions and organisations in the genitive, dative and accusative, each with a word on how sure that is.

Names go by the rules of Petrovich, the gender by the patronymic; a dictionary (OpenCorpora's) has to agree, or the
ending has to be one that leaves no choice. Whatever isn't sure is still declined as well as can be: a person looks.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pymorphy3 import MorphAnalyzer
from pytrovich.enums import Case as NameCase
from pytrovich.enums import Gender, NamePart
from pytrovich.maker import PetrovichDeclinationMaker

from lti_app.papers.fields import PersonName


class Case(enum.StrEnum):
    """Cases that papers ask for, by the dictionary's marks."""

    GENITIVE = "gent"
    DATIVE = "datv"
    ACCUSATIVE = "accs"


NAME_CASES = {
    Case.GENITIVE: NameCase.GENITIVE,
    Case.DATIVE: NameCase.DATIVE,
    Case.ACCUSATIVE: NameCase.ACCUSATIVE,
}

PATRONYMICS = (
    (Gender.MALE, re.compile(r".+(?:ович|евич|ич)")),
    (Gender.FEMALE, re.compile(r".+(?:овна|евна|ична)")),
)
EASTERN_PATRONYMICS = (
    (Gender.MALE, re.compile(r".+[ -](?:оглы|оглу|улы|уулу)")),
    (Gender.FEMALE, re.compile(r".+[ -](?:кызы|кизи|гызы)")),
)
"""«Акиф оглы»: tells the gender, and stays as it is."""

SURNAMES = (
    (Gender.MALE, re.compile(r".+(?:[оеё]в|[иы]н|[сц]кий|[сц]кой)")),
    (Gender.FEMALE, re.compile(r".+(?:[оеё]ва|[иы]на|[сц]кая)")),
)
"""Endings that tell the gender and are declined in one way only."""

FIXED_SURNAME = re.compile(r".+(?:ко|[иы]х|[оая]го)")
"""«Шевченко», «Черных», «Живаго»: the same in every case."""

CONSONANT = re.compile(r".*[бвгджзйклмнпрстфхцчшщь]")
"""A woman's surname that ends so is the same in every case."""

ACTING = re.compile(r"(?:и\.\s*о\.|врио\b|вр\.\s*и\.\s*о\.)", re.IGNORECASE)
"""«И.о. директора» has the next word in the genitive already, and stays as it is."""

SCHOOL_WORDS = frozenset({"тьютор", "дефектолог", "концертмейстер", "звукорежиссёр"})
"""Positions that the dictionary lacks or holds for things; declined as any noun of their ending."""


@dataclass(frozen=True)
class Declined:
    """Hold a declined wording; one that isn't sure is for a person to look at."""

    text: str
    is_sure: bool


@lru_cache(maxsize=1)
def _dictionary() -> Any:
    return MorphAnalyzer()


@lru_cache(maxsize=1)
def _rules() -> PetrovichDeclinationMaker:
    return PetrovichDeclinationMaker()


def decline_name(name: PersonName, case: Case, *, with_initials: bool = False) -> Declined:
    """Decline «Иванова Елена Сергеевна», or «Иванова Е.С.» with initials."""
    gender = _gender(name)
    if not name.given:
        return _single(name.surname, case)
    surname = _surname(name.surname, gender, case)
    is_short = with_initials or name.given.endswith(".")
    if is_short:
        is_certain = bool(name.patronymic) or _is_plain(name.surname.casefold(), gender)
        return Declined(f"{surname.text} {name.initials}", surname.is_sure and is_certain)
    given = _given(name.given, gender, case)
    patronymic, is_plain = name.patronymic, False
    if any(pattern.fullmatch(patronymic.casefold()) for _, pattern in PATRONYMICS):
        patronymic, is_plain = _by_rules(NamePart.MIDDLENAME, patronymic, gender, case), True
    text = " ".join(filter(None, (surname.text, given.text, patronymic)))
    return Declined(text, surname.is_sure and given.is_sure and is_plain)


def decline_position(position: str, case: Case) -> Declined:
    """Decline «старший воспитатель»: the noun and what agrees with it, not what follows it."""
    if ACTING.match(position.strip()):
        return Declined(position, is_sure=True)
    first, *others = position.split(", ")
    declined = _phrase(first, case, is_person=True)
    if not others:
        return declined
    more = [_phrase(part, case, is_person=True) for part in others]
    texts = [part.text if part.is_sure else given for part, given in zip(more, others, strict=True)]
    return Declined(", ".join([declined.text, *texts]), is_sure=False)


def decline_institution(name: str, case: Case) -> Declined:
    """Decline «муниципальное учреждение «Школа № 1»» up to its noun; an abbreviation such as «МБОУ» stays."""
    first = name.split(maxsplit=1)[0] if name.split() else ""
    if len(first) > 1 and first.isupper() and first.isalpha():
        return Declined(name, is_sure=True)
    return _phrase(name, case, is_person=False)


def _gender(name: PersonName) -> Gender:
    for word, patterns in (
        (name.patronymic, (*PATRONYMICS, *EASTERN_PATRONYMICS)),
        (name.surname.rpartition("-")[2], SURNAMES),
    ):
        for gender, pattern in patterns:
            if pattern.fullmatch(word.casefold()):
                return gender
    marks = {str(parse.tag.gender) for parse in _names(name.given)}
    if len(marks) == 1:
        return {"masc": Gender.MALE, "femn": Gender.FEMALE}.get(marks.pop(), Gender.ANDROGYNOUS)
    return Gender.ANDROGYNOUS


def _by_rules(part: NamePart, word: str, gender: Gender, case: Case) -> str:
    text = _rules().make(part, gender, NAME_CASES[case], word)
    return text.upper() if word.isupper() and len(word) > 1 else text


def _names(word: str, mark: str = "Name") -> list[Any]:
    """Return the dictionary's nominative readings of a name; none for a word that it only guesses at."""
    return [
        parse
        for parse in _dictionary().parse(word)
        if mark in parse.tag and "nomn" in parse.tag and "sing" in parse.tag and parse.is_known
    ]


def _folded(text: str) -> str:
    return text.casefold().replace("ё", "е")


def _agrees(word: str, text: str, gender: Gender, case: Case, mark: str) -> bool:
    wanted = {Gender.MALE: "masc", Gender.FEMALE: "femn"}.get(gender)
    for parse in _names(word, mark):
        inflected = parse.inflect({case.value, "sing"})
        is_theirs = parse.tag.gender == wanted or "ms-f" in parse.tag
        if is_theirs and inflected and _folded(inflected.word) == _folded(text):
            return True
    return False


def _given(given: str, gender: Gender, case: Case) -> Declined:
    text = _by_rules(NamePart.FIRSTNAME, given, gender, case)
    return Declined(text, "-" not in given and _agrees(given, text, gender, case, "Name"))


def _surname(surname: str, gender: Gender, case: Case) -> Declined:
    text = _by_rules(NamePart.LASTNAME, surname, gender, case)
    *before, last = surname.casefold().split("-")
    if before:
        is_plain = all(_is_plain(part, _ending_gender(part) or Gender.ANDROGYNOUS) for part in before)
        return Declined(text, is_plain and _is_plain(last, gender))
    if _is_plain(last, gender):
        return Declined(text, is_sure=True)
    return Declined(text, gender is not Gender.ANDROGYNOUS and _agrees(surname, text, gender, case, "Surn"))


def _ending_gender(surname: str) -> Gender | None:
    return next((gender for gender, pattern in SURNAMES if pattern.fullmatch(surname)), None)


def _is_plain(surname: str, gender: Gender) -> bool:
    """Tell whether the ending leaves one way to decline it for this gender."""
    if FIXED_SURNAME.fullmatch(surname) or _ending_gender(surname) is gender:
        return True
    return gender is Gender.FEMALE and CONSONANT.fullmatch(surname) is not None


def _single(word: str, case: Case) -> Declined:
    """Decline a name of one word, which may be a given name or a surname: never sure."""
    for parse in _names(word):
        inflected = parse.inflect({case.value, "sing"})
        if inflected:
            return Declined(_like(word, inflected.word), is_sure=False)
    return Declined(word, is_sure=False)


def _like(word: str, text: str) -> str:
    return text[:1].upper() + text[1:] if word[:1].isupper() else text


def _phrase(text: str, case: Case, *, is_person: bool) -> Declined:
    """Decline the noun that the phrase begins with, and the adjectives before it."""
    words = text.split()
    nouns = [_nouns(word, is_person=is_person) for word in words]
    adjectives = [_adjectives(word) for word in words]
    head = 0
    while head + 1 < len(words) and adjectives[head] and (nouns[head + 1] or adjectives[head + 1]):
        head += 1
    if not words or not (nouns[head] or adjectives[head]):
        return Declined(text, is_sure=False)
    is_sure = True
    declined = []
    if noun := nouns[head]:
        found, is_sure = noun
        gender, is_alive = found[-1].tag.gender, "anim" in found[-1].tag
        declined = [_hyphenated(words[head], found, case)]
    else:
        gender, is_alive = adjectives[head][0].tag.gender, is_person
        head += 1
    for place in range(head - 1, -1, -1):
        word, is_known = _adjective(words[place], adjectives[place], case, gender, is_alive=is_alive)
        declined.insert(0, word)
        is_sure = is_sure and is_known
    rest = words[len(declined) :]
    has_second = is_person and any(_is_second_person(word) for word in rest)
    return Declined(" ".join([*declined, *rest]), is_sure and not has_second)


def _nouns(word: str, *, is_person: bool) -> tuple[list[Any], bool] | None:
    """Return a nominative reading of each part of «учитель-логопед», and whether the dictionary knows all of them."""
    found, is_known = [], True
    for part in word.split("-"):
        fitting = [
            parse
            for parse in _dictionary().parse(part)
            if "NOUN" in parse.tag
            and "nomn" in parse.tag
            and "sing" in parse.tag
            and ("anim" in parse.tag or not is_person)
            and not {"Name", "Surn", "Geox", "Abbr"} & set(parse.tag.grammemes)
        ]
        if not fitting:
            return None
        found.append(fitting[0])
        is_known = is_known and (fitting[0].is_known or part.casefold() in SCHOOL_WORDS)
    return found, is_known


def _adjectives(word: str) -> list[Any]:
    return [
        parse
        for parse in _dictionary().parse(word)
        if ("ADJF" in parse.tag or "PRTF" in parse.tag) and "nomn" in parse.tag and "sing" in parse.tag
    ]


def _adjective(word: str, readings: list[Any], case: Case, gender: str, *, is_alive: bool) -> tuple[str, bool]:
    reading = next((parse for parse in readings if parse.tag.gender == gender), None)
    if reading is None:
        return word, False
    if case is Case.ACCUSATIVE and gender != "femn" and not (is_alive and gender == "masc"):
        return word, True
    wanted = Case.GENITIVE if case is Case.ACCUSATIVE and gender == "masc" else case
    inflected = reading.inflect({wanted.value, gender, "sing"})
    return (_like(word, inflected.word), reading.is_known) if inflected else (word, False)


def _hyphenated(word: str, readings: list[Any], case: Case) -> str:
    parts = []
    for part, reading in zip(word.split("-"), readings, strict=True):
        inflected = reading.inflect({case.value, "sing"})
        parts.append(_like(part, inflected.word) if inflected else part)
    return "-".join(parts)


def _is_second_person(word: str) -> bool:
    """Tell whether a further person is named in the nominative, as in «директор и учитель»: not declined here."""
    best = _dictionary().parse(word)[0].tag
    return "NOUN" in best and "anim" in best and "nomn" in best and "sing" in best and "Abbr" not in best
