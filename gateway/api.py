"""/api/v1: what programs may ask of the gateway. Whoever shows no token is told nothing, not even what there is;
only the description, /api/v1/openapi.json, is for everybody."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
import structlog
from aiohttp import web

from gateway import msisdn
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.sessions.store import SessionKey, SessionStore, StoreUnavailable
from menus import machine

log = structlog.get_logger()

CALLER = "X-Rasad-Msisdn"
"""Whose dialogue. In a header, since addresses are logged by whatever stands in front of us."""


class DialogueState(msgspec.Struct, frozen=True):
    """Where a USSD dialogue stands: nothing of the case, nothing of the caller."""

    screen: Annotated[str, msgspec.Meta(description="Name of the screen shown last, as in the menu's files.")]
    menu: Annotated[str, msgspec.Meta(description="Version of the menu this dialogue began with.")]
    language: str
    turns: Annotated[int, msgspec.Meta(description="Inputs taken so far.")]
    page: Annotated[int, msgspec.Meta(description="The page shown, from 1.")]
    more: Annotated[bool, msgspec.Meta(description="Whether there is a page behind it.")]
    ended: bool


class Api:
    def __init__(self, tokens: Mapping[str, str], sessions: SessionStore, keys: Keys, clock: Clock) -> None:
        """tokens: by the name of whoever holds one. Without any, nothing but the description is answered."""
        self._tokens = {name: token.encode() for name, token in tokens.items()}
        self._sessions, self._keys, self._clock = sessions, keys, clock

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/openapi.json", self._describe),
            web.get("/api/v1/dialogues/{channel}/{session}", self._authorised(self._dialogue)),
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
            return _refused(400, f"expected the caller's number in the header {CALLER}: +989161234567")
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

    async def _nothing(self, _: web.Request, __: str) -> web.Response:
        return _refused(404, "there is nothing of this name; /api/v1/openapi.json says what there is")

    async def _describe(self, _: web.Request) -> web.Response:
        return _json(200, description())


class _Refused(msgspec.Struct, frozen=True):
    error: Annotated[str, msgspec.Meta(description="What was expected.")]


def description() -> dict[str, Any]:
    """OpenAPI 3.1 of all this."""
    (state, refused), components = msgspec.json.schema_components(
        (DialogueState, _Refused), ref_template="#/components/schemas/{name}"
    )

    def answers(text: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"description": text, "content": {"application/json": {"schema": schema}}}

    def named(name: str, place: str, text: str) -> dict[str, Any]:
        return {"name": name, "in": place, "required": True, "description": text, "schema": {"type": "string"}}

    dialogue = {
        "summary": "Where a USSD dialogue stands",
        "operationId": "dialogue",
        "parameters": [
            named("channel", "path", "The channel's name."),
            named("session", "path", "The operator's id of the session."),
            named(CALLER, "header", "The caller's number: +989161234567."),
        ],
        "responses": {
            "200": answers("The dialogue", state),
            "400": answers("The caller's number is missing or is none", refused),
            "401": answers("No token, or one we do not know", refused),
            "404": answers("No such dialogue, or it is forgotten by now", refused),
            "503": answers("The sessions cannot be read now", refused),
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rasad", "version": "1"},
        "security": [{"token": []}],
        "paths": {"/api/v1/dialogues/{channel}/{session}": {"get": dialogue}},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _json(status: int, body: object) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _refused(status: int, why: str) -> web.Response:
    return _json(status, _Refused(why))
