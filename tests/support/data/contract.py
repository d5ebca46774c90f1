"""Hypothesis strategies for valid and invalid events."""

import msgspec
from hypothesis import strategies as st

from consumer.events import DAY_MS, MAX_ID_BYTES, MAX_START_MS, MIN_MS, STATUSES, Event

NOW_MS = 1_541_000_000_000  # 2018-10-31T15:33:20Z
GIG = {
    "event_id": "e1",
    "artist_id": "a1",
    "venue_id": "v1",
    "time": "2018-10-31T12:00:00Z",
}
OPTIONAL = {
    *("source", "status", "version", "starts_at"),
    *("artist_name", "venue_name", "venue", "artist"),
}
KNOWN = OPTIONAL | {*GIG}


def canonical(value) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
said_texts = texts.filter(bool)
ids = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=80).filter(
    lambda text: len(text.encode()) <= MAX_ID_BYTES
)
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
unknown_names = texts.filter(lambda name: name not in KNOWN)
extras = st.dictionaries(unknown_names, json_values, min_size=1, max_size=3)


def present(**fields):
    return st.fixed_dictionaries({}, optional=fields).filter(bool)


venues = present(
    lat=st.floats(-90, 90),
    lng=st.floats(-180, 180),
    city=said_texts,
    country=said_texts,
    capacity=st.integers(0, 2**63 - 1),
).map(canonical)
artists = present(genres=st.lists(texts, max_size=3)).map(canonical)


@st.composite
def events(draw) -> Event:
    time_ms = draw(st.integers(MIN_MS, NOW_MS + DAY_MS))
    optional = {
        "version": st.integers(0, 2**63 - 1),
        "starts_at_ms": st.integers(MIN_MS, time_ms + MAX_START_MS),
        "artist_name": said_texts,
        "venue_name": said_texts,
        "venue": venues,
        "artist": artists,
        "extra": extras.map(canonical),
    }
    return Event(
        event_id=draw(ids),
        artist_id=draw(ids),
        venue_id=draw(ids),
        time_ms=time_ms,
        source=draw(ids),
        status=draw(st.sampled_from(STATUSES)),
        **draw(st.fixed_dictionaries({}, optional=optional)),
    )
