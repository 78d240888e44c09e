"""Which login opens which membership: a table of identities, and days."""

import datetime as dt

import pytest

from app.domain.access.member import Identity, Issuer, Member, opened_by

TODAY = dt.date(2026, 11, 30)
ENTRA = Issuer("entra", "https://entra.example", "taggad", {"subject": "sub"}, acr={"admin": ("loa3",)})
PROVIDERS = Issuer("adfs", "https://adfs.example", "taggad", {"subject": "sub"}, provider="P-norr")


def member(ref, role="controller", *, valid_from=dt.date(2026, 1, 1), **given):
    blank = dict.fromkeys(("issuer", "subject", "hsa_id", "email", "provider", "staff", "valid_to"))
    return Member(ref=ref, role=role, valid_from=valid_from, **(blank | given))


def person(**given):
    return Identity("https://entra.example", **({"subject": "anna"} | given))


@pytest.mark.parametrize(
    ("one", "identity", "issuer", "opens"),
    [
        (member("M", issuer="entra", subject="anna"), person(), ENTRA, True),
        (member("M", issuer="entra", subject="anna"), person(subject="Anna"), ENTRA, False),
        (member("M", issuer="other", subject="anna"), person(), ENTRA, False),
        (member("M", subject="anna"), person(), ENTRA, False),  # of which issuer is not said
        (member("M", hsa_id="SE2321000016-AB12"), person(hsa_id="se2321000016-ab12"), ENTRA, True),
        (member("M", hsa_id="SE2321000016-AB12"), person(), ENTRA, False),
        (member("M", email="Anna@norr.example"), person(email="anna@norr.example"), ENTRA, True),
        (member("M", email="anna@norr.example"), person(), ENTRA, False),
        (member("M"), person(email="anna@norr.example"), ENTRA, False),  # links and passkeys alone
        (member("M", "planner", hsa_id="X", provider="P-norr"), person(hsa_id="X"), PROVIDERS, True),
        (member("M", "planner", hsa_id="X", provider="P-syd"), person(hsa_id="X"), PROVIDERS, False),
        (member("M", "admin", hsa_id="X"), person(hsa_id="X", acr="loa3"), PROVIDERS, False),
        (member("M", hsa_id="X", valid_to=TODAY), person(hsa_id="X"), ENTRA, True),
        (member("M", hsa_id="X", valid_to=TODAY - dt.timedelta(1)), person(hsa_id="X"), ENTRA, False),
        (member("M", hsa_id="X", valid_from=TODAY + dt.timedelta(1)), person(hsa_id="X"), ENTRA, False),
    ],
)
def test_a_membership_is_opened_by_its_own_identity_alone(one, identity, issuer, opens):
    opened = opened_by(identity, issuer, [one], TODAY)
    assert (opened.members, opened.too_weak) == ((one,) if opens else (), ())


def test_a_role_asks_for_its_level_of_authentication():
    admin = member("M-2", "admin", hsa_id="X")
    controller = member("M-1", hsa_id="X")
    weak = opened_by(person(hsa_id="X", acr="loa2"), ENTRA, [admin, controller], TODAY)
    assert (weak.members, weak.too_weak) == ((controller,), (admin,))
    strong = opened_by(person(hsa_id="X", acr="loa3"), ENTRA, [admin, controller], TODAY)
    assert (strong.members, strong.too_weak) == ((controller, admin), ())
    assert ENTRA.asked_acr == ("loa3",)
