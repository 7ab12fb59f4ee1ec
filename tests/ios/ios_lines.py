"""Random lines of a grammar: every way through it, every kind of value."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import assume
from hypothesis import strategies as st
from ipsecplane.ios.grammar import Grammar
from ipsecplane.ios.tokens import Number, Token, Variable

# Never the beginning of a keyword: an abbreviation would win over a name.
_WORDS = st.from_regex(r"[A-Z][A-Za-z0-9]{0,7}_", fullmatch=True)
_IPV4 = st.integers(0, 2**32 - 1).map(lambda n: str(IPv4Address(n)))
_IPV6 = st.integers(0, 2**128 - 1).map(lambda n: str(IPv6Address(n)).upper())

_VALUES: dict[str, st.SearchStrategy[str]] = {
    "A.B.C.D": _IPV4,
    "A.B.C.D/nn": st.tuples(_IPV4, st.integers(0, 32)).map(lambda p: f"{p[0]}/{p[1]}"),
    "X:X:X:X::X": _IPV6,
    "X:X:X:X::X/<0-128>": st.tuples(_IPV6, st.integers(0, 128)).map(lambda p: f"{p[0]}/{p[1]}"),
    "H.H.H": st.from_regex(r"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}", fullmatch=True),
    "0xHEX": st.integers(0, 0xFFFFFFFF).map(lambda n: f"0x{n:X}"),
    "hh:mm:ss": st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)).map(
        lambda t: f"{t[0]:02}:{t[1]:02}:{t[2]:02}"
    ),
    "MONTH": st.sampled_from(["January", "March", "December"]),
    "SLOT": st.from_regex(r"[0-9]{1,2}(/[0-9]{1,2}){0,2}", fullmatch=True),
    "WORD": _WORDS,
    "LINE": st.from_regex(r"[A-Z][A-Za-z0-9,.()-]{0,6}( [a-z0-9$/]{1,6}){0,3}", fullmatch=True),
    "INTERFACE": st.from_regex(r"(FastEthernet|Serial|Loopback)[0-9](/[0-9])?", fullmatch=True),
}


@st.composite
def lines(draw: st.DrawFn, grammar: Grammar) -> str:
    """A line of the grammar in its canonical spelling."""
    state, words = 0, list[str]()
    captured: set[str] = set()
    while True:
        options = [
            (token, to)
            for token, to in grammar.edges[state]
            if token.multiple or token.join or token.capture not in captured
        ]
        may_end = state in grammar.accepting
        if may_end and (not options or len(words) > 12 or draw(st.booleans())):
            return " ".join(words)
        assume(options)  # a keyword typed twice leads nowhere
        token, state = draw(st.sampled_from(options))
        if token.capture:
            captured.add(token.capture)
        text = draw(_value(token))
        if token.join:
            words[-1] += text
        else:
            words.append(text)
        if token.takes_rest:
            return " ".join(words)


def _value(token: Token) -> st.SearchStrategy[str]:
    if isinstance(token, Number):
        return st.integers(token.low, token.high).map(str)
    if isinstance(token, Variable):
        return _VALUES[token.label]
    return st.just(token.label)
