"""browser - a headless Chromium, by chromedriver's WebDriver protocol.

Everything that it starts ends with it.  What a page cannot do in time is an error
that says what was waited for.
"""
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request

PATIENCE = float(os.environ.get("PATIENCE", 60))
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--no-proxy-server",
         "--window-size=1400,1000"]


class Browser:
    """One window.  Its profile and what it downloads are in dir."""

    def __init__(self, place):
        self.session = None
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        try:
            for line in self.driver.stdout:
                m = re.search(r"success.* port (\d+)", line)
                if m:
                    break
            self.url = "http://127.0.0.1:" + m[1]
            self.begin(place)
        except BaseException:
            self.end()
            raise

    def begin(self, place):
        flags = FLAGS + ["--user-data-dir=" + os.path.join(place, "profile")]
        prefs = {"download.default_directory": os.path.join(place, "down"),
                 "download.prompt_for_download": False}
        got = self.post("/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": flags, "prefs": prefs},
            "unhandledPromptBehavior": "accept"}}})
        self.session = "/session/" + got["sessionId"]

    def end(self):
        """The browser goes, and then its driver."""
        try:
            if self.session:
                self.ask(self.session, None, "DELETE")
        finally:
            self.driver.terminate()
            self.driver.wait()

    def ask(self, path, data, method):
        request = urllib.request.Request(
            self.url + path, method=method,
            data=None if data is None else json.dumps(data).encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=PATIENCE + 60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(json.load(e)["value"]["message"]) from None

    def post(self, path, data):
        return self.ask((self.session or "") + path, data, "POST")

    def open(self, url):
        self.post("/url", {"url": url})

    def js(self, script, *args):
        """What the body of a function in the page returns."""
        return self.post("/execute/sync", {"script": script, "args": args})

    def soon(self, script, *args):
        """Wait until that is true; return it."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                got = self.js(script, *args)
            except RuntimeError as e:   # as while a page is being loaded
                got, why = None, e
            else:
                why = got
            if got:
                return got
            assert time.monotonic() < end, (script, args, why)
            time.sleep(0.05)

    def find(self, css):
        """The element that a user sees there."""
        return self.soon(
            "for (const e of document.querySelectorAll(arguments[0]))"
            " if (e.offsetParent !== null) return e; return null;", css)

    def click(self, css):
        e = self.find(css)
        self.post("/element/%s/click" % list(e.values())[0], {})

    def type(self, css, text):
        e = self.find(css)
        self.post("/element/%s/value" % list(e.values())[0], {"text": text})

    def frame(self, css=None):
        """Into a frame, or out of all."""
        self.post("/frame", {"id": self.find(css) if css else None})
