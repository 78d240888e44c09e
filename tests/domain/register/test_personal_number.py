"""What a personal number is, wherever it stands: a table by hand, and the library `python-stdnum` as second opinion."""

import datetime as dt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.se import personnummer

from app.domain.register.personal_number import has_check_digit, holds_number, number_of, without_numbers

TODAY = dt.date(2026, 11, 30)
NUMBER = "191212121212"


def written(day, *, tail="238"):
    """A valid number: eight digits, which may be a coordination number's, a tail and the check digit."""
    return f"{day}{tail}" + luhn.calc_check_digit(f"{day}{tail}"[2:])


@pytest.mark.parametrize(
    "text",
    [
        NUMBER, "19121212-1212", "19121212+1212", "121212-1212", "121212+1212", "1212121212", "121212 1212",
        "121212\u20131212", "121212\u20111212", "121212\u22121212", "121212\u00a01212",  # as word processors write it
        f"B-{NUMBER}", f"B-{NUMBER}x", f"B.{NUMBER}.2", f"B:{NUMBER}", f"B_{NUMBER}", f"{NUMBER}-1", f"1-{NUMBER}",
        f"B{NUMBER}", "B-19121212-1212-2", "12-121212-1212", "x1212121212y",
        written("18500301"), written("20000229"), written("20000229")[2:],
        written("19121272"), written("19121272")[2:],  # a coordination number
        written("19121260"), written("19120060"), written("19120072"), written("19120091"),  # day, month unknown
        written("20270101"),  # of a day to come: a ref that is taken today is still one then
    ],
)  # fmt: skip
def test_a_number_is_found_wherever_it_stands(text):
    assert holds_number(text)
    assert without_numbers(f"Hos {text}.") != f"Hos {text}."


@pytest.mark.parametrize(
    "text",
    [
        "4300123456",  # the reference of a payer: no month 00 but in a coordination number
        "Box 1234567890",
        "5560000001", "556000-0001", "165560000001", "212000-0001", "232100-0016",  # an organisation: month 20 or more
        "191212121213", "1212121213",  # check digit
        written("19131312"), written("19120012"), written("19121292"), written("19120230"), written("19230229"),
        written("19120090", tail="000")[:-1], written("18490301"), written("21000301"), written("16121212"),
        "0" * 10, "0" * 12,
        f"1{NUMBER}", f"{NUMBER}1", "11212121212", "12121212123",  # other digits touch it
        "1912-12-12-1212", "19.121212.1212", "2026-1234, 4711", "070-123 45 67",
        "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10", "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
        "20261130-0900", "O-20261130-0002", "2026-11-30T09:00:00Z", "7300000000004",
        "١٢١٢١٢١٢١٢", "",
    ],
)  # fmt: skip
def test_what_is_like_a_number_is_none(text):
    assert not holds_number(text)
    assert without_numbers(text) == text


@pytest.mark.parametrize(
    ("text", "birth_date", "in_full"),
    [
        (NUMBER, None, NUMBER),
        ("19121212+1212", None, NUMBER),
        ("121212+1212", None, NUMBER),
        ("121212-1212", None, "201212121212"),  # with a hyphen the holder is not yet a hundred
        ("1212121212", None, "201212121212"),
        ("1212121212", "1912-12-12", NUMBER),
        ("121212-1212", "1912-12-12", NUMBER),
        ("121212+1212", "2012-12-12", None),  # a plus is for who turns a hundred
        ("1212121212", "1912-12-13", None),
        (NUMBER, "2012-12-12", None),
        (written("19261212")[2:8] + "+" + written("19261212")[8:], None, written("19261212")),  # turns 100 this year
        (written("19271212")[2:8] + "+" + written("19271212")[8:], None, None),  # next year
        (written("20261130"), None, written("20261130")),
        (written("20261201"), None, None),  # nobody is born tomorrow
        (written("20261201")[2:], None, "19" + written("20261201")[2:]),
        (written("20000229")[2:], None, written("20000229")),
        (written("19121272"), "1912-12-12", written("19121272")),
        (written("19121272"), "1912-12-13", None),
        (written("19120060"), "1912-07-09", written("19120060")),  # nobody knows better
        (written("19120060")[2:], "1912-07-09", written("19120060")),
        (written("19120060"), "1913-07-09", None),
        (written("19120760"), "1912-07-09", written("19120760")),
        (written("19120760"), "1912-08-09", None),
        (written("19120069"), "1912-08-09", written("19120069")),
        (written("19120069"), "1912-08-10", None),
    ],
)  # fmt: skip
def test_ten_digits_take_their_century_from_the_day_of_birth(text, birth_date, in_full):
    born = dt.date.fromisoformat(birth_date) if birth_date else None
    assert number_of(text).in_full(TODAY, born) == in_full


def test_a_number_among_other_words_is_not_the_whole_text():
    assert number_of(f"B-{NUMBER}") is None
    assert number_of("1212121213") is None


@given(st.dates(dt.date(1850, 1, 1), TODAY), st.integers(1, 999), st.sampled_from(["", "-", "+"]))
def test_numbers_of_every_day_are_found_and_one_wrong_digit_is_not(day, tail, sign):
    number = written(f"{day:%Y%m%d}", tail=f"{tail:03}")
    apart = f"{number[:8]}{sign}{number[8:]}"
    assert number_of(apart).in_full(TODAY) == number
    assert number_of(apart[2:]).in_full(TODAY, day) in {number, None if sign == "+" else number}
    coordination = written(f"{day:%Y%m}{day.day + 60}", tail=f"{tail:03}")
    assert number_of(coordination).in_full(TODAY, day) == coordination
    assert not holds_number(f"{number[:-1]}{(int(number[-1]) + 1) % 10}")


@given(
    st.sampled_from(["", "18", "19", "20"]), st.integers(0, 99), st.integers(0, 13), st.integers(0, 32),
    st.integers(1, 999), st.booleans(),
)  # fmt: skip
def test_a_second_opinion_on_personal_numbers_is_the_same(century, year, month, day, tail, right):
    digits = written(f"{century or 19}{year:02}{month:02}{day:02}", tail=f"{tail:03}")[2:]
    head, end = century + digits[:6], digits[6:] if right else f"{digits[6:9]}{(int(digits[9]) + 1) % 10}"
    assume(century != "18" or year >= 50)
    known = any(personnummer.is_valid(f"{head}{sign}{end}") for sign in "-+")
    assert holds_number(head + end) == holds_number(f"{head}-{end}") == known


def test_each_number_of_a_text_is_masked_and_nothing_else():
    text = f"Omsorg {NUMBER}, avtal 556000-0001, 121212+1212 och 121212 1212, Box 1234567890"
    assert without_numbers(text) == "Omsorg …, avtal 556000-0001, … och …, Box 1234567890"


def test_check_digits():
    told = [has_check_digit(digits) for digits in ("5560000001", "5560000002", "9912346", "18")]
    assert told == [True, False, True, True]
