"""From (file name, text) pairs to a Menu, or every fault with file and line.

A file holds a journey: its entry points and its screens. `common.yaml` is one like the others and holds in addition
what all share: languages, the words of navigation, labels, fields, and the screens for what may go wrong. A screen
says something and takes choices or an input; an ask puts a question to a route and branches on its outcome.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from menus import inputs, source, templates
from menus.definition import (
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
from menus.filters import FILTERS
from menus.folding import fold
from menus.language import RawAsk, RawBranch, RawEntry, RawScreen, RawShared, Texts
from menus.ports import OUTCOMES, Case, CaseStep, State
from menus.screens import Navigation
from menus.source import Document, Fault, Faulty

_NAME = re.compile(r"[a-z][a-z0-9_]*")

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

    def menu(self) -> Menu:
        for name, text in self.pairs:
            self._read(name, text)
        self.languages: tuple[str, ...] = tuple(self._need("languages", ()))
        if not self.languages:
            if not self.faults:
                document, path = self.at["languages"]
                self.faults.append(document.fault(path, "languages: at least one, the default first: [fa, en]"))
            raise Faulty(self.faults)  # whatever else there is would only be heard of twice
        for document, name, raw in self.raw:
            self.nodes[name] = self._screen(document, name, raw) if isinstance(raw, RawScreen) else self._ask(name, raw)
        self._entries()
        menu = self._assemble()
        self._targets()
        if self.faults:
            raise Faulty(self.faults)
        return menu

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
                self._node(document, name, data)

    def _shared(self, document: Document, journey: str, key: str, data: Any) -> None:
        """One key at a time, so that a fault in one does not hide the others."""
        shared = self._typed(RawShared, document, {key: data}, ())
        if key not in ("journey", "entry") and key in self.at:
            self.faults.append(document.fault((key,), f"{key} stands in {self.at[key][0].file} already"))
            return
        self.at.setdefault(key, (document, (key,)))
        if shared is None:
            return
        if shared.entry is not None:
            self.raw_entries.append((document, journey, shared.entry))
        self.shared.setdefault(key, getattr(shared, key))

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
        if not isinstance(data, dict) or ("text" not in data and "ask" not in data):
            self.faults.append(
                document.fault((name,), f"{name} is no screen: it needs text: (what to say) or ask: (what to ask)")
            )
            return
        model: type[RawScreen] | type[RawAsk] = RawAsk if "ask" in data else RawScreen
        raw = self._typed(model, document, data, (name,))
        if raw is not None:
            self.raw.append((document, name, raw))

    def _typed(
        self, model: type[source.Model], document: Document, data: Any, path: source.Path
    ) -> source.Model | None:
        try:
            return source.typed(model, document, data, path)
        except Faulty as fault:
            self.faults += fault.faults
            return None

    def _need(self, key: str, instead: Any) -> Any:
        if key not in self.shared and key not in self.at:
            file = next((name for name, _ in self.pairs if name.endswith("common.yaml")), "common.yaml")
            self.faults.append(Fault(file, 1, f"{key}: is missing; no file of this menu has it"))
        return self.shared.get(key, instead)

    # -- compiling

    def _texts(self, where: Document, path: source.Path, texts: Texts | Mapping[str, str]) -> ByLanguage:
        by_language = dict.fromkeys(self.languages, texts) if isinstance(texts, str) else dict(texts)
        result: dict[str, templates.Template] = {}
        for language in self.languages:
            if language not in by_language:
                self.faults.append(where.fault(path, f"{'.'.join(map(str, path))} has no text in {language}"))
        for language, text in by_language.items():
            place = path if isinstance(texts, str) else (*path, language)
            if language not in self.languages:
                known = ", ".join(self.languages)
                self.faults.append(where.fault(place, f"{language} is none of this menu's languages ({known})"))
                continue
            if not text.strip():
                self.faults.append(where.fault(place, f"{'.'.join(map(str, place))} is empty"))
            if language in RIGHT_TO_LEFT:
                text = _DIAL_CODE.sub("\u200e\\g<0>\u200e", text)
            try:
                result[language] = templates.parse(text)
            except templates.TemplateError as error:
                self.faults.append(where.fault(place, str(error)))
                continue
            self._values(where, place, result[language])
        return result

    def _values(self, where: Document, place: source.Path, template: templates.Template) -> None:
        for value in template.values:
            name = value.filter or ""
            takes = value_kind(value.path)
            if takes is None:
                self.faults.append(where.fault(place, f"there is no value {value.name}; {KNOWN_VALUES}"))
            elif value.path[0] == "item" and "lines" not in place:
                self.faults.append(where.fault(place, f"{value.name} is only known in lines:, once for each item"))
            elif name not in FILTERS:
                known = ", ".join(sorted(filter(None, FILTERS)))
                self.faults.append(where.fault(place, f"there is no filter {name}; there are {known}"))
            elif name != takes:
                right = f"{{{{ {value.name} | {takes} }}}}" if takes else f"{{{{ {value.name} }}}}"
                self.faults.append(where.fault(place, f"{value.name} is written {right}"))

    def _screen(self, document: Document, name: str, raw: RawScreen) -> ScreenDef:
        path: source.Path = (name,)
        choices = []
        for place, item in enumerate(raw.choices):
            if len(item) != 1:
                self.faults.append(
                    document.fault((*path, "choices", place), "one name and its choice: steps: {text, next}")
                )
            for key, choice in item.items():
                at = (*path, "choices", place, key)
                if not _NAME.fullmatch(key):
                    self.faults.append(document.fault(at, f"the name {key} is not made of small letters, digits and _"))
                choices.append(
                    Choice(key, self._texts(document, (*at, "text"), choice.text), choice.next, choice.language)
                )
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
        if (raw.next is None) != (raw.pick is None and raw.input is None):
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
            sms=self._texts(document, (*path, "sms"), raw.sms) if raw.sms is not None else None,
            lines=self._texts(document, (*path, "lines"), raw.lines) if raw.lines is not None else None,
            each=tuple(raw.each.split(".")) if raw.each else (),
            choices=tuple(choices),
            pick=self._texts(document, (*path, "pick"), raw.pick) if raw.pick is not None else None,
            input=InputDef(raw.input.kind, raw.input.into) if raw.input is not None else None,
            mistaken=mistaken,
            sms_mistaken=sms_mistaken,
            next=raw.next,
            end=raw.end,
            silent_by_sms=raw.silent_by_sms,
        )

    def _mistaken(
        self, document: Document, name: str, given: Mapping[str, Mapping[str, str] | None], prefix: str
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
            known = ", ".join(sorted(self.routes | SERVICES))
            self.faults.append(document.fault((*path, "ask"), f"there is no route {raw.ask}; there are {known}"))
        if raw.ask not in SERVICES and "number" not in raw.given:
            self.faults.append(document.fault((*path, "ask"), "a route is asked with: {number: (name of an input)}"))
        for key in raw.given.keys() - {"number"}:
            self.faults.append(document.fault((*path, "with", key), f"an ask takes a number, not {key}"))
        branches: dict[str, tuple[Branch, ...]] = {}
        for outcome in OUTCOMES:
            given: list[RawBranch] = getattr(raw, outcome)
            if given:
                branches[outcome] = tuple(
                    self._branch(document, (*path, outcome, place), each) for place, each in enumerate(given)
                )
                for place, branch in enumerate(branches[outcome][:-1]):
                    if not branch.when:
                        at = (*path, outcome, place)
                        self.faults.append(document.fault(at, "what stands behind a screen alone is never reached"))
                if branches[outcome][-1].when:
                    self.faults.append(
                        document.fault((*path, outcome), "the last of the branches must be a screen alone")
                    )
        needed = ("done",) if raw.ask in SERVICES else ("found",)
        for outcome in needed:
            if outcome not in branches:
                self.faults.append(document.fault(path, f"{name} asks {raw.ask} but says nothing for {outcome}:"))
        return AskDef(name, raw.ask, raw.given.get("number"), branches)

    def _branch(self, document: Document, path: source.Path, raw: RawBranch) -> Branch:
        for key, wanted in raw.when.items():
            place = (*path, "when", key)
            if key != "as_of" and key not in Case.__struct_fields__:
                self.faults.append(
                    document.fault(place, f"a case has no {key}; it has {', '.join(Case.__struct_fields__)}")
                )
            if key == "state" and isinstance(wanted, list):
                for state in wanted:
                    if state not in set(State):
                        self.faults.append(document.fault(place, f"{state} is no state; there are {', '.join(State)}"))
        return Branch(raw.next, {key: tuple(v) if isinstance(v, list) else v for key, v in raw.when.items()})

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
                        self._target(document, (name, "choices", place, key, "next"), choice.next)
                if raw.next is not None and raw.pick is None:
                    self._target(document, (name, "next"), raw.next)
                elif raw.next is not None and not isinstance(self.nodes.get(raw.next), AskDef):
                    self.faults.append(
                        document.fault((name, "next"), "after a pick comes the ask whose answer was picked from")
                    )
                continue
            for outcome in OUTCOMES:
                for place, each in enumerate(getattr(raw, outcome)):
                    self._target(document, (name, outcome, place), each.next)
            if raw.given.get("number") and raw.given["number"] not in self._inputs():
                self.faults.append(
                    document.fault(
                        (name, "with", "number"),
                        f"no input is kept as {raw.given['number']} (input: {{into: ...}})",
                    )
                )

    def _inputs(self) -> set[str]:
        return {raw.input.into for _, _, raw in self.raw if isinstance(raw, RawScreen) and raw.input is not None}

    def _target(self, document: Document, path: source.Path, target: str) -> None:
        if target not in self.nodes and target not in self.at and self.all_read:
            self.faults.append(document.fault(path, f"there is no screen {target}"))

    def _assemble(self) -> Menu:
        start = self._need("start", "")
        arguments = self._need("arguments", "")
        for key, target, known in (("start", start, self.nodes), ("arguments", arguments, self.entries)):
            if key in self.at and target not in known:
                document, path = self.at[key]
                self.faults.append(document.fault(path, f"{key}: there is no {target}"))
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
            if value_kind(tuple(name.split("."))) is None:
                self.faults.append(fields.fault((*place, name), f"there is no value {name}; {KNOWN_VALUES}"))
        return Menu(
            version=version_of(self.pairs),
            languages=self.languages,
            start=start,
            arguments=arguments,
            nodes=self.nodes,
            entries=self.entries,
            navigation=words,
            labels=by_language,
            wrong_choice=self._texts(document, path, wrong) if "wrong_choice" in self.shared else {},
            fields={name: FieldDef(each.width, each.leave_out) for name, each in raw_fields.items()},
            places={name: (self.at[name][0].file, self.at[name][0].line(self.at[name][1])) for name in self.nodes},
            ranks={name: each.leave_out for name, each in raw_fields.items()},
        )


_FILTER_OF: dict[str, dict[str, str]] = {
    "case": {
        **dict.fromkeys(Case.__struct_fields__, ""),
        "state": "label",
        "changed_on": "day",
        "due_on": "day",
    },
    "item": {"desk": "", "on": "day"},
}
for _name in ("steps", "kind", "secret"):  # a list (each: case.steps), and nothing to be read aloud
    del _FILTER_OF["case"][_name]
assert _FILTER_OF["item"].keys() == set(CaseStep.__struct_fields__)

KNOWN_VALUES = "there are as_of, asked, " + ", ".join(
    f"{name}.{key}" for name, keys in _FILTER_OF.items() for key in sorted(keys)
)


def value_kind(path: tuple[str, ...]) -> str | None:
    """The filter a value is written with ("" for none), or None when there is no such value."""
    match path:
        case ("as_of",):
            return "day"
        case ("asked",):
            return ""
        case (name, key):
            return _FILTER_OF.get(name, {}).get(key)
        case _:
            return None
