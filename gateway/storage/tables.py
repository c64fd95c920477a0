"""Our tables. What names a person or quotes her is sealed; a keyed tag beside it is how it is found.

A change here comes with a migration; tests/gateway/test_storage.py compares the two.
"""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from gateway.privacy import Keys
from gateway.storage.columns import Sealed, SealedBytes, UtcTime

ID = BigInteger().with_variant(Integer, "sqlite")
"""A number that outlasts ten million messages a day; SQLite counts rows by no other type than its own."""


@dataclass(frozen=True, slots=True)
class Tables:
    metadata: MetaData
    message_in: Table
    message_out: Table
    receipt: Table
    message_part: Table
    follow_up: Table
    conversation: Table
    phone: Table
    rating: Table
    follow: Table
    menu_version: Table
    menu_publication: Table
    menu_draft: Table
    lease: Table
    pace: Table
    dialogue_record: Table


def tables(keys: Keys) -> Tables:
    """The tables as these keys open them. No state of the module: two gateways in one process may have two sets."""
    metadata = MetaData()
    return Tables(
        metadata=metadata,
        message_in=Table(
            "message_in",
            metadata,
            Column("id", ID, primary_key=True),
            Column("channel", String(64), nullable=False),
            Column("provider_id", String(160), nullable=False),
            Column("msisdn", Sealed(keys, "message_in.msisdn"), nullable=False),
            Column("msisdn_tag", String(32), nullable=False),
            Column("short_code", String(32), nullable=False),
            Column("text", Sealed(keys, "message_in.text"), nullable=False),
            Column("received_at", UtcTime, nullable=False),
            Column("due_at", UtcTime, nullable=False),
            Column("state", String(16), nullable=False),  # new, done, parked; clash: another text under a known id
            Column("tries", Integer, nullable=False, default=0),
            Column("outcome", String(64)),
            Column("done_at", UtcTime),
            Column("text_tag", String(32)),  # of phone, short code and text: whether two messages say the same
            *_claimed(),
            # The same message twice is one row: the provider's id, in the transaction of the work it creates. Whoever
            # clears rows away keeps these for 30 days: until then a recorded callback may come again.
            UniqueConstraint("channel", "provider_id", name="uq_message_in_provider_id"),
            _partly("ix_message_in_open", "id", where="state = 'new'"),
            _partly("ix_message_in_open_msisdn_tag", "msisdn_tag", where="state = 'new'"),
            Index("ix_message_in_msisdn_tag", "msisdn_tag", "text_tag"),
        ),
        message_out=Table(
            "message_out",
            metadata,
            Column("id", ID, primary_key=True),
            Column("cause", String(96), nullable=False, unique=True),
            Column("channel", String(64), nullable=False),
            Column("msisdn", Sealed(keys, "message_out.msisdn"), nullable=False),
            Column("msisdn_tag", String(32), nullable=False),
            Column("text", Sealed(keys, "message_out.text"), nullable=False),
            # The USSD channel that may show it at once, and what it would show; nothing where it goes as an SMS only.
            Column("push_by", String(64)),
            Column("push_text", Sealed(keys, "message_out.push_text")),
            Column("created_at", UtcTime, nullable=False),
            Column("due_at", UtcTime, nullable=False),
            Column("expires_at", UtcTime, nullable=False),
            Column("state", String(16), nullable=False),  # waiting, sent, failed, unknown, expired, parked
            Column("tries", Integer, nullable=False, default=0),
            Column("doubts", Integer, nullable=False, default=0),
            Column("attempt", String(8)),  # how the last one ended: ok, refused, unknown
            Column("priority", Integer, nullable=False, server_default="0"),
            Column("parts", Integer, nullable=False, server_default="1"),
            *_claimed(),
            Column("provider_id", String(160)),
            Column("reason", String(128)),
            Column("sent_at", UtcTime),
            # What its receipts say: pending, delivered, failed, expired; nothing while there is none.
            Column("fate", String(16)),
            Column("reported_at", UtcTime),
            _partly("ix_message_out_open", "channel", "priority", "due_at", "id", where="state = 'waiting'"),
            _partly("ix_message_out_open_msisdn_tag", "msisdn_tag", "channel", where="state = 'waiting'"),
            _partly(
                "ix_message_out_unknown_end",
                "channel",
                "sent_at",
                where="state = 'sent' AND (fate IS NULL OR fate = 'pending')",
            ),
            Index("ix_message_out_msisdn_tag", "msisdn_tag", "channel"),
            Index("ix_message_out_provider_id", "provider_id", "channel"),
        ),
        receipt=Table(
            "receipt",
            metadata,
            Column("id", ID, primary_key=True),
            Column("channel", String(64), nullable=False),
            Column("provider_id", String(160), nullable=False),
            Column("msisdn_tag", String(32), nullable=False),
            Column("fate", String(16), nullable=False),
            Column("reason", String(32), nullable=False),
            Column("received_at", UtcTime, nullable=False),
            Index("ix_receipt_msisdn_tag", "msisdn_tag", "channel"),
            # A receipt has no name of its own: what says the same is the same.
            Index("uq_receipt", "channel", "provider_id", "msisdn_tag", "fate", "reason", unique=True),
        ),
        # Of a long message that comes in parts.
        message_part=Table(
            "message_part",
            metadata,
            Column("id", ID, primary_key=True),
            Column("channel", String(64), nullable=False),
            Column("msisdn", Sealed(keys, "message_part.msisdn"), nullable=False),
            Column("msisdn_tag", String(32), nullable=False),
            Column("short_code", String(32), nullable=False),
            Column("message_key", String(64), nullable=False),
            Column("number", Integer, nullable=False),
            Column("data_coding", Integer, nullable=False),
            Column("octets", SealedBytes(keys, "message_part.octets"), nullable=False),
            Column("received_at", UtcTime, nullable=False),
            Column("state", String(16), nullable=False),  # open, done
            UniqueConstraint("channel", "msisdn_tag", "message_key", "number", name="uq_message_part_number"),
            Index("ix_message_part_received_at", "received_at"),
        ),
        follow_up=Table(
            "follow_up",
            metadata,
            Column("id", ID, primary_key=True),
            Column("cause", String(96), nullable=False, unique=True),
            Column("channel", String(64), nullable=False),
            Column("line", String(64)),  # the USSD channel she called by; nothing when she texted
            Column("msisdn", Sealed(keys, "follow_up.msisdn"), nullable=False),
            Column("msisdn_tag", String(32), nullable=False),
            Column("question_tag", String(32), nullable=False),
            Column("dialogue", SealedBytes(keys, "follow_up.dialogue"), nullable=False),
            Column("created_at", UtcTime, nullable=False),
            Column("due_at", UtcTime, nullable=False),
            Column("expires_at", UtcTime, nullable=False),
            Column("state", String(16), nullable=False),  # waiting, answered, expired, parked
            Column("tries", Integer, nullable=False, default=0),
            # The screen her answer is on, for the day she may dial again in.
            Column("answer", SealedBytes(keys, "follow_up.answer")),
            Column("answer_held", SealedBytes(keys, "follow_up.answer_held")),
            Column("answered_at", UtcTime),
            Column("seen_at", UtcTime),
            *_claimed(),
            Index("ix_follow_up_msisdn_tag", "msisdn_tag", "state"),
            _partly("ix_follow_up_open", "due_at", "id", where="state = 'waiting'"),
            _partly("ix_follow_up_open_msisdn_tag", "msisdn_tag", where="state = 'waiting'"),
            Index("ix_follow_up_question_tag", "question_tag", "state"),
        ),
        conversation=Table(
            "conversation",
            metadata,
            Column("channel", String(64), primary_key=True),
            Column("msisdn_tag", String(32), primary_key=True),
            Column("dialogue", SealedBytes(keys, "conversation.dialogue"), nullable=False),
            Column("held", SealedBytes(keys, "conversation.held"), nullable=False),
            Column("trail", LargeBinary),  # of its record
            Column("expires_at", UtcTime, nullable=False),
            Index("ix_conversation_expires_at", "expires_at"),
        ),
        phone=Table(
            "phone",
            metadata,
            Column("msisdn_tag", String(32), primary_key=True),
            Column("language", String(8), nullable=False),
            Column("changed_at", UtcTime, nullable=False),
        ),
        rating=Table(
            "rating",
            metadata,
            Column("opinion_tag", String(32), primary_key=True),  # of phone and case: neither can be read from it
            Column("kind", String(32), nullable=False),
            Column("organisation", String(64), nullable=False),
            Column("state", String(16), nullable=False),
            Column("score", Integer, nullable=False),
            Column("rated_at", UtcTime, nullable=False),
            Index("ix_rating_organisation", "organisation", "kind", "rated_at"),
        ),
        follow=Table(
            "follow",
            metadata,
            Column("id", ID, primary_key=True),
            Column("follow_tag", String(32), nullable=False, unique=True),  # of phone and case
            Column("case_tag", String(32), nullable=False),
            # What an office may announce it by: its own spelling of the number, and what she asked with.
            Column("number_tag", String(32), nullable=False),
            Column("asked_tag", String(32), nullable=False),
            Column("channel", String(64), nullable=False),
            Column("line", String(64)),
            Column("msisdn", Sealed(keys, "follow.msisdn"), nullable=False),
            Column("msisdn_tag", String(32), nullable=False),
            Column("route", String(64), nullable=False),
            Column("dialogue", SealedBytes(keys, "follow.dialogue"), nullable=False),
            Column("seen", String(48), nullable=False),
            Column("notices", Integer, nullable=False),
            Column("created_at", UtcTime, nullable=False),
            Column("due_at", UtcTime, nullable=False),
            Column("expires_at", UtcTime, nullable=False),
            Column("told_at", UtcTime),
            Column("state", String(16), nullable=False),  # following, ended, stopped, expired, parked
            Column("tries", Integer, nullable=False, server_default="0"),
            *_claimed(),
            _partly("ix_follow_open", "route", "due_at", "id", where="state = 'following'"),
            _partly("ix_follow_expires_at", "expires_at", where="state = 'following'"),
            _partly("ix_follow_over", "due_at", where="state != 'following'"),
            Index("ix_follow_msisdn_tag", "msisdn_tag", "state"),
            Index("ix_follow_number_tag", "number_tag", "state"),
            Index("ix_follow_asked_tag", "asked_tag", "state"),
        ),
        # Menus name nobody. A version is kept once, however often it is published; the last publication holds.
        menu_version=Table(
            "menu_version",
            metadata,
            Column("hash", String(64), primary_key=True),
            Column("files", Text, nullable=False),  # JSON: [[name, text], ...]
            Column("published_at", UtcTime, nullable=False),
            Index("ix_menu_version_published_at", "published_at"),
        ),
        menu_publication=Table(
            "menu_publication",
            metadata,
            Column("id", ID, primary_key=True),
            Column("hash", String(64), ForeignKey("menu_version.hash"), nullable=False),
            Column("published_at", UtcTime, nullable=False),
        ),
        # The phones of operators who try a menu before anybody else has it.
        menu_draft=Table(
            "menu_draft",
            metadata,
            Column("msisdn_tag", String(32), primary_key=True),
            Column("hash", String(64), ForeignKey("menu_version.hash"), nullable=False),
            Column("expires_at", UtcTime, nullable=False),
        ),
        # What one process does at a time, by name; the seconds are the database's own.
        lease=Table(
            "lease",
            metadata,
            Column("name", String(96), primary_key=True),
            Column("owner", String(64), nullable=False),
            Column("until", Double, nullable=False),
            Column("fence", Integer, nullable=False),
        ),
        # When the next message of a channel may go, in seconds of the database; and whether the channel rests.
        pace=Table(
            "pace",
            metadata,
            Column("name", String(64), primary_key=True),
            Column("next_at", Double, nullable=False),
            Column("rests_until", UtcTime),
        ),
        # What became of each dialogue: gateway/records.py. A dialogue may go on from USSD to SMS.
        dialogue_record=Table(
            "dialogue_record",
            metadata,
            Column("dialogue", String(48), primary_key=True),
            Column("wire", String(8), primary_key=True),
            Column("channel", String(64), nullable=False),
            Column("msisdn_tag", String(32), nullable=False),
            Column("language", String(8), nullable=False),
            Column("menu", String(64), nullable=False),
            Column("began_at", UtcTime, nullable=False),
            Column("ended_at", UtcTime, nullable=False),
            Column("outcome", String(16), nullable=False),  # completed, left, silent
            Column("why", String(16), nullable=False),
            Column("turns", Integer, nullable=False),
            Column("screens", Text, nullable=False),  # their names with blanks between
            Column("last_screen", Text, nullable=False),
            Column("asked", Text, nullable=False),  # letters:found requests:late
            Column("slowest_ms", Integer, nullable=False),
            Index("ix_dialogue_record_ended_at", "ended_at"),
        ),
    )


def _claimed() -> tuple[Column[int], Column[float], Column[int]]:
    """What a claim writes into a row of work: gateway/sms/worker.py."""
    return (
        Column("fence", Integer, nullable=False, server_default="0"),
        Column("leased_until", Double, nullable=False, server_default="0"),
        Column("cut_off", Integer, nullable=False, server_default="0"),  # claims whose end nobody saw
    )


def is_word(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Whether a column has this word of ours, written out and no parameter: only so is an index found that is of the
    rows that have it."""
    return column == literal_column(f"'{word}'", String)


def _partly(name: str, *columns: str, where: str) -> Index:
    """An index of the rows that are open, or over: a few of many."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
