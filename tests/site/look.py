"""Checks each link of the site, and looks at it in Chromium: `look.py FOLDER`."""

import html.parser
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "page"))
from browser import DESK, PHONE, Browser, check  # noqa: E402


class Page(html.parser.HTMLParser):
    """The links of a page, and what can be linked to in it."""

    def __init__(self, file):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, _, attributes):
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]
        self.places |= {attributes[name] for name in ("id", "name") if attributes.get(name)}


def faults_of_links(folder):
    """What no link leads to."""
    pages = {file: Page(file) for file in folder.rglob("*.html")}
    faults, count = [], 0
    for file, page in pages.items():
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            count += 1
            path = urllib.parse.unquote(parts.path)
            # Of what is not found nobody knows where it was looked for.
            base = folder if path.startswith("/") or file.name == "404.html" else file.parent
            target = (base / path.lstrip("/")).resolve() if path else file
            target = target / "index.html" if target.is_dir() else target
            place = urllib.parse.unquote(parts.fragment)
            if not target.exists():
                faults.append(f"{file.name}: {link}")
            elif place and target in pages and place not in pages[target].places:
                faults.append(f"{file.name}: {link} has no such chapter")
    check(count > 500, f"only {count} links were found")
    return faults


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    faults = faults_of_links(folder)
    check(not faults, "links of the site lead nowhere:\n" + "\n".join(faults))
    # A fault would be noticed.
    broken = folder / "broken.html"
    broken.write_text('<a href="nothing.html">x</a><a href="index.html#nothing">y</a>')
    found = faults_of_links(folder)
    broken.unlink()
    check(len(found) == 2, f"of two broken links these are noticed: {found}")

    pages = sorted(file for file in folder.glob("*.html") if file.name not in ("print.html", "toc.html", "404.html"))
    check(len(pages) > 20, f"there are few pages: {pages}")
    with Browser() as browser:
        for size in DESK, PHONE:
            for page in pages:
                where = f"{page.name}, {size[0]} wide"
                browser.look(page, size, "light")
                console, requests = browser.told()
                check(not console, f"{where}: the console says {console}")
                away = [url for url in requests if not url.startswith("file:") and not url.startswith("data:")]
                check(not away, f"{where}: asked for {away}")
                check(not browser.is_too_wide(), f"{where}: it has to be scrolled sideways")
                broken = browser.run("return [...document.images].filter(it => !it.complete || !it.naturalWidth).map(it => it.src)")
                check(not broken, f"{where}: pictures are not shown: {broken}")
                title = browser.run("return document.querySelector('main h1')?.innerText")
                check(title, f"{where}: there is no title")
        finds(browser, folder / "index.html", "enforce")
    print("the site has no broken link, and Chromium shows each page of it")


def finds(browser, page, word):
    """The search finds a word, in the page where it matters."""
    browser.look(page, DESK, "light")
    browser.run("document.getElementById('mdbook-search-toggle').click()")
    found = browser.ask("/execute/async", {
        "script": """
            const [word, done] = arguments;
            const bar = document.getElementById('mdbook-searchbar');
            const results = () => [...document.querySelectorAll('#mdbook-searchresults a')].map(link => link.innerText);
            const begun = Date.now();
            const wait = setInterval(() => {
                bar.value = word;
                bar.dispatchEvent(new Event('input', {bubbles: true}));
                bar.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));
                const found = results();
                if (found.length || Date.now() - begun > 20000) { clearInterval(wait); done(found); }
            }, 200);
        """,
        "args": [word],
    })
    check(any("enforce" in text.lower() for text in found), f"a search for {word} finds {found}")


if __name__ == "__main__":
    main()
