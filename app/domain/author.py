"""The author of a fact, as stored with it and as shown."""

from dataclasses import dataclass


def who(subject: str) -> str:
    """The last part of a token's subject `municipality:role:who`: a staff ref, a client's id, or an operator."""
    return subject.split(":", 2)[-1]


@dataclass(frozen=True, slots=True)
class Author:
    """The author of a fact: its subject, and the provider it is bound to, None for the municipality."""

    subject: str
    provider: str | None = None

    @property
    def who(self) -> str:
        """The staff or client behind the token, whatever its role; else the operator for a provider."""
        return who(self.subject)
