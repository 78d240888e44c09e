"""Whether an answer, a body or an example is as the API's description has it, by JSON Schema 2020-12."""

import json
import re
from functools import cache
from http import HTTPStatus
from urllib.parse import quote

import jsonschema_rs

DOCUMENT = "urn:openapi"


_descriptions = []


def description_of(app):
    """The description of a service; every service of a run has the same, so it is read once."""
    if not _descriptions:
        _descriptions.append(Description(app.openapi()))
    return _descriptions[0]


class Description:
    """An OpenAPI document, to hold what is said over HTTP against."""

    def __init__(self, document):
        self.document = document
        # Schemas refer to each other from the document's root, so the whole of it is what their references lead into.
        self._registry = jsonschema_rs.Registry([(DOCUMENT, document)], draft=jsonschema_rs.Draft202012)
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path))), path) for path in self._by_length()
        ]
        self._validators = {}
        self.operation = cache(self._operation)

    def _by_length(self):
        """Addresses without parameters first: they are what is meant where two fit."""
        return sorted(self.document["paths"], key=lambda path: (path.count("{"), path))

    def _operation(self, method, path):
        for pattern, template in self._paths:
            found = pattern.fullmatch(path) and self.document["paths"][template].get(method.lower())
            if found:
                return template, found
        return None, None

    def operations(self):
        """Every operation: method, path, what is said of it."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def faults(self, place, value):
        """What is wrong with a value by the schema at a place of the document, `place` being the steps to it."""
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in place)
        if pointer not in self._validators:
            schema = {"$ref": f"{DOCUMENT}#/{quote(pointer)}"}
            self._validators[pointer] = jsonschema_rs.Draft202012Validator(
                schema, registry=self._registry, validate_formats=True
            )
        return [
            f"{'/'.join(map(str, error.instance_path))}: {error.message}"[:300]
            for error in self._validators[pointer].iter_errors(value)
        ]

    def place_of(self, place):
        """The steps to where a reference leads, and what is there; the same steps where there is none."""
        found = self.document
        for step in place:
            found = found[step]
        if "$ref" in found:
            return self.place_of(found["$ref"].removeprefix("#/").split("/"))
        return place, found

    def unlike(self, answer):
        """What of an answer, and of the body it is to, is not as described; nothing where the address is not."""
        asked, status = answer.request, answer.status_code
        template, operation = self.operation(asked.method, asked.url.path)
        if operation is None:
            return []
        told = str(status) if str(status) in operation["responses"] else "default"
        if told == "default" and status < HTTPStatus.BAD_REQUEST:
            return [f"no answer {status} is described"]
        at = ["paths", template, asked.method.lower()]
        place, said = self.place_of([*at, "responses", told])
        wrong = [
            f"{name} is sent and not described"
            for name in self.document["components"]["headers"]
            if name in answer.headers and name not in said.get("headers", {})
        ]
        wrong += self._body(place, said, answer.headers.get("content-type", ""), answer.content)
        # What has results is a batch, whose items are judged one by one: a bad one is answered, and is no bad request.
        if answer.is_success and "requestBody" in operation and b'"results":[' not in answer.content[:200]:
            body = operation["requestBody"]
            wrong += self._body([*at, "requestBody"], body, asked.headers.get("content-type", ""), asked.content)
        return wrong

    def _body(self, place, said, content_type, content):
        kind = content_type.partition(";")[0]
        known = {media_type.partition(";")[0] for media_type in said.get("content", {})}
        if not content:
            return []
        if kind not in known:
            return [f"{kind} is sent and not described"]
        return (
            self.faults([*place, "content", kind, "schema"], json.loads(content))
            if kind in {"application/json", "application/problem+json"}
            else []
        )
