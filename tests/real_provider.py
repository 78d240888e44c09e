"""Canaille, an identity provider by other people, as a process of its own: `python real_provider.py <port>`.

Its user Anna is logged in there. Whoever registers as a client is asked for Anna's consent. It ends with its standard
input.
"""

import sys
import threading

import pytest_iam
from joserfc.jwk import JWKRegistry


def serve(port: int) -> None:
    """Serve until standard input ends."""
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    config = {
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": "of a test",
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "CANAILLE": {
            "DATABASE": "memory",
            "JAVASCRIPT": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc", "manage_oidc"]}},
            "LOGGING": {"version": 1, "disable_existing_loggers": True},
        },
        "CANAILLE_OIDC": {"DYNAMIC_CLIENT_REGISTRATION_OPEN": True, "ACTIVE_JWKS": [key.as_dict(private=True)]},
    }
    app = pytest_iam.create_app(config=config)
    server = pytest_iam.Server(app, port, pytest_iam.Backend.instance)
    with app.app_context():
        anna = server.random_user(user_name="anna", emails=["anna@norr.example"])
        server.login(anna)
        threading.Thread(target=server.httpd.serve_forever, daemon=True).start()
        print("serving", flush=True)  # noqa: T201 - for whoever started it
        sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
