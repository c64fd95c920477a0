"""The tables of the SMPP Protocol Specification v3.4, Issue 1.2: what each PDU is made of, in its order and sizes.

Clauses stand beside what they say; names and numbers are the specification's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

# -- 3.2 the header: command_length, command_id, command_status, sequence_number, four octets each

HEADER_OCTETS = 16
MAX_PDU_OCTETS = 65_536
"""Ours: 5.3.2.32 lets a message_payload be 64 K, and nobody sends a citizen more than a few pages."""

MAX_SEQUENCE = 0x7FFFFFFF


class Command(IntEnum):
    """5.1.2.1 command_id. Those an ESME of ours speaks; any other is unknown here. A response has bit 31 set."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER = 0x00000002
    BIND_TRANSMITTER_RESP = 0x80000002
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    ALERT_NOTIFICATION = 0x00000102
    DATA_SM = 0x00000103
    DATA_SM_RESP = 0x80000103


RESPONSE = 0x80000000


class Status(IntEnum):
    """5.1.3 command_status. Those we send or decide by; a vendor's own (0x400 to 0x4FF) stay numbers."""

    ESME_ROK = 0x00000000
    ESME_RINVMSGLEN = 0x00000001
    ESME_RINVCMDLEN = 0x00000002
    ESME_RINVCMDID = 0x00000003
    ESME_RINVBNDSTS = 0x00000004
    ESME_RALYBND = 0x00000005
    ESME_RSYSERR = 0x00000008
    ESME_RINVSRCADR = 0x0000000A
    ESME_RINVDSTADR = 0x0000000B
    ESME_RINVMSGID = 0x0000000C
    ESME_RBINDFAIL = 0x0000000D
    ESME_RINVPASWD = 0x0000000E
    ESME_RINVSYSID = 0x0000000F
    ESME_RMSGQFUL = 0x00000014
    ESME_RINVSERTYP = 0x00000015
    ESME_RSUBMITFAIL = 0x00000045
    ESME_RINVSYSTYP = 0x00000053
    ESME_RTHROTTLED = 0x00000058
    ESME_RINVSCHED = 0x00000061
    ESME_RINVEXPIRY = 0x00000062
    ESME_RX_T_APPN = 0x00000064
    ESME_RX_P_APPN = 0x00000065
    ESME_RX_R_APPN = 0x00000066
    ESME_RINVOPTPARSTREAM = 0x000000C0
    ESME_RINVPARLEN = 0x000000C2
    ESME_RINVOPTPARAMVAL = 0x000000C4
    ESME_RUNKNOWNERR = 0x000000FF


# -- 3.1 types of the mandatory fields, and 4.x the PDUs made of them


@dataclass(frozen=True, slots=True)
class Octet:
    """An integer of one octet."""

    name: str


@dataclass(frozen=True, slots=True)
class CString:
    """C-octet string: max_octets counts the closing NUL. status: what a peer is told whose string has none in time."""

    name: str
    max_octets: int
    status: Status = Status.ESME_RINVCMDLEN


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """sm_length and the octets it counts, without a NUL."""

    name: str = "short_message"
    max_octets: int = 254


Field = Octet | CString | ShortMessage

# 4.1.1 bind_transmitter, 4.1.3 bind_receiver, 4.1.5 bind_transceiver
BIND: tuple[Field, ...] = (
    CString("system_id", 16, Status.ESME_RINVSYSID),
    CString("password", 9, Status.ESME_RINVPASWD),
    CString("system_type", 13, Status.ESME_RINVSYSTYP),
    Octet("interface_version"),
    Octet("addr_ton"),
    Octet("addr_npi"),
    CString("address_range", 41),
)

# 4.1.2, 4.1.4, 4.1.6
BIND_RESP: tuple[Field, ...] = (CString("system_id", 16, Status.ESME_RINVSYSID),)

# 4.4.1 submit_sm; 4.6.1 deliver_sm has the same fields in the same order
MESSAGE: tuple[Field, ...] = (
    CString("service_type", 6, Status.ESME_RINVSERTYP),
    Octet("source_addr_ton"),
    Octet("source_addr_npi"),
    CString("source_addr", 21, Status.ESME_RINVSRCADR),
    Octet("dest_addr_ton"),
    Octet("dest_addr_npi"),
    CString("destination_addr", 21, Status.ESME_RINVDSTADR),
    Octet("esm_class"),
    Octet("protocol_id"),
    Octet("priority_flag"),
    CString("schedule_delivery_time", 17, Status.ESME_RINVSCHED),
    CString("validity_period", 17, Status.ESME_RINVEXPIRY),
    Octet("registered_delivery"),
    Octet("replace_if_present_flag"),
    Octet("data_coding"),
    Octet("sm_default_msg_id"),
    ShortMessage(),
)

# 4.7.1 data_sm: addresses of up to 64 digits, and the text in message_payload
DATA: tuple[Field, ...] = (
    CString("service_type", 6, Status.ESME_RINVSERTYP),
    Octet("source_addr_ton"),
    Octet("source_addr_npi"),
    CString("source_addr", 65, Status.ESME_RINVSRCADR),
    Octet("dest_addr_ton"),
    Octet("dest_addr_npi"),
    CString("destination_addr", 65, Status.ESME_RINVDSTADR),
    Octet("esm_class"),
    Octet("registered_delivery"),
    Octet("data_coding"),
)

# 4.4.2, 4.6.2, 4.7.2
MESSAGE_RESP: tuple[Field, ...] = (CString("message_id", 65, Status.ESME_RINVMSGID),)

# 4.12.1
ALERT: tuple[Field, ...] = (
    Octet("source_addr_ton"),
    Octet("source_addr_npi"),
    CString("source_addr", 65, Status.ESME_RINVSRCADR),
    Octet("esme_addr_ton"),
    Octet("esme_addr_npi"),
    CString("esme_addr", 65),
)

NOTHING: tuple[Field, ...] = ()

LAYOUTS: Mapping[Command, tuple[Field, ...]] = {
    Command.GENERIC_NACK: NOTHING,
    Command.BIND_RECEIVER: BIND,
    Command.BIND_RECEIVER_RESP: BIND_RESP,
    Command.BIND_TRANSMITTER: BIND,
    Command.BIND_TRANSMITTER_RESP: BIND_RESP,
    Command.SUBMIT_SM: MESSAGE,
    Command.SUBMIT_SM_RESP: MESSAGE_RESP,
    Command.DELIVER_SM: MESSAGE,
    Command.DELIVER_SM_RESP: MESSAGE_RESP,
    Command.UNBIND: NOTHING,
    Command.UNBIND_RESP: NOTHING,
    Command.BIND_TRANSCEIVER: BIND,
    Command.BIND_TRANSCEIVER_RESP: BIND_RESP,
    Command.ENQUIRE_LINK: NOTHING,
    Command.ENQUIRE_LINK_RESP: NOTHING,
    Command.ALERT_NOTIFICATION: ALERT,
    Command.DATA_SM: DATA,
    Command.DATA_SM_RESP: MESSAGE_RESP,
}


class Tag(IntEnum):
    """5.3.2 optional parameters: those we read or write. Any other is passed over."""

    DEST_ADDR_SUBUNIT = 0x0005
    DEST_BEARER_TYPE = 0x0007
    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SC_INTERFACE_VERSION = 0x0210
    SAR_SEGMENT_SEQNUM = 0x020F
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427
    USSD_SERVICE_OP = 0x0501
    ITS_SESSION_INFO = 0x1383


TLV_OCTETS: Mapping[int, tuple[int, int]] = {
    Tag.DEST_ADDR_SUBUNIT: (1, 1),
    Tag.DEST_BEARER_TYPE: (1, 1),
    Tag.RECEIPTED_MESSAGE_ID: (1, 65),
    Tag.USER_MESSAGE_REFERENCE: (2, 2),
    Tag.SAR_MSG_REF_NUM: (2, 2),
    Tag.SAR_TOTAL_SEGMENTS: (1, 1),
    Tag.SAR_SEGMENT_SEQNUM: (1, 1),
    Tag.SC_INTERFACE_VERSION: (1, 1),
    Tag.MESSAGE_PAYLOAD: (0, MAX_PDU_OCTETS),
    Tag.MESSAGE_STATE: (1, 1),
    Tag.USSD_SERVICE_OP: (1, 1),
    Tag.ITS_SESSION_INFO: (2, 2),
}
"""Least and most octets of a value. Of network_error_code, 3 by the book, any: it is told, not understood."""

INTERFACE_VERSION = 0x34
"""5.2.4: 3.4 is 0x34, not 34."""

# 5.2.12 esm_class
ESM_TYPE = 0x3C
ESM_RECEIPT = 0x04
ESM_INTERMEDIATE = 0x20
ESM_UDHI = 0x40

# 5.2.5 TON, 5.2.6 NPI
TON_INTERNATIONAL = 1
TON_ALPHANUMERIC = 5
NPI_ISDN = 1
