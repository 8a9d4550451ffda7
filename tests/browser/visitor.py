"""A person with a browser: signs in, goes places, presses things; and notices what is wrong with a page."""

from __future__ import annotations

import os
import time
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.cast import PASSWORD

DESK, PHONE = 1360, 390
PATIENCE = 60_000  # milliseconds: nothing takes so long, but on a busy machine


class Visitor:
    """One browser context. ``complaints`` is what the console said: CSP refusals, script errors, missing files."""

    def __init__(
        self, chromium: Browser, url: str, *, width: int = DESK, dark: bool = False, script: bool = True
    ) -> None:
        self.url, self.width = url, width
        self.complaints: list[str] = []
        self.context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            reduced_motion="reduce",  # a colour on its way to another is no colour to judge
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, message: ConsoleMessage) -> None:
        refusal = "status of 409" in message.text or "status of 403" in message.text  # a page that says no, in words
        if message.type in ("error", "warning") and not refusal:
            self.complaints.append(message.text)

    def shot(self, name: str) -> None:
        """A picture of the page, when BROWSER_SHOTS names a folder for it."""
        if folder := os.environ.get("BROWSER_SHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    def close(self) -> None:
        self.context.close()

    def sign_in(self, name: str) -> None:
        self.go("/admin/login/")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", PASSWORD)
        self.page.click("input[type=submit]")
        self.page.wait_for_url(lambda url: "/login/" not in url)

    def go(self, path: str) -> int:
        """Open a page; its status."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    def press(self, name: str) -> None:
        """Press the button or link of this exact name."""
        self.page.locator("a.button, button, input[type=submit]").filter(has_text=name).or_(
            self.page.locator(f'input[type=submit][value="{name}"]')
        ).first.click()

    def forge(self, path: str, **fields: str) -> int:
        """POST without the page's button, with a valid CSRF token; the status of the answer."""
        token = next(cookie["value"] for cookie in self.context.cookies() if cookie["name"] == "csrftoken")
        headers = {"X-CSRFToken": token, "Referer": self.url + path}
        return self.context.request.post(self.url + path, form=fields, headers=headers, max_redirects=0).status

    def text(self) -> str:
        return self.page.inner_text("body")

    def sees(self, words: str) -> bool:
        """Whether the page says so, now or within a moment: a press may still be on its way."""
        until = time.monotonic() + PATIENCE / 1000
        while words not in " ".join(self.text().split()):
            if time.monotonic() > until:
                return False
            self.page.wait_for_timeout(100)
        return True

    # --- what is wrong ---------------------------------------------------------------------------------------------

    def faults(self) -> list[str]:
        """Everything that is wrong with the page as it is: console, scroll, accessibility; on a desk also its contrast
        in the dark. Colours are the same on a phone."""
        self.page.wait_for_load_state()  # a click has only begun to lead there
        found = [f"console: {line}" for line in self.complaints]
        found += self._overflow()
        found += [f"light: {line}" for line in self._violations()]
        if self.width >= DESK:
            self.page.emulate_media(color_scheme="dark")
            found += [f"dark: {line}" for line in self._violations(runOnly=["color-contrast"])]
            self.page.emulate_media(color_scheme="light")
        self.complaints.clear()  # axe itself trips over the CSP
        return found

    def _overflow(self) -> list[str]:
        beyond = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return [f"the page is {beyond} px wider than the window"] if beyond > 0 else []

    def _violations(self, **options: Any) -> list[str]:
        result: dict[str, Any] = Axe().run(self.page, options=options).response
        return [
            f"{violation['id']}: {violation['help']} at {[node['target'] for node in violation['nodes']][:4]}"
            for violation in result["violations"]
        ]
