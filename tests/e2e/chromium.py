"""The system's Chromium, without a window."""

import os
import shutil
from contextlib import asynccontextmanager

from playwright.async_api import async_playwright


@asynccontextmanager
async def browser():
    """A Chromium that takes nothing from this machine but its fonts."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--disable-lcd-text",
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
            ],  # it refuses its sandbox to root
        )
        try:
            yield found
        finally:
            await found.close()
