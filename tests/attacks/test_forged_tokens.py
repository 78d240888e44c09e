"""A token that nobody here signed opens nothing, and one that says more than it may is no token."""

import base64
import hmac
import json
import time

from attacks import untold
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

DOOR = "/v1/visits"
OWN = ECKey.generate_key("P-256")
DROP = object()


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _joined(header, claims, signature=b""):
    return ".".join(_b64(part) for part in (json.dumps(header).encode(), json.dumps(claims).encode(), signature))


def claims_of(**changed):
    """The claims of a good token of a controller, but for what is changed."""
    now = int(time.time())
    claims = {
        "iss": "taggad", "aud": "taggad", "sub": "188:controller:operator/controller", "client_id": "operator",
        "iat": now, "exp": now + 600, "jti": "0196b0c1-7d10-7000-8000-00000000000a", "municipality": 188,
        "role": "controller",
    }  # fmt: skip
    return {name: value for name, value in (claims | changed).items() if value is not DROP}


HOUR = 3600
# Claims that no token of ours has, signed with our own key: the signature is not what refuses them.
CLAIMS = {
    "ended": {"exp": int(time.time()) - 1},
    "ended long ago": {"exp": 0},
    "ends before time began": {"exp": -1},
    "never ends": {"exp": DROP},
    "ends at a text": {"exp": "2099-01-01"},
    "ends at a truth": {"exp": True},
    "ends at a list": {"exp": [4102444800]},
    "ends at null": {"exp": None},
    "not begun": {"nbf": int(time.time()) + HOUR},
    "made in the future": {"iat": int(time.time()) + HOUR},
    "made never": {"iat": DROP},
    "made at a text": {"iat": "now"},
    "of another issuer": {"iss": "https://evil.example"},
    "of no issuer": {"iss": DROP},
    "of an empty issuer": {"iss": ""},
    "of issuers": {"iss": ["taggad"]},
    "for another audience": {"aud": "another"},
    "for no audience": {"aud": DROP},
    "for nobody": {"aud": []},
    "for an empty audience": {"aud": ""},
    "without a subject": {"sub": DROP},
    "without an id": {"jti": DROP},
    "with an id that is a number": {"jti": 1},
    "without a client": {"client_id": DROP},
    "without a role": {"role": DROP},
    "of an unknown role": {"role": "root"},
    "of all roles": {"role": "*"},
    "of several roles": {"role": ["controller", "admin"]},
    "of a role in capitals": {"role": "ADMIN"},
    "of a role with a space": {"role": "admin "},
    "of no municipality": {"municipality": DROP},
    "of municipality null": {"municipality": None},
    "of a municipality in text": {"municipality": "188"},
    "of a municipality in a list": {"municipality": [188]},
    "of a municipality that is true": {"municipality": True},
    "of a municipality with decimals": {"municipality": 188.0},
    "of a municipality by SQL": {"municipality": "188 OR 1=1"},
    "of a planner without a provider": {"role": "planner"},
    "of a planner of an empty provider": {"role": "planner", "provider": ""},
    "of a planner of two providers": {"role": "planner", "provider": ["P-norr", "P-sol"]},
    "of staff without a ref": {"role": "staff"},
    "of staff null": {"role": "staff", "staff": None},
    "with scopes in a list": {"scope": ["visits:read"]},
    "with a scope that is a number": {"scope": 1},
    "of a device that is an object": {"device": {"ref": "D-1"}},
    "of a client that is a list": {"client": ["ekonomi"]},
}


async def test_claims_that_no_token_of_ours_has(service):
    key = service.app.state.tokens._keys[0]
    header = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}

    def signed(**changed):
        return f"Bearer {jwt.encode(header, claims_of(**changed), key, algorithms=['ES256'])}"

    assert (await _asked(service, signed())).status_code == 200
    assert await _taken(service, {name: signed(**changed) for name, changed in CLAIMS.items()}) == {}


def _headed(header):
    return lambda _: jwt.encode({"alg": "ES256", "typ": "at+jwt", **header}, claims_of(), OWN, algorithms=["ES256"])


def _resigned(change):
    """A good token after `change(header, claims, signature)`, whose parts are bytes in base64 again."""

    def make(service):
        header, claims, signature = service.token("controller").split(".")
        return ".".join(change(header, claims, signature))

    return make


def _escalated(_header, claims, _signature):
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return _header, _b64(json.dumps(said | {"role": "admin"}).encode()), _signature


def _by_secret(of_key):
    """HS256, keyed with what is public: a verifier that goes by the header takes it for signed."""

    def make(service):
        key = of_key(service.app.state.tokens._keys[0])
        header = _b64(json.dumps({"alg": "HS256", "typ": "at+jwt"}).encode())
        signed = f"{header}.{_b64(json.dumps(claims_of()).encode())}"
        return f"{signed}.{_b64(hmac.digest(key, signed.encode(), 'sha256'))}"

    return make


def _own_key(header):
    return {"jwk": OWN.as_dict(private=False), **header}


FORGED = {
    "unsigned": lambda _: _joined({"alg": "none", "typ": "at+jwt"}, claims_of()),
    "unsigned in capitals": lambda _: _joined({"alg": "NONE", "typ": "at+jwt"}, claims_of()),
    "unsigned in mixed letters": lambda _: _joined({"alg": "nOnE", "typ": "at+jwt"}, claims_of()),
    "without an algorithm": lambda _: _joined({"typ": "at+jwt"}, claims_of()),
    "of an algorithm null": lambda _: _joined({"alg": None, "typ": "at+jwt"}, claims_of()),
    "signed by a stranger": _headed({}),
    "signed by a stranger who names a key": _headed({"kid": "1"}),
    "signed by a stranger who brings a key": _headed(_own_key({})),
    "whose key is at an address": _headed({"jku": "https://evil.example/jwks.json"}),
    "whose certificate is at an address": _headed({"x5u": "https://evil.example/cert.pem"}),
    "whose key is a file": _headed({"kid": "../../../../dev/null"}),
    "whose key is a query": _headed({"kid": "' UNION SELECT 'x"}),
    "whose key is a command": _headed({"kid": "|whoami"}),
    "whose key is very long": _headed({"kid": "k" * 3000}),
    "signed with the public key as a secret": _by_secret(lambda key: key.as_pem(private=False)),
    "signed with the public key's JSON": _by_secret(lambda key: json.dumps(key.as_dict(private=False)).encode()),
    "signed with an empty secret": _by_secret(lambda _: b""),
    "signed with a known secret": _by_secret(lambda _: b"secret"),
    "by another curve": lambda _: jwt.encode(
        {"alg": "ES384", "typ": "at+jwt"}, claims_of(), ECKey.generate_key("P-384"), algorithms=["ES384"]
    ),
    "by RSA": lambda _: jwt.encode(
        {"alg": "RS256", "typ": "at+jwt"}, claims_of(), RSAKey.generate_key(2048), algorithms=["RS256"]
    ),
    "by a secret of the right length": lambda _: jwt.encode(
        {"alg": "HS256", "typ": "at+jwt"}, claims_of(), OctKey.generate_key(256), algorithms=["HS256"]
    ),
    "with an empty signature": _resigned(lambda header, claims, _: (header, claims, "")),
    "with half a signature": _resigned(lambda header, claims, signature: (header, claims, signature[:40])),
    "with a signature of zeros": _resigned(lambda header, claims, _: (header, claims, _b64(bytes(64)))),
    "with the signature twice": _resigned(lambda header, claims, signature: (header, claims, signature * 2)),
    "with other claims": _resigned(_escalated),
    "in two parts": _resigned(lambda header, claims, _: (header, claims)),
    "in four parts": _resigned(lambda header, claims, signature: (header, claims, signature, signature)),
    "with a dot behind": _resigned(lambda header, claims, signature: (header, claims, signature, "")),
    "without a header": _resigned(lambda _, claims, signature: ("", claims, signature)),
    "without claims": _resigned(lambda header, _, signature: (header, "", signature)),
    "encrypted, it says": lambda _: _joined({"alg": "dir", "enc": "A256GCM"}, claims_of()) + ".AA.AA",
    "with critical headers": lambda _: _joined(
        {"alg": "ES256", "typ": "at+jwt", "crit": ["admin"], "admin": True}, claims_of(), bytes(64)
    ),
    "not encoded": lambda _: _joined({"alg": "ES256", "typ": "at+jwt", "b64": False, "crit": ["b64"]}, claims_of()),
    "whose header is a list": lambda _: f"{_b64(b'[]')}.{_b64(b'{}')}.",
    "whose header is deep": lambda _: f"{_b64(b'[' * 1500)}.{_b64(b'{}')}.",
    "whose header is no JSON": lambda _: "a.b.c",
    "too long": lambda service: service.token("controller") + "A" * 5000,
    "of dots": lambda _: "." * 100,
    "of bytes that are no text": lambda _: "\xff\xfe",
    "of a session": lambda _: "0123456789abcdef" * 4,
}


async def test_tokens_that_nobody_here_signed(service):
    forged = {name: f"Bearer {forge(service)}".encode("latin-1") for name, forge in FORGED.items()}
    assert await _taken(service, forged) == {}


ODD = {
    "nothing": None,
    "an empty header": b"",
    "a scheme alone": b"Bearer",
    "Basic": b"Basic " + base64.b64encode(b"admin:admin"),
    "Digest": b'Digest username="admin"',
    "Negotiate": b"Negotiate YII",
    "a token without a scheme": b"{token}",
    "a token of another scheme": b"Token {token}",
    "a quoted token": b'Bearer "{token}"',
    "two tokens": b"Bearer {token}, Bearer {token}",
    "a token and more": b"Bearer {token} admin",
    "a tab between": b"Bearer\t{token}",
    "a token with a NUL's name": b"Bearer {token}%00",
}
PLACES = ("access_token", "token", "authorization", "jwt", "api_key")
TYPES = ("JWT", "jwt", "dpop+jwt", "application/at+jwt+x", "")
TRIED = [*CLAIMS, *FORGED, *ODD, *PLACES * 3, *TYPES]


async def test_a_token_is_given_in_one_way(service):
    token = service.token("controller").encode()
    assert (
        await _taken(service, {name: given and given.replace(b"{token}", token) for name, given in ODD.items()}) == {}
    )


async def test_no_token_is_taken_from_an_address_a_cookie_or_another_header(service):
    token = service.token("controller")
    client = service.client()
    for place in PLACES:
        answers = [
            await client.get(DOOR, params={place: token}),
            await client.get(DOOR, headers={"Cookie": f"{place}={token}"}),
            await client.get(DOOR, headers={f"X-{place}".replace("_", "-"): f"Bearer {token}"}),
        ]
        assert [answer.status_code for answer in answers] == [401] * 3, place
        assert not any(token in answer.text for answer in answers), place


async def test_tokens_for_other_uses_open_nothing(service):
    """Such as a phone's signed assertion, which has the head of an ordinary JWT."""
    key = service.app.state.tokens._keys[0]
    headers = {typ: {"alg": "ES256", "typ": typ, "kid": key.kid} for typ in TYPES}
    tokens = {typ: jwt.encode(header, claims_of(), key, algorithms=["ES256"]) for typ, header in headers.items()}
    assert await _taken(service, {typ: f"Bearer {token}" for typ, token in tokens.items()}) == {}


async def _asked(service, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    return await service.client().get(DOOR, headers=headers)


async def _taken(service, tried):
    """The attacks that were not refused as they should be, with their answers."""
    taken = {}
    for name, authorization in tried.items():
        answer = await _asked(service, authorization)
        told = (answer.status_code, answer.json().get("code"), answer.headers.get("www-authenticate", "")[:6])
        if told != (401, "unauthenticated", "Bearer") or untold(answer.text):
            taken[name] = (answer.status_code, answer.text)
    return taken
