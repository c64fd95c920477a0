"""/api/v1: what programs may ask of the gateway. Whoever shows no token is told nothing, not even what there is;
only the description, /api/v1/openapi.json, is for everybody."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from gateway import msisdn
from gateway.clock import Clock
from gateway.menu_files import Edition, House, loaded
from gateway.privacy import Keys
from gateway.publications import Publications
from gateway.sessions.store import SessionKey, SessionStore, StoreUnavailable
from menus import machine
from menus.check import notes
from menus.definition import Menu
from menus.source import Faulty

log = structlog.get_logger()

CALLER = "X-Rasad-Msisdn"
"""Whose dialogue. In a header, since addresses are logged by whatever stands in front of us."""

NO_CALLER = f"expected the caller's number in the header {CALLER}: +989161234567"

DRAFT_FOR_S = 12 * 3600.0
"""How long a phone tries a draft: a working day. What is forgotten on it ends by itself."""

MAX_MENU_FILES = 200
BODY_WITHIN_S = 30.0


class DialogueState(msgspec.Struct, frozen=True):
    """Where a USSD dialogue stands: nothing of the case, nothing of the caller."""

    screen: Annotated[str, msgspec.Meta(description="Name of the screen shown last, as in the menu's files.")]
    menu: Annotated[str, msgspec.Meta(description="Version of the menu this dialogue began with.")]
    language: str
    turns: Annotated[int, msgspec.Meta(description="Inputs taken so far.")]
    page: Annotated[int, msgspec.Meta(description="The page shown, from 1.")]
    more: Annotated[bool, msgspec.Meta(description="Whether there is a page behind it.")]
    ended: bool


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A menu to be tried on one phone."""

    files: Annotated[
        dict[str, str], msgspec.Meta(description="A menu's files: name to text.", max_length=MAX_MENU_FILES)
    ]


class Bound(msgspec.Struct, frozen=True):
    """The phone has the draft; everybody else has what is published."""

    menu: Annotated[str, msgspec.Meta(description="Version of the draft.")]
    until: Annotated[datetime, msgspec.Meta(description="When the phone is like all others again.")]
    notes: Annotated[
        list[str], msgspec.Meta(description="What is no mistake, but worth a look: file:line: what, what to do.")
    ]


class _Faults(msgspec.Struct, frozen=True):
    error: str
    faults: Annotated[list[str], msgspec.Meta(description="Each as file:line: what is wrong, what was expected.")]


class Api:
    def __init__(
        self,
        tokens: Mapping[str, str],
        sessions: SessionStore,
        publications: Publications,
        house: House,
        keys: Keys,
        clock: Clock,
    ) -> None:
        """tokens: by the name of whoever holds one. Without any, nothing but the description is answered. house: what
        a draft must fit."""
        self._tokens = {name: token.encode() for name, token in tokens.items()}
        self._sessions, self._publications, self._house = sessions, publications, house
        self._keys, self._clock = keys, clock

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/openapi.json", self._describe),
            web.get("/api/v1/dialogues/{channel}/{session}", self._authorised(self._dialogue)),
            web.put("/api/v1/draft", self._authorised(self._bind)),
            web.delete("/api/v1/draft", self._authorised(self._unbind)),
            web.route("*", "/api/v1{rest:(/.*)?}", self._authorised(self._nothing)),
        ]

    def _authorised(
        self, take: Callable[[web.Request, str], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            holder = self._holder(request.headers.get("Authorization", ""))
            if holder is None:
                log.warning("api_refused", why="no token of ours")
                refused = _refused(401, "expected the header Authorization: Bearer TOKEN, with a token of api_tokens")
                refused.headers["WWW-Authenticate"] = 'Bearer realm="rasad"'
                return refused
            return await take(request, holder)

        return handle

    def _holder(self, header: str) -> str | None:
        scheme, _, shown = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        given = shown.strip().encode("utf-8", "surrogateescape")
        # Each is compared, so that the time taken does not tell which one was close.
        found = [name for name, token in self._tokens.items() if hmac.compare_digest(token, given)]
        return found[0] if found else None

    async def _dialogue(self, request: web.Request, holder: str) -> web.Response:
        channel, session_id = request.match_info["channel"], request.match_info["session"]
        caller = msisdn.normal(request.headers.get(CALLER, ""))
        if caller is None:
            return _refused(400, NO_CALLER)
        try:
            found = await self._sessions.load(SessionKey(channel, self._keys.tag(caller), session_id))
        except StoreUnavailable:
            return _refused(503, "sessions cannot be read now")
        # Who looked is noted, also when there was nothing to see.
        log.info("dialogue_read", by=holder, channel=channel, found=found is not None,
                 session=self._keys.day_tag(session_id, self._clock.today()))  # fmt: skip
        if found is None:
            return _refused(404, "there is no such dialogue, or it is forgotten by now")
        session = found[0]
        dialogue = machine.decode(session.dialogue, session.held)
        state = DialogueState(
            screen=dialogue.at, menu=dialogue.menu, language=dialogue.language, turns=dialogue.turns,
            page=dialogue.page + 1, more=dialogue.page + 1 < dialogue.pages, ended=session.end,
        )  # fmt: skip
        return _json(200, state)

    async def _bind(self, request: web.Request, holder: str) -> web.Response:
        caller = msisdn.normal(request.headers.get(CALLER, ""))
        if caller is None:
            return _refused(400, NO_CALLER)
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                draft = msgspec.json.decode(await request.read(), type=Draft)
        except TimeoutError:
            return _refused(408, f"the menu's files did not arrive within {BODY_WITHIN_S:g} s")
        except web.HTTPRequestEntityTooLarge:
            return _refused(413, "a menu's files together are smaller than 1 MiB")
        except (msgspec.DecodeError, UnicodeDecodeError, web.RequestPayloadError, RecursionError) as error:
            return _refused(400, f'expected {{"files": {{"common.yaml": "..."}}}}: {error}')
        pairs = sorted(draft.files.items())
        try:
            menu, worth = await asyncio.to_thread(_looked_at, pairs, self._house)
            until = await self._publications.try_out(self._keys.tag(caller), Edition(menu, pairs), DRAFT_FOR_S)
        except Faulty as faulty:
            return _json(422, _Faults("the menu is faulty; nothing has changed", [str(each) for each in faulty.faults]))
        except SQLAlchemyError:
            log.exception("draft_not_stored", by=holder)
            return _refused(503, "the draft cannot be stored now")
        log.info("draft_bound", by=holder, menu=menu.version, phone=self._keys.day_tag(caller, self._clock.today()))
        return _json(200, Bound(menu.version, until, worth))

    async def _unbind(self, request: web.Request, holder: str) -> web.Response:
        caller = msisdn.normal(request.headers.get(CALLER, ""))
        if caller is None:
            return _refused(400, NO_CALLER)
        try:
            had = await self._publications.no_more(self._keys.tag(caller))
        except SQLAlchemyError:
            log.exception("draft_not_ended", by=holder)
            return _refused(503, "drafts cannot be changed now")
        log.info("draft_ended", by=holder, phone=self._keys.day_tag(caller, self._clock.today()))
        return web.Response(status=204) if had else _refused(404, "this phone tries no draft")

    async def _nothing(self, _: web.Request, __: str) -> web.Response:
        return _refused(404, "there is nothing of this name; /api/v1/openapi.json says what there is")

    async def _describe(self, _: web.Request) -> web.Response:
        return _json(200, description())


class _Refused(msgspec.Struct, frozen=True):
    error: Annotated[str, msgspec.Meta(description="What was expected.")]


def description() -> dict[str, Any]:
    """OpenAPI 3.1 of all this."""
    (state, draft, bound, faults, refused), components = msgspec.json.schema_components(
        (DialogueState, Draft, Bound, _Faults, _Refused), ref_template="#/components/schemas/{name}"
    )

    def answers(text: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"description": text, "content": {"application/json": {"schema": schema}}}

    def named(name: str, place: str, text: str) -> dict[str, Any]:
        return {"name": name, "in": place, "required": True, "description": text, "schema": {"type": "string"}}

    caller = named(CALLER, "header", "The phone's number: +989161234567.")
    nobody = answers("No token, or one we do not know", refused)
    dialogue = {
        "summary": "Where a USSD dialogue stands",
        "operationId": "dialogue",
        "parameters": [
            named("channel", "path", "The channel's name."),
            named("session", "path", "The operator's id of the session."),
            caller,
        ],
        "responses": {
            "200": answers("The dialogue", state),
            "400": answers("The caller's number is missing or is none", refused),
            "401": nobody,
            "404": answers("No such dialogue, or it is forgotten by now", refused),
            "503": answers("The sessions cannot be read now", refused),
        },
    }
    bind = {
        "summary": "A menu for one phone to try; everybody else stays on the published one",
        "operationId": "bindDraft",
        "parameters": [caller],
        "requestBody": {"required": True, "content": {"application/json": {"schema": draft}}},
        "responses": {
            "200": answers("The phone has it from its next dialogue on", bound),
            "400": answers("The caller's number or the files are missing", refused),
            "401": nobody,
            "413": answers("More than 1 MiB", refused),
            "422": answers("The menu has faults; nothing has changed", faults),
            "503": answers("The draft cannot be stored now", refused),
        },
    }
    unbind = {
        "summary": "The phone has what all have",
        "operationId": "endDraft",
        "parameters": [caller],
        "responses": {
            "204": {"description": "Its next dialogue begins with the published menu"},
            "400": answers("The caller's number is missing or is none", refused),
            "401": nobody,
            "404": answers("It tried no draft", refused),
            "503": answers("Drafts cannot be changed now", refused),
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rasad", "version": "1"},
        "security": [{"token": []}],
        "paths": {
            "/api/v1/dialogues/{channel}/{session}": {"get": dialogue},
            "/api/v1/draft": {"put": bind, "delete": unbind},
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _looked_at(pairs: list[tuple[str, str]], house: House) -> tuple[Menu, list[str]]:
    """A menu, and what is worth a look in it. Raises Faulty."""
    menu = loaded(pairs, house)
    found = [(menu.place(note.path), note) for note in notes(menu, house.capacities)]
    return menu, [f"{file}:{line}: {note}" for (file, line), note in found]


def _json(status: int, body: object) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _refused(status: int, why: str) -> web.Response:
    return _json(status, _Refused(why))
