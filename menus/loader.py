"""From (file name, text) pairs to a Menu, or every fault with file and line.

A file holds a journey: its entry points and its screens. `common.yaml` is one like the others and holds in addition
what all share: languages, the words of navigation, labels, fields, and the screens for what may go wrong. A screen
says something and takes choices or an input; an ask puts a question to a route and branches on its outcome.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from menus import inputs, source, templates, values
from menus.definition import (
    PREVIOUS,
    RESERVED,
    SERVICES,
    AskDef,
    Branch,
    ByLanguage,
    Choice,
    Entry,
    FieldDef,
    InputDef,
    Menu,
    ScreenDef,
)
from menus.folding import fold
from menus.includes import taken_over
from menus.language import Condition, RawAsk, RawBranch, RawChoice, RawEntry, RawScreen, RawShared, Texts
from menus.ports import OUTCOMES, Case, State
from menus.screens import Navigation
from menus.source import Document, Fault, Faulty

_NAME = re.compile(r"[a-z][a-z0-9_]*")

_NO_SPACE = re.compile(r"([a-z][a-z0-9_]*):\S")
"""A key alone with its text, which YAML takes for a text."""

_LETTERS = re.compile(r"\\[nt]")
"""What was to be a new line or a Tab, and is neither in a block or between ' and '."""

RIGHT_TO_LEFT = frozenset({"fa", "ar"})

# protocols.md D7: digits with `*` between them change places beside right-to-left letters; between two LRM they do not.
_DIAL_CODE = re.compile(r"\*[0-9*]*[0-9]#?|[0-9]+(?:\*[0-9]+)+#?")


def load(files: Iterable[tuple[str, str]], routes: Iterable[str] | None = None) -> Menu:
    """The menu in these files. routes: the routes that exist, when known. Raises Faulty with every fault found."""
    pairs = sorted(files)
    return _Loader(pairs, None if routes is None else frozenset(routes)).menu()


def version_of(files: Iterable[tuple[str, str]]) -> str:
    """The content hash of a menu: twelve hex digits, the same for the same names and texts in any order."""
    digest = hashlib.sha256()
    for name, text in sorted((path.rpartition("/")[2], text) for path, text in files):
        digest.update(f"{len(name)}:{name}{len(text)}:{text}".encode())
    return digest.hexdigest()[:12]


class _Loader:
    def __init__(self, pairs: list[tuple[str, str]], routes: frozenset[str] | None) -> None:
        self.pairs = pairs
        self.routes = routes
        self.faults: list[Fault] = []
        self.all_read = True
        self.shared: dict[str, Any] = {}
        self.at: dict[str, tuple[Document, source.Path]] = {}
        self.nodes: dict[str, ScreenDef | AskDef] = {}
        self.entries: dict[str, Entry] = {}
        self.raw: list[tuple[Document, str, RawScreen | RawAsk]] = []
        self.raw_entries: list[tuple[Document, str, RawEntry]] = []
        self.written: list[tuple[Document, str, Any]] = []
        self.blocks: dict[str, tuple[Document, dict[str, Any]]] = {}
        self.kept: dict[str, inputs.Kind] = {}
        self.all_typed = True
        self.listed: dict[tuple[str, ...], Fault] = {}

    def menu(self) -> Menu:
        for name, text in self.pairs:
            self._read(name, text)
        self._blocks()
        for document, name, data in self.written:
            self._node(document, name, data)
        self.languages: tuple[str, ...] = tuple(self._need("languages", ()))
        if not self.languages:
            if not self.faults:
                document, path = self.at["languages"]
                self.faults.append(document.fault(path, "languages: at least one, the default first: [fa, en]"))
            raise Faulty(self.faults)  # whatever else there is would only be heard of twice
        self._kept()
        for document, name, raw in self.raw:
            self.nodes[name] = self._screen(document, name, raw) if isinstance(raw, RawScreen) else self._ask(name, raw)
        self._entries()
        menu = self._assemble()
        self._targets()
        if self.faults:
            raise Faulty(self.faults)
        return menu

    def _unknown(self, document: Document, path: source.Path, told: str, known: Iterable[str]) -> None:
        """A fault, and what there is instead: a long list, so only the first one gives it."""
        listed = tuple(known)
        fault = document.fault(path, told)
        if self.listed.setdefault(listed, fault) == fault:
            there = " There" if told.endswith("?") else "; there"
            fault = document.fault(path, f"{told}{there} are {', '.join(listed)}")
        self.faults.append(fault)

    # -- reading

    def _read(self, file: str, text: str) -> None:
        try:
            document = source.read(file, text)
        except Faulty as fault:
            self.faults += fault.faults
            self.all_read = False
            return
        self.faults += document.faults
        if not isinstance(document.data, dict):
            self.faults.append(Fault(file, 1, "a menu file is keys with screens: ask_letter_number: {text: ...}"))
            return
        journey = str(document.data.get("journey") or file.rpartition("/")[2].partition(".")[0])
        for name, data in document.data.items():
            if name in RawShared.model_fields:
                self._shared(document, journey, name, data)
            else:
                self.written.append((document, name, data))

    def _shared(self, document: Document, journey: str, key: str, data: Any) -> None:
        """One key at a time, so that a fault in one does not hide the others."""
        shared = self._typed(RawShared, document, {key: data}, ())
        if key not in ("journey", "entry", "blocks") and key in self.at:
            self.faults.append(document.fault((key,), f"{key} stands in {self.at[key][0].file} already"))
            return
        self.at.setdefault(key, (document, (key,)))
        if shared is None:
            return
        if shared.entry is not None:
            self.raw_entries.append((document, journey, shared.entry))
        for name, keys in (shared.blocks or {}).items():
            if name in self.blocks:
                first = self.blocks[name][0]
                at = first.place(("blocks", name))
                self.faults.append(
                    document.fault(("blocks", name), f"the block {name} stands in {at[0]}:{at[1]} already")
                )
            self.blocks.setdefault(name, (document, keys))
        self.shared.setdefault(key, getattr(shared, key))

    def _blocks(self) -> None:
        wanted = [data.get("include") for _, _, data in self.written if isinstance(data, dict)]
        listed = [name for each in wanted for name in (each if isinstance(each, list) else [each])]
        included = {name for name in listed if isinstance(name, str)}
        for name, (document, keys) in self.blocks.items():
            if "include" in keys:
                self.faults.append(document.fault(("blocks", name, "include"), "a block includes no other"))
            if name not in included and self.all_read:
                self.faults.append(document.fault(("blocks", name), f"nobody includes {name}; delete it"))

    def _node(self, document: Document, name: str, data: Any) -> None:
        if name in self.at:
            first, path = self.at[name]
            self.faults.append(
                document.fault((name,), f"the screen {name} stands in {first.file}:{first.line(path)} already")
            )
            return
        self.at[name] = (document, (name,))
        if not _NAME.fullmatch(name):
            self.faults.append(document.fault((name,), f"the name {name} is not made of small letters, digits and _"))
        if name == PREVIOUS:
            self.faults.append(document.fault((name,), "previous is where 0 leads; give this screen another name"))
        if isinstance(data, dict) and "include" in data:
            document, data, _, faults = taken_over(document, name, data, self.blocks)
            self.at[name] = (document, (name,))
            self.faults += faults
        if not isinstance(data, dict) or ("text" not in data and "ask" not in data):
            self.faults.append(self._no_screen(document, name, data))
            self.all_typed = False
            return
        model: type[RawScreen] | type[RawAsk] = RawAsk if "ask" in data else RawScreen
        raw = self._typed(model, document, data, (name,))
        if raw is not None:
            self.raw.append((document, name, raw))

    def _no_screen(self, document: Document, name: str, data: Any) -> Fault:
        """What it lacks, or which of its keys was to be that."""
        known = {each.alias or key for model in (RawScreen, RawAsk) for key, each in model.model_fields.items()}
        for key in data.keys() - known if isinstance(data, dict) else ():
            if instead := source.meant(key, ("text", "ask")):
                return document.fault((name, key), f"{key} is not a key we know here{instead}")
        if isinstance(data, str) and (joined := _NO_SPACE.match(data)):
            return document.fault((name,), f"a space is missing behind {joined[1]}:")
        told = f"{name} is no screen: it needs text: (what to say) or ask: (what to ask)"
        return document.fault((name,), f"{told}{source.meant(name, RawShared.model_fields)}")

    def _typed(
        self, model: type[source.Model], document: Document, data: Any, path: source.Path
    ) -> source.Model | None:
        try:
            return source.typed(model, document, data, path)
        except Faulty as fault:
            self.faults += fault.faults
            self.all_typed = False
            return None

    def _need(self, key: str, instead: Any) -> Any:
        if key not in self.shared and key not in self.at:
            file = next((name for name, _ in self.pairs if name.endswith("common.yaml")), "common.yaml")
            if self.all_read:
                self.faults.append(Fault(file, 1, f"{key}: is missing; no file of this menu has it"))
        return self.shared.get(key, instead)

    # -- compiling

    def _kept(self) -> None:
        """What every input is kept as, known before any text that may show it."""
        for document, name, raw in self.raw:
            if isinstance(raw, RawScreen) and raw.input is not None:
                into, kind = raw.input.into, raw.input.kind
                at = (name, "input", "into")
                if not _NAME.fullmatch(into):
                    self.faults.append(
                        document.fault(at, f"the name {into} is not made of small letters, digits and _")
                    )
                elif self.kept.setdefault(into, kind) is not kind:
                    self.faults.append(
                        document.fault(at, f"{into} is a {self.kept[into]} elsewhere in this menu; take another name")
                    )

    def _texts(self, where: Document, path: source.Path, texts: Texts, *, some: bool = False) -> ByLanguage:
        """some: a language without a text is no fault."""
        if isinstance(texts, str):
            joined = _NO_SPACE.match(texts)
            if joined and joined[1] in self.languages:
                self.faults.append(where.fault(path, f"a space is missing behind {joined[1]}:"))
            elif not texts.strip():
                self.faults.append(where.fault(path, f"{source.spoken(path)} is empty"))
        by_language = dict.fromkeys(self.languages, texts) if isinstance(texts, str) else dict(texts)
        result: dict[str, templates.Template] = {}
        for language in self.languages:
            if language not in by_language and not some:
                self.faults.append(where.fault(path, f"{source.spoken(path)} has no text in {language}"))
        for language, text in by_language.items():
            place = path if isinstance(texts, str) else (*path, language)
            if language not in self.languages:
                known = ", ".join(self.languages)
                # A comma ends a text that stands in { } without quotes, and what follows looks like a language.
                hint = "" if text.strip() else "; a text with a comma in it needs quotes at both ends"
                self.faults.append(where.fault(place, f"{language} is none of this menu's languages ({known}){hint}"))
                continue
            if not text.strip() and not isinstance(texts, str):
                self.faults.append(where.fault(place, f"{source.spoken(path)} has no text in {language}"))
            if letters := _LETTERS.search(text):
                told = f'{letters[0]} stands in the text as letters; put the text between " and "'
                self.faults.append(where.fault(place, told))
            if language in RIGHT_TO_LEFT:
                text = _DIAL_CODE.sub("\u200e\\g<0>\u200e", text)
            try:
                result[language] = templates.parse(text)
            except templates.TemplateError as error:
                self.faults.append(where.fault(place, str(error)))
                continue
            self._values(where, place, result[language])
            if templates.LINK.search(result[language].outline):
                self.faults.append(
                    where.fault(
                        place, "a phone reads a link here, and no text of ours has one; a space behind the dot?"
                    )
                )
        return result

    def _values(self, where: Document, place: source.Path, template: templates.Template) -> None:
        for value in template.values:
            wrong = values.misused(value, self.kept, in_lines="lines" in place)
            if value.path == ("asked",) and "masked" not in value.filters and self._asks_with_a_persons_number():
                wrong = "a national id may stand here, and is not shown whole: {{ asked | masked }}"
            unsure = value.path[0] == "typed" and not (self.all_read and self.all_typed)
            if wrong and not unsure and values.sort_of(value.path, self.kept) is None:
                self._unknown(where, place, wrong, values.known(self.kept))
            elif wrong and not unsure:
                self.faults.append(where.fault(place, wrong))
            elif "relative" in value.filters and "today" not in self.shared.get("labels", {}):
                self.faults.append(where.fault(place, "for | relative the labels in common.yaml need today:"))

    def _screen(self, document: Document, name: str, raw: RawScreen) -> ScreenDef:
        path: source.Path = (name,)
        choices = []
        for place, item in enumerate(raw.choices):
            for key, choice in item.items():
                at = (*path, "choices", place, key)
                if not _NAME.fullmatch(key):
                    self.faults.append(document.fault(at, f"the name {key} is not made of small letters, digits and _"))
                choices.append(self._choice(document, at, key, choice))
                if choice.language is not None and choice.language not in self.languages:
                    self.faults.append(
                        document.fault((*at, "language"), f"{choice.language} is no language of this menu")
                    )
        names = [choice.name for choice in choices]
        for twice in sorted({each for each in names if names.count(each) > 1}):
            self.faults.append(document.fault((*path, "choices"), f"two choices are called {twice}"))
        if len(choices) > 8:
            self.faults.append(document.fault((*path, "choices"), "at most 8 choices: 9 and 0 mean more and back"))
        answers = [bool(choices), raw.pick is not None, raw.input is not None]
        if sum(answers) > 1:
            self.faults.append(
                document.fault(path, "a screen takes choices, or pick, or an input, not several of them")
            )
        if bool(raw.next) == (raw.pick is None and raw.input is None):
            self.faults.append(document.fault(path, "next: belongs to an input or a pick, and they need it"))
        for key in ("mistaken", "check_digit", "sms_mistaken", "sms_check_digit"):
            if raw.input is None and getattr(raw, key) is not None:
                self.faults.append(document.fault((*path, key), f"{key}: belongs to an input, and there is none here"))
        if raw.end and (choices or raw.pick is not None or raw.input is not None):
            self.faults.append(document.fault((*path, "end"), "a screen that takes an answer cannot end the session"))
        if raw.input is not None and raw.mistaken is None:
            self.faults.append(
                document.fault((*path, "input"), "an input needs mistaken: what is wrong, and an example")
            )
        if (raw.lines is None) != (raw.each is None):
            self.faults.append(document.fault(path, "lines: and each: go together: each: case.steps"))
        elif raw.each is not None and raw.each != "case.steps":
            self.faults.append(document.fault((*path, "each"), "the only list is case.steps"))
        mistaken = self._mistaken(document, name, {"malformed": raw.mistaken, "check_digit": raw.check_digit}, "")
        by_sms = {"malformed": raw.sms_mistaken, "check_digit": raw.sms_check_digit}
        sms_mistaken = self._mistaken(document, name, by_sms, "sms_")
        return ScreenDef(
            name=name,
            text=self._texts(document, (*path, "text"), raw.text),
            short=self._texts(document, (*path, "short"), raw.short, some=True) if raw.short is not None else {},
            sms=self._texts(document, (*path, "sms"), raw.sms) if raw.sms is not None else None,
            lines=self._texts(document, (*path, "lines"), raw.lines) if raw.lines is not None else None,
            each=tuple(raw.each.split(".")) if raw.each else (),
            choices=tuple(choices),
            pick=self._texts(document, (*path, "pick"), raw.pick) if raw.pick is not None else None,
            input=InputDef(raw.input.kind, raw.input.into) if raw.input is not None else None,
            mistaken=mistaken,
            sms_mistaken=sms_mistaken,
            then=self._branches(document, (*path, "next"), raw.next),
            end=raw.end,
            silent_by_sms=raw.silent_by_sms,
        )

    def _asks_with_a_persons_number(self) -> bool:
        """Whether an office may have been asked about a national id."""
        given = {raw.given.get("number") for _, _, raw in self.raw if isinstance(raw, RawAsk)}
        return any(self.kept.get(name or "") is inputs.Kind.NATIONAL_ID for name in given)

    def _choice(self, document: Document, path: source.Path, name: str, raw: RawChoice) -> Choice:
        return Choice(
            name=name,
            text=self._texts(document, (*path, "text"), raw.text),
            then=Branch(raw.next, self._when(document, path, raw.when)),
            language=raw.language,
            short=self._texts(document, (*path, "short"), raw.short, some=True) if raw.short is not None else {},
        )

    def _mistaken(
        self, document: Document, name: str, given: Mapping[str, Texts | None], prefix: str
    ) -> dict[inputs.Mistake, ByLanguage]:
        keys = {inputs.Mistake.MALFORMED: f"{prefix}mistaken", inputs.Mistake.CHECK_DIGIT: f"{prefix}check_digit"}
        return {
            mistake: self._texts(document, (name, key), texts)
            for mistake, key in keys.items()
            if (texts := given[mistake]) is not None
        }

    def _ask(self, name: str, raw: RawAsk) -> AskDef:
        document, path = self.at[name]
        if raw.ask not in SERVICES and self.routes is not None and raw.ask not in self.routes:
            known = sorted(self.routes | SERVICES.keys())
            told = f"there is no route {raw.ask}{source.meant(raw.ask, known)}"
            self._unknown(document, (*path, "ask"), told, known)
        takes = SERVICES.get(raw.ask, "number")
        if takes is not None and takes not in raw.given:
            self.faults.append(
                document.fault((*path, "ask"), f"{raw.ask} is asked with: {{{takes}: (name of an input)}}")
            )
        for key in raw.given.keys() - {takes}:
            self.faults.append(document.fault((*path, "with", key), f"{raw.ask} takes {takes or 'nothing'}, not {key}"))
        given = raw.given.get(takes) if takes is not None else None
        if given is not None and given not in self.kept and self.all_read and self.all_typed:
            self.faults.append(
                document.fault(
                    (*path, "with", takes or ""),
                    f"no input is kept as {given} (input: {{into: ...}}){source.meant(given, self.kept)}",
                )
            )
        elif given is not None and raw.ask == "rate" and self.kept.get(given) not in (inputs.Kind.RATING, None):
            self.faults.append(document.fault((*path, "with", "score"), f"{given} is no input of the kind rating"))
        branches = {
            outcome: self._branches(document, (*path, outcome), listed)
            for outcome in OUTCOMES
            if (listed := getattr(raw, outcome))
        }
        needed = ("done",) if raw.ask in SERVICES else ("found",)
        for outcome in needed:
            if outcome not in branches:
                self.faults.append(document.fault(path, f"{name} asks {raw.ask} but says nothing for {outcome}:"))
        return AskDef(name, raw.ask, given, branches)

    def _branches(self, document: Document, path: source.Path, raw: list[RawBranch]) -> tuple[Branch, ...]:
        branches = tuple(
            Branch(each.next, self._when(document, (*path, place), each.when)) for place, each in enumerate(raw)
        )
        for place, branch in enumerate(branches[:-1]):
            if not branch.when:
                self.faults.append(document.fault((*path, place), "what stands behind a screen alone is never reached"))
        if branches and branches[-1].when:
            self.faults.append(document.fault(path, "the last of the branches must be a screen alone"))
        return branches

    def _when(
        self, document: Document, path: source.Path, raw: Mapping[str, Condition]
    ) -> dict[str, tuple[str, ...] | bool]:
        for key, wanted in raw.items():
            place = (*path, "when", key)
            typed = [f"typed.{name}" for name in self.kept]
            unsure = key.startswith("typed.") and not (self.all_read and self.all_typed)
            if key not in _CONDITIONS and key not in typed and not unsure:
                ways = (*_CONDITIONS, *typed)
                told = f"there is no {key} to go by{source.meant(key, ways)}"
                self._unknown(document, place, told, ways)
            if key in ("as_of", "overdue", "down") and not isinstance(wanted, bool):
                self.faults.append(document.fault(place, f"{key} is true or false"))
            kind = self.kept.get(key.removeprefix("typed.")) if key.startswith("typed.") else None
            if kind is not None and kind in inputs.WORDS and isinstance(wanted, list):
                for word in set(wanted) - set(inputs.WORDS[kind]):
                    known = ", ".join(f'"{each}"' for each in inputs.WORDS[kind])
                    self.faults.append(document.fault(place, f"{word} is never typed there; it is one of {known}"))
            if key == "state" and isinstance(wanted, list):
                for state in wanted:
                    if state not in set(State):
                        told = f"{state} is no state{source.meant(state, State)}"
                        self._unknown(document, place, told, State)
        return {key: tuple(wanted) if isinstance(wanted, list) else wanted for key, wanted in raw.items()}

    def _entries(self) -> None:
        codes: dict[str, str] = {}
        words: dict[str, str] = {}
        for document, journey, raw in self.raw_entries:
            keywords: dict[str, str] = {}
            for language, listed in raw.keywords.items():
                if language not in self.languages:
                    known = ", ".join(self.languages)
                    at = ("entry", "keywords", language)
                    self.faults.append(document.fault(at, f"{language} is none of this menu's languages ({known})"))
                for word in listed:
                    key = fold(word)
                    if not key or any(char.isdecimal() for char in key):
                        at = ("entry", "keywords", language)
                        self.faults.append(document.fault(at, f"a keyword is a word without digits, not {word!r}"))
                    if key in words:
                        self.faults.append(
                            document.fault(
                                ("entry", "keywords", language),
                                f"the keyword {word} leads to {words[key]} already",
                            )
                        )
                    words[key] = journey
                    keywords[key] = language
            if raw.code is not None and raw.code in codes:
                self.faults.append(
                    document.fault(("entry", "code"), f"the entry code {raw.code} leads to {codes[raw.code]} already")
                )
            if journey in self.entries:
                self.faults.append(document.fault(("entry",), f"the journey {journey} has an entry already"))
            codes[raw.code or ""] = journey
            self.entries[journey] = Entry(journey, raw.code, keywords, raw.next)
            self._target(document, ("entry", "next"), raw.next)

    def _targets(self) -> None:
        for document, name, raw in self.raw:
            if isinstance(raw, RawScreen):
                for place, item in enumerate(raw.choices):
                    for key, choice in item.items():
                        if choice.next != PREVIOUS:
                            self._target(document, (name, "choices", place, key, "next"), choice.next)
                for place, branch in enumerate(raw.next):
                    if raw.pick is None:
                        self._target(document, (name, "next", place), branch.next)
                    elif not isinstance(self.nodes.get(branch.next), AskDef) or len(raw.next) > 1:
                        self.faults.append(
                            document.fault((name, "next"), "after a pick comes the ask whose answer was picked from")
                        )
                continue
            for outcome in OUTCOMES:
                for place, each in enumerate(getattr(raw, outcome)):
                    self._target(document, (name, outcome, place), each.next)

    def _target(self, document: Document, path: source.Path, target: str) -> None:
        if target not in self.nodes and target not in self.at and self.all_read:
            told = f"there is no screen {target}{source.meant(target, self.at.keys() - self.shared.keys())}"
            self.faults.append(document.fault(path, told))

    def _assemble(self) -> Menu:
        start = self._need("start", "")
        arguments = self._need("arguments", "")
        for key, target, known in (("start", start, self.nodes), ("arguments", arguments, self.entries)):
            # What is there and faulty has a fault of its own.
            if key in self.at and target not in known and target not in self.at and self.all_read and self.all_typed:
                document, path = self.at[key]
                self.faults.append(document.fault(path, f"{key}: there is no {target}{source.meant(target, known)}"))
        for name in sorted(RESERVED - self.nodes.keys()):
            if name not in self.at:
                self._need(name, None)
        for name in sorted(RESERVED & self.nodes.keys()):
            if name not in OUTCOMES and not isinstance(self.nodes[name], ScreenDef):
                document, path = self.at[name]
                self.faults.append(document.fault(path, f"{name} is said where nothing can be asked: a screen"))
        navigation = self._need("navigation", None)
        labels = self._need("labels", {})
        wrong = self._need("wrong_choice", {})
        follows = any(isinstance(raw, RawAsk) and raw.ask == "follow" for _, _, raw in self.raw)
        stop = self._need("stop_notices", {}) if follows else self.shared.get("stop_notices", {})
        stop_at, stop_path = self.at.get("stop_notices", (Document("common.yaml", {}, {}), ()))
        document, _ = self.at.get("labels", (Document("common.yaml", {}, {}), ()))
        for state in State:
            if "labels" in self.shared and state not in labels:
                self.faults.append(document.fault(("labels",), f"labels has no {state}"))
        by_language = {
            language: {key: text if isinstance(text, str) else text.get(language, "") for key, text in labels.items()}
            for language in self.languages
        }
        for key, texts in labels.items():
            self._texts(document, ("labels", key), texts)
        said = self._texts(stop_at, stop_path, stop) if "stop_notices" in self.shared else {}
        for language, text in said.items():
            if text.fixed is None:
                self.faults.append(stop_at.fault((*stop_path, language), "below a notice stand words alone, no value"))
        words: dict[str, Navigation] = {}
        if navigation is not None:
            document, path = self.at["navigation"]
            compiled = {
                key: self._texts(document, (*path, key), getattr(navigation, key)) for key in ("back", "more", "main")
            }
            words = {
                language: Navigation(**{key: texts[language].source for key, texts in compiled.items()})
                for language in self.languages
                if all(language in texts for texts in compiled.values())
            }
        document, path = self.at.get("wrong_choice", (Document("common.yaml", {}, {}), ()))
        fields, place = self.at.get("fields", (document, ()))
        raw_fields = self.shared.get("fields", {})
        for name in raw_fields:
            if values.sort_of(tuple(name.split(".")), {}) is None:
                told = f"there is no value {name}{source.meant(name, values.known(()))}"
                self._unknown(fields, (*place, name), told, values.known(()))
        return Menu(
            version=version_of(self.pairs),
            languages=self.languages,
            start=start,
            arguments=arguments,
            nodes=self.nodes,
            entries=self.entries,
            navigation=words,
            labels=by_language,
            stop_notices=said,
            wrong_choice=self._texts(document, path, wrong) if "wrong_choice" in self.shared else {},
            fields={name: FieldDef(each.width, each.leave_out) for name, each in raw_fields.items()},
            places=self._places(),
            ranks={name: each.leave_out for name, each in raw_fields.items()},
        )

    def _places(self) -> dict[source.Path, tuple[str, int]]:
        """Where everything was written, for whoever finds fault with the menu later."""
        found: dict[source.Path, tuple[str, int]] = {}
        for document, name, _ in self.raw:
            for path in document.lines:
                if path[:1] == (name,):
                    found[path] = document.place(path)
            for path, (where, there) in document.elsewhere.items():
                found |= {
                    (*path, *each[len(there) :]): where.place(each)
                    for each in where.lines
                    if each[: len(there)] == there
                }
        for document, journey, _ in self.raw_entries:
            found |= {
                (f"entry {journey}", *path[1:]): document.place(path)
                for path in document.lines
                if path[:1] == ("entry",)
            }
        for key, (document, path) in self.at.items():
            if key not in self.nodes:
                found |= {(key, *each[1:]): document.place(each) for each in document.lines if each[:1] == path}
        return found


_NOT_TO_GO_BY = ("secret", "citizen_phone")
_CONDITIONS = ("as_of", "overdue", "down", *(name for name in Case.__struct_fields__ if name not in _NOT_TO_GO_BY))
"""What a branch or a choice may go by besides the inputs of the menu."""
