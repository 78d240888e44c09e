"""The author of a fact, as stored with it and as shown."""


def who(subject: str) -> str:
    """The last part of a token's subject `municipality:role:who`: a staff ref, a client's id, or an operator."""
    return subject.split(":", 2)[-1]
