"""Where callers find us."""

from fastapi import Request

from app.settings import Settings


def address_of(request: Request, path: str) -> str:
    """The absolute address of one of our paths: at the public address, else where the request says that it came to."""
    settings: Settings = request.app.state.settings
    return (settings.public_url or str(request.base_url).rstrip("/")) + path
