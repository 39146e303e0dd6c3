"""The accent colour from the settings, made readable: WCAG 2.2, 1.4.3 (4.5 : 1) holds whatever colour is set."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (29, 33, 37)
PAPER: Colour = (248, 249, 250)
"""The darkest background on which links stand."""
ENOUGH = 4.5


def parse(text: str) -> Colour:
    """Read a colour such as #0f6cbf."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def text_of(colour: Colour) -> str:
    """Write a colour such as #0f6cbf."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def luminance(colour: Colour) -> float:
    """Return the relative luminance, 0 to 1 (WCAG 2.2, definitions)."""
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio, 1 to 21 (WCAG 2.2, definitions)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def darken(colour: Colour, share: float) -> Colour:
    """Mix ``share`` (0 to 1) of black into a colour."""
    red, green, blue = (round(channel * (1 - share)) for channel in colour)
    return red, green, blue


def readable_on(colour: Colour, background: Colour) -> Colour:
    """Darken a colour until text in it can be read on a light background."""
    for step in range(101):
        candidate = darken(colour, step / 100)
        if contrast(candidate, background) >= ENOUGH:
            return candidate
    return INK


@dataclass(frozen=True)
class Palette:
    """Hold the colours that follow from the accent."""

    button: Colour
    button_text: Colour
    button_hover: Colour
    link: Colour
    link_hover: Colour


def palette(accent: str) -> Palette:
    """Derive the colours of buttons and links. Buttons are darkened too where white can't be read on the accent."""
    button = readable_on(parse(accent), WHITE)
    link = readable_on(parse(accent), PAPER)
    return Palette(
        button=button, button_text=WHITE, button_hover=darken(button, 0.15), link=link, link_hover=darken(link, 0.2)
    )


def stylesheet(accent: str) -> str:
    """Return the rules that give Bootstrap the accent."""
    colours = palette(accent)
    return f"""\
:root {{
  --bs-primary: {text_of(colours.button)};
  --bs-primary-rgb: {_triple(colours.button)};
  --bs-link-color: {text_of(colours.link)};
  --bs-link-color-rgb: {_triple(colours.link)};
  --bs-link-hover-color: {text_of(colours.link_hover)};
  --bs-link-hover-color-rgb: {_triple(colours.link_hover)};
  --tool-accent: {text_of(colours.button)};
}}
.btn-primary {{
  --bs-btn-color: {text_of(colours.button_text)};
  --bs-btn-bg: {text_of(colours.button)};
  --bs-btn-border-color: {text_of(colours.button)};
  --bs-btn-hover-color: {text_of(colours.button_text)};
  --bs-btn-hover-bg: {text_of(colours.button_hover)};
  --bs-btn-hover-border-color: {text_of(colours.button_hover)};
  --bs-btn-active-color: {text_of(colours.button_text)};
  --bs-btn-active-bg: {text_of(colours.button_hover)};
  --bs-btn-active-border-color: {text_of(colours.button_hover)};
  --bs-btn-disabled-color: {text_of(colours.button_text)};
  --bs-btn-disabled-bg: {text_of(colours.button)};
  --bs-btn-disabled-border-color: {text_of(colours.button)};
}}
.btn-outline-primary {{
  --bs-btn-color: {text_of(colours.link)};
  --bs-btn-border-color: {text_of(colours.link)};
  --bs-btn-hover-color: {text_of(colours.button_text)};
  --bs-btn-hover-bg: {text_of(colours.button)};
  --bs-btn-hover-border-color: {text_of(colours.button)};
  --bs-btn-active-bg: {text_of(colours.button)};
  --bs-btn-active-border-color: {text_of(colours.button)};
}}
"""


def _triple(colour: Colour) -> str:
    return ", ".join(str(channel) for channel in colour)
