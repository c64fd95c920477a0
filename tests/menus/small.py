"""A menu in a few lines: what every menu must have stands here, a test writes the screens behind `first`."""

from menus import loader

SHARED = """\
languages: [en, fa]
start: main
arguments: letters
wrong_choice: {en: "A number please", fa: "یک عدد"}
navigation:
  back: {en: Back, fa: بازگشت}
  more: {en: More, fa: ادامه}
  main: {en: Menu, fa: منو}
labels:
  today: {en: today, fa: امروز}
  received: received
  registered: registered
  referred: referred
  seen: seen
  in_progress: {en: under review, fa: در حال بررسی}
  needs_citizen: waiting
  forwarded_out: forwarded
  answered: answered
  rejected: rejected
  closed: closed
  unknown: unknown
main:
  text: Rasad
  choices:
    - first: {text: First, next: first}
missing: {text: Nothing was found. Phone 111}
refused: {text: Too often. Phone 111}
late: {text: Late. Phone 111}
unavailable: {text: Down. Phone 111}
session_ended: {text: Dial again. Phone 111}
not_understood: {text: What? Phone 111}
failed: {text: Broken. Phone 111}
busy: {text: Busy. Phone 111}
expired: {text: Too late. Phone 111}
resume:
  text: Go on?
  choices:
    - go_on: {text: Go on, next: previous}
    - anew: {text: Start again, next: main}
"""

ENTRY = """\
journey: letters
entry: {code: "01", keywords: {en: [letter]}, next: first}
"""

ASK_NUMBER = """\
first:
  text: Number?
  input: {as: letter_number, into: number}
  mistaken: {en: No number, fa: نشد}
  next: find
find:
  ask: letters
  with: {number: number}
"""
"""The usual beginning. What follows it says where answers lead: `  found: status`."""


def files(screens: str) -> dict[str, str]:
    return {"common.yaml": SHARED, "letters.yaml": ENTRY + screens}


def small(screens: str):
    """The menu with these screens, the first of which is called `first`."""
    return loader.load(files(screens).items(), {"letters"})


def asking(kind: str, *, into: str = "it", behind: str = ""):
    """A menu that asks for this kind of input and then shows what it read."""
    written = "typed.it | masked" if kind == "national_id" else "typed.it"
    behind = behind or f'  text: "{{{{ {written} }}}}"\n  end: false\n'
    return small(
        f"first:\n  text: Which?\n  input: {{as: {kind}, into: {into}}}\n"
        f"  mistaken: {{en: Not understood, fa: نشد}}\n  check_digit: {{en: A wrong digit, fa: غلط}}\n"
        f"  next: read\nread:\n{behind}"
    )
