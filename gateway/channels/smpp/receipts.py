"""Delivery receipts in a deliver_sm: by optional parameters, or by the text of SMPP v3.4 appendix B as SMSCs write it,
its fields in any order and case, some of them missing."""

import re
from collections.abc import Mapping

from gateway.channels.contract import DeliveryReceipt, Fate, known
from gateway.channels.smpp.pdu import Message, integer
from gateway.channels.smpp.tables import ESM_INTERMEDIATE, ESM_RECEIPT, ESM_TYPE, Tag

# 5.2.28 message_state
_STATES: Mapping[int, Fate] = {2: "delivered", 3: "expired", 4: "failed", 5: "failed", 8: "failed"}
# Appendix B, and words seen beside it (protocols.md C5). ACCEPTD is the next hop's word, not the phone's.
_WORDS: Mapping[str, Fate] = {
    "DELIV": "delivered",
    "EXPIR": "expired",
    "DELET": "failed",
    "UNDELIV": "failed",
    "REJECT": "failed",
    "FAIL": "failed",
    **dict.fromkeys(("ENROUTE", "ACCEPT", "BUFFERED", "UNKNOWN"), "pending"),
}
"""By how they begin: some SMSCs write DELIVERED and UNDELIVERABLE."""

_LONGEST = len("UNDELIVERABLE")
_ERROR = re.compile(r"(?:0x)?[0-9A-Fa-f]{1,6}")
"""5.3.2.31 has three octets; the text's are the SMSC's own. Not so long that a number or a name could be one."""
_FIELD = {name: re.compile(rf"\b{name}:\s*([^\s]+)", re.IGNORECASE) for name in ("id", "stat", "err")}
_TEXT = re.compile(r"\btext:", re.IGNORECASE)


def is_receipt(message: Message) -> bool:
    return message.esm_class & ESM_TYPE in (ESM_RECEIPT, ESM_INTERMEDIATE)


def read(message: Message, msisdn: str) -> DeliveryReceipt | None:
    """What became of which message; None for a receipt that names none."""
    fields = _fields(message.octets.decode("latin-1"))
    named = message.tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1") or fields.get("id", "")
    if not named:
        return None
    state, word = integer(message, Tag.MESSAGE_STATE), fields.get("stat", "").upper()
    begins = next((each for each in _WORDS if word.startswith(each)), None)
    fate = _STATES.get(state, "pending") if state is not None else _WORDS[begins] if begins else "pending"
    said = "" if state is None else known(state)
    if word:
        said = word if begins and word.isalpha() and len(word) <= _LONGEST else known(word)
    error = message.tlvs.get(Tag.NETWORK_ERROR_CODE, b"").hex() or fields.get("err", "")
    return DeliveryReceipt(named[:64], msisdn, fate, f"{said} {error if _ERROR.fullmatch(error) else ''}".strip())


def _fields(text: str) -> dict[str, str]:
    # The quoted text is the citizen's, and may look like a field. Where it stands before them, they are the last ones.
    head, *behind = _TEXT.split(text, maxsplit=1)
    fields = {name: found[1] for name, pattern in _FIELD.items() if (found := pattern.search(head))}
    if "id" not in fields and behind:
        fields = {name: every[-1] for name, pattern in _FIELD.items() if (every := pattern.findall(behind[0]))} | fields
    return fields
