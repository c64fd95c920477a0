"""The dialects there are. A new aggregator is its module, its golden cases and a line here."""

from collections.abc import Mapping

from gateway.channels.contract import SmsDialect, UssdDialect
from gateway.channels.dialects.africastalking import AfricasTalking
from gateway.channels.dialects.africastalking_sms import AfricasTalkingSms
from gateway.channels.dialects.inoti import Inoti
from gateway.channels.dialects.kannel import Kannel
from gateway.channels.dialects.kavenegar import Kavenegar
from gateway.channels.dialects.magfa import Magfa
from gateway.channels.dialects.plain_json import PlainJson
from gateway.channels.dialects.restcomm import RestComm
from gateway.channels.dialects.truroute import TruRoute

USSD: Mapping[str, UssdDialect] = {
    "africastalking": AfricasTalking(),
    "inoti": Inoti(),
    "json": PlainJson(),
    "restcomm": RestComm(),
    "truroute": TruRoute(),
}
SMS: Mapping[str, SmsDialect] = {
    "africastalking": AfricasTalkingSms(),
    "kannel": Kannel(),
    "kavenegar": Kavenegar(),
    "magfa": Magfa(),
}
