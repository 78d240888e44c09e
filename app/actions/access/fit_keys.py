"""Check that the configured keys are those that the stored data was written with."""

from app.actions.ledger.seal import LedgerBrokenError, require_signed
from app.store import key_samples
from app.store.access.field_encryption import DecryptionError, FieldEncryption
from app.store.database import Database
from app.store.key_samples import Sample
from app.store.ledger import tree


async def fit_keys(database: Database, municipality_id: int) -> list[str]:
    """A line for each key that is missing or differs from the one used; none when everything stored can be used.

    Keys that are not configured at all (a command beside an outside database) are not checked.
    """
    lines, encryption = [], database.encryption
    async with database.read(municipality_id) as reading:
        if encryption is not None:
            samples = await key_samples.samples(reading)
            lines += [line for sample in samples if (line := _unopened(encryption, sample))]
            mark = await key_samples.lookup_mark(reading)
            if mark is not None and mark != encryption.mark(municipality_id):
                lines.append("TAGGAD_LOOKUP_KEY is not the key that personal numbers, clients and phones are found by")
        head = await tree.head(reading)
        if head is not None and database.ledger_keys:
            try:
                require_signed(database.ledger_keys, municipality_id, head)
            except LedgerBrokenError as error:
                lines.append(str(error))
    return lines


async def remember_lookup_key(database: Database, municipality_id: int, encryption: FieldEncryption) -> None:
    """Store the mark of the look-up key for the municipality, the first time: it decrypts nothing to try it with."""
    async with database.write(municipality_id) as writing:
        if await key_samples.lookup_mark(writing) is None:
            await key_samples.put_lookup_mark(writing, encryption.mark(municipality_id))


def _unopened(encryption: FieldEncryption, sample: Sample) -> str | None:
    if not encryption.has(sample.key):
        return f"TAGGAD_FIELD_KEYS lacks the key '{sample.key}', which encrypted {sample.what}"
    try:
        encryption.decrypt(sample.encrypted, sample.place)
    except DecryptionError:
        return f"the key '{sample.key}' of TAGGAD_FIELD_KEYS is not the one that encrypted {sample.what}"
    return None
