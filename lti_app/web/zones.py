"""Time zones as people name them: «по времени Новокузнецка», not Asia/Novokuznetsk."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

ZONE_NAMES = {
    "Europe/Kaliningrad": _l("Kaliningrad time"),
    "Europe/Moscow": _l("Moscow time"),
    "Europe/Simferopol": _l("Simferopol time"),
    "Europe/Kirov": _l("Kirov time"),
    "Europe/Volgograd": _l("Volgograd time"),
    "Europe/Saratov": _l("Saratov time"),
    "Europe/Astrakhan": _l("Astrakhan time"),
    "Europe/Ulyanovsk": _l("Ulyanovsk time"),
    "Europe/Samara": _l("Samara time"),
    "Asia/Yekaterinburg": _l("Yekaterinburg time"),
    "Asia/Omsk": _l("Omsk time"),
    "Asia/Novosibirsk": _l("Novosibirsk time"),
    "Asia/Barnaul": _l("Barnaul time"),
    "Asia/Tomsk": _l("Tomsk time"),
    "Asia/Novokuznetsk": _l("Novokuznetsk time"),
    "Asia/Krasnoyarsk": _l("Krasnoyarsk time"),
    "Asia/Irkutsk": _l("Irkutsk time"),
    "Asia/Chita": _l("Chita time"),
    "Asia/Yakutsk": _l("Yakutsk time"),
    "Asia/Vladivostok": _l("Vladivostok time"),
    "Asia/Magadan": _l("Magadan time"),
    "Asia/Sakhalin": _l("Sakhalin time"),
    "Asia/Kamchatka": _l("Kamchatka time"),
    "Asia/Anadyr": _l("Anadyr time"),
}
"""Zones of Russia with a town's name that has to be declined; others go by the zone's own name."""
