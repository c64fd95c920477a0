"""Phone numbers as peers spell them: one E.164 number for all spellings, or none."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.msisdn import normal
from tests.corpora import ARABIC, PERSIAN, TYPED
from tests.experiments import often

# C7: what comes where a number should be.
STRANGERS = [
    "", "+", "00", "98", "4040", "110", "RASAD", "rasad 5", "02188888888", "+982188888888", "+1 900 555 0100",
    "+44 7911 123456", "+447911123456", "+9647701234567", "0096598765432", "+98916123456", "+9891612345678", "0916\u200c1234567",
    "\u200e+989161234567", "۰۹۱۶۱۲۳۴۵۶۷", "0９161234567", "09161234567 ext 5", "09161234567;ext=5", "09161234567,09161234568",
    "tel:+989161234567", "+98(0)9161234567", "0098 0916 123 4567", "+98+9161234567", "9161234567x", "+870773111632",
    "00000000000000", "+++989161234567", "(((", "-.-.", "+٩٨٩١٦١٢٣٤٥٦٧", "+888 1234 5678", "0" * 32, "9" * 32,
]  # fmt: skip


class Peer:
    """A gateway that spells numbers its own way: one seed, one way."""

    def __init__(self, chance):
        self.chance = chance

    def spells(self, national):
        """A number of ten digits, the first a 9."""
        groups = [national[:3], national[3:6], national[6:]]
        between = self.chance.choice(["", "", " ", "-", "."])
        said = between.join(groups)
        if self.chance.random() < 0.2:
            said = f"({groups[0]}) {groups[1]}{between}{groups[2]}"
        before = self.chance.choice(["+98", "0098", "98", "0", "", "+98 ", "0098-"])
        script = self.chance.choice(["0123456789", "0123456789", PERSIAN, ARABIC])
        around = self.chance.choice(["", "", " "])
        return around + "".join(script[int(char)] if char.isdecimal() else char for char in before + said) + around


peers = st.integers(0, 2**32).map(lambda seed: Peer(Random(seed)))
nationals = st.integers(0, 999_999_999).map(lambda rest: f"9{rest:09}")


def damaged(national, peer):
    """A number with a sign too many, too few, or another one somewhere."""
    whole = peer.spells(national)
    place = peer.chance.randrange(len(whole) + 1)
    sign = peer.chance.choice([*"0059+-(). - . ۹٩#*", "\u200c", ""])
    return whole[:place] + sign + whole[place + peer.chance.choice([0, 0, 1]) :]


anything = st.one_of(
    st.sampled_from(STRANGERS),
    st.text("0123456789۹٩+ ()-.", max_size=20),
    st.builds(
        lambda before, digits: f"{before}{digits}",
        st.sampled_from(["+", "00", "0098", "+98", "0", ""]),
        st.integers(0, 10**13),
    ),
    TYPED,
)


@pytest.mark.experiment("B6", "every spelling of an Iranian mobile number gives its E.164 form")
def test_every_spelling_is_one_number(figure):
    @often(20_000)
    @given(nationals, peers)
    def tried(national, peer):
        figure.count("runs")

        assert f"+98{national}" == normal(peer.spells(national))

    tried()


@pytest.mark.experiment(
    "B6", "whatever comes for a phone number is one number in E.164, made of the digits that came, or none"
)
def test_whatever_comes_is_one_number_or_none(figure):
    @often(20_000)
    @given(anything, st.builds(damaged, nationals, peers))
    def tried(strange, damaged_one):
        figure.count("runs")
        for text in (strange, damaged_one):
            found = normal(text)
            figure.count("none" if found is None else "numbers")
            if found is None:
                continue
            assert re.fullmatch(r"\+[1-9][0-9]{6,14}", found) is not None
            assert found == normal(found)
            if found.startswith("+98"):
                typed = "".join(str(int(char)) for char in text if char.isdecimal())
                assert found[3:] == typed[-10:]
                assert found == normal(found.removeprefix("+"))

    tried()
