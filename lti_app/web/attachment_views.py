"""Files that were attached: given to those who may see what they belong to."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("attachments", __name__)
