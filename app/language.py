"""The caller's language, Swedish or English."""

import re
from typing import Literal

Language = Literal["sv", "en"]


def wanted(accept_language: str) -> Language:
    """The preferred one of the two by an `Accept-Language` header (RFC 9110); Swedish when neither is named."""
    best: tuple[float, Language] = (0.0, "sv")
    for part in accept_language.split(","):
        tag, *parameters = (piece.strip() for piece in part.lower().split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = float(parameter[2:]) if re.fullmatch(r"[01](\.[0-9]{0,3})?", parameter[2:]) else 0.0
        primary = tag.partition("-")[0]
        if weight > best[0] and primary in {"sv", "en"}:
            best = (weight, "en" if primary == "en" else "sv")
    return best[1]
