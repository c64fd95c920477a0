"""`make screenshots`: the phone page as docs/phone.md shows it, from a demo and a Chromium of its own."""

import asyncio
import subprocess
import tempfile
from pathlib import Path

from playwright.async_api import Page, expect

from simulators import demo
from tests.e2e.chromium import browser

FOLDER = Path(__file__).parent.parent.parent / "docs" / "screenshots"

MAX_OCTETS = 80_000

# language, what is pressed to come to it, the page's width, its scheme
PICTURES = [
    ("fa", "", 1180, "light"),
    ("ar", "42", 1180, "light"),
    ("en", "43", 1180, "dark"),
    ("fa-narrow", "", 360, "light"),
]


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as var:
        async with demo.running(demo.HOME / "config", "127.0.0.1", 0, Path(var)) as url, browser() as chromium:
            for place, (name, presses, width, scheme) in enumerate(PICTURES):
                context = await chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
                page = await context.new_page()
                await page.goto(f"{url}/phone?lang={name[:2]}")
                await page.wait_for_selector("html[data-ready]")
                await page.fill("#msisdn", f"+98916123450{place}")
                await page.locator("#msisdn").blur()
                await _used(page, presses)
                path = FOLDER / f"phone-{name}.png"
                height = 800 if width > 1000 else 1500
                await page.screenshot(
                    path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height}
                )
                # 64 colours are enough for flat ones, and a third of the octets.
                made_small = ["pngquant", "--force", "--strip", "--output", path, "64", path]
                await asyncio.to_thread(subprocess.run, made_small, check=True)
                print(f"{path.name}: {path.stat().st_size} octets")
                assert path.stat().st_size <= MAX_OCTETS, f"{path.name} is too large for a repository"
                await context.close()


async def _used(page: Page, presses: str) -> None:
    """The language chosen, then a question by SMS and a letter on the screen."""

    async def said(text: str) -> None:
        await page.keyboard.type(text)
        await page.keyboard.press("Enter")
        await expect(page.locator("#glass:not(.busy)")).to_be_visible()

    await page.focus("#handset")
    if presses:
        await said("*4*061#")
        for key in presses:
            await said(key)
        await page.keyboard.press("Escape")
    await page.fill("#body", "110718")
    await page.click("#write button")
    await expect(page.locator("#inbox .received")).to_have_count(1)
    await page.focus("#handset")
    await said("*4*061*12345#")
    await page.keyboard.type("1")
    await expect(page.locator("#wire li", has_text="sendsms")).to_have_count(1)
    await expect(page.locator(".down")).to_have_count(0)
    await page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")


if __name__ == "__main__":
    asyncio.run(main())
