"""The work shift in a token: who uses a shared device, since when, and of one that has ended until when."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from app.domain.register.device import WorkShift
from app.domain.time import UTC


def claim_of(shift: WorkShift | None) -> Mapping[str, Any] | None:
    """The claim: its id, and its span in whole seconds since 1970, rounded outwards."""
    if shift is None:
        return None
    ended = {} if shift.ended_at is None else {"to": math.ceil(shift.ended_at.timestamp())}
    return {"id": shift.id, "from": int(shift.began_at.timestamp()), **ended}


def shift_in(claim: Any) -> WorkShift | None:
    """The work shift of a claim, None without one. Raises ValueError, TypeError or KeyError for one of another form."""
    if claim is None:
        return None
    ended_at = dt.datetime.fromtimestamp(claim["to"], UTC) if "to" in claim else None
    return WorkShift(str(claim["id"]), dt.datetime.fromtimestamp(claim["from"], UTC), ended_at)
