"""Search of people by name: the words of a name as they are compared."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_OWN = frozenset("åäö")
"""Letters of their own in Swedish, whatever they look like: no accents to be left out."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in small letters, without accents but for å, ä and ö."""
    folded = unicodedata.normalize("NFC", name.casefold())
    return tuple(_WORD.findall("".join(letter if letter in _OWN else _plain(letter) for letter in folded)))


def _plain(letter: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))


def matches(asked: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """True when each asked word begins a word of the name, in any order."""
    return all(any(word.startswith(one) for word in name) for one in asked)
