"""Invoices of closed months over HTTP: the official rules, the ledger's root, credit notes, and what is never told."""

import pytest
from lxml import etree
from peppol_rules import faults
from stdnum import ean
from test_closing import CARE, CONTRACT, amounts, close, month_of, paid, visit  # noqa: F401 - a fixture among them
from world import recipient

from app.domain.ledger.merkle import verify_consistency
from app.domain.register.personal_number import holds_number

ADDRESS = {"postal_code": "761 28", "city": "Norrtälje"}
PAYER = {"name": "Norrtälje", "org_no": "212000-0001", "reference": "4711", "address": ADDRESS}
INVOICING = {"payer": "omsorg", "account": {"kind": "bankgiro", "number": "991-2346"}, "f_tax": True}
PROVIDER = {"name": "Utförare norr", "org_no": "556000-0001", "form": "external", "invoicing": INVOICING}
INVOICE, CREDIT_NOTE = "invoice.xml", "credit-note.xml"


@pytest.fixture
async def billing(paid):  # noqa: F811 - the fixture that is imported
    await paid.put("payers", "omsorg", PAYER)
    await paid.put("providers", "P-norr", PROVIDER)
    return paid


async def asked(service, name, month="2026-08", *, expect=200, role="controller", provider="P-norr", **who):
    params = {"month": month, "provider": provider}
    who |= {"provider": who.pop("of", None)} if "of" in who else {}
    return await service.ask("GET", f"/v1/compensation/{name}", role=role, params=params, expect=expect, **who)


def told(answer, *path):
    """The texts of all elements on a path of local names."""
    found = etree.fromstring(answer.content).iterfind("/".join(f"{{*}}{name}" for name in path))
    return [one.text for one in found]


async def test_an_invoice_of_a_closed_month_breaks_no_official_rule_and_stands_on_the_ledger(billing):
    await visit(billing, "2026-08-03", 30)
    closed = (await close(billing, "2026-08")).json()
    answer = await asked(billing, INVOICE)
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''188-P-norr-2026-08.xml"
    assert faults(answer.content) == []
    assert told(answer, "ID") == ["188-P-norr-2026-08"]
    assert told(answer, "LegalMonetaryTotal", "PayableAmount") == ["180.00"]
    [line] = (await month_of(billing, "2026-08"))["lines"]
    assert told(answer, "InvoiceLine", "DocumentReference", "ID") == [line["line"]]
    assert told(answer, "InvoiceLine", "Note") == [
        "Utförd tid, omsorg, tätort. 0,5 timmar à 360,00 kr = 180,00 kr. 1 besök 2026-08-03."
    ]
    root, lines_hash = told(answer, "AdditionalDocumentReference", "ID")
    assert lines_hash == closed["lines_hash"]
    # The head of today continues the tree that ended with the close.
    [text, _] = told(answer, "AdditionalDocumentReference", "DocumentDescription")
    size = int(text.split(" händelser")[0].split()[-1])
    proof = (await billing.ask("GET", "/v1/ledger/proof", params={"fact": closed["id"]}, role="auditor")).json()
    assert proof["index"] == size - 1
    await visit(billing, "2026-08-04", 10)
    await billing.seal()
    head = (await billing.ask("GET", "/v1/ledger/head", role="auditor")).json()
    params = {"from": size, "to": head["size"]}
    path = (await billing.ask("GET", "/v1/ledger/consistency", params=params, role="auditor")).json()["path"]
    hashes = [bytes.fromhex(one) for one in path]
    assert verify_consistency(size, head["size"], bytes.fromhex(root), bytes.fromhex(head["root"]), hashes)
    # What came later changes nothing of it, nor does what the provider is called by now.
    await billing.put("providers", "P-norr", PROVIDER | {"name": "Utförare öst", "form": "in_house"})
    assert (await asked(billing, INVOICE)).content == answer.content


async def test_what_a_later_close_takes_back_stands_on_a_credit_note_that_names_the_invoices(billing):
    await visit(billing, "2026-08-03", 30)
    await close(billing, "2026-08")
    await visit(billing, "2026-08-04", 10)
    await visit(billing, "2026-09-01", 5)
    await close(billing, "2026-09")
    await billing.withdraw("O-2")
    await close(billing, "2026-10", {"accept_open": True})
    september = await asked(billing, INVOICE, "2026-09")
    assert faults(september.content) == []
    assert told(september, "LegalMonetaryTotal", "PayableAmount") == ["90.00"]
    # Lines of August are within the period of the invoice, which tells what it adds to.
    assert told(september, "InvoicePeriod", "StartDate") == ["2026-08-03"]
    assert told(september, "BillingReference", "InvoiceDocumentReference", "ID") == ["188-P-norr-2026-08"]
    note = await asked(billing, CREDIT_NOTE, "2026-10")
    assert faults(note.content) == []
    assert told(note, "ID") == ["188-P-norr-2026-10-K"]
    assert told(note, "LegalMonetaryTotal", "PayableAmount") == ["270.00"]
    assert amounts(await month_of(billing, "2026-10")) == [
        ("2026-10", "2026-08", -24_000),
        ("2026-10", "2026-09", -3_000),
    ]
    names = ["188-P-norr-2026-08", "188-P-norr-2026-09"]
    assert told(note, "BillingReference", "InvoiceDocumentReference", "ID") == names
    assert told(note, "CreditNoteLine", "Item", "AdditionalItemProperty", "Value") == [
        "B-2",
        "2026-08",
        "B-2",
        "2026-09",
    ]
    for name, month in ((INVOICE, "2026-10"), (CREDIT_NOTE, "2026-09"), (CREDIT_NOTE, "2026-08")):
        assert (await asked(billing, name, month, expect=404)).json()["code"] == "nothing_to_invoice"


async def test_nothing_of_a_person_but_the_ref_stands_on_an_invoice(billing):
    number, name = "19121212-1212", "Hemlig"
    who = {"name": name, "personal_number": number, "protected": True, "birth_date": "1912-12-12"}
    await billing.put("recipients", "B-2", recipient("B-2", **who))
    titled = CARE | {"title": f"Omsorg {number}"}
    await billing.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [titled]}})
    await visit(billing, "2026-08-03", 30)
    await close(billing, "2026-08")
    answer = await asked(billing, INVOICE)
    text = answer.content.decode()
    assert told(answer, "InvoiceLine", "Item", "Name") == ["Omsorg …"]
    assert told(answer, "InvoiceLine", "Item", "AdditionalItemProperty", "Value") == ["B-2"]
    assert [
        word for word in (name, number, number.replace("-", ""), "121212", "1912", "S-1", "H-2") if word in text
    ] == []


async def test_an_open_month_has_no_invoice(billing):
    await visit(billing, "2026-08-03", 30)
    for name in (INVOICE, CREDIT_NOTE):
        assert (await asked(billing, name, expect=409)).json()["code"] == "month_not_closed"
        assert (await asked(billing, name, provider="P-nobody", expect=404)).json()["code"] == "unknown_ref"
        assert (await asked(billing, name, "2026-13", expect=422)).json()["code"] == "invalid_parameter"


async def test_what_is_missing_is_named_and_once_it_is_there_the_invoice_stands(paid):  # noqa: F811 - as above
    await visit(paid, "2026-08-03", 30)
    await close(paid, "2026-08")
    for said, pointers in (
        ({"org_no": None, "invoicing": None}, ["/org_no", "/invoicing"]),
        ({"invoicing": {"payer": "omsorg"}}, ["/invoicing/account", "/invoicing/f_tax"]),
        ({"form": "external_vat"}, ["/invoicing/vat_no"]),
    ):
        await paid.put("payers", "omsorg", PAYER)
        await paid.put("providers", "P-norr", PROVIDER | said)
        refused = (await asked(paid, INVOICE, expect=409)).json()
        assert refused["code"] == "invoice_data_missing"
        assert [one["pointer"] for one in refused["errors"]] == pointers
    await paid.put("providers", "P-norr", PROVIDER)
    answer = await asked(paid, INVOICE)
    assert faults(answer.content) == []
    await paid.put("providers", "P-norr", PROVIDER | {"name": "Utförare öst"})
    assert (await asked(paid, INVOICE)).content == answer.content


@pytest.mark.parametrize(
    ("form", "said", "category", "payable"),
    [
        ("in_house", {"f_tax": False}, "O", "180.00"),
        ("external", {}, "E", "180.00"),
        ("external_vat", {"vat_no": "SE556000000101"}, "S", "225.00"),
    ],
)
async def test_tax_goes_by_the_form_of_the_provider(billing, form, said, category, payable):
    await billing.put("providers", "P-norr", PROVIDER | {"form": form, "invoicing": INVOICING | said})
    await visit(billing, "2026-08-03", 30)
    await close(billing, "2026-08")
    answer = await asked(billing, INVOICE)
    assert faults(answer.content) == []
    assert told(answer, "TaxTotal", "TaxSubtotal", "TaxCategory", "ID") == [category]
    assert told(answer, "LegalMonetaryTotal", "PayableAmount") == [payable]


ACCOUNTS = [("bankgiro", "991-2347"), ("bankgiro", "18"), ("plusgiro", "17"), ("iban", "SE4550000000058398257467"),
            ("plusgiro", "SE4550000000058398257466")]  # fmt: skip
REFUSED = [
    ("payers", PAYER, {"org_no": "212000-0002"}, "/org_no", "invalid_value"),
    ("payers", PAYER, {"org_no": "16121212-1212"}, "/org_no", "ref_is_personal_number"),
    ("payers", PAYER, {"vat_no": "SE121212121201"}, "/vat_no", "ref_is_personal_number"),
    ("payers", PAYER, {"endpoint": {"scheme": "0007", "id": "1212121212"}}, "/endpoint/id", "ref_is_personal_number"),
    ("payers", PAYER, {"endpoint": {"scheme": "0088", "id": "7300000000005"}}, "/endpoint/id", "invalid_value"),
    ("payers", PAYER, {"endpoint": {"scheme": "0007", "id": "7300000000004"}}, "/endpoint/id", "invalid_value"),
    ("providers", PROVIDER, {"invoicing": {"payer": "nobody"}}, "/invoicing/payer", "unknown_ref"),
    *(
        ("providers", PROVIDER, {"invoicing": INVOICING | {"account": {"kind": kind, "number": number}}},
         "/invoicing/account/number", "invalid_value")
        for kind, number in ACCOUNTS
    ),
]  # fmt: skip


async def test_a_gln_holds_no_personal_number(billing):
    """Ten digits inside one may look like a person's, as 5001010007 does here."""
    endpoint = {"scheme": "0088", "id": "735001010007" + ean.calc_check_digit("735001010007")}
    assert holds_number(endpoint["id"][2:12])
    await billing.put("payers", "new", PAYER | {"endpoint": endpoint})


async def test_what_is_no_number_of_its_kind_is_refused(billing):
    for kind, body, said, pointer, code in REFUSED:
        refused = (await billing.ask("PUT", f"/v1/{kind}/new", body | said, role="system", expect=422)).json()
        assert (pointer, code) in [(one["pointer"], one["code"]) for one in refused["errors"]]


async def test_what_a_provider_is_paid_by_is_not_shown_to_another_ones_planner(billing):
    others = {"name": "Syd", "org_no": "556000-0001", "form": "external", "invoicing": INVOICING}
    await billing.put("providers", "P-syd", others)
    for role, provider, shown in (
        ("planner", "P-norr", {"P-norr": True, "P-syd": False}),
        ("planner", "P-syd", {"P-norr": False, "P-syd": True}),
        ("controller", None, {"P-norr": True, "P-syd": True}),
    ):
        who = {"role": role, "who": {"provider": provider} if provider else None}
        listed = {one["ref"]: bool(one["invoicing"]) for one in await billing.pages("/v1/providers", **who)}
        assert listed == shown
        for ref, whole in shown.items():
            answer = await billing.ask("GET", f"/v1/providers/{ref}", role=role, expect=200, **(who["who"] or {}))
            assert bool(answer.json()["invoicing"]) == whole
