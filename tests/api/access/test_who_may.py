"""Every route x role x ownership: what each may, and that nothing outside one's reach gives a hint.

The table below holds an expectation for every route of the application; a route without one fails.
"""

import datetime as dt
import json
import re
import uuid

import pytest
from described import description_of
from joserfc.jwk import ECKey
from people import Person
from service import day, tap_item
from shared_phone import set_pin, shared_phone

from app.api.http.access import ROLES, SCOPES, allowed_by

MASTER_READERS = {"system": "all", "admin": "all", "controller": "all", "planner": "all"}
OWN_READERS = MASTER_READERS | {"planner": "own"}
OFFICER = {"case_officer": "all"}
WRITERS = {"system": "all", "admin": "all"}
OWN_WRITERS = WRITERS | {"planner": "own"}
VISIT_READERS = OWN_READERS | {"staff": "own", "case_officer": "consent"}
PHONE = {"staff": "all"}
PULLERS = OWN_READERS
AUDITORS = {"auditor": "all", "admin": "all"}
PROOF_READERS = AUDITORS | {"system": "all", "controller": "all"}
HEAD_READERS = PROOF_READERS | {"planner": "all", "inspector": "all"}
EVERYBODY = "everybody"
IN_PERSON = "whoever has logged in"  # 403 for every token, whatever its role
PAGE = "whoever has a browser"  # where nobody is logged in, a page says so
KNOCKING = "whoever has something to show"  # without that, 4xx for all alike
CLIENT_KEY = ECKey.generate_key("P-256").as_dict(private=False)
KEYSET = {"meta_key": "7c0e9a51d3b24f6886af2d1b90e7c354", "file_master": "e1a90b7742c65d38f0649c1e8b53da27"}

# Route -> who may: role -> "all", or "own" where another provider's or staff's object is 404, or "consent" where that
# of a recipient without one is.
EXPECTED = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/figures"): EVERYBODY,
    ("GET", "/t/{keyset}"): EVERYBODY,
    ("GET", "/enrol"): EVERYBODY,
    ("GET", "/worker.js"): EVERYBODY,
    ("GET", "/login"): PAGE,
    ("GET", "/login/{municipality:int}"): PAGE,
    ("GET", "/login/{municipality:int}/{issuer}"): PAGE,
    ("GET", "/login/{municipality:int}/{issuer}/callback"): PAGE,
    ("GET", "/login/link/{secret}"): PAGE,
    ("POST", "/login/link/{secret}"): PAGE,
    ("GET", "/login/choose"): PAGE,
    ("POST", "/login/choose"): PAGE,
    ("GET", "/account"): PAGE,
    ("POST", "/account/passkeys/options"): PAGE,
    ("POST", "/account/passkeys"): PAGE,
    ("POST", "/account/passkeys/remove"): PAGE,
    ("POST", "/login/{municipality:int}/passkey/options"): PAGE,
    ("POST", "/login/{municipality:int}/passkey"): PAGE,
    ("POST", "/logout"): PAGE,
    ("GET", "/docs"): EVERYBODY,
    ("GET", "/docs/"): EVERYBODY,
    ("GET", "/docs/{part}"): EVERYBODY,
    ("GET", "/openapi.json"): EVERYBODY,
    ("GET", "/.well-known/jwks.json"): EVERYBODY,
    ("GET", "/.well-known/oauth-authorization-server"): EVERYBODY,
    ("GET", "/problems/{code}"): EVERYBODY,
    ("GET", "/health/live"): EVERYBODY,
    ("GET", "/health/ready"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
    ("POST", "/v1/taps"): PHONE | {"inspector": "all"},
    ("POST", "/v1/reports"): PHONE,
    ("GET", "/v1/reminders"): PHONE,  # its own alone, whoever asks
    ("GET", "/v1/presence"): {"inspector": "all", "admin": "all"},
    ("POST", "/oauth/token"): KNOCKING,
    ("POST", "/v1/devices/enrol"): KNOCKING,
    ("POST", "/v1/devices"): {"planner": "own", "admin": "all"},
    ("GET", "/v1/devices"): OWN_READERS,
    ("GET", "/v1/devices/{ref}"): OWN_READERS,
    ("GET", "/v1/devices/{ref}/clock"): {"planner": "own", "admin": "all"},
    ("POST", "/v1/devices/{ref}/revoke"): {"planner": "own", "admin": "all"},
    ("POST", "/v1/staff/{ref}/pin-code"): {"planner": "own", "admin": "all"},
    ("POST", "/v1/pins"): KNOCKING,
    ("POST", "/v1/work-shifts"): KNOCKING,
    ("POST", "/v1/work-shifts/{work_shift}/end"): {"staff": "own"},
    ("POST", "/v1/clients"): {"admin": "all"},
    ("GET", "/v1/clients"): {"admin": "all"},
    ("GET", "/v1/clients/{ref}"): {"admin": "all"},
    ("PUT", "/v1/clients/{ref}/jwks"): {"admin": "all"},
    ("POST", "/v1/clients/{ref}/revoke"): {"admin": "all"},
    ("PUT", "/v1/issuers/{ref}"): {"admin": "all"},
    ("GET", "/v1/issuers/{ref}"): {"admin": "all"},
    ("GET", "/v1/issuers"): {"admin": "all"},
    ("PUT", "/v1/members/{ref}"): {"planner": "own", "admin": "all"},
    ("GET", "/v1/members/{ref}"): {"planner": "own", "admin": "all"},
    ("GET", "/v1/members"): {"planner": "own", "admin": "all"},
    ("POST", "/v1/members/{ref}/link"): {"planner": "own", "admin": "all"},
    ("GET", "/v1/sessions"): {"planner": "own", "admin": "all"},
    ("DELETE", "/v1/sessions/{session_id}"): {"planner": "own", "admin": "all"},
    ("GET", "/v1/me"): dict.fromkeys(ROLES, "all"),
    ("POST", "/v1/me/tokens"): IN_PERSON,
    ("GET", "/v1/me/tokens"): IN_PERSON,
    ("DELETE", "/v1/me/tokens/{token_id}"): IN_PERSON,
    ("GET", "/v1/visits"): VISIT_READERS,
    ("GET", "/v1/visits/{visit_id}"): VISIT_READERS,
    ("POST", "/v1/visits"): {"planner": "own", "admin": "all"},
    ("POST", "/v1/visits:batch"): {"planner": "all", "admin": "all"},
    ("POST", "/v1/disputes/{tap}/settle"): {"planner": "own", "admin": "all"},
    ("GET", "/v1/anomalies"): {"planner": "own", "controller": "all", "admin": "all"},
    ("POST", "/v1/anomalies/{anomaly_id}/apply"): {"planner": "own", "admin": "all"},
    ("POST", "/v1/anomalies:apply"): {"planner": "all", "admin": "all"},  # each anomaly is answered by itself
    ("POST", "/v1/anomalies:acknowledge"): {"planner": "all", "admin": "all"},
    ("POST", "/v1/visits/{visit_id}/corrections"): {"planner": "own", "admin": "all"},
    ("GET", "/v1/disputes"): PULLERS,
    ("GET", "/v1/changes"): PULLERS,
    ("GET", "/v1/executed-time"): PULLERS | OFFICER,
    ("GET", "/v1/expected"): PULLERS | OFFICER,
    ("GET", "/v1/delegations"): PULLERS,
    ("GET", "/v1/delegations/missing"): PULLERS,
    ("GET", "/v1/measures/alarms"): PULLERS | OFFICER,
    ("GET", "/v1/measures/licensed"): PULLERS | OFFICER,
    ("GET", "/v1/measures/continuity"): PULLERS | OFFICER,
    ("GET", "/v1/measures/declined"): PULLERS | OFFICER,
    ("GET", "/v1/measures/evidence"): PULLERS | OFFICER,
    ("GET", "/v1/measures/executed-share"): PULLERS | OFFICER,
    ("GET", "/v1/measures/indices"): PULLERS | OFFICER,
    ("GET", "/v1/compensation"): PULLERS,
    ("GET", "/v1/compensation/presets"): MASTER_READERS,
    ("GET", "/v1/compensation/invoice.xml"): PULLERS,
    ("GET", "/v1/compensation/credit-note.xml"): PULLERS,
    ("GET", "/v1/compensation/specification.xlsx"): PULLERS,
    ("GET", "/v1/compensation/specification.pdf"): PULLERS,
    ("POST", "/v1/compensation/simulate"): {"system": "all", "admin": "all", "controller": "all"},
    ("GET", "/v1/periods"): PULLERS,
    ("GET", "/v1/reports/half-year"): PULLERS,
    ("GET", "/v1/reports/fee-basis"): {"system": "all", "admin": "all", "controller": "all"},
    ("POST", "/v1/periods/{provider}/{month}/close"): {"admin": "all", "controller": "all"},
    ("GET", "/v1/ledger/key"): EVERYBODY,
    ("GET", "/v1/ledger/head"): HEAD_READERS,
    ("GET", "/v1/ledger/consistency"): HEAD_READERS,
    ("GET", "/v1/ledger/proof"): PROOF_READERS,
    ("GET", "/v1/ledger/entries"): AUDITORS,
    ("GET", "/v1/ledger/outside"): AUDITORS,
    ("GET", "/v1/ledger/receipt"): AUDITORS | {"staff": "own"},
    ("GET", "/v1/access-log"): AUDITORS,
    ("POST", "/v1/access-log/samples"): AUDITORS,
    ("GET", "/v1/recipients/{ref}/extract"): AUDITORS | {"system": "all"},
    ("GET", "/v1/my-access"): dict.fromkeys(ROLES, "all"),  # its own alone, whoever asks
    ("PUT", "/v1/payers/{ref}"): WRITERS,
    ("GET", "/v1/payers/{ref}"): MASTER_READERS,
    ("GET", "/v1/payers"): MASTER_READERS,
    ("PUT", "/v1/providers/{ref}"): WRITERS,
    ("GET", "/v1/providers/{ref}"): MASTER_READERS | OFFICER,
    ("GET", "/v1/providers"): MASTER_READERS | OFFICER,
    ("PUT", "/v1/recipients/{ref}"): WRITERS,
    ("GET", "/v1/recipients/{ref}"): OWN_READERS | OFFICER,
    ("GET", "/v1/recipients"): OWN_READERS | OFFICER,
    ("PUT", "/v1/staff/{ref}"): OWN_WRITERS,
    ("GET", "/v1/staff/{ref}"): OWN_READERS,
    ("GET", "/v1/staff"): OWN_READERS,
    ("PUT", "/v1/interventions/{ref}"): WRITERS,
    ("GET", "/v1/interventions/{ref}"): MASTER_READERS | OFFICER,
    ("GET", "/v1/interventions"): MASTER_READERS | OFFICER,
    ("PUT", "/v1/orders/{ref}"): WRITERS,
    ("GET", "/v1/orders/{ref}"): OWN_READERS | OFFICER,
    ("GET", "/v1/orders"): OWN_READERS | OFFICER,
    ("DELETE", "/v1/orders/{ref}"): WRITERS,
    ("POST", "/v1/orders:batch"): WRITERS,
    ("GET", "/v1/purge-plan"): AUDITORS | {"controller": "all"},
    ("POST", "/v1/purges"): {"admin": "all"},
    ("POST", "/v1/purges/{ref}/approve"): {"admin": "all"},
    ("GET", "/v1/purges/{ref}"): AUDITORS | {"controller": "all"},
    ("GET", "/v1/purges"): AUDITORS | {"controller": "all"},
    ("GET", "/v1/retention"): AUDITORS | {"controller": "all"},
    ("PUT", "/v1/retention/{ref}"): {"admin": "all"},
    ("POST", "/v1/recipients/{ref}/archive"): {"admin": "all"},
    ("PUT", "/v1/contracts/{ref}"): WRITERS,
    ("GET", "/v1/contracts/{ref}"): OWN_READERS,
    ("GET", "/v1/contracts"): OWN_READERS,
    ("PUT", "/v1/consents/{ref}"): WRITERS | OFFICER,
    ("GET", "/v1/consents/{ref}"): {"system": "all", "controller": "all"} | AUDITORS | OFFICER,
    ("GET", "/v1/consents"): {"system": "all", "controller": "all"} | AUDITORS | OFFICER,
    ("PUT", "/v1/declines/{ref}"): OWN_WRITERS,
    ("GET", "/v1/declines/{ref}"): OWN_READERS,
    ("GET", "/v1/declines"): OWN_READERS,
    ("PUT", "/v1/tags/{ref}"): OWN_WRITERS,
    ("GET", "/v1/tags/{ref}"): OWN_READERS,
    ("GET", "/v1/tags"): OWN_READERS,
    ("GET", "/v1/tag-moves"): OWN_READERS,
    ("POST", "/v1/tags/{ref}/mount"): OWN_WRITERS,
    ("POST", "/v1/tags/{ref}/state"): OWN_WRITERS,
    ("PUT", "/v1/keysets/{ref}"): {"admin": "all"},
    ("GET", "/v1/keysets/{ref}"): MASTER_READERS,
    ("GET", "/v1/keysets"): MASTER_READERS,
}


# Scope -> the routes that a token of it reaches. Whoever is let in without a token has none to be held to.
SCOPED = {
    "taps": [
        "POST /v1/taps",
        "POST /v1/reports",
        "GET /v1/reminders",
        "POST /v1/work-shifts/{work_shift}/end",
    ],
    "visits:read": [
        "GET /v1/visits",
        "GET /v1/visits/{visit_id}",
        "GET /v1/changes",
        "GET /v1/anomalies",
        "GET /v1/disputes",
        "GET /v1/presence",
        "GET /v1/delegations/missing",
    ],
    "visits:write": [
        "POST /v1/visits",
        "POST /v1/visits:batch",
        "POST /v1/visits/{visit_id}/corrections",
        "POST /v1/anomalies/{anomaly_id}/apply",
        "POST /v1/anomalies:apply",
        "POST /v1/anomalies:acknowledge",
        "POST /v1/disputes/{tap}/settle",
    ],
    "records:read": [
        *("GET /v1/tag-moves", "GET /v1/delegations", "GET /v1/retention"),
        *("GET /v1/purge-plan", "GET /v1/purges", "GET /v1/purges/{ref}"),
    ],
    "records:write": [
        *("POST /v1/purges", "POST /v1/purges/{ref}/approve", "PUT /v1/retention/{ref}"),
        "POST /v1/recipients/{ref}/archive",
        "DELETE /v1/orders/{ref}",
        "POST /v1/orders:batch",
        "POST /v1/tags/{ref}/mount",
        "POST /v1/tags/{ref}/state",
    ],
    "measures:read": ["GET /v1/executed-time", "GET /v1/expected"],
    "pay:read": [
        "GET /v1/compensation",
        "GET /v1/compensation/presets",
        "GET /v1/compensation/invoice.xml",
        "GET /v1/compensation/credit-note.xml",
        "GET /v1/compensation/specification.xlsx",
        "GET /v1/compensation/specification.pdf",
        "POST /v1/compensation/simulate",
        "GET /v1/periods",
        "GET /v1/reports/half-year",
        "GET /v1/reports/fee-basis",
    ],
    "pay:close": ["POST /v1/periods/{provider}/{month}/close"],
    "ledger:read": [f"GET /v1/ledger/{name}" for name in ("head", "consistency", "proof", "entries", "outside")],
    "access:read": [
        "GET /v1/recipients/{ref}/extract",
        "GET /v1/access-log",
        "POST /v1/access-log/samples",
        "GET /v1/my-access",
    ],
    "devices": [
        "POST /v1/devices",
        "GET /v1/devices",
        "GET /v1/devices/{ref}",
        "GET /v1/devices/{ref}/clock",
        "POST /v1/devices/{ref}/revoke",
        "POST /v1/staff/{ref}/pin-code",
    ],
    "clients": [
        "POST /v1/clients",
        "GET /v1/clients",
        "GET /v1/clients/{ref}",
        "PUT /v1/clients/{ref}/jwks",
        "POST /v1/clients/{ref}/revoke",
    ],
}
SCOPED["members"] = ["GET /v1/issuers", "GET /v1/members"]
SCOPED["members"] += ["POST /v1/members/{ref}/link", "GET /v1/sessions", "DELETE /v1/sessions/{session_id}"]
SCOPED["me"] = ["GET /v1/me", "POST /v1/me/tokens", "GET /v1/me/tokens", "DELETE /v1/me/tokens/{token_id}"]
SCOPED["members"] += [f"{verb} /v1/{name}/{{ref}}" for name in ("issuers", "members") for verb in ("GET", "PUT")]
SCOPED["ledger:read"].append("GET /v1/ledger/receipt")
for _kind in (
    *("payers", "providers", "recipients", "staff", "interventions"),
    *("orders", "contracts", "consents", "declines", "tags", "keysets"),
):
    SCOPED["records:write"].append(f"PUT /v1/{_kind}/{{ref}}")
    SCOPED["records:read"] += [f"GET /v1/{_kind}", f"GET /v1/{_kind}/{{ref}}"]
SCOPED["measures:read"] += [
    f"GET /v1/measures/{_name}"
    for _name in ("alarms", "continuity", "declined", "evidence", "executed-share", "indices", "licensed")
]
SCOPE_OF = {tuple(route.split(" ")): scope for scope, routes in SCOPED.items() for route in routes}
MONTHLY = {path for _, path in EXPECTED if path.startswith("/v1/compensation/") and "." in path}
PAYER = {"name": "Norrtälje", "org_no": "212000-0001", "reference": "4711"}


def routes_of(app):
    """Every route that is served by what asks for it, those that the documentation leaves out among them."""
    found = {}
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop()
        included = getattr(route, "original_router", None)
        if included is not None:
            waiting += included.routes
        elif hasattr(route, "methods"):
            found |= {(method, route.path): route for method in route.methods - {"HEAD"}}
    return found


def order(recipient, provider):
    line = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
    return {"recipient": recipient, "provider": provider, "valid_from": "2026-01-01", "lines": [line]}


def staff(provider):
    return {"provider": provider, "role": "care_assistant", "valid_from": "2026-01-01", "delegations": []}


def contract(provider):
    return {"provider": provider, "valid_from": "2020-01-01", "valid_to": "2020-12-31", "split_policy": "proportional",
            "report_required": False, "compensation": {}}  # fmt: skip


async def close_months(service):
    """January dear and February cheap, so that each side's February has an invoice and a credit note."""
    for side in ("own", "other"):
        told = {"payer": "omsorg"}
        provider = {"name": side, "org_no": "556000-0001", "form": "in_house", "invoicing": told}
        await service.put("providers", f"P-{side}", provider)
        for month, ore in (("2026-01", 200), ("2026-02", 100)):
            rule = {"ref": "care", "basis": "per_month", "categories": ["CARE"], "rates": [{"ore": ore}]}
            body = {"provider": f"P-{side}", "valid_from": "2026-01-01", "compensation": {"rules": [rule]}}
            await service.put("contracts", f"K-{side}", body)
            await service.ask("POST", f"/v1/periods/P-{side}/{month}/close", {"accept_open": True})


def consent(side):
    """The recipient of the other side has withdrawn its own."""
    given = {"recipient": f"B-{side}", "what": "Läsa besök", "given_on": "2026-01-01"}
    return given if side == "own" else given | {"withdrawn_on": "2026-02-01"}


ISSUER = {"issuer": "https://login.example", "client_id": "taggad"}


def member(side):
    return {"role": "planner", "provider": f"P-{side}", "hsa_id": f"SE-{side}", "valid_from": "2026-01-01"}


def tag(side):
    return {"kind": "static", "uid": {"own": "04000000000001", "other": "04000000000002"}[side]}


def decline(recipient, provider):
    at = "2026-10-12T08:00:00Z"
    return {"recipient": recipient, "provider": provider, "at": at, "notified_at": at, "reason": "visitors"}


@pytest.fixture
async def town(service):
    """Two providers, each with one staff, recipient, order, contract and visit; who asks belongs to the first."""
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    service.visit_ids, service.tap_ids, service.devices, service.work_shifts = {}, {}, {}, {}
    service.anomaly_ids, service.dispute_ids, service.session = {}, {}, None
    for side in ("own", "other"):
        await service.put("providers", f"P-{side}", {"name": side, "form": "external"})
        await service.put("staff", f"S-{side}", staff(f"P-{side}"))
        await service.put("recipients", f"B-{side}", {"area": "URBAN", "protected": False})
        await service.put("orders", f"O-{side}", order(f"B-{side}", f"P-{side}"))
        await service.put("contracts", f"K-{side}", contract(f"P-{side}"))
        await service.put("declines", f"A-{side}", decline(f"B-{side}", f"P-{side}"))
        await service.put("consents", f"M-{side}", consent(side))
        await service.put("members", f"U-{side}", member(side), role="admin")
        await service.put("tags", f"T-{side}", tag(side))
        await service.put("recipients", f"B-{side}-before", {"area": "URBAN"})
        await service.put("orders", f"O-{side}-before", order(f"B-{side}-before", f"P-{side}"))
        for door, days in (("-before", -40), ("", -30)):  # the municipality moves it, which its provider is told
            await service.mount(f"T-{side}", f"B-{side}{door}", day(days))
        tapped = await service.tap(f"S-{side}", f"B-{side}", "in", dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
        service.visit_ids[side] = tapped["visits"][0]["id"]
        service.tap_ids[side] = tapped["id"]
        for days, role in enumerate(("planner", "admin"), 1):  # each applies its own
            alone = await service.tap(f"S-{side}", f"B-{side}", "out", day(-days, "10:00"))
            service.anomaly_ids[side, role] = f"{alone['visits'][0]['id']}:missing_in"
            late = await service.tap(f"S-{side}", f"B-{side}", "out", day(-days - 20), verdict="disputed")
            service.dispute_ids[side, role] = late["id"]
        service.devices[side], _ = await service.enrol(f"S-{side}")
        service.work_shifts[side] = await work_shift_of(service, side)
        await service.ask("POST", "/v1/clients", {"ref": f"C-{side}", "role": "system"})
        by_another = {"Authorization": f"Bearer {service.app.state.tokens.mint(188, 'admin', client='arkiv')}"}
        await service.ask("POST", "/v1/purges", {"ref": f"G-{side}"}, headers=by_another)
    await service.put("keysets", "k1", KEYSET, role="admin")
    await service.put("issuers", "entra", ISSUER, role="admin")
    await service.put("payers", "omsorg", PAYER)
    await service.seal()
    return service


async def work_shift_of(service, side):
    """A work shift of the side's staff with a shared phone of theirs."""
    await set_pin(service, f"S-{side}", "472916", role="admin")
    phone = await shared_phone(service, f"P-{side}")
    return (await phone.choose(f"S-{side}", "472916"))["id"]


BY_MONTH = {"/v1/executed-time", "/v1/compensation", "/v1/delegations/missing"}
BY_MONTH |= {
    f"/v1/measures/{name}" for name in ("alarms", "declined", "evidence", "executed-share", "indices", "licensed")
}


def request_of(service, method, path, side):
    """A request to the route about an object of `side`: (path, body, query)."""
    kind = path.split("/")[2].split(":")[0] if path.startswith("/v1/") else ""
    refs = {"providers": "P-", "recipients": "B-", "staff": "S-", "orders": "O-", "contracts": "K-", "clients": "C-"}
    refs |= {"consents": "M-", "declines": "A-", "tags": "T-", "members": "U-", "purges": "G-"}
    ref = {
        "keysets": "k1",
        "payers": "omsorg",
        "retention": "accounting",
        "issuers": "entra",
        "interventions": "dusch",
        "devices": service.devices[side],
    }.get(kind) or f"{refs.get(kind, '')}{side}"
    url = (
        path.replace("{ref}", ref)
        .replace("{code}", "not_found")
        .replace("{part}", "visits")
        .replace("{municipality:int}", "188")
        .replace("{visit_id}", service.visit_ids[side])
        .replace("{work_shift}", service.work_shifts[side])
    )
    query = {}
    url = url.replace("{provider}", f"P-{side}").replace("{month}", "2026-10")
    if path == "/v1/reports/half-year":
        query = {"from": "2026-10", "provider": f"P-{side}"}
    if path == "/v1/reports/fee-basis":
        query = {"month": "2026-10", "recipient": f"B-{side}"}
    if path in {"/v1/periods", "/v1/anomalies", "/v1/delegations"}:
        query = {"provider": f"P-{side}"}
    if path in BY_MONTH:
        query = {"month": "2026-10", "provider": f"P-{side}"}
        query |= {"by": "recipient"} if path == "/v1/executed-time" else {}
    if path in MONTHLY:
        query = {"month": "2026-02", "provider": f"P-{side}"}
    if path == "/v1/measures/continuity":
        query = {"from": "2026-10-01", "provider": f"P-{side}"}
    if path in {"/v1/ledger/proof", "/v1/ledger/receipt"}:
        query = {"fact": service.tap_ids[side]}
    query |= {
        "/v1/ledger/consistency": {"from": 0},
        "/v1/ledger/key": {"municipality": 188},
        "/v1/expected": {"date": "2026-10-01", "provider": f"P-{side}"},
    }.get(path, {})
    if path == "/v1/visits" and method == "GET":
        query = {"staff": f"S-{side}"}
    if path == "/v1/presence":
        query = {"household": f"B-{side}"}
    return url, body_for(path, side) if method in {"PUT", "POST"} else None, query


def body_for(path, side):
    """The body of a request to the route about an object of `side`, None where it takes none."""
    bodies = {
        "/v1/taps": {"sent_at": day(0), "taps": [tap_item(f"B-{side}", "in", day(-1, "08:00"))]},
        "/v1/reports": {
            "reports": [
                {
                    "id": "019a0f60-77aa-7b02-8a7b-5d8b7a0c1e22",
                    "tap": "019a0f60-77aa-7b02-8a7b-5d8b7a0c1e23",
                    "reported_at": day(-1, "09:00"),
                    "outcome": "performed",
                    "interventions": [],
                }
            ]
        },
        "/v1/access-log/samples": {"from": "2026-10-01", "to": "2026-10-31", "size": 5, "seed": side},
        "/v1/disputes/{tap}/settle": {"accept": False, "reason": "equipment"},
        "/v1/periods/{provider}/{month}/close": {"accept_open": True},  # a dispute may lie in the month
        "/v1/devices": {"staff": f"S-{side}"},
        "/v1/devices/enrol": {"code": "nobody's"},
        "/v1/devices/{ref}/revoke": {"reason": "lost"},
        "/v1/pins": {"code": "nobody's"},
        "/v1/work-shifts": {"assertion": "nobody's"},
        "/v1/clients": {"ref": f"C-{uuid.uuid4()}", "role": "system"},
        "/v1/clients/{ref}/jwks": {"keys": [CLIENT_KEY]},
        "/v1/clients/{ref}/revoke": {"reason": "replaced"},
        "/v1/purges": {"ref": f"G-{uuid.uuid4()}"},
        "/v1/retention/{ref}": {"years": 10, "reason": "plan"},
        "/v1/providers/{ref}": {"name": side, "form": "external"},
        "/v1/payers/{ref}": PAYER,
        "/v1/recipients/{ref}": {"area": "URBAN", "protected": False},
        "/v1/staff/{ref}": staff(f"P-{side}"),
        "/v1/interventions/{ref}": {"title": "Dusch", "category": "CARE", "standard_minutes": 20},
        "/v1/orders/{ref}": order(f"B-{side}", f"P-{side}"),
        "/v1/orders:batch": {"orders": [{"ref": f"O-{side}", **order(f"B-{side}", f"P-{side}")}]},
        "/v1/contracts/{ref}": contract(f"P-{side}"),
        "/v1/keysets/{ref}": KEYSET,
        "/v1/compensation/simulate": {
            "from": "2026-10-01",
            "to": "2026-10-31",
            "provider": f"P-{side}",
            "compensation": {},
        },
        "/v1/consents/{ref}": consent(side),
        "/v1/declines/{ref}": decline(f"B-{side}", f"P-{side}"),
        "/v1/issuers/{ref}": ISSUER,
        "/v1/members/{ref}": member(side),
        "/v1/tags/{ref}": tag(side),
        "/v1/tags/{ref}/mount": {"household": f"B-{side}", "at": day(-9)},
        "/v1/tags/{ref}/state": {"state": "active", "at": day(-9), "reason": "other"},
    }
    if path.startswith("/v1/visits"):
        start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30)
        end = start + dt.timedelta(minutes=5)
        manual = {"id": uuid.uuid4(), "recipient": f"B-{side}", "staff": f"S-{side}", "started_at": start,
                  "ended_at": end, "interventions": ["dusch"], "reason": "system_down"}  # fmt: skip
        bodies |= {"/v1/visits": manual, "/v1/visits:batch": {"visits": [manual]}}
    if path.startswith("/v1/anomalies:"):
        bodies[path] = {"anomalies": [{"id": uuid.uuid4(), "anomaly": f"{uuid.uuid4()}:overlap"}]}
    if path == "/v1/visits/{visit_id}/corrections":
        moment = dt.datetime.now(dt.UTC)
        bodies[path] = {"id": uuid.uuid4(), "kind": "set_end", "ended_at": moment, "reason": "forgot_out"}
    return bodies.get(path)


def identity(role):
    return {"planner": {"provider": "P-own"}, "staff": {"staff": "S-own"}}.get(role, {})


async def logged_in(service, side):
    """The id of a new session of a side's planner."""
    async with Person(service) as planner:
        await planner.enter(f"U-{side}")
    sessions = (await service.ask("GET", "/v1/sessions")).json()["items"]
    return [one["id"] for one in sessions if one["member"] == f"U-{side}"][-1]


async def asked(service, method, path, side, role, **who):
    url, body, query = request_of(service, method, path, side)
    url = url.replace("{anomaly_id}", service.anomaly_ids.get((side, role), f"{uuid.uuid4()}:overlap"))
    expect = tuple(range(200, 500))
    url = url.replace("{tap}", service.dispute_ids.get((side, role), str(uuid.uuid4())))
    if "{session_id}" in path:
        url = path.replace("{session_id}", service.session or await logged_in(service, side))
    headers = {"If-Match": "*"} if path.endswith("/corrections") else None
    if (path, role) == ("/v1/visits", "case_officer"):
        query = {"recipient": f"B-{side}"}
    answer = await service.ask(method, url, body, role=role, expect=expect, params=query, headers=headers, **who)
    assert description_of(service.app).unlike(answer) == []
    return answer.status_code


def test_every_route_has_an_expectation(service):
    assert routes_of(service.app).keys() == EXPECTED.keys()


def test_every_route_that_asks_for_a_token_has_its_scope(service):
    found = {name: allowed_by(route) for name, route in routes_of(service.app).items() if hasattr(route, "dependant")}
    assert {name: allowed.scope for name, allowed in found.items() if allowed} == SCOPE_OF
    assert {name for name, who in EXPECTED.items() if type(who) is dict or who == IN_PERSON} == SCOPE_OF.keys()
    assert set(SCOPE_OF.values()) == set(SCOPES)


def some_role(method, path):
    who = EXPECTED[method, path]
    role = "admin" if who == IN_PERSON else next(iter(who))
    return {"role": role} | identity(role)


async def asked_for_nothing(service, method, path, *scopes):
    who = some_role(method, path)
    path = re.sub(r"{[^}]+}", "x-1", path)
    return await service.ask(method, path, scopes=scopes, expect=tuple(range(200, 500)), **who)


async def test_a_token_with_scopes_reaches_the_routes_of_these_alone(service):
    """Asked for what is not there: the refusal of a scope comes before any look-up, and no other is the token's."""
    await service.put("providers", "P-own", {"name": "own", "form": "external"})
    await service.put("staff", "S-own", staff("P-own"))
    for route, scope in SCOPE_OF.items():
        others = tuple(one for one in SCOPES if one != scope)
        for scopes in (*((one,) for one in others), others):
            answer = await asked_for_nothing(service, *route, *scopes)
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), (route, scopes)
            assert answer.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'
        whole = await asked_for_nothing(service, *route)
        for scopes in ((scope,), tuple(SCOPES)):
            answer = await asked_for_nothing(service, *route, *scopes)
            assert answer.status_code == whole.status_code, (route, scopes, answer.text)
            assert (answer.status_code in {401, 403}) is (EXPECTED[route] == IN_PERSON), (route, scopes)


def test_the_description_says_which_scope_each_operation_needs(service):
    document = service.app.openapi()
    found = {
        (method.upper(), path): operation.get("security")
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    wanted = {name: [{kind: [scope]} for kind in ("token", "client", "session")] for name, scope in SCOPE_OF.items()}
    assert {name: told for name, told in found.items() if told} == wanted
    flow = document["components"]["securitySchemes"]["client"]["flows"]["clientCredentials"]
    assert flow == {"tokenUrl": "/oauth/token", "scopes": SCOPES}


@pytest.mark.parametrize(("method", "path"), sorted(EXPECTED))
async def test_who_may(town, method, path):
    expected = EXPECTED[method, path]
    if path in MONTHLY:
        await close_months(town)
    nobody = await asked(town, method, path, "own", None)
    if expected == PAGE:
        assert nobody in {200, 303, 401, 403, 410}
        return
    if expected == EVERYBODY:
        assert nobody == 200
        return
    if expected == KNOCKING:
        assert nobody in {400, 422}
        return
    assert nobody == 401
    if expected == IN_PERSON:
        assert {await asked(town, method, path, "own", role, **identity(role)) for role in ROLES} == {403}
        return
    for role in ROLES:
        reach = expected.get(role)
        found = [await asked(town, method, path, side, role, **identity(role)) for side in ("own", "other")]
        if reach is None:
            assert found == [403, 403], role
            continue
        withdrawn = (method, path) == ("DELETE", "/v1/orders/{ref}") and role != "system"
        assert found[0] in ({404} if withdrawn else {200, 201, 204}), role
        if reach == "consent":
            assert found[1] == (404 if "{" in path else 403), role
        elif reach == "own" and not (path.endswith(("/v1/changes", "/v1/disputes", *LISTS)) and method == "GET"):
            # What a body alone names is a fault of the body.
            assert found[1] == (422 if method == "POST" and "{" not in path else 404), role
        else:
            assert found[1] in ({404} if withdrawn else {200, 201, 204}), role


# Lists without a filter hold only what is one's own; the next test looks into them.
LISTS = (
    "/v1/recipients",
    "/v1/staff",
    "/v1/orders",
    "/v1/contracts",
    "/v1/declines",
    "/v1/devices",
    "/v1/members",
    "/v1/sessions",
    "/v1/tags",
    "/v1/tag-moves",
)


NAMED = {"recipient": "B-", "provider": "P-", "staff": "S-"}
EACH_BY_ITSELF = ("/v1/visits:batch", "/v1/anomalies:apply", "/v1/anomalies:acknowledge")


def about_others(service, role):
    """Every request of a role that is about something out of its reach: by address, by body, by each filter."""
    for (method, path), who in EXPECTED.items():
        if type(who) is dict and (who.get(role) == "own" or (path in EACH_BY_ITSELF and role in who)):
            url, body, query = request_of(service, method, path, "other")
            url = url.replace("{anomaly_id}", service.anomaly_ids["other", "planner"])
            url = url.replace("{tap}", service.dispute_ids["other", "planner"])
            url = url.replace("{session_id}", service.session)
            if path.startswith("/v1/anomalies:"):
                body = {"anomalies": [{"id": uuid.uuid4(), "anomaly": service.anomaly_ids["other", "planner"]}]}
            conditional = method == "PUT" or path.endswith("/corrections")  # a new record is anybody's to make
            if "{" in path or body is not None or "fact" in query:
                yield method, url, body, query, {"If-Match": "*"} if conditional else None
            if method != "GET":
                continue
            operation = service.app.openapi()["paths"][path]["get"]
            for name in NAMED.keys() & {one["name"] for one in operation.get("parameters", ())}:
                kept = {other: value for other, value in query.items() if other not in NAMED}
                needed = {"provider": "P-own"} if path in MONTHLY else {}
                yield method, url, None, needed | kept | {name: f"{NAMED[name]}other"}, None


def as_missing(service, told):
    """The same where refs and ids that nothing has stand in place of the other side's."""
    if isinstance(told, dict):
        return {name: as_missing(service, value) for name, value in told.items()}
    if isinstance(told, list):
        return [as_missing(service, value) for value in told]
    if not isinstance(told, str):
        return told
    names = [service.visit_ids["other"], service.tap_ids["other"], service.devices["other"]]
    names += [
        service.session,
        service.dispute_ids["other", "planner"],
        service.anomaly_ids["other", "planner"].partition(":")[0],
    ]
    for number, name in enumerate(names):
        told = told.replace(name, f"019a0f60-77aa-7b02-8a7b-5d8b7a0c1f{number:02}")
    return told.replace("-other", "-nobody")


@pytest.mark.parametrize("role", ["planner", "staff"])
async def test_what_is_out_of_reach_and_what_is_missing_are_told_in_the_same_bytes(town, role):
    await close_months(town)
    town.session = await logged_in(town, "other")

    async def told(method, url, body, query, headers):
        answer = await town.ask(method, url, body, role=role, expect=tuple(range(200, 500)), params=query,
                                headers=headers, **identity(role))  # fmt: skip
        found = answer.json()
        found.pop("trace_id", None)
        return answer.status_code, found

    requests = list(about_others(town, role))
    assert len(requests) > {"planner": 60, "staff": 4}[role]
    for method, url, body, query, headers in requests:
        foreign = await told(method, url, body, query, headers)
        missing = await told(method, *(as_missing(town, one) for one in (url, body, query)), headers)
        assert foreign[0] in ({200} if url in EACH_BY_ITSELF else {404, 412, 422}), (method, url, query, foreign)
        assert (foreign[0], as_missing(town, foreign[1])) == missing, (method, url, query)
        assert '"accepted"' not in json.dumps(foreign[1])


OF_STAFF = {"/v1/visits": ("planner", "staff"), "/v1/reminders": ("staff",)}


@pytest.mark.parametrize("path", [*LISTS, *OF_STAFF, "/v1/changes", "/v1/executed-time"])
async def test_lists_hold_nothing_of_others(town, path):
    if path == "/v1/sessions":
        await logged_in(town, "own")
        await logged_in(town, "other")
    params = {"month": f"{day(0):%Y-%m}", "by": "provider"} if path == "/v1/executed-time" else {}
    for role in OF_STAFF.get(path, ("planner",)):
        answer = await town.ask("GET", path, role=role, expect=200, params=params, **identity(role))
        assert "-own" in answer.text
        assert "-other" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"), sorted(route for route, who in EXPECTED.items() if type(who) is dict and "{" in route[1])
)
async def test_another_municipality_sees_nothing(town, owner, method, path):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (17, 'Annan', now())")
    town.session = await logged_in(town, "own")
    before = await owner.fetchval("SELECT count(*) FROM record WHERE municipality_id = 188")
    for role in EXPECTED[method, path]:
        status = await asked(town, method, path, "own", role, municipality=17, **identity(role))
        # What it may put is its own from the first byte, unless it names what it does not have.
        # A staff ref that nobody employs there is told nothing, whatever it asks for.
        unseen = {403, 404} if role == "staff" else {404, 422}
        assert status in ({200, 201, 404, 422} if method == "PUT" else unseen), role
    assert await owner.fetchval("SELECT count(*) FROM record WHERE municipality_id = 188") == before
