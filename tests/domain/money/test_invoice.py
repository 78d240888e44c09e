"""Invoices of a closed month: what adds up, what the official rules say, and that every line has words."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from paid import order, rated, visit, world
from peppol_rules import faults

from app.api.money import ubl
from app.domain.money.explanation import COUNTED, explained, kronor, plain
from app.domain.money.invoice import buyer_of, gaps, in_force, invoice_of, lines_of, number_of, seller_of
from app.domain.money.month_lines import COLUMNS, as_json, of_json, settled_line
from app.domain.money.presets import PRESETS
from app.domain.money.rating import NOTES
from app.domain.rounding import half_up

ADDRESS = {"street": None, "postal_code": "761 28", "city": "Norrtälje"}
INVOICING = {"payer": "omsorg", "address": ADDRESS, "account": {"kind": "bankgiro", "number": "991-2346"},
             "payment_days": 30, "f_tax": True, "vat_no": None, "vat_percent": 25, "endpoint": None}  # fmt: skip
PAYER = {"name": "Norrtälje", "org_no": "212000-0001", "reference": "4711", "address": ADDRESS, "vat_no": None,
         "endpoint": {"scheme": "0088", "id": "7300000000004"}}  # fmt: skip
ISSUED_ON = dt.date(2026, 11, 4)
VAT_NO = "SE556000000101"
CENT = Decimal("0.01")


def provider(form="external", **told):
    return {"name": "Utförare norr", "org_no": "556000-0001", "form": form, "invoicing": INVOICING | told}


def row(amount_ore=1_694_200, **said):
    values = ("P-norr", "2026-10", "B-001", "K-norr", "care", "Omsorg", "CARE", "URBAN", None, "executed", [],
              "2026-10-01", "2026-10-31", 62, "hour", 43, 39_400, 1, 100, amount_ore, None, "3a5c0e2d")  # fmt: skip
    return of_json(dict(zip(COLUMNS, values, strict=True)) | said)


def xml_of(rows, kind, form="external", **told):
    seller = seller_of(provider(form, **told))
    invoice = invoice_of(rows, kind, number_of(188, "P-norr", "2026-10", kind), "2026-10", ISSUED_ON, seller)
    earlier = [("188-P-norr-2026-08", dt.date(2026, 9, 3))] if invoice.adjusts else []
    return ubl.document(invoice, seller, buyer_of(PAYER), earlier, [("ab" * 32, "Rot")])


@st.composite
def settled(draw):
    """A line as rating and settling make it: quantity as it is shown, amount from the exact one, or a difference."""
    timed = draw(st.booleans())
    seconds = draw(st.fractions(0, 10**7, max_denominator=97))
    unit = "hour" if timed else draw(st.sampled_from(["visit", "occasion", "month"]))
    quantity = seconds / 3600 if timed else draw(st.integers(0, 400))
    ore, index = draw(st.integers(0, 200_000)), Fraction(draw(st.integers(900, 1200)), 1000)
    percent = Fraction(draw(st.integers(0, 40_000)), 400)
    amount = half_up(quantity * ore * index * percent / 100)
    adjusts = draw(st.sampled_from([None, "2026-08", "2026-09"]))
    sign = draw(st.sampled_from([1, -1])) if adjusts and amount else 1
    day = f"{adjusts or '2026-10'}-{draw(st.integers(1, 30)):02}"
    return row(
        sign * amount, unit=unit, quantity=round(sign * float(quantity), 8), price_ore=ore, index=float(index),
        percent=float(percent), adjusts=adjusts, **{"from": day, "to": day},
        reason=draw(st.sampled_from(sorted(COUNTED))), notes=draw(st.lists(st.sampled_from(NOTES), max_size=2)),
        title=draw(st.text(max_size=20)), band=draw(st.none() | st.text(min_size=1, max_size=8)),
        category=draw(st.sampled_from([None, "CARE", "ALARM"])), visits=draw(st.integers(0, 40)),
    )  # fmt: skip


@st.composite
def vat_compensation(draw):
    base, percent = draw(st.integers(0, 10**8)), draw(st.integers(1, 200)) / 10
    amount = half_up(Fraction(base) * Fraction(str(percent)) / 100)
    return row(amount, unit="ore", quantity=base, price_ore=1, percent=percent, reason="vat_compensation", title="",
               category=None, area=None, visits=0)  # fmt: skip


FORMS = st.sampled_from(["external", "in_house", "external_vat"])
KINDS = ("invoice", "credit_note")


@settings(deadline=None)
@given(st.lists(settled() | vat_compensation(), max_size=8), FORMS)
def test_documents_add_up_to_the_closed_total(rows, form):
    seller = seller_of(provider(form))
    net = {}
    for kind in KINDS:
        lines = lines_of(rows, kind)
        net[kind] = sum(line.amount_ore for line in lines)
        assert [line.number for line in lines] == list(range(1, len(lines) + 1))
        for line in lines:
            assert line.amount_ore >= 0
            assert line.quantity >= 0
            assert abs(line.quantity * line.price - Decimal(line.amount_ore) * CENT) <= 2 * CENT
        invoice = invoice_of(rows, kind, "1", "2026-10", ISSUED_ON, seller)
        assert (invoice is None) == (lines == [])
        if invoice:
            assert invoice.net_ore == net[kind]
            assert invoice.vat_ore == (half_up(Fraction(net[kind], 4)) if form == "external_vat" else 0)
    assert net["invoice"] - net["credit_note"] == sum(one.amount_ore for one in rows)


@settings(max_examples=12, deadline=None)
@given(st.lists(settled() | vat_compensation(), min_size=1, max_size=6), FORMS)
def test_whatever_was_settled_breaks_no_official_rule(rows, form):
    for kind in KINDS:
        if lines_of(rows, kind):
            told = {"vat_no": VAT_NO} if form == "external_vat" else {}
            assert faults(xml_of(rows, kind, form, **told)) == []


@pytest.mark.parametrize(
    ("told", "form"),
    [
        ({"account": {"kind": "plusgiro", "number": "1-8"}}, "external"),
        ({"account": {"kind": "iban", "number": "SE4550000000058398257466"}}, "external"),
        ({"f_tax": False, "vat_no": VAT_NO}, "external"),
        ({"account": None, "f_tax": False}, "in_house"),
        ({"vat_no": VAT_NO, "vat_percent": 6}, "external_vat"),
        ({"endpoint": {"scheme": "0088", "id": "7300000000004"}, "payment_days": 0}, "external"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_seller_breaks_no_official_rule(told, form, kind):
    rows = [row(), row(-100, quantity=-0.00253807, adjusts="2026-08", **{"from": "2026-08-01", "to": "2026-08-31"})]
    assert faults(xml_of(rows, kind, form, **told)) == []


MIXED = "dusch 20;städ 30;inköp 20;insulin 10;larm 5;rehab 20"


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_gives_an_invoice_that_breaks_no_official_rule(preset):
    """In May, when a bonus is paid for days long before the month."""
    away = [("2026-05-10", "2026-05-14", "hospital")]
    master = world({"B-1": "ARCHIPELAGO"}, order("O-1", "B-1", MIXED, pauses=away))
    visits = [visit(1, "B-1", "2026-04-07T21:30", "23:41", MIXED), visit(2, "B-1", "2026-05-04T21:30", "23:37", MIXED)]
    rows = [
        settled_line(one, "P-norr", "2026-05") for one in rated({"preset": preset}, master, visits, month="2026-05")
    ]
    xml = xml_of(rows, "invoice")
    found = etree.fromstring(xml)
    assert Decimal(found.findtext("{*}LegalMonetaryTotal/{*}PayableAmount")) == CENT * sum(
        one.amount_ore for one in rows
    )
    assert len(found.findall("{*}InvoiceLine")) == len(rows) > 0
    assert faults(xml) == []


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("16942.00</cbc:LineExtensionAmount><cbc:TaxEx", "16942.01</cbc:LineExtensionAmount><cbc:TaxEx", "BR-CO-10"),
        (">43</cbc:InvoicedQuantity>", ">44</cbc:InvoicedQuantity>", "PEPPOL-EN16931-R120"),
        ("<cbc:BuyerReference>4711</cbc:BuyerReference>", "", "PEPPOL-EN16931-R003"),
        ('"0007">5560000001</cbc:CompanyID>', '"0007">556000-0001</cbc:CompanyID>', "SE-R-003"),
        ("<cbc:DueDate>2026-12-04</cbc:DueDate>", "<cbc:DueDate>4.12.2026</cbc:DueDate>", "schema"),
        ("<cbc:StartDate>2026-10-01</cbc:StartDate>", "<cbc:StartDate>2026-10-02</cbc:StartDate>",
         "PEPPOL-EN16931-R110"),
    ],
)  # fmt: skip
def test_the_official_rules_find_what_is_wrong(right, wrong, rule):
    xml = xml_of([row()], "invoice").decode()
    assert right in xml
    assert any(fault.startswith(rule) for fault in faults(xml.replace(right, wrong, 1).encode()))


@pytest.mark.parametrize(
    ("stored", "missing"),
    [
        (provider(), []),
        (provider() | {"invoicing": None}, ["/invoicing"]),
        ({"name": "U", "form": "external", "org_no": None}, ["/org_no", "/invoicing"]),
        (provider() | {"org_no": "556000-0002"}, ["/org_no"]),  # another check digit
        (provider() | {"org_no": "16556000-0001"}, []),
        (provider(account=None), ["/invoicing/account"]),
        (provider("in_house", account=None, f_tax=False), []),
        (provider(f_tax=False), ["/invoicing/f_tax"]),
        (provider(f_tax=False, vat_no=VAT_NO), []),
        (provider("external_vat"), ["/invoicing/vat_no"]),
    ],
)
def test_what_a_provider_lacks(stored, missing):
    assert gaps(stored) == missing


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "Utförd tid, omsorg, tätort. 43 timmar à 394,00 kr = 16\u00a0942,00 kr. 62 besök 2026-10-01–2026-10-31."),
        ({"reason": "absence", "notes": ["absence_hospital", "capped_month"], "percent": 50, "visits": 0,
          "band": "night", "quantity": 1, "amount_ore": 19_700, "to": "2026-10-01"},
         ("Beviljad tid under frånvaro, omsorg, tätort, tidsband night. 1 timme à 394,00 kr × 50 % = 197,00 kr. "
          "2026-10-01. Begränsat till högsta tid för en månad.")),
        ({"reason": "vat_compensation", "unit": "ore", "quantity": 1_694_200, "price_ore": 1, "percent": 2, "visits": 0,
          "amount_ore": 33_884, "category": None, "area": None},
         "Momskompensation på mottagarens övriga rader. 2 % av 16\u00a0942,00 kr = 338,84 kr. 2026-10-01–2026-10-31."),
        ({"quantity": -1.5, "index": 1.021, "amount_ore": -60_341, "adjusts": "2026-08", "area": "ARCHIPELAGO"},
         ("Utförd tid, omsorg, skärgård. −1,5 timmar à 394,00 kr × index 1,021 = −603,41 kr. 62 besök "
          "2026-10-01–2026-10-31. Justering av augusti 2026: skillnaden mot det som redan har reglerats.")),
    ],
)  # fmt: skip
def test_a_line_in_words(said, words):
    assert explained(row(**said)) == words


@given(settled() | vat_compensation())
def test_a_line_is_read_as_it_is_written(line):
    written = as_json(line)
    assert of_json(dict(sorted(written.items()))) == line
    assert tuple(written) == COLUMNS


def test_every_limit_and_counting_has_words():
    for reason in COUNTED:
        assert explained(row(reason=reason)).startswith(COUNTED[reason])
    for note in NOTES:
        assert explained(row(notes=[note])) != explained(row())


def test_free_text_leaves_without_numbers_of_persons_and_without_what_xml_has_not():
    assert plain(" Omsorg 19121212-1212, 121212+1212 och 121212 1212\x0b ") == "Omsorg …, … och …"
    others = "Avtal 2026-1234, 4300123456, 556000-0001, Box 1234567890"  # a number of ten digits is not a person's yet
    assert plain(others) == others
    assert plain(None) == ""
    [line] = lines_of([row(title="Omsorg 19121212-1212", band="121212-1212")], "invoice")
    assert "1212" not in line.title + line.text
    assert lines_of([row(title=" \x0b")], "invoice")[0].title == "Utförd tid"
    buyer = buyer_of(PAYER | {"name": " ", "reference": "\x01"})
    assert (buyer.party.name, buyer.reference) == ("2120000001", "212000-0001")
    buyer = buyer_of(PAYER | {"name": "Nämnden 212000-0001", "reference": "4300123456"})
    assert (buyer.party.name, buyer.reference) == ("Nämnden 212000-0001", "4300123456")
    addressed = buyer_of(PAYER | {"address": ADDRESS | {"street": "Box 1234567890"}})
    assert addressed.party.address["street"] == "Box 1234567890"


def test_the_words_for_money():
    assert [kronor(ore) for ore in (0, 5, 123, -100_000_01)] == ["0,00", "0,05", "1,23", "−100\u00a0000,01"]


@pytest.mark.parametrize(("at_seq", "numbers"), [(0, [3, 5, 9]), (3, [3, 5, 9]), (6, [5, 9]), (9, [9]), (99, [9])])
def test_the_version_in_force_and_those_after_it(at_seq, numbers):
    assert [seq for seq, _ in in_force([(3, {}), (5, {}), (9, {})], at_seq)] == numbers
