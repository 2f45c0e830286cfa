"""Looks at pages in Chromium through ChromeDriver: `browser.py AXE FOLDER [--screenshots]`."""

import base64
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

PHONE, DESK = (360, 740), (1100, 900)
OPTIONS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1",
]


class Browser:
    """A Chromium with a profile of its own."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.base = f"http://127.0.0.1:{found[1]}/session"
                break
        else:
            raise SystemExit("chromedriver does not start")
        options = {"args": [*OPTIONS, f"--user-data-dir={self.profile.name}"], "binary": "/usr/bin/chromium"}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.base += "/" + self.ask("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.ask("/timeouts", {"script": 60_000})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            urllib.request.urlopen(urllib.request.Request(self.base, method="DELETE"), timeout=20)
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.profile.cleanup()

    def ask(self, path, data):
        request = urllib.request.Request(self.base + path, json.dumps(data).encode(), {"Content-Type": "application/json"})
        # Never through a proxy.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=90) as answer:
            return json.load(answer)["value"]

    def run(self, script, *arguments):
        return self.ask("/execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command, **parameters):
        return self.ask("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def look(self, page, size, scheme, media="screen"):
        """Opens a page as a device would."""
        width, height = size
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=size == PHONE)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", media=media, features=features)
        # What came before is not of this page.
        self.told()
        self.ask("/url", {"url": page.as_uri()})

    def told(self):
        """What the console says, and what was asked of the network, since the last call."""
        console = [entry["message"] for entry in self.ask("/se/log", {"type": "browser"})]
        events = [json.loads(entry["message"])["message"] for entry in self.ask("/se/log", {"type": "performance"})]
        requests = [
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]
        return console, requests

    def is_too_wide(self):
        return self.run("return document.documentElement.scrollWidth > innerWidth")

    def picture(self):
        return base64.b64decode(self.devtools("Page.captureScreenshot", format="png")["data"])


def faults_of_accessibility(browser, axe):
    browser.run(axe + "; return null")
    found = browser.ask("/execute/async", {
        "script": """
            const done = arguments[arguments.length - 1];
            axe.run(document, {preload: false}).then(
                found => done(found.violations.map(fault => fault.id + ': ' + fault.nodes.slice(0, 3).map(node => node.html).join(' | '))),
                error => done([String(error)]));
        """,
        "args": [],
    })
    return found


def check(is_so, what):
    if not is_so:
        raise SystemExit(f"{pathlib.Path(sys.argv[0]).parent}: {what}")


def notices(browser, axe, folder):
    """What is looked for is seen where it is."""
    bad = folder / "bad.html"
    bad.write_text("<title>x</title><div style='width:5000px'>wide</div><img src=x.png><script>console.log('said')</script>")
    browser.look(bad, PHONE, "light")
    console, requests = browser.told()
    check(any("said" in line for line in console), "a message of the console is not noticed")
    check(any(url.endswith("x.png") for url in requests), "a request is not noticed")
    check(browser.is_too_wide(), "a page that is too wide is not noticed")
    check(any("image-alt" in fault for fault in faults_of_accessibility(browser, axe)), "axe-core notices nothing")


def looks_well(browser, axe, page):
    papers = {}
    for size in DESK, PHONE:
        for scheme in "light", "dark":
            where = f"{page.name}, {size[0]} wide, {scheme}"
            browser.look(page, size, scheme)
            console, requests = browser.told()
            check(not console, f"{where}: the console says {console}")
            check(requests == [page.as_uri()], f"{where}: asked for {requests}")
            check(not browser.is_too_wide(), f"{where}: it has to be scrolled sideways")
            browser.run("document.querySelectorAll('details').forEach(details => details.open = true)")
            check(not browser.is_too_wide(), f"{where}: all open, it has to be scrolled sideways")
            faults = faults_of_accessibility(browser, axe)
            check(not faults, f"{where}: axe-core says {faults}")
            papers[scheme] = browser.run("return getComputedStyle(document.body).backgroundColor")
    check(papers["light"] != papers["dark"], f"{page.name}: dark is light")

    browser.look(page, DESK, "dark", "print")
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    check(paper == "rgb(255, 255, 255)", f"{page.name}: paper is {paper}")
    pdf = base64.b64decode(browser.devtools("Page.printToPDF", printBackground=True)["data"])
    pages = pdf.count(b"/Type /Page\n") or pdf.count(b"/Type /Page")
    check(pdf.startswith(b"%PDF") and pages > 0, f"{page.name}: nothing is printed")


def is_text_only(browser, page, titled, texts):
    browser.look(page, DESK, "light")
    active = browser.run("return [...document.querySelectorAll('script,img,iframe,object,embed,link,form,a:not([href^=\"#d\"])')].map(it => it.outerHTML)")
    check(not active, f"{page.name}: text has become {active}")
    title = browser.run("return document.title")
    check(title == titled, f"{page.name}: the title is {title}")
    shown = browser.run("document.querySelectorAll('details').forEach(details => details.open = true); return document.body.innerText")
    for text in texts:
        check(text in shown, f"{page.name}: {text!r} is not shown as it is")


# What somebody else wrote, and a browser has to show.
HOSTILE = [
    "<script>document.title='owned'</script>", "onerror=alert(1)>", "</style></title></pre><iframe src=//evil.example>",
    "<U+202E>gnp.exe<U+2066>", "<U+001B>[31mred<U+0007><U+0000>", "{{ 7 * 7 }} {% raw %} ${7*7}", "&lt;b&gt;",
]


def is_in_time(browser, page):
    """The bars of a plan are where their times are."""
    browser.look(page, DESK, "light")
    bars = browser.run("""
        const row = [...document.querySelectorAll('ol.bars li')].find(row => row.innerText.includes('Change the MX records'));
        return [...row.querySelectorAll('rect:not(.track)')].map(rect => [rect.className.baseVal, rect.getBoundingClientRect()]);
    """)
    check([name for name, _ in bars] == ["t", "s"], f"{page.name}: the bars are {bars}")
    (_, early), (_, safe) = bars
    check(0 < early["width"] < safe["width"] and abs(early["right"] - safe["left"]) < 2, f"{page.name}: the bars are at {bars}")
    inside = browser.run("""
        const outer = document.querySelector('.chart').getBoundingClientRect();
        return [...document.querySelectorAll('.ticks span')].every(tick => tick.getBoundingClientRect().right <= outer.right);
    """)
    check(inside, f"{page.name}: a day is named beyond the picture")


def screenshots(browser, folder):
    for name, page, size, scheme, first in [
        ("reports/page", "story", (1000, 970), "light", None), ("reports/page-dark", "story", (1000, 970), "dark", None),
        ("reports/page-phone", "story", PHONE, "light", None), ("reports/demo", "demo", (1000, 1185), "light", None),
        ("publish/page", "change", (1000, 1200), "light", None), ("publish/page-phone", "change", PHONE, "light", None),
        ("publish/page-dark", "testing", (1000, 690), "dark", "d1-plan"),
    ]:
        browser.look(folder / f"{page}.html", size, scheme)
        if first:
            browser.run("document.getElementById(arguments[0]).scrollIntoView()", first)
        picture = browser.picture()
        check(len(picture) < 150_000, f"{name}: {len(picture)} octets")
        file = pathlib.Path("docs") / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture)


def main():
    axe, folder = pathlib.Path(sys.argv[1]).read_text(), pathlib.Path(sys.argv[2])
    with Browser() as browser:
        if sys.argv[3:] == ["--screenshots"]:
            screenshots(browser, folder)
            return
        notices(browser, axe, folder)
        for name in "story", "hostile", "demo", "change", "testing", "hostile-domains", "world":
            looks_well(browser, axe, folder / f"{name}.html")
        is_text_only(browser, folder / "hostile.html", "TLS reports", HOSTILE)
        is_text_only(browser, folder / "hostile-domains.html", "MTA-STS", HOSTILE)
        is_in_time(browser, folder / "change.html")
    print("the pages are such that Chromium shows them as it should")


if __name__ == "__main__":
    main()
