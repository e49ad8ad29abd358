from __future__ import annotations

import re
from pathlib import Path

import pytest

from realtime_ser.circumplex import arousal_valence
from realtime_ser.errors import DataError
from realtime_ser.sinks.csv import HEADER, encode_csv
from realtime_ser.sinks.jsonl import encode_json
from realtime_ser.sinks.reader import read_timeline
from tests.rows import make_row

DOCUMENT = Path(__file__).parents[2] / "docs" / "timeline-format.md"

ROW = make_row()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "timeline.txt"


@pytest.mark.parametrize(
    "content",
    [f"{HEADER}\n{encode_csv(ROW)}\n", f"{encode_json(ROW)}\n", encode_json(ROW)],
    ids=["csv", "jsonl", "jsonl without line feed"],
)
def test_the_content_tells_the_format(path: Path, content: str) -> None:
    path.write_text(content)
    assert read_timeline(path) == [ROW]


@pytest.mark.parametrize("content", ["", f"{HEADER}\n", HEADER, HEADER[:30], '{"schema":1,"str'])
def test_nothing_was_said_yet(path: Path, content: str) -> None:
    path.write_text(content)
    assert read_timeline(path) == []


def test_a_torn_row_is_passed_over(path: Path) -> None:
    torn = encode_csv(make_row(stream="\u4f1a")).encode()[:3]
    path.write_bytes(f"{HEADER}\n{encode_csv(ROW)}\n".encode() + torn)
    assert read_timeline(path) == [ROW]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"name,value\n1,2\n", "its header is another"),
        (b"text", "its header is another"),
        (b"RIFF\x00\xff\xfe\n", "its header is another"),
        (f"{HEADER}\n{encode_csv(ROW)}\n1,2,3\n".encode(), "line 3 .*3 columns instead of 22"),
        (f"{HEADER}\n2{encode_csv(ROW)[1:]}\n".encode(), "line 2 .*schema is '2'"),
        (f'{HEADER}\n1,"a\n'.encode(), "line 2 "),
        (f"{HEADER}\n\xff\n".encode("latin-1"), "line 2 "),
        (f"{encode_json(ROW)}\n[1]\n".encode(), "line 2 .*not a JSON object"),
        (b'{"schema":1}\n', "line 1 .*'stream' is missing"),
        (b'{"schema":\n', "line 1 .*not JSON"),
        (b'{"a":' * 100_000 + b"\n", "line 1 .*not JSON"),
    ],
)
def test_what_is_no_timeline_is_refused_in_one_line(
    path: Path, content: bytes, complaint: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint) as caught:
        read_timeline(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.csv: cannot be read"):
        read_timeline(tmp_path / "no.csv")
    with pytest.raises(DataError, match="directory"):
        read_timeline(tmp_path)


def test_the_examples_of_the_document_are_timelines(path: Path) -> None:
    examples = re.findall(r"^```(?:csv|json)\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.M | re.S)
    assert len(examples) == 2
    read = []
    for example in examples:
        path.write_text(example)
        read.append(read_timeline(path))
    assert [row.kind for row in read[0]] == ["window"] * 4 + ["utterance"]
    assert read[1] == read[0][-1:]
    for row in read[0]:
        assert sum(row.probabilities.values()) == pytest.approx(1.0)
        assert arousal_valence(row.probabilities) == pytest.approx(
            (row.arousal, row.valence), abs=2e-4
        )
