"""Any accent colour stays readable; every icon that pages use is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_app.web import icons, theme

PACKAGE = Path(icons.__file__).resolve().parents[1]
CHANNEL = st.integers(0, 255)


@given(st.tuples(CHANNEL, CHANNEL, CHANNEL))
def test_text_can_be_read_whatever_the_accent(accent: theme.Colour) -> None:
    colours = theme.palette(theme.text_of(accent))

    assert theme.contrast(colours.button_text, colours.button) >= 4.5
    assert theme.contrast(colours.button_text, colours.button_hover) >= 4.5
    assert theme.contrast(colours.link, theme.PAPER) >= 4.5
    assert theme.contrast(colours.link, theme.WHITE) >= 4.5
    assert theme.contrast(colours.link_hover, theme.PAPER) >= 4.5


def test_a_readable_accent_is_taken_as_it_is() -> None:
    assert theme.text_of(theme.palette("#0f6cbf").button) == "#0f6cbf"


def test_a_pale_accent_is_darkened_for_text() -> None:
    assert theme.palette("#ffd54f").button != theme.parse("#ffd54f")


def test_contrast_is_that_of_the_guidelines() -> None:
    assert theme.contrast(theme.WHITE, (0, 0, 0)) == pytest.approx(21)
    assert theme.contrast((119, 119, 119), theme.WHITE) == pytest.approx(4.48, abs=0.01)


def test_every_icon_in_use_is_listed_and_every_listed_one_used() -> None:
    sources = [*PACKAGE.glob("**/templates/**/*.html"), *PACKAGE.glob("**/*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.name != "icons.py")

    assert set(re.findall(r'icon\("([\w-]+)"', text)) <= icons.ICONS
    assert {name for name in icons.ICONS if f'"{name}"' not in text} == set()


def test_the_sprite_is_small_and_whole() -> None:
    sprite = icons.sprite()

    assert len(sprite) < 30_000
    assert set(re.findall(r'id="([\w-]+)"', sprite)) == icons.ICONS
