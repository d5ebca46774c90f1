"""The encoding of a text is found over the whole of it."""

import pyarrow as pa
import pytest

from consumer.imports.formats import encoding
from consumer.imports.formats.encoding import find, known
from consumer.imports.problems import BadFile

HEAD = "artist_id;venue_id;date\n"
WESTERN = (
    HEAD
    + "Grönemeyer & Söhne;Köln Süd;2026-01-02\nJosé Núñez;Café Olé \N{EN DASH} Málaga;2026-02-03\n"
    * 8
)
POLISH = HEAD + "Łódź Kapela;Klub Źródło;2026-01-02\nŻółw;Dom;2026-02-03\n" * 8
RUSSIAN = HEAD + "Кино;Клуб Ночь;2026-01-02\nАквариум;Дом;2026-02-03\n" * 8  # noqa: RUF001 - Russian
KOREAN = HEAD + "이정아;오뙤르;2026-01-02\n" * 8


def found(data, given=None, size=16):
    return find("FILE", (data[n : n + size] for n in range(0, len(data), size)), given)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "utf-8-sig", "utf-8"),
        (WESTERN, "utf-16", "utf-16"),
        (WESTERN, "utf-16-le", "utf-16-le"),
        (WESTERN, "utf-16-be", "utf-16-be"),
        (WESTERN, "cp1252", "cp1252"),
        (POLISH, "cp1250", "cp1250"),
        (RUSSIAN, "cp1251", "cp1251"),
        (KOREAN, "cp949", "cp949"),
        (HEAD + "Zoë;x;2026-01-02\n", "cp1252", "cp1252"),
    ],
)
def test_it_is_found(text, name, expected):
    assert found(text.encode(name), size=1 << 20) == expected


def test_one_letter_at_the_end_of_a_long_file_decides():
    data = (HEAD + "a;b;2026-01-02\n" * 100_000).encode() + "Zoë;x;2026-01-02\n".encode("cp1252")

    assert found(data, size=1 << 16) == "cp1252"


def test_a_few_broken_bytes_in_utf8_are_no_code_page():
    with pytest.raises(BadFile, match="is UTF-8 but for a few bytes"):
        found(WESTERN.encode() + b"\xe4;x\n", size=1 << 20)


def test_an_encoding_that_was_named_must_hold():
    assert found(WESTERN.encode("cp1252"), "cp1252") == "cp1252"
    with pytest.raises(BadFile, match="is not UTF-16 throughout"):
        found(b"\xff\xfea\x00b", "utf-16")


def test_only_encodings_of_texts_are_known():
    assert known("latin-1")
    assert not known("base64")
    assert not known("no such")


def test_text_becomes_utf8_whatever_the_size_of_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "CHUNK_BYTES", 7)
    text = encoding.as_utf8(pa.BufferReader(WESTERN.encode("utf-16-le")), "utf-16-le")
    assert b"".join(iter(lambda: text.read(5), b"")).decode() == WESTERN
