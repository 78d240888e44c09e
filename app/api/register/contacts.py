"""Contacts of recipients, of staff and of providers."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.api.http.refs import Line
from app.api.http.shapes import Wire
from app.api.register.parties import AddressBody

MOST_PERSONS = 10

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()/-]{3,28}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")]


class StaffContactsBody(Wire):
    """The contacts of a staff member."""

    phone: Phone | None = None
    email: Email | None = None


class ProviderContactsBody(StaffContactsBody):
    """The person to reach at a provider."""

    person: Line | None = Field(None, description="The name of the person to reach.")


class ContactPersonBody(StaffContactsBody):
    """A person to reach about a recipient."""

    name: Line
    relation: Line | None = None


class RecipientContactsBody(StaffContactsBody):
    """The contacts of a recipient, and of others about the recipient. With protected data the address is not kept."""

    address: AddressBody | None = Field(None, description="The recipient's address. Null with protected data.")
    persons: Annotated[
        list[ContactPersonBody],
        Field(default_factory=list, max_length=MOST_PERSONS, description="Persons to reach about the recipient."),
    ]
