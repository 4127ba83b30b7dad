# SPDX-License-Identifier: PostgreSQL
"""What somebody sees and does who opens a report."""
import base64
import subprocess

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys

from conftest import BUILD, ROOT

WIDTHS = (1280, 390)

# All that is text and can be seen: its size as drawn, its contrast with what it stands on, where it is.
TEXTS = """
const channel = (c) => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
const light = (c) => .2126 * channel(c[0]) + .7152 * channel(c[1]) + .0722 * channel(c[2]);
const color = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = (e) => {
    for (; e; e = e.parentElement) {
        const c = color(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] > .5) { return c; }
    }
    return [255, 255, 255];
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    const said = walker.currentNode.data.trim();
    if (!said || !e.checkVisibility() || e.closest("script, noscript, title, option")) { continue; }
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    const svg = e.ownerSVGElement;
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const ink = color(svg ? style.fill : style.color);
    const stroke = svg && style.stroke !== "none" ? color(style.stroke) : null;
    const [a, b] = [light(ink), light(stroke || ground(svg ? svg.parentElement : e))].sort((p, q) => q - p);
    found.push({ said, size: parseFloat(style.fontSize) * scale, contrast: (a + .05) / (b + .05),
                 left: box.left, right: box.right, shifts: Boolean(e.closest("#incident-list")) });
}
return found;
"""


def names(page):
    return [e.text for e in page.all("#lanes text.name")]


def test_opens_on_the_last_incident(page, write):
    page.open(write())
    assert page.browser.title == "Cluster demo: pgbaton report"
    assert names(page) == ["node-1", "node-2", "node-3"]
    assert "nobody could write for 28 ms" in page.text("#phases-title")
    assert "node-2 promoted, writable after 28 ms" in page.text("#explanation")
    assert page.find("#incident-list [aria-pressed=true]").get_attribute("data-incident") == "1"
    assert page.range_ms() < 60_000  # of a log of a minute
    assert page.run("return performance.getEntriesByType('resource').length") == 0


def test_lanes_show_role_lease_lag_and_health(page, write):
    page.open(write())
    page.click("#fit-all")
    for kind in ("f-primary", "f-standby", "f-bad", "lease", "lag", "well"):
        assert page.all(f"#lanes .{kind}"), kind
    assert page.run("return [...document.querySelectorAll('#lanes .caption')].some(t => t.textContent === 'primary, term 1')")
    assert page.run("return [...document.querySelectorAll('#lanes rect.lease title')].map(t => t.textContent)"
                    ".some(t => t.startsWith('lease of term 1: 6 renewals'))")


def test_phases_are_a_bar_to_scale(page, write):
    page.open(write())
    widths = page.run("return [...document.querySelectorAll('#phase-bar > div')].map(d => d.getBoundingClientRect().width)")
    assert len(widths) == 7
    assert widths[0] / sum(widths) == pytest.approx(18 / 28, abs=0.04)  # the fencing
    assert page.text("#phase-bar > div").split("\n") == ["fencing", "18 ms"]
    rows = [e.text.split("\n") for e in page.all("#phase-table > div")]
    assert rows[0][0] == "fault noticed" and rows[-1][0] == "old leader streams again" and rows[-1][-1] == "32 ms"
    assert "fencing 18 ms, release 2 ms" in page.find("#phase-bar").get_attribute("aria-label")


def test_an_event_is_explained_and_its_cause_is_followed(page, write):
    page.open(write())
    page.click('#event-list [data-seq="28"]')
    assert "node-2 is granted term 2" in page.text("#explanation .said")
    assert "elect-released" in page.text("#explanation dl")
    assert page.all("#lanes .mark.chosen") and page.all("#lanes .cursor")
    cause = next(e for e in page.all("#explanation .link") if e.text.startswith("caused by seq 24"))
    cause.click()
    page.settle()
    assert "node-1 released term 1" in page.text("#explanation .said")
    assert page.find("#lanes .mark.chosen").get_attribute("data-seq") == "24"
    assert any(e.text.startswith("led to seq 28") for e in page.all("#explanation .link"))
    page.find("#explanation summary").click()
    assert "killed_count" in page.text("#explanation details")
    page.click("#back")
    assert "Incident 1" in page.text("#explanation")


def test_a_mark_is_clicked(page, write):
    page.open(write())
    mark = page.find('#lanes .mark[data-seq="24"]')
    assert mark.get_attribute("role") == "button" and "node-1 released" in mark.get_attribute("aria-label")
    mark.click()
    page.settle()
    assert "node-1 released term 1" in page.text("#explanation .said")


def test_an_arrow_leads_from_the_cause(page, write):
    page.open(write())
    page.click("#fit-outage")
    page.click('#event-list [data-seq="28"]')
    assert len(page.all("#lanes .cause")) == 1


def test_zoom_by_buttons(page, write):
    page.open(write())
    page.click("#fit-all")
    whole = page.range_ms()
    page.click("#zoom-in")
    assert page.range_ms() == pytest.approx(whole / 1.6, rel=0.05)
    before = page.text("#range")
    page.click("#pan-right")
    assert page.text("#range") != before and page.range_ms() == pytest.approx(whole / 1.6, rel=0.05)
    page.click("#pan-left")
    page.click("#zoom-out")
    assert page.range_ms() == pytest.approx(whole, rel=0.05)
    page.click("#zoom-out")
    assert page.range_ms() == pytest.approx(whole, rel=0.01)  # no further than the log
    page.click("#fit-outage")
    assert page.range_ms() < 1000


def test_zoom_by_keys(page, write):
    page.open(write())
    page.key("0")
    whole = page.range_ms()
    page.key("+")
    assert page.range_ms() < whole
    before = page.text("#range")
    page.key(Keys.ARROW_RIGHT)
    assert page.text("#range") != before
    page.key("-")
    page.key("0")
    assert page.range_ms() == whole
    page.key("o")
    assert page.range_ms() < 1000
    page.find("#filter").send_keys("0+-")  # in a field they are letters
    assert page.range_ms() < 1000


def test_zoom_by_wheel_stays_where_the_pointer_is(page, write):
    page.open(write())
    page.click("#fit-all")
    whole = page.range_ms()
    lanes = page.find("#lanes")
    place = page.run("return document.querySelector('#overview .overview-view').getBoundingClientRect().right")
    origin = ScrollOrigin.from_element(lanes, lanes.size["width"] // 2 - 30, 0)  # near the right end
    ActionChains(page.browser).scroll_from_origin(origin, 0, -300).perform()
    page.until(lambda: page.range_ms() < whole * 0.8)
    assert page.run("return document.querySelector('#overview .overview-view').getBoundingClientRect().right") == \
        pytest.approx(place, abs=25)
    ActionChains(page.browser).scroll_from_origin(origin, 0, 3000).perform()
    page.until(lambda: page.range_ms() > whole * 0.9)


def test_dragging_pans_and_chooses_nothing(page, write):
    page.open(write())
    page.key("0")
    for _ in range(4):
        page.key("+")
    before, width = page.text("#range"), page.range_ms()
    lanes = page.find("#lanes svg")
    ActionChains(page.browser).move_to_element(lanes).click_and_hold().move_by_offset(-120, 0).release().perform()
    page.until(lambda: page.text("#range") != before)
    assert page.range_ms() == pytest.approx(width, rel=0.02)
    assert not page.all("#lanes .mark.chosen")


def test_pinch(page, write):
    page.open(write(), 390, 844)
    page.click("#fit-all")
    whole = page.range_ms()
    page.run("document.getElementById('lanes').scrollIntoView({block: 'center'})")
    box = page.run("const b = document.getElementById('lanes').getBoundingClientRect(); return [b.left, b.top, b.width]")

    def touch(kind, apart):
        middle, y = box[0] + box[2] / 2, box[1] + 60
        points = [{"x": middle - apart, "y": y, "id": 0}, {"x": middle + apart, "y": y, "id": 1}] if apart else []
        page.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 30)
    for apart in (45, 60, 90):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    page.until(lambda: page.range_ms() < whole / 2)


def test_by_keyboard_alone(page, write):
    page.open(write())
    page.key("n")
    first = page.find("#lanes .mark.chosen").get_attribute("data-seq")
    page.key("n")
    second = page.find("#lanes .mark.chosen").get_attribute("data-seq")
    assert int(second) > int(first)
    page.key("p")
    assert page.find("#lanes .mark.chosen").get_attribute("data-seq") == first
    page.key(Keys.ESCAPE)
    assert not page.all("#lanes .mark.chosen")
    # One mark can be reached with Tab, and Enter opens it; so does each line of the list.
    assert len(page.all('#lanes .mark[tabindex="0"]')) == 1
    mark = page.find('#lanes .mark[tabindex="0"]')
    page.run("arguments[0].focus()", mark)
    page.key(Keys.ENTER)
    assert page.text("#explanation .said")
    assert page.run("return document.activeElement.classList.contains('mark')")  # drawn anew, and still there
    page.run("document.querySelector('#event-list [data-seq=\"28\"]').focus()")
    page.key(Keys.SPACE)
    assert "node-2 is granted term 2" in page.text("#explanation .said")
    unnamed = page.run("return [...document.querySelectorAll('button, select, input')].filter(b => b.checkVisibility() &&"
                       " !(b.textContent.trim() || b.getAttribute('aria-label') || b.labels?.length)).length")
    assert unnamed == 0


def test_filter(page, write):
    page.open(write())
    page.click("#fit-all")
    every = len(page.all("#event-list button"))
    page.find("#filter").send_keys("grant")
    page.settle()
    rows = page.all("#event-list button")
    assert 0 < len(rows) < every and all("grant" in r.text for r in rows)
    page.find("#filter").send_keys("xyz")
    assert page.text("#events-title") == "No event in view"


@pytest.mark.parametrize("dark", (False, True))
@pytest.mark.parametrize("width", WIDTHS)
def test_text_is_readable(page, write, width, dark):
    page.open(write(), width, dark=dark)
    page.click('#event-list [data-seq="28"]')
    texts = page.run(TEXTS)
    assert len(texts) > 80
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert [t for t in texts if t["size"] < 11] == []
    assert [t for t in texts if t["contrast"] < 4.5] == []
    assert [t for t in texts if not t["shifts"] and (t["left"] < -1 or t["right"] > width + 1)] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_what_stands_where(page, write, width):
    """The explanation is beside the lanes when there is room, and below them when there is not."""
    page.open(write(), width)
    lanes, detail = (page.run("return document.getElementById(arguments[0]).getBoundingClientRect().toJSON()", i)
                     for i in ("chart", "detail"))
    if width == 1280:
        assert detail["left"] >= lanes["right"] and detail["top"] < lanes["bottom"]
    else:
        assert detail["top"] >= lanes["bottom"]


def test_nothing_in_a_log_runs(page, write):
    page.open(write("hostile"))
    page.click("#fit-all")
    page.find("#filter").send_keys("failed")
    page.settle()
    page.click("#event-list button")
    assert "</script><script>document.title='owned'" in page.text("#explanation .said")
    page.find("#explanation summary").click()
    assert "onerror" in page.text("#explanation details")
    assert page.browser.title == "Cluster demo: pgbaton report"
    assert page.run("return document.querySelectorAll('img, script').length") == 2


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", sorted(p.parent.name for p in (ROOT / "tests" / "incidents").glob("*/log.pgb")))
def test_logs_of_real_clusters(page, write, name, width):
    page.open(write(name), width)
    assert len(names(page)) >= 3
    cards = len(page.all("#incident-list button"))
    assert cards > 0
    for i in range(cards):
        page.run("document.querySelectorAll('#incident-list button')[arguments[0]].click()", i)
        page.settle()
        assert "nobody could write for" in page.text("#phases-title")
        assert page.all("#phase-bar > div") and page.all("#event-list button") and page.all("#lanes .mark")
        assert page.run("return document.documentElement.scrollWidth") <= width
        assert [t for t in page.run(TEXTS) if t["size"] < 11 or t["contrast"] < 4.5] == []


@pytest.mark.parametrize("seed", range(3))
def test_a_log_of_nonsense(page, write, seed):
    """Clocks, numbers and texts are anything; the page draws what there is, and each event can be looked at."""
    page.open(write(str(seed)))
    page.click("#fit-all")
    assert names(page)
    rows = len(page.all("#event-list button"))
    assert rows > 20
    page.run("for (const row of [...document.querySelectorAll('#event-list button')]) { row.click(); }")
    page.run("for (const card of [...document.querySelectorAll('#incident-list button')]) { card.click(); }")
    page.settle()
    page.key("+")
    assert page.run("return document.documentElement.scrollWidth") <= 1280


def test_several_clusters(page, write):
    page.open(write("two"))
    assert page.text("h1") == "Cluster demo"  # it has the incident
    page.run("const c = document.getElementById('cluster'); c.value = 1; c.dispatchEvent(new Event('change'))")
    page.settle()
    assert page.text("h1") == "Cluster other"
    assert "No leader was replaced" in page.text("#incidents")
    assert not page.find("#phases").is_displayed()
    assert names(page) == ["node-1", "node-2", "node-3"]


def test_an_outage_that_is_not_over(page, write):
    page.open(write("stuck"))
    assert names(page) == ["node-1", "node-2", "node-3"]
    assert "leaderless" in page.text("#subtitle")
    assert "Where this ends nobody can write, since 2026-03-01 12:01:00" in page.text("#notices .bad")
    assert page.range_ms() < 10_000  # the end is what one wants to see


def test_a_log_with_very_many_events(page, write):
    page.open(write("noisy"))
    assert "events that matter less" in page.text("#notices")
    page.click("#fit-all")
    assert page.text("#events-title") == "Events in view: 20000"
    assert len(page.all("#event-list button")) == 200
    assert len(page.all("#lanes .mark")) < 300
    page.click("#more")
    assert len(page.all("#event-list button")) == 400
    page.click("#fit-outage")
    assert page.find('#lanes .mark[data-seq="24"]')


def test_a_capture_that_is_cut_says_so(page, write, tmp_path):
    whole = write()
    log = whole.with_suffix(".pgb")
    cut = tmp_path / "cut.pgb"
    cut.write_bytes(log.read_bytes()[:-30])
    cut_page = tmp_path / "cut.html"
    subprocess.run([BUILD / "replay" / "pgbaton-replay", "report", cut, "-o", cut_page], check=True,
                   stderr=subprocess.DEVNULL)
    page.open(cut_page)
    assert "The capture is not whole" in page.text("#notices") and "the file is cut" in page.text("#notices")
    assert names(page) == ["node-1", "node-2", "node-3"]


@pytest.mark.parametrize("variant, said", (("headless", "hold no snapshot"), ("snapshot", "known from the snapshot of")))
def test_a_log_that_begins_in_the_middle_says_so(page, write, variant, said):
    page.open(write(variant))
    assert "begin in the middle" in page.text("#notices") and said in page.text("#notices")
    page.click("#fit-all")
    assert page.all("#lanes .mark")
    assert names(page) == ([] if variant == "headless" else ["node-1", "node-2", "node-3"])


def test_prints(page, write):
    page.open(write())
    pdf = base64.b64decode(page.browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 20_000
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    for selector, shown in (("#zoom-in", False), ("#filter", False), ("#lanes svg", True), ("#phase-bar", True),
                            ("#explanation", True), ("#event-list", True)):
        assert page.find(selector).is_displayed() == shown, selector


def test_these_tests_can_fail(browser, page, write, tmp_path):
    """A page that is broken, or that somebody has put a script into, is noticed."""
    text = write().read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(text.replace('{"format":"pgbaton-report"', '{"format":', 1), encoding="utf-8")
    browser.get(broken.as_uri())
    assert page.run("return document.documentElement.dataset.ready") is None
    assert any("JSON" in message for message in page.console())
    stuffed = tmp_path / "stuffed.html"
    stuffed.write_text(text.replace("<footer", "<script>document.title='owned'</script><footer", 1), encoding="utf-8")
    browser.get(stuffed.as_uri())
    assert any("Content Security Policy" in message for message in page.console())
    assert browser.title == "Cluster demo: pgbaton report"
