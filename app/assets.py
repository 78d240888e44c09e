"""Static files under an address that changes with them: whoever has one never asks for it again."""

import re
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOREVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """The files of a directory. Under their `url` they are kept for ever, under any other address asked for each time.

    A page that is older than this version refers to what there was then, and is given what there is.
    """

    def __init__(self, directory: Path, at: str) -> None:
        """Mounted `at` an address; `url` is that and a hash of all files, as they refer to each other."""
        super().__init__(directory=directory)
        files = sorted(path for path in directory.iterdir() if path.is_file())
        self.version = sha256(repr([(path.name, path.read_bytes()) for path in files]).encode()).hexdigest()[:16]
        self.at = at
        self.url = f"{at}/{self.version}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with how long it may be kept."""
        version, _, name = path.partition("/")
        hashed = re.fullmatch("[0-9a-f]{16}", version)
        response = await super().get_response(name if hashed else path, scope)
        response.headers["Cache-Control"] = FOREVER if version == self.version else "no-cache"
        return response


PAGES = Assets(Path(__file__).parent / "web" / "static", "/static")
