"""What is sent compressed, and what browsers keep (decision 7).

Styles, scripts and icons name nobody: always. Pages hold secrets (the seal of their forms), and a page repeats the
query of its address: whoever could make a browser ask for it again and again with texts of their own, and watch the
length of the answers, would learn the secrets letter by letter (BREACH). So a page is compressed where its address
brings no query along, or where a page of ours asked for it, which a stranger's can't make.
"""

from __future__ import annotations

from flask import Flask, Response, request
from flask_compress.flask_compress import Compress, DictCache

from lti_app.core.edge import OPEN_ENDPOINTS

KEPT = OPEN_ENDPOINTS | {"site.theme", "site.icons"}
"""The same for everybody; with a stamp of their content in the address they are kept for a year."""
NEVER = frozenset({"lti", "attachments"})
A_YEAR = 365 * 24 * 60 * 60
MIMETYPES = [
    "text/html",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/problem+json",
    "application/manifest+json",
    "image/svg+xml",
]


def install(app: Flask) -> None:
    """Compress answers and say how long they are kept."""
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_MIMETYPES=MIMETYPES,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["br", "gzip"],
        COMPRESS_BR_LEVEL=5,
    )
    pages, assets = Compress(), Compress()
    pages.init_app(app)
    assets.init_app(app)
    assets.cache, assets.cache_key = DictCache(), lambda asked: str(asked.path)

    @app.after_request
    def _compress(response: Response) -> Response:
        if request.endpoint in KEPT:
            if "v" in request.args and response.status_code == 200:
                response.cache_control.public, response.cache_control.max_age = True, A_YEAR
                response.cache_control.immutable = True
            if response.mimetype in MIMETYPES and response.status_code == 200:
                response.direct_passthrough = False
                response.get_data()  # a file is no stream then: it is compressed once, and its length is known
                return assets.after_request(response)
            return response
        if request.blueprint not in NEVER and has_nothing_of_strangers():
            return pages.after_request(response)  # good answers only: a refusal repeats any address
        return response


def has_nothing_of_strangers() -> bool:
    """Tell whether nobody else chose a text that a good answer repeats.

    A path that is found has only numbers and what we have sealed. Who asks, the browser says, and no page makes it lie.
    """
    asks_plainly = request.method in ("GET", "HEAD") and not request.query_string
    return asks_plainly or request.headers.get("Sec-Fetch-Site") == "same-origin"
