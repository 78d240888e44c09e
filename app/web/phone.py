"""The page that a tag opens in the carer's browser, and that enrols the phone. Static: opening it changes nothing.

Previews, reloads and link checkers fetch addresses, so only `POST /v1/taps` ever counts a tap. What the address says of
one stands after `#`, which no browser sends and no log holds.
"""

from hashlib import sha256

from fastapi import APIRouter
from starlette.responses import Response

from app import assets
from app.web.pages import HERE

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; worker-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def _template(name: str) -> str:
    return (HERE / "templates" / name).read_text().replace('"/static/', f'"{assets.PAGES.url}/')


SHELL = _template("phone.html").encode()
# A browser looks for a new worker by its bytes, so whatever changes must change those: the files are in their address.
WORKER = _template("worker.js").replace("VERSION", sha256(SHELL).hexdigest()[:16]).encode()

router = APIRouter(include_in_schema=False)


@router.get("/t/{keyset}")  # noqa: FAST003 - the page reads it, the service does not
@router.get("/enrol")
async def shell() -> Response:
    """The same bytes for every tag and everybody."""
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "public, max-age=300"}
    return Response(SHELL, headers=headers, media_type="text/html")


@router.get("/worker.js")
async def worker() -> Response:
    """What lets the page open without coverage. Served from the root, because a worker reaches no further up."""
    # Its own policy decides what it may fetch, not that of the page.
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-cache"}
    return Response(WORKER, headers=headers, media_type="text/javascript")
