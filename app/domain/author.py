"""Who told a fact, as it is kept with the fact and as it is shown."""


def who(subject: str) -> str:
    """Of a token's subject, `municipality:role:who`, the last part: a staff ref, a client's id, or an operator."""
    return subject.split(":", 2)[-1]
