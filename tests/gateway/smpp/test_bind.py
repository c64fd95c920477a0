"""The bind machine, with octets and times made up; no test waits."""

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.smpp import bind
from gateway.channels.smpp.bind import Answered, Bound, Ended, Heard, Link, Noted, Pace, Terms, Unanswered, Undone
from gateway.channels.smpp.pdu import Message
from gateway.channels.smpp.tables import Command
from tests.experiments import often
from tests.gateway.smpp.malformed import LOST, READABLE, UNREADABLE, deliver, pdu

TERMS = Terms(command=Command.BIND_TRANSCEIVER, system_id="rasad", password="secret", window=3)
BIND_RESP = pdu(0x80000009, b"SMSC\0", sequence=1)
ENQUIRE, UNBIND = 0x15, 0x06


def written(link):
    """(command_id, command_status, sequence_number) of what goes out, read without the codec under test."""
    octets, found = link.to_write(), []
    while octets:
        length, *header = struct.unpack_from(">IIII", octets)
        found.append(tuple(header))
        octets = octets[length:]
    return found


def bound(terms=TERMS, per_s=1000.0):
    link = Link(terms, Pace(per_s), now=0.0)
    link.to_write()
    assert [Bound()] == link.take(BIND_RESP, 0.0)
    return link


def submits(link, *tickets, now=0.0, before=100.0, urgent=False):
    """A hundredth of a second apart, so that the rate is not what holds them."""
    for place, ticket in enumerate(tickets):
        at = now + place / 100
        assert [] == link.submit(ticket, Message(short_message=b"1"), before=before, urgent=urgent, now=at)


def sent(link):
    return [sequence for command, _, sequence in written(link) if command == 0x04]


def resp(sequence, status=0, message_id=b"id"):
    return pdu(0x80000004, message_id + b"\0" if not status else b"", status=status, sequence=sequence)


def test_it_binds_as_3_4_before_it_says_anything_else():
    link = Link(TERMS, Pace(10), now=0.0)
    submits(link, 1)

    octets = link.to_write()
    assert b"rasad\0secret\0\0\x34\0\0\0" == octets[16:]  # 0x34, not decimal 34 as vumi2 had it
    assert [Bound()] == link.take(BIND_RESP, 1.0)
    assert [(0x04, 0, 2)] == written(link)


@pytest.mark.parametrize(
    ("status", "kept_out"), [(0x0E, True), (0x0F, True), (0x0D, True), (0x05, False), (0x08, False), (0x401, False)]
)
def test_a_refused_bind_ends_the_link_and_says_whether_to_come_back_soon(status, kept_out):
    link = Link(TERMS, Pace(10), now=0.0)
    submits(link, 1)

    undone, ended = link.take(pdu(0x80000009, status=status, sequence=1), 1.0)
    assert (Undone(1), kept_out) == (undone, ended.kept_out)
    assert f"0x{status:02X}" in ended.why
    assert "secret" not in repr((TERMS, ended))


def test_an_smsc_that_does_not_answer_the_bind_is_left():
    link = Link(TERMS, Pace(10), now=0.0)

    assert (10.0, []) == (link.deadline(), link.tick(9.9))
    assert [Ended("no answer to the bind within 10 s")] == link.tick(10.0)


def test_a_message_is_answered_when_we_say_so_and_with_its_number():
    link = bound()

    (heard,) = link.take(deliver(sequence=77), 1.0)
    assert ([], 1, b"12345") == (written(link), link.owed, heard.message.short_message)
    link.answer(heard, 0x64)
    assert [(0x80000005, 0x64, 77)] == written(link)


def test_no_more_are_on_their_way_than_the_window_holds():
    link = bound()
    submits(link, 1, 2, 3, 4, 5)
    first = sent(link)

    assert 3 == len(first)
    assert [Answered(1, 0, "id")] == link.take(resp(first[0]), 1.0)
    assert 1 == len(sent(link))


def test_no_more_go_in_any_second_than_the_rate_says():
    link, now, times = bound(msgspec.structs.replace(TERMS, window=100), per_s=20.0), 0.0, []
    submits(link, *range(60))
    while len(times) < 60:
        times += [now] * len(sent(link))
        now = link.deadline()
        link.tick(now)

    assert 2.85 <= times[-1] <= 2.95
    assert max(sum(1 for each in times if start <= each <= start + 1) for start in times) <= 22


def test_a_throttled_message_goes_again_at_half_the_rate_which_comes_back():
    link = bound(per_s=10.0)
    submits(link, 7)
    (sequence,) = sent(link)

    assert [Noted("the SMSC wants less: command_status 0x58")] == link.take(resp(sequence, 0x58), 1.0)
    assert ([], 2.0) == (sent(link), link.deadline())
    link.tick(2.0)
    (again,) = sent(link)
    assert [Answered(7, 0, "id")] == link.take(resp(again), 2.1)
    assert [5.0, 7.5, 10.0, 10.0] == [link._pace.per_s(now) for now in (1.0, 6.0, 11.0, 60.0)]


def test_messages_that_were_throttled_go_again_in_their_order():
    link = bound(msgspec.structs.replace(TERMS, window=4))
    for ticket in range(1, 6):
        link.submit(ticket, Message(short_message=bytes([ticket])), before=100.0, urgent=False, now=ticket / 100)
    for sequence in sent(link):
        link.take(resp(sequence, 0x58), 1.0)
    link.tick(60.0)
    link.tick(61.0)
    link.tick(62.0)
    link.tick(63.0)

    assert [1, 2, 3, 4] == [each.queued.octets[-1] for each in link._sent.values()]


def test_refusals_of_one_moment_halve_once_and_the_rate_never_falls_to_nothing():
    pace = Pace(64.0)
    for now in (1.0, 1.1, 1.2, 1.9):
        pace.slower(now)
    assert 32.0 == pace.per_s(1.0)

    for now in range(3, 60):
        pace.slower(float(now))
    assert 1.0 <= pace.per_s(59.0) < 5.0


def test_a_throttled_message_whose_time_is_over_is_answered_with_the_refusal():
    link = bound()
    submits(link, 7, before=5.0)
    (sequence,) = sent(link)

    assert [Answered(7, 0x14, "")] == link.take(resp(sequence, 0x14), 5.0)


def test_a_ussd_answer_goes_first_and_never_twice():
    link = bound()
    submits(link, 1, 2, 3, 4)
    submits(link, 5, urgent=True)
    first = sent(link)
    link.take(resp(first[0]), 1.0)

    (urgent,) = sent(link)
    assert [Answered(5, 0x58, "")] == link.take(resp(urgent, 0x58), 1.0)


def test_what_could_not_go_in_time_was_never_sent():
    link = bound()
    submits(link, 1, 2, 3)
    submits(link, 4, before=4.0)
    sent(link)

    assert 4.0 == link.deadline()
    assert [Undone(4)] == link.tick(4.0)
    assert [Unanswered(1), Unanswered(2)] == link.tick(5.01)


def test_an_answer_to_nothing_is_noted_and_passed_over():
    link = bound()

    assert [Noted("submit_sm_resp to nothing that was asked")] == link.take(resp(99), 1.0)
    assert link.bound


def test_a_generic_nack_is_an_answer():
    link = bound()
    submits(link, 1, 2)
    first, second = sent(link)

    assert [Answered(1, 0x03, ""), Answered(2, 0xFF, "")] == link.take(
        pdu(0x80000000, status=3, sequence=first) + pdu(0x80000000, sequence=second), 1.0
    )


def test_a_silent_smsc_is_asked_and_then_left():
    link = bound()
    link.take(pdu(ENQUIRE, sequence=5), 10.0)
    assert [(0x80000015, 0, 5)] == written(link)

    assert 40.0 == link.deadline()
    assert [] == link.tick(40.0)
    ((command, _, sequence),) = written(link)
    assert ENQUIRE == command
    assert [] == link.take(pdu(0x80000015, sequence=sequence), 41.0)
    assert 71.0 == link.deadline()
    link.tick(71.0)
    assert [Ended("no answer to enquire_link within 5 s")] == link.tick(76.0)


def test_a_message_without_an_answer_has_the_smsc_asked_at_once():
    """Not after half a minute of silence: the next attempt would go into the same void."""
    link = bound()
    submits(link, 1, 2, now=1.0)
    written(link)

    assert [Unanswered(1)] == link.tick(6.0)
    assert [ENQUIRE] == [command for command, _, _ in written(link)]
    assert [Unanswered(2)] == link.tick(6.01)
    assert [] == written(link)
    assert [Ended("no answer to enquire_link within 5 s")] == link.tick(11.0)


def test_an_smsc_that_speaks_but_does_not_answer_a_message_is_not_asked():
    link = bound()
    submits(link, 1, now=1.0)
    link.take(pdu(ENQUIRE, sequence=7), 5.0)
    written(link)

    assert [Unanswered(1)] == link.tick(6.0)
    assert [] == written(link)


def test_an_unused_bind_is_given_back_when_that_was_agreed():
    link = bound(msgspec.structs.replace(TERMS, inactivity_s=20.0))
    link.take(pdu(ENQUIRE, sequence=5), 19.0)
    written(link)

    assert (20.0, []) == (link.deadline(), link.tick(20.0))
    assert UNBIND == written(link)[0][0]


def test_a_pdu_that_never_comes_to_its_end_ends_the_link():
    link = bound()
    link.take(deliver()[:20], 10.0)

    assert (15.0, []) == (link.deadline(), link.tick(14.9))
    assert [Ended("a PDU that was begun did not come to its end")] == link.tick(15.0)


def test_unbinding_waits_for_what_is_on_its_way_both_ways():
    link = bound()
    submits(link, 1, 2, 3, 4)
    sequences = sent(link)
    (heard,) = link.take(deliver(), 1.0)

    assert [Undone(4)] == link.unbind(1.0, within_s=8.0)
    assert [Undone(9)] == link.submit(9, Message(), before=9.0, urgent=False, now=1.0)
    assert [] == link.take(deliver(sequence=8), 1.1)
    assert [(0x80000005, 0x64, 8)] == written(link)  # nobody will store it: again later
    link.answer(heard, 0)
    assert [(0x80000005, 0, 7)] == written(link)
    for sequence in sequences:
        link.take(resp(sequence), 1.2)
    ((command, _, number),) = written(link)
    assert UNBIND == command
    assert [Ended("unbound")] == link.take(pdu(0x80000006, sequence=number), 1.3)


def test_an_smsc_that_says_we_are_not_bound_is_bound_to_again():
    link = bound()
    submits(link, 1, 2, 3, 4)
    first, second, third = sent(link)

    events = link.take(resp(first, 0x04) + resp(second, 0x04), 1.0)
    assert [Answered(1, 0x04, ""), Undone(4), Answered(2, 0x04, "")] == [e for e in events if not isinstance(e, Noted)]
    assert [] == sent(link)
    link.take(resp(third, 0x04), 1.1)
    ((command, _, number),) = written(link)
    assert UNBIND == command
    assert [Ended("unbound")] == link.take(pdu(0x80000006, status=4, sequence=number), 1.2)


def test_an_enquiry_that_is_answered_with_not_bound_ends_the_link():
    link = bound()
    link.tick(30.0)
    ((_, _, sequence),) = written(link)

    (ended,) = link.take(pdu(0x80000015, status=4, sequence=sequence), 30.1)
    assert isinstance(ended, Ended)


def test_unbinding_does_not_wait_for_ever():
    link = bound()
    submits(link, 1)
    sent(link)
    link.unbind(1.0, within_s=4.0)

    link.tick(2.9)
    assert [] == written(link)
    link.tick(3.0)
    assert [UNBIND] == [each[0] for each in written(link)]
    assert [Unanswered(1), Ended("no answer to the unbind")] == link.tick(8.0)


def test_an_smsc_that_unbinds_is_answered_and_what_it_had_is_unknown():
    link = bound()
    submits(link, 1, 2, 3, 4)
    sent(link)

    events = link.take(pdu(UNBIND, sequence=9), 1.0)
    assert [Unanswered(1), Unanswered(2), Unanswered(3), Undone(4), Ended("the SMSC unbound")] == events
    assert [(0x80000006, 0, 9)] == written(link)
    assert ([], [], None) == (link.take(deliver(), 2.0), link.tick(99.0), link.deadline())


def test_a_message_before_the_bind_is_refused():
    link = Link(TERMS, Pace(10), now=0.0)
    link.to_write()

    assert [] == link.take(deliver(), 0.1)
    assert [(0x80000005, 0x04, 7)] == written(link)


def test_an_answer_to_every_bad_pdu_ends_somewhere():
    link = bound()
    events = link.take(pdu(0x0A) * 200, 1.0)

    assert bind.MAX_BAD == sum(isinstance(each, Noted) for each in events)
    assert isinstance(events[-1], Ended)
    assert bind.MAX_BAD == len(written(link))


def test_whoever_was_refused_stays_away_longer_each_time_and_not_all_alike():
    assert [1.0, 2.0, 4.0, 8.0] == [bind.retry_s(failures, 1.0, kept_out=False) for failures in (1, 2, 3, 4)]
    assert (30.0, 60.0) == (
        bind.retry_s(50, 0.0, kept_out=False),
        bind.retry_s(50, 1.0, kept_out=False),
    )
    assert 150.0 <= bind.retry_s(1, 0.5, kept_out=True) <= 300.0


# --- experiments


@pytest.mark.experiment("B2", "a bind outlives every PDU of the corpus that can be answered, cut at every octet")
def test_the_corpus_cut_at_every_octet(figure):
    for _, octets, answer, status in UNREADABLE:
        for at in range(1, len(octets)):
            link = bound()
            link.take(octets[:at], 1.0)
            link.take(octets[at:] + deliver(sequence=8), 1.1)

            assert ([(answer, status, 7)] if answer else []) == written(link)
            assert (True, 1) == (link.bound, link.owed)
            figure.count("runs")
    for _, octets in READABLE:
        for at in range(1, len(octets)):
            link = bound()
            link.take(octets[:at], 1.0)
            link.take(octets[at:] + pdu(ENQUIRE, sequence=8), 1.1)

            assert [(0x80000015, 0, 8)] == written(link)
            figure.count("runs")
    for _, octets in LOST:
        for at in range(1, len(octets)):
            link = bound()
            events = [*link.take(octets[:at], 1.0), *link.take(octets[at:], 1.1)]

            assert Ended("the stream is lost") == events[-1]
            assert [(0x80000000, 0x02)] == [each[:2] for each in written(link)]
            figure.count("runs")


STEPS = st.lists(
    st.sampled_from(
        [
            *["submit"] * 6, *["answer"] * 6, *["time passes"] * 5, "urgent", "throttle", "refuse", "nack", "deliver",
            "deliver", "we answer", "we answer", "enquire", "answer the enquiry", "answer nobody", "bad", "cut", "unbind",
            "the SMSC unbinds", "lost", "lost stream",
        ]
    ).flatmap(lambda name: st.tuples(st.just(name), st.integers(0, 9))),
    min_size=5, max_size=30,
)  # fmt: skip


class Peer:
    """An SMSC by the book, that remembers what it saw and when."""

    def __init__(self, window, per_s):
        self.now, self.window, self.per_s = 0.0, window, per_s
        self.link = Link(msgspec.structs.replace(TERMS, window=window), Pace(per_s), now=0.0)
        self.waiting, self.enquiries, self.unbinds, self.times = [], [], [], {}
        self.delivered, self.heard, self.responses = 100, [], []
        self.tickets, self.ended = {}, None
        self.kept = b""

    def read(self):
        for command, status, sequence in written(self.link):
            match command:
                case 0x04:
                    self.waiting.append(sequence)
                    self.times[sequence] = self.now
                case 0x15:
                    self.enquiries.append(sequence)
                case 0x06:
                    self.unbinds.append(sequence)
                case 0x80000005:
                    self.responses.append((sequence, status))
        # Who has not been answered for so long is not waited for any more.
        self.waiting = [each for each in self.waiting if self.now < self.times[each] + TERMS.response_s]
        assert len(self.waiting) <= self.window

    def events(self, events):
        for event in events:
            match event:
                case Answered(ticket) | Undone(ticket) | Unanswered(ticket):
                    assert self.tickets[ticket] is None, "a ticket ended twice"
                    self.tickets[ticket] = event
                case Heard():
                    self.heard.append(event)
                case Ended():
                    assert self.ended is None
                    self.ended = event
        self.read()

    def says(self, octets):
        self.events(self.link.take(self.kept + octets, self.now))
        self.kept = b""

    def does(self, name, number):
        ticket = len(self.tickets)
        match name:
            case "submit" | "urgent":
                self.tickets[ticket] = None
                self.events(self.link.submit(ticket, Message(short_message=b"1"), before=self.now + number + 1,
                                             urgent=name == "urgent", now=self.now))  # fmt: skip
            case "answer" if self.waiting:
                self.says(resp(self.waiting.pop(number % len(self.waiting))))
            case "throttle" if self.waiting:
                self.says(resp(self.waiting.pop(0), 0x58))
            case "refuse" if self.waiting:
                self.says(resp(self.waiting.pop(0), 0x0B))
            case "nack" if self.waiting:
                self.says(pdu(0x80000000, status=3, sequence=self.waiting.pop(0)))
            case "deliver":
                self.delivered += 1
                self.says(deliver(sequence=self.delivered))
            case "we answer" if self.heard:
                self.link.answer(self.heard.pop(0), 0)
                self.events(self.link.tick(self.now))
            case "enquire":
                self.says(pdu(ENQUIRE, sequence=number))
            case "answer the enquiry" if self.enquiries:
                self.says(pdu(0x80000015, sequence=self.enquiries.pop(0)))
            case "answer nobody":
                self.says(resp(10_000 + number))
            case "bad":
                self.says(UNREADABLE[number][1])
            case "cut" if not self.kept:
                octets = deliver(sequence=self.delivered + 1)
                self.delivered += 1
                self.events(self.link.take(octets[: number + 5], self.now))
                self.kept = octets[number + 5 :]
            case "time passes":
                self.passes((0.01, 0.1, 0.5, 1, 2, 4, 6, 12, 31, 70)[number])
            case "unbind":
                self.events(self.link.unbind(self.now, within_s=4.0))
            case "the SMSC unbinds":
                self.says(pdu(UNBIND))
            case "lost":
                self.events(self.link.lost(self.now))
            case "lost stream":
                self.says(LOST[number % len(LOST)][1])

    def passes(self, seconds):
        until = self.now + seconds
        while (due := self.link.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            before = due
            self.events(self.link.tick(self.now))
            after = self.link.deadline()
            assert after is None or after > before or after > self.now, "it asks to be woken at once, for ever"
        self.now = until


@pytest.mark.experiment(
    "B2",
    "whatever an SMSC does and whenever: every message ends once, window and rate hold, every message heard is answered once",
)
def test_any_run(figure):
    @often(10_000)
    @given(STEPS, st.sampled_from([1, 2, 10]), st.sampled_from([1.0, 5.0, 50.0]), st.booleans())
    def tried(steps, window, per_s, binds):
        peer = Peer(window, per_s)
        if binds:
            assert 1 == len(written(peer.link))
            peer.says(BIND_RESP)
            assert peer.link.bound
        for step in steps:
            peer.does(*step)
            figure.count("steps")
        recoverable = not {"unbind", "the SMSC unbinds", "lost", "lost stream"} & {name for name, _ in steps}
        if recoverable and peer.ended:
            assert "within" in peer.ended.why or "come to its end" in peer.ended.why, "only silence may end it"
        peer.passes(200.0)
        peer.events(peer.link.lost(peer.now))

        assert [] == [ticket for ticket, event in peer.tickets.items() if event is None]
        assert peer.ended is not None
        answers = [sequence for sequence, _ in peer.responses if sequence > 100]
        assert len(set(answers)) == len(answers)
        for start in peer.times.values():
            assert sum(1 for each in peer.times.values() if start <= each < start + 1) <= per_s + 2
        figure.count("runs")
        figure.count("messages", len(peer.tickets))
        figure.count("taken", sum(isinstance(each, Answered) and each.status == 0 for each in peer.tickets.values()))

    tried()


def test_a_link_that_fails_leaves_others_alone():
    one, other = bound(), bound()
    submits(other, 1)
    (sequence,) = sent(other)
    one.take(LOST[0][1], 1.0)

    assert one.over
    assert [Answered(1, 0, "id")] == other.take(resp(sequence), 1.0)


def test_a_data_sm_is_a_message_like_others():
    (heard,) = bound().take(pdu(0x103, b"\0\1\0001\0\1\0002\0\0\0\0" + b"\4\x24\0\1x"), 1.0)

    assert (Command.DATA_SM, b"x") == (heard.command, heard.message.octets)
