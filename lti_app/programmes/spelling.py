"""How people write forms of meetings and where they take place, in tables that are brought in."""

from __future__ import annotations

from lti_app.programmes.models import Form, Mode

FORM_WORDS = {
    Form.LECTURE: ("лекция", "лекции"),
    Form.SEMINAR: ("семинар", "семинары", "дистанционный семинар", "вебинар"),
    Form.WORK_PROGRAMME: ("корректировка рабочей программы", "рабочая программа"),
    Form.LESSON_DESIGN: (
        "проектирование занятия",
        "проектирование учебного занятия",
        "проектирование учебных занятий",
        "проектирование урока",
    ),
    Form.TECHNOLOGICAL_MAP: (
        "технологическая карта",
        "разработка технологической карты",
        "разработка технологической карты урока",
    ),
    Form.OPEN_LESSON: ("открытый урок", "открытое занятие", "открытые уроки", "открытый урок занятие"),
    Form.PRACTICUM: ("практикум", "практикумы"),
    Form.ROUND_TABLE: ("круглый стол", "круглые столы"),
    Form.CONSULTATION: ("консультация", "консультации"),
}
MODE_WORDS = {
    Mode.ON_SITE: ("очно", "очный", "очная", "очное", "на площадке"),
    Mode.DISTANCE: ("дистанционно", "дистанционный", "дистанционная", "дистанционное", "онлайн"),
}
