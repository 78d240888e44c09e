"""Typesets a document as PDF/UA, in a process of its own.

A long table takes hundreds of megabytes while it is set, which the service must neither hold nor keep. The child reads
JSON and writes the document; `python -m app.api.http.typeset` is that child, and imports nothing of ours.
"""

import asyncio
import datetime as dt
import re
import sys
import unicodedata
from pathlib import Path

LONGEST_SECONDS = 120
"""With the wait for those before it."""
UNSHOWN = re.compile("[^ -~\u00a0-\u024f\u0391-\u03a1\u03a3-\u03c9\u0400-\u045f\u2010-\u2026\u2212]")
"""Characters that titles may have and the font lacks. PDF/UA forbids a character without a glyph."""

_one_at_a_time = asyncio.Semaphore()


async def typeset(template: Path, content: bytes, made_at: dt.datetime) -> bytes:
    """The document of a template, which gets the JSON as `content`; the same for the same input.

    Raises TimeoutError, and RuntimeError when it cannot be set.
    """
    async with asyncio.timeout(LONGEST_SECONDS), _one_at_a_time:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            str(template),
            made_at.isoformat(timespec="seconds"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # an error of the typesetter quotes what it was to set
        )
        try:
            document, _ = await child.communicate(content)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode:
        raise RuntimeError("the document could not be typeset")
    return document


def main() -> None:
    """Standard input to standard output."""
    import typst  # noqa: PLC0415 - the service imports this module, and must not have that

    content = unicodedata.normalize("NFC", sys.stdin.buffer.read().decode())
    document = typst.compile(
        Path(sys.argv[1]).read_bytes(),
        ignore_system_fonts=True,
        sys_inputs={"content": UNSHOWN.sub("?", content)},
        pdf_standards=["ua-1"],
        timestamp=dt.datetime.fromisoformat(sys.argv[2]),
    )
    sys.stdout.buffer.write(document)


if __name__ == "__main__":
    main()
