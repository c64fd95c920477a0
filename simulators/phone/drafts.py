"""The page's way to a menu of one's own: it goes to the gateway's /api/v1, by the token that stays on this side."""

import aiohttp
from aiohttp import web

WITHIN_S = 30.0


class Drafts:
    def __init__(self, gateway: str, token: str) -> None:
        self._url, self._token = f"{gateway}/api/v1/draft", token

    def routes(self) -> list[web.RouteDef]:
        return [
            web.put("/sim/v1/phones/{msisdn}/draft", self._passed_on),
            web.delete("/sim/v1/phones/{msisdn}/draft", self._passed_on),
        ]

    async def _passed_on(self, request: web.Request) -> web.Response:
        """{files: {name: text}}: this phone alone has this menu; DELETE: no more. The gateway's own answer."""
        headers = {"Authorization": f"Bearer {self._token}", "X-Rasad-Msisdn": request.match_info["msisdn"]}
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        body = request.content if request.can_read_body else None
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as http,
                http.request(request.method, self._url, data=body) as response,
            ):
                kind, said = response.content_type, await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return web.json_response({"error": f"the gateway did not answer: {type(error).__name__}"}, status=502)
        return web.Response(status=response.status, body=said, content_type=kind)
