"""Static files under an address that changes with them, so that a browser never asks twice for the same file."""

import re
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

FOREVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """The files of a directory. Browsers keep them for ever under `url`, and ask each time under any other address.

    A page of an older version refers to an older address, and gets the present files.
    """

    def __init__(self, directory: Path, at: str) -> None:
        """`at` is the address of the mount; `url` adds a hash of all files, because they refer to each other."""
        super().__init__(directory=directory)
        files = sorted(path for path in directory.iterdir() if path.is_file())
        self.version = sha256(repr([(path.name, path.read_bytes()) for path in files]).encode()).hexdigest()[:16]
        self.at = at
        self.url = f"{at}/{self.version}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the whole file, whatever `Range` asks for: the files are small."""
        # Starlette answers a range that it cannot read or give in plain text, and not with a problem document.
        headers = [pair for pair in scope.get("headers", ()) if pair[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with a Cache-Control header."""
        version, _, name = path.partition("/")
        hashed = re.fullmatch("[0-9a-f]{16}", version)
        response = await super().get_response(name if hashed else path, scope)
        response.headers["Cache-Control"] = FOREVER if version == self.version else "no-cache"
        response.headers["Accept-Ranges"] = "none"
        return response


PAGES = Assets(Path(__file__).parent / "web" / "static", "/static")
