"""The phone page as somebody uses it: a real Chromium at a real demo."""

import asyncio
import itertools
import re
import shutil
import subprocess
import sys
import urllib.parse
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from gateway.settings import SHIPPED_MENU
from tests.e2e.chromium import browser

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="module")]

RASAD = str(Path(sys.executable).parent / "rasad")
MSISDNS = itertools.count(9169000001)
SMS_WITHIN_MS = 25_000
expect.set_options(timeout=15_000)  # a busy machine; nothing here measures speed


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """(address, address of its Kannel) of a demo that runs as long as this module's tests."""
    var = tmp_path_factory.mktemp("var")
    with (var / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [RASAD, "demo", "--port", "0", "--var", str(var)], stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    try:
        url = re.fullmatch(r"ready: (http://127\.0\.0\.1:\d+)/\n", process.stdout.readline())[1]
        yield url, re.search(r"KANNEL_URL=(\S+)", (var / "stderr").read_text())[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Phone:
    """A page with a phone of its own: no test meets another's messages. complaints: what the browser objected to."""

    def __init__(self, page, url):
        self.page, self.url, self.msisdn = page, url, f"+98{next(MSISDNS)}"
        self.complaints = []
        self.fetched = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.fetched.append(request.url))

    def __getattr__(self, name):
        return self.page.locator(f"#{name}")

    async def open(self, query=""):
        await self.page.goto(f"{self.url}/phone{query}")
        await self.page.wait_for_selector("html[data-ready]")
        await self.msisdn_field.fill(self.msisdn)
        await self.msisdn_field.blur()

    @property
    def msisdn_field(self):
        return self.page.locator("#msisdn")

    async def click(self, keys):
        for key in keys:
            await self.page.click(f'[data-key="{key}"]')

    async def dial(self, code="*4*061#"):
        await self.reply(code)

    async def reply(self, keys):
        """Until the network has answered: before that a phone takes no key."""
        await self.click(keys)
        await self.call.click()
        await self.page.wait_for_selector("#glass:not(.busy)")

    async def shows(self, text):
        await expect(self.screen).to_contain_text(text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium():
    async with browser() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def phone(demo, chromium):
    async with opened(chromium, demo[0]) as found:
        yield found


@asynccontextmanager
async def opened(chromium, url, **more):
    """A phone nobody has used. Whatever the browser objects to meanwhile is a failure."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, **more)
    found = Phone(await context.new_page(), url)
    await found.open()
    yield found
    await context.close()
    assert [] == found.complaints


async def fetched(url, query=()):
    async with aiohttp.ClientSession() as http, http.get(url, params=dict(query)) as response:
        return response.status, await response.json() if response.content_type == "application/json" else ""


async def test_dial_and_reply_by_clicking_keys(phone):
    await phone.dial()
    await phone.shows("رصد خوزستان")
    await phone.reply("1")
    await phone.shows("شماره نامه را وارد کنید")
    await phone.reply("12345")
    await phone.shows("نامه 12345\nدر حال بررسی")
    await phone.end.click()

    await phone.shows("Call ended")


async def test_a_letter_in_one_dial_ends_at_its_status_and_can_be_dialled_again(phone):
    await phone.dial("*4*061*31415#")
    await phone.shows("نتیجه پیامک می‌شود")
    await expect(phone.left).to_have_text("OK")
    await phone.call.click()  # the last number again, as on a phone

    await expect(phone.typed).to_have_text("*4*061*31415#")
    await phone.clear.click()
    await expect(phone.typed).to_have_text("*4*061*31415")


async def test_pages_go_on_with_9(phone):
    await phone.dial("*4*061*12345#")
    await phone.reply("1")
    await expect(phone.page.locator("#page")).to_have_text("1, more follow")
    first = await phone.screen.text_content()
    assert "9)" in first
    await phone.reply("9")

    await expect(phone.page.locator("#page")).to_have_text("2")
    assert first != await phone.screen.text_content()


async def test_the_language_changes_and_so_does_the_meter(phone):
    await phone.dial()
    await expect(phone.alphabet).to_have_text("UCS-2")
    await phone.reply("4")
    await phone.reply("3")
    await phone.shows("Rasad Khuzestan")  # the main menu still offers other languages in their own letters
    await phone.end.click()
    await phone.dial("*4*061*12345#")
    await phone.shows("Letter 12345")

    await expect(phone.alphabet).to_have_text("GSM 7 bit")
    await expect(phone.unit).to_have_text("Septets")
    text = await phone.screen.text_content()
    await expect(phone.used).to_have_text(f"{len(text)} of 160")
    await expect(phone.octets).to_have_text(f"{-(-len(text) * 7 // 8)} of 160")


async def test_the_meter_counts_what_the_network_counts(phone):
    await phone.dial("*4*061*12345#")
    await phone.shows("نامه 12345")
    text = await phone.screen.text_content()

    await expect(phone.used).to_have_text(f"{len(text)} of 70")
    await expect(phone.octets).to_have_text(f"{2 * len(text)} of 160")
    assert str(len(text)) == await phone.meter.evaluate("each => String(each.value)")


async def test_screen_name_and_menu_version_are_those_of_the_gateway(phone):
    version = (await fetched(f"{phone.url}/readyz"))[1]["menu"]
    await phone.dial("*4*061*12345#")
    await phone.shows("نامه 12345")

    await expect(phone.page.locator("#name")).to_have_text("letter_status")
    await expect(phone.menu).to_have_text(version)
    await expect(phone.turns).to_have_text("1")


async def test_a_dropped_call_is_taken_up_again(phone):
    await phone.dial()
    await phone.reply("1")
    await phone.shows("شماره نامه را وارد کنید")
    await phone.drop.click()
    await phone.shows("Call lost")
    await phone.dial()
    await phone.shows("نیمه‌کاره ماند. ادامه می‌دهید؟")
    await expect(phone.page.locator("#name")).to_have_text("resume")
    await phone.reply("1")
    await phone.shows("شماره نامه را وارد کنید")


async def test_the_promised_sms_comes(phone):
    await phone.dial("*4*061*31415#")
    await phone.shows("نتیجه پیامک می‌شود")

    await expect(phone.inbox.locator(".received .text")).to_contain_text(
        "نامه 31415 در حال بررسی", timeout=SMS_WITHIN_MS
    )
    await expect(phone.inbox.locator(".received .about")).to_contain_text("1 SMS")


async def test_an_sms_is_written_and_answered(phone):
    await phone.body.fill("12345")
    await phone.page.get_by_role("button", name="Send the SMS").click()

    await expect(phone.inbox.locator(".sent .text")).to_have_text("12345")
    await expect(phone.inbox.locator(".received .text")).to_contain_text("رصد: نامه 12345 در حال بررسی")


async def test_a_script_in_an_sms_is_text(phone, demo):
    script = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    query = {"username": "rasad", "password": "demo", "from": "4040", "to": phone.msisdn, "text": script}
    assert 202 == (await fetched(demo[1], query))[0]

    await expect(phone.inbox.locator(".received .text")).to_have_text(script)
    await phone.body.fill(script)
    await phone.page.get_by_role("button", name="Send the SMS").click()
    await expect(phone.inbox.locator(".sent .text")).to_have_text(script)
    assert 0 == await phone.page.locator("#inbox script, #inbox img, #wire img").count()
    assert "A phone at the demo" == await phone.page.title()


async def test_the_keyboard_alone_is_enough(phone):
    keyboard = phone.page.keyboard
    await keyboard.type("*4*061#7")
    await keyboard.press("Backspace")
    await expect(phone.typed).to_have_text("*4*061#")
    await keyboard.press("Enter")
    await phone.shows("رصد خوزستان")
    persian = "new KeyboardEvent('keydown', {key: '۱', bubbles: true})"  # what a Persian keyboard sends for 1
    await phone.page.evaluate(f"() => void document.body.dispatchEvent({persian})")
    await keyboard.press("Enter")
    await phone.shows("شماره نامه را وارد کنید")
    await keyboard.press("Escape")
    await phone.shows("Call ended")


async def test_every_control_is_reached_by_tab_and_seen_there(phone):
    await phone.page.evaluate("() => document.activeElement.blur()")
    reached = []
    for _ in range(60):
        await phone.page.keyboard.press("Tab")
        focus = await phone.page.evaluate(
            """() => { const at = document.activeElement, style = getComputedStyle(at);
            return [at.id || at.dataset.key || at.textContent, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2] }"""
        )
        if reached and focus[0] == reached[0][0]:
            break
        reached.append(focus)

    names = [name for name, _ in reached]
    assert {
        "handset",
        "call",
        "clear",
        "end",
        *"0123456789*#",
        "body",
        "msisdn",
        "channel",
        "slow",
        "repeat",
        "late",
        "drop",
        "language",
    } <= set(names)
    assert [] == [name for name, seen in reached if not seen and name != "" and not name.startswith("\n")]


async def test_after_a_click_on_a_key_enter_is_the_call_key(phone):
    await phone.click("*4*061#")
    await phone.page.keyboard.press("Enter")

    await phone.shows("رصد خوزستان")


async def test_space_presses_the_key_that_has_the_focus(phone):
    await phone.page.focus('[data-key="5"]')
    await phone.page.keyboard.press("Space")

    await expect(phone.typed).to_have_text("5")


async def test_a_request_that_comes_twice_counts_once(phone):
    await phone.repeat.check()
    await phone.dial()
    await phone.reply("1")
    await phone.shows("شماره نامه را وارد کنید")

    await expect(phone.turns).to_have_text("2")
    await expect(phone.wire.locator("li")).to_have_count(4)
    requests = await phone.wire.locator(".request").all_text_contents()
    replies = await phone.wire.locator(".reply").all_text_contents()
    assert (requests[0], requests[2]) == (requests[1], requests[3])
    assert (replies[0], replies[2]) == (replies[1], replies[3])


async def test_an_answer_that_comes_too_late_is_the_networks_error(phone):
    await phone.late.check()
    await phone.dial()

    await phone.shows("Connection problem or invalid code")
    await phone.shows("the answer came too late")
    await expect(phone.wire.locator(".reply")).to_contain_text("CON رصد خوزستان")


async def test_a_slow_network_is_slow_each_way(phone):
    await phone.slow.check()
    await phone.click("*4*061#")
    await phone.call.click()
    await expect(phone.screen).to_have_text("Please wait…")
    await phone.shows("رصد خوزستان")

    took = int((await phone.answered.text_content()).removesuffix(" ms"))
    assert took >= 4000


async def test_a_number_that_is_none_is_refused_with_the_gateways_own_words(phone):
    await phone.msisdn_field.fill("4040")
    await phone.msisdn_field.blur()
    await phone.dial()

    await phone.shows("Connection problem or invalid code")
    await phone.shows("HTTP 400: that is no mobile phone number")
    phone.complaints.clear()


async def test_a_menu_of_ones_own_is_for_this_number_alone(phone, chromium, tmp_path):
    folder = shutil.copytree(SHIPPED_MENU, tmp_path / "my-menu")
    common = folder / "common.yaml"
    common.write_text(common.read_text(encoding="utf-8").replace("رصد خوزستان", "رصد من"), encoding="utf-8")
    await phone.draft.set_input_files(folder)
    await expect(phone.page.locator("#draft-said")).to_contain_text("is the menu of this number until")
    await phone.dial()
    await phone.shows("رصد من")
    async with opened(chromium, phone.url) as another:
        await another.dial()
        await another.shows("رصد خوزستان")

    common.write_text(common.read_text(encoding="utf-8").replace("رصد من", "رصد" * 40), encoding="utf-8")
    await phone.draft.set_input_files(folder)
    await expect(phone.page.locator("#draft-said")).to_have_text("The menu is faulty; your number keeps what it had.")
    await expect(phone.page.locator("#faults li").first).to_contain_text("common.yaml:")
    phone.complaints.clear()  # the browser's own line about 422
    await phone.end.click()
    await phone.dial()
    await phone.shows("رصد من")

    await phone.undraft.click()
    await expect(phone.page.locator("#draft-said")).to_have_text("This number has what all have.")
    await phone.end.click()
    await phone.dial()
    await phone.shows("رصد خوزستان")


async def test_what_happened_is_saved_and_plays_back_with_nobody_in_it(phone, tmp_path):
    await phone.dial()
    await phone.reply("1")
    await phone.reply("12345")
    await phone.shows("نامه 12345")
    await phone.end.click()
    await phone.body.fill("110718")
    await phone.page.get_by_role("button", name="Send the SMS").click()
    await expect(phone.inbox.locator(".received .text")).to_contain_text("110718")
    async with phone.page.expect_download() as download:
        await phone.save.click()
    file = tmp_path / "conversation.yaml"
    await (await download.value).save_as(file)

    assert phone.msisdn[-9:] not in file.read_text(encoding="utf-8")
    played = await asyncio.to_thread(
        subprocess.run, [RASAD, "rehearse", str(file), "--url", phone.url], capture_output=True, text=True, check=False
    )
    assert 0 == played.returncode, played.stdout


async def test_an_office_breaks_when_told_to(phone):
    office = phone.page.get_by_role("combobox", name="services", exact=True)
    await office.select_option("refuse")
    try:
        await phone.dial("*4*061*02*2001000344#")
        await phone.shows("قطع")
    finally:
        await office.select_option("none")


async def test_secrets_on_the_wire_are_masked(phone):
    await phone.body.fill("99999")
    await phone.page.get_by_role("button", name="Send the SMS").click()
    out = phone.wire.locator("li", has_text="sendsms")
    await expect(out).to_have_count(1)

    assert "password=***" in await out.text_content()
    assert "demo" not in await out.text_content()


async def test_everything_comes_from_the_demo_and_no_token_reaches_the_browser(phone):
    asked = []
    phone.page.on("request", lambda request: asked.append(request))
    page = await phone.page.reload()
    await phone.page.wait_for_selector("html[data-ready]")
    await phone.dial()
    await phone.shows("رصد خوزستان")

    assert {phone.url} == {f"http://{urllib.parse.urlsplit(each).netloc}" for each in phone.fetched}
    assert [] == [each for each in phone.fetched if "/api/" in each]
    policy = (await page.all_headers())["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert [] == [each.url for each in asked if "authorization" in await each.all_headers()]


@pytest.mark.parametrize("language", ["fa", "ar"])
async def test_the_page_speaks(phone, language):
    await phone.language.select_option(language)

    assert (language, "rtl") == tuple(
        await phone.page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
    )
    words = await phone.page.evaluate("[...document.querySelectorAll('[data-word]')].map(each => each.textContent)")
    assert [] == [
        word
        for word in words
        if re.search("[a-z]{4}", word.replace("Enter", "").replace("Backspace", "").replace("Escape", ""))
    ]


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (640, "dark")], ids=["narrow", "at 200 %"])
async def test_nothing_is_beyond_the_edge(demo, chromium, width, scheme):
    """1280 pixels at 200 % are 640 of them."""
    async with opened(chromium, demo[0], color_scheme=scheme) as phone:
        await phone.page.set_viewport_size({"width": width, "height": 700})
        for language in ("en", "fa", "ar"):
            await phone.language.select_option(language)
            await phone.dial("*4*061*12345#")
            await phone.shows("نامه 12345")
            wide = await phone.page.evaluate("document.documentElement.scrollWidth")
            beyond = await phone.page.evaluate(
                """() => [...document.querySelectorAll("main *")].filter((each) => {
                const box = each.getBoundingClientRect();
                return box.width && (box.left < -1 || box.right > innerWidth + 1); }).map((each) => each.outerHTML.slice(0, 80))"""
            )
            assert (width, []) == (wide, beyond)
            await phone.end.click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_texts_can_be_read(demo, chromium, scheme):
    """WCAG 2.2, 1.4.3: 4.5:1."""
    async with opened(chromium, demo[0], color_scheme=scheme) as phone:
        await phone.dial("*4*061*12345#")
        await phone.body.fill("12345")
        await phone.page.get_by_role("button", name="Send the SMS").click()
        await expect(phone.inbox.locator(".received")).to_have_count(1)

        assert [] == await phone.page.evaluate(CONTRAST)


CONTRAST = """() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const ground = (each) => { for (; each; each = each.parentElement) { const found = rgb(getComputedStyle(each).backgroundColor);
    if (found.length < 4 || found[3] > 0) return found; } return [255, 255, 255]; };
  return [...document.querySelectorAll("body *")].filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && each.offsetParent)
    .map((each) => { const [a, b] = [light(rgb(getComputedStyle(each).color)), light(ground(each))];
      return [each.outerHTML.slice(0, 60), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
    .filter(([, ratio]) => ratio < 4.5);
}"""


async def test_the_first_page_leads_to_the_phone(phone):
    await phone.page.goto(f"{phone.url}/")
    await phone.page.get_by_role("link", name="The phone").click()
    await phone.page.wait_for_selector("html[data-ready]")

    assert f"{phone.url}/phone" == phone.page.url
