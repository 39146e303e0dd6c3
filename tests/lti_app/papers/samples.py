"""A paper of each kind, as a town's centre would print it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from lti_app.papers.fields import (
    ApplicationPaper,
    EndedIntakeLine,
    EndedTraineeLine,
    EndPaper,
    IndividualPlanPaper,
    Institution,
    JournalLine,
    JournalPaper,
    MeetingLine,
    Official,
    OrderPaper,
    PersonName,
    PlanPointLine,
    ProgrammePaper,
    ProtocolItem,
    ProtocolPaper,
    SchedulePaper,
    SignInLine,
    SignInPaper,
    SiteListLine,
    SiteListPaper,
    TopicLine,
)

CENTRE = "МБОУ ДПО «ИМЦ» Полысаевского городского округа"
DIRECTOR = Official(PersonName.read("Громова Наталья Викторовна"), "директор", "МБОУ ДПО «ИМЦ»")
SIGNATORY = Official(PersonName.read("Громова Наталья Викторовна"), "Директор МБОУ ДПО «ИМЦ»")
LEADER = Official(PersonName.read("Васильченко-Островская Саша Андреевна"), "учитель-логопед")
METHODIST = Official(PersonName.read("Черных Олег Ильич"), "методист")
HEAD = Official(PersonName.read("Кузнецов Лев Петрович"), "директор")
SCHOOL = Institution(
    "муниципальное бюджетное общеобразовательное учреждение «Средняя общеобразовательная школа № 14»",
    "МБОУ «Школа № 14»",
    "652560, Кемеровская область – Кузбасс, г. Полысаево, ул. Крупской, д. 62",
    HEAD,
)
DIRECTION = "Логопедическое сопровождение младших школьников"

APPLICATION = ApplicationPaper(
    applicant=SCHOOL,
    host=SCHOOL,
    direction=DIRECTION,
    topic="Нейропсихологические приёмы в работе учителя-логопеда",
    experience=(
        "С 2023 года школа – участник регионального проекта «Речь без границ»: 84 % обучающихся с нарушениями речи "
        "улучшили результаты.\nОпыт представлен на областной конференции (диплом II степени)."
    ),
    leader=LEADER,
    category="высшая, приказ от 25.04.2025 № 312",
    achievements="Победитель муниципального этапа конкурса «Учитель года».\nАвтор трёх методических пособий.",
    staff=("учитель-логопед – 2, высшая категория", "педагог-психолог – 1, первая категория"),
    equipment=("кабинет логопеда с интерактивной доской", "комплект для биологической обратной связи"),
    term_years=3,
    date=date(2026, 8, 20),
    signatory=Official(HEAD.name, "Директор"),
    addressee=DIRECTOR,
)
ORDER = OrderPaper(
    centre=CENTRE,
    number="112",
    date=date(2026, 9, 1),
    place="г. Полысаево",
    grounds="пункта 3.3 Положения о муниципальной стажировочной площадке и заявки МБОУ «Школа № 14» от 20.08.2026",
    host=SCHOOL,
    direction=DIRECTION,
    valid_from=date(2026, 9, 1),
    valid_until=date(2029, 8, 31),
    leader=LEADER,
    signatory=SIGNATORY,
    control=METHODIST,
    further_items=("Руководителю площадки представить программу стажировки до 15 сентября 2026 г.",),
    acquaintance=(LEADER, METHODIST),
)
SITE_LIST = SiteListPaper(
    centre="МБОУ ДПО «ИМЦ»",
    number="113",
    date=date(2026, 9, 2),
    municipality="Полысаевского городского округа",
    on_day=date(2026, 9, 2),
    sites=tuple(
        SiteListLine(
            f"МБОУ «Школа № {number}»",
            DIRECTION,
            "Васильченко-Островская Саша Андреевна",
            f"от 01.09.2026 № {number}",
            date(2026, 9, 1),
            date(2029, 8, 31),
        )
        for number in range(1, 19)
    ),
    signatory=SIGNATORY,
)
PROGRAMME = ProgrammePaper(
    host=SCHOOL,
    title="Нейропсихологические приёмы в работе учителя-логопеда",
    direction=DIRECTION,
    hours=Decimal(36),
    leader=LEADER,
    place="Полысаево",
    year=2026,
    approved_by=Official(HEAD.name, "Директор МБОУ «Школа № 14»"),
    relevance=(
        "Число первоклассников с нарушениями речи за пять лет выросло вдвое, а единых приёмов у учителей-логопедов "
        "города нет.\nПрограмма опирается на Федеральный закон «Об образовании в Российской Федерации»."
    ),
    aim="Развитие профессиональных компетенций учителей-логопедов в области нейропсихологической коррекции.",
    tasks=("познакомить с приёмами диагностики", "научить составлять индивидуальный маршрут ребёнка"),
    audience="Учителя-логопеды и педагоги-психологи общеобразовательных организаций, 12–15 человек.",
    results=("проводит нейропсихологическую диагностику", "составляет технологическую карту занятия"),
    forms="Лекции, практикумы, открытые занятия, консультации; часть занятий – дистанционно.",
    term="с октября 2026 г. по апрель 2027 г.",
    topics=(
        TopicLine(
            "Основы нейропсихологии речи", Decimal(8), lectures=Decimal(4), independent=Decimal(2), distance=Decimal(2),
            form="лекция", control="тест", content="Функциональные блоки мозга.\nМеханизмы речевых нарушений.",
        ),
        TopicLine(
            "Диагностика: методики и протоколы наблюдения", Decimal(12), lectures=Decimal(2), practice=Decimal("7.5"),
            individual=Decimal("2.5"), form="практикум", control="протокол диагностики",
            content="Пробы на праксис, гнозис, слухоречевую память.",
        ),
        TopicLine(
            "Технологическая карта логопедического занятия", Decimal(16), practice=Decimal(10), independent=Decimal(4),
            individual=Decimal(2), form="разработка технологической карты", control="защита карты",
        ),
    ),
    control="Зачёт по итогам защиты технологической карты.",
    conditions="Кабинет логопеда, интерактивная доска, доступ к Moodle.",
    sources=("Ахутина Т. В. Нейропсихологический подход к коррекции. – М., 2024.", "Лурия А. Р. Нейропсихология."),
    protocol_number="3",
    protocol_date=date(2026, 9, 24),
)  # fmt: skip
PROTOCOL = ProtocolPaper(
    number="3",
    date=date(2026, 9, 24),
    place="г. Полысаево",
    present=(SIGNATORY, METHODIST, Official(PersonName.read("Ким Ольга Сергеевна"), "педагог-психолог")),
    items=(
        ProtocolItem(
            "О программе стажировки «Нейропсихологические приёмы в работе учителя-логопеда»",
            "Одобрить программу стажировки (редакция 2).\nРекомендовать открыть набор с 1 октября 2026 г.",
            heard="Представлена программа на 36 часов.\nУстранены замечания к теме 2.",
            speaker=LEADER,
            spoke=("Ким О.С.: предложила увеличить долю практических занятий",),
            votes=(5, 0, 1),
        ),
    ),
    chair=SIGNATORY.name,
    secretary=METHODIST.name,
)
END = EndPaper(
    centre=CENTRE,
    number="41",
    date=date(2027, 2, 10),
    place="г. Полысаево",
    grounds="рекомендации городского методического совета (протокол № 6 от 04.02.2027)",
    reason="руководитель площадки сменил место работы, замены нет",
    host=SCHOOL,
    direction=DIRECTION,
    ends_on=date(2027, 2, 15),
    signatory=SIGNATORY,
    leader=LEADER,
    control=METHODIST,
    intakes=(
        EndedIntakeLine(
            "ЛОГ-26-1",
            "Нейропсихологические приёмы в работе учителя-логопеда",
            date(2026, 10, 1),
            date(2027, 4, 30),
            "прекращается",
            (
                EndedTraineeLine(PersonName.read("Иванова Елена Сергеевна"), "МБОУ «Школа № 1»", "зачтено 18 ак. ч"),
                EndedTraineeLine(PersonName.read("Дубинец Сергей Львович"), "МАДОУ № 3", "переведён в поток ЛОГ-26-2"),
            ),
        ),
    ),
)
INDIVIDUAL_PLAN = IndividualPlanPaper(
    host="МБОУ «Школа № 14»",
    person=Official(PersonName.read("Иванова Елена Сергеевна"), "Учитель химии", "МБОУ «Школа № 1»"),
    programme="Нейропсихологические приёмы в работе учителя-логопеда",
    begins_on=date(2026, 10, 1),
    ends_on=date(2027, 4, 30),
    hours=Decimal(36),
    points=(
        PlanPointLine("Основы нейропсихологии речи", "лекция", "15.10.2026, 15:00", "2", done="занятие посещено"),
        PlanPointLine(
            "Технологическая карта занятия", "самостоятельная работа", "01.11.2026 – 20.12.2026", "4,5", "карта занятия"
        ),
    ),
    leader=LEADER,
    aim="Освоить приёмы диагностики.\nПодготовить карту занятия.",
    consultations=("12.11.2026, 16:00 – Технологическая карта занятия",),
    agreed_on=date(2026, 10, 3),
    place="г. Полысаево",
    year="2026",
)
SCHEDULE = SchedulePaper(
    host=SCHOOL,
    title=PROGRAMME.title,
    direction=DIRECTION,
    begins_on=date(2026, 10, 1),
    ends_on=date(2027, 4, 30),
    approved_by=Official(HEAD.name, "директор МБОУ «Школа № 14»"),
    leader=LEADER,
    meetings=(
        MeetingLine(
            date(2026, 10, 1),
            "15:00–16:30",
            "Основы нейропсихологии речи",
            "лекция",
            Decimal(2),
            "каб. 12",
            LEADER.name,
        ),
        MeetingLine(
            date(2026, 10, 8),
            "15:00–15:45",
            "Технологическая карта",
            "практикум",
            Decimal(1),
            "дистанционно",
            HEAD.name,
        ),
    ),
    zone="UTC+7",
)
SIGN_IN = SignInPaper(
    host="МБОУ «Школа № 14»",
    programme=DIRECTION,
    topic="Технологическая карта урока",
    date=date(2026, 12, 10),
    time="15:00–16:30",
    place="каб. 12",
    people=(
        SignInLine("Иванова Елена Сергеевна", "МБОУ «Школа № 1»"),
        SignInLine("Дубинец Сергей Львович", "МАДОУ № 3"),
    ),
    responsible=LEADER,
    lines_left=2,
)
JOURNAL = JournalPaper(
    host="МБОУ «Школа № 14»",
    programme=DIRECTION,
    term="01.10.2026 – 30.04.2027",
    dates=tuple((date(2026, 10, day), Decimal(2)) for day in range(1, 13)),
    people=(
        JournalLine("Иванова Елена Сергеевна", ("+",) * 11 + ("н",), Decimal(22)),
        JournalLine("Дубинец Сергей Львович", ("н", "") * 6, Decimal(0)),
    ),
    responsible=LEADER,
)
ALL = {
    "sign_in": SIGN_IN,
    "journal": JOURNAL,
    "application": APPLICATION,
    "order": ORDER,
    "site_list": SITE_LIST,
    "programme": PROGRAMME,
    "protocol": PROTOCOL,
    "schedule": SCHEDULE,
    "end": END,
    "individual_plan": INDIVIDUAL_PLAN,
}
