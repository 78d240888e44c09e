"""The browser that the tests of pages share."""

import os
import shutil

import pytest
from playwright.async_api import async_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
async def browser():
    """A browser, as `make setup` finds or installs it."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "no browser: `make setup` as root installs one, else apt-get install chromium"
    arguments = ["--no-proxy-server", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=found, args=arguments)
        yield opened
        await opened.close()
