"""A whole gateway on a socket of this machine: simulated offices and phones behind it, the test's clock inside."""

import io
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from gateway import app, logs, server, settings, settings_files
from gateway.clock import Clock
from gateway.privacy import Keys, write_keys
from gateway.settings import StorageSettings
from gateway.settings_files import Settings
from gateway.storage.database import Database
from simulators.demo import HOME, address
from simulators.kannel import Kannel
from simulators.offices import data, secretariat, services

PATIENT = StorageSettings(connection_within_s=60, connect_within_s=60, statement_within_s=60, lock_within_s=60)
"""What a database may take is a test of its own: a busy machine is not to fail the others."""


@dataclass
class Desk:
    url: str
    phones: Kannel
    http: aiohttp.ClientSession
    database: Database
    settings: Settings
    keys: Keys
    clock: Clock
    application: web.Application

    async def sms(self, text, sender="+989161234567", message_id="m-1", **more):
        query = {
            "from": sender,
            "to": "4040",
            "text": text,
            "coding": "0",
            "charset": "UTF-8",
            "id": message_id,
            **more,
        }
        async with self.http.get(f"{self.url}/sms/kannel", params=query) as response:
            return response.status, await response.text()

    async def ussd(self, inputs="", session_id="s1", msisdn="+989161234567", code="*4*061#"):
        form = {"sessionId": session_id, "serviceCode": code, "phoneNumber": msisdn, "text": inputs}
        async with self.http.post(f"{self.url}/ussd/africastalking", data=form) as response:
            return response.status, await response.text()

    async def rows(self, table):
        async with self.database.reading() as connection:
            return (await connection.execute(getattr(self.database.tables, table).select())).all()


@pytest.fixture
def desk(tmp_path, keys, clock, database_url):
    """`async with desk() as d`: a gateway; entered again, one that finds the rows of the one before."""
    write_keys(tmp_path / "keys.yaml", keys)

    @asynccontextmanager
    async def entered(
        *,
        office_s=0.0,
        sms_down=False,
        config=HOME / "config",
        environ=(),
        phones=None,
        smsc=None,
        smsc_tls=None,
        tell=None,
        port=0,
        redis=None,
        **changes,
    ):
        async with AsyncExitStack() as stack:

            async def listening(application: web.Application, port: int = 0) -> str:
                on = stack.enter_context(server.listening("127.0.0.1", port))
                await stack.enter_async_context(server.serving(application, on, stop_within_s=0.1))
                return address(on)

            phones_here = phones or Kannel("rasad", "demo")
            today = clock.today()
            environment = {
                "SECRETARIAT_URL": await listening(secretariat.application(data.letters(today), delay_s=office_s)),
                "SLOW_SECRETARIAT_URL": await listening(
                    secretariat.application(data.slow_letters(today), delay_s=office_s)
                ),
                "FAILING_SECRETARIAT_URL": await listening(secretariat.application(data.failing_letters(today))),
                "DEAD_SECRETARIAT_URL": "http://127.0.0.1:9",
                "SERVICES_URL": await listening(services.application(data.requests(today))),
                "KANNEL_URL": f"{await listening(phones_here.application())}/cgi-bin/sendsms",
                "KANNEL_PASSWORD": "demo",
                "SMS_PROVIDERS_URL": "http://127.0.0.1:9",
                "SMS_PROVIDERS_KEY": "demo",
                "SMPP_PORT": str(await stack.enter_async_context(smsc.listening(smsc_tls)) if smsc else 9),
                "SMPP_PASSWORD": "demo",
            }
            if sms_down:
                environment["KANNEL_URL"] = "http://127.0.0.1:9/cgi-bin/sendsms"
            own = {"keys_file": str(tmp_path / "keys.yaml"), "storage": PATIENT, **changes}
            if redis is not None:
                own["sessions"] = settings.SessionSettings(redis=redis)
            checked = app.check(
                settings_files.read(config, {**environment, **dict(environ)}).at(database=database_url, **own)
            )
            application = await stack.enter_async_context(app.composed(checked, clock=clock, tell=tell))
            url_here = await listening(application, port)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            database = Database(database_url, keys, PATIENT)
            stack.push_async_callback(database.stop)
            yield Desk(url_here, phones_here, http, database, checked.settings, keys, clock, application)

    return entered


@pytest.fixture
def log():
    """The real log, as a file would get it."""
    handlers = logging.getLogger().handlers
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    logging.getLogger().handlers = handlers


@pytest.fixture
async def database(database_url, keys):
    """A database of its own, of this release."""
    found = Database(database_url, keys, PATIENT)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def asked():
    """Statements that look or change, to what they were asked with."""
    found = {}

    def note(connection, cursor, statement, parameters, context, many):
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "INSERT")) and "alembic" not in statement:
            found.setdefault(statement, parameters[0] if many else parameters)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


async def until(condition, within_s=30.0):
    """Wait for something the gateway does by itself."""
    import asyncio

    async with asyncio.timeout(within_s):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
    return found


@pytest.fixture
def eventually():
    return until
