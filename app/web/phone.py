"""The page that a tag opens in the carer's browser, which also enrols the phone. It is static: opening changes nothing.

Previews, reloads and link checkers fetch addresses, so only `POST /v1/taps` ever counts a tap. The data of a tap stand
after `#` in the address, which no browser sends and no log holds.
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
# A browser recognises a new worker by its bytes. They contain the addresses of the files, which change with each file.
WORKER = _template("worker.js").replace("VERSION", sha256(SHELL).hexdigest()[:16]).encode()

router = APIRouter(include_in_schema=False)


@router.get("/t/{keyset}")  # noqa: FAST003 - the page reads it, the service does not
@router.get("/enrol")
async def shell() -> Response:
    """The page, with the same bytes for every tag and every person."""
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "public, max-age=300"}
    return Response(SHELL, headers=headers, media_type="text/html")


@router.get("/worker.js")
async def worker() -> Response:
    """The service worker, which opens the page without coverage. Its scope is its own folder, so it is at the root."""
    # The worker fetches under its own policy, not under the page's.
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-cache"}
    return Response(WORKER, headers=headers, media_type="text/javascript")
