# SPDX-License-Identifier: PostgreSQL
"""The page of pgbaton-replay report in headless Chromium, opened from the file system."""
import os
import pathlib
import subprocess

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PGBATON_BUILD") or ROOT / "build")
WAIT_S = 20
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--disable-background-networking", "--no-first-run")


@pytest.fixture(scope="session")
def browser():
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for switch in SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def write(tmp_path_factory):
    """write(variant, *options): the page of a log that tests/cli/history makes; of a number: nonsense; or
    of one of tests/incidents."""
    folder = tmp_path_factory.mktemp("report")

    def make(variant="", *options):
        log = folder / f"{variant or 'good'}.pgb"
        kept = ROOT / "tests" / "incidents" / variant / "log.pgb"
        if variant and kept.exists():
            log = kept
        elif not log.exists():
            program = "nonsense" if variant.isdigit() else "history"
            subprocess.run([BUILD / "tests" / "cli" / program, log, variant], check=True)
        name = "-".join([variant or "good", *map(str, options)]).replace("/", "_")
        page = folder / f"{name}.html"
        subprocess.run([BUILD / "replay" / "pgbaton-replay", "report", log, "-o", page, *map(str, options)],
                       check=True, timeout=60)
        return page

    return make


class Page:
    """One open page. What its console says is looked at when the test ends."""

    def __init__(self, browser):
        self.browser = browser

    def open(self, path, width=1280, height=900, dark=False):
        command = self.browser.execute_cdp_cmd
        command("Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
        command("Emulation.setTouchEmulationEnabled", {"enabled": width < 500})
        command("Emulation.setEmulatedMedia",
                {"media": "", "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.browser.get(path.as_uri())
        self.until(lambda: self.run("return document.documentElement.dataset.ready") == "true")
        self.settle()
        return self

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def settle(self):
        """Until what was asked for is drawn."""
        self.browser.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))")

    def until(self, condition):
        return WebDriverWait(self.browser, WAIT_S, poll_frequency=0.05).until(lambda _: condition())

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def text(self, selector):
        return self.find(selector).text

    def click(self, selector):
        self.find(selector).click()
        self.settle()

    def key(self, keys):
        self.browser.switch_to.active_element.send_keys(keys)
        self.settle()

    def range_ms(self):
        """How much time is in view, as the toolbar says it."""
        number, unit = self.text("#range").rpartition("(")[2].rstrip(")").split(" ")[:2]
        return float(number) * {"ms": 1, "s": 1000, "min": 60000}[unit]

    def console(self):
        return [entry["message"] for entry in self.browser.get_log("browser")]


@pytest.fixture
def page(browser):
    browser.get_log("browser")
    one = Page(browser)
    yield one
    assert one.console() == []
