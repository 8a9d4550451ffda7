"""Documents: every text arrives as it is in all three formats, and no markup of it does anything."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pypdf
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit import documents
from audit.documents import Document, Facts, Heading, Link, Markdown, Paragraph, Table, text
from audit.documents.words import reader
from tests.house.layers import imports

ROOT = Path(__file__).resolve().parents[3]
WHEN = datetime(2026, 3, 1, 2, 13, 7, tzinfo=UTC)
HOSTILE = "a|b <script>alert(1)</script> `c` *d* _e_ [f](javascript:g) \\ &amp; # \x1b[31mred\x00 \u202eback"
ANY = st.text(st.characters(), max_size=80)
WORDS = "words that wrap over more than a line of its column"
MARKED = st.text(st.sampled_from("ab \n\t`*_[]()<>|\\&#-+=~:.!123\"'\x1b"), max_size=60)


def document(*parts: documents.Part, **more: object) -> Document:
    kept = {"title": "INC-1", "subtitle": "Users deleted", "made_at": WHEN, "made_by": "alice", "zone": "Europe/Berlin"}
    return Document(parts=parts, **(kept | more))  # type: ignore[arg-type]


def pdf_bytes(doc: Document) -> bytes:
    out = io.BytesIO()
    documents.pdf.write(doc, out)
    return out.getvalue()


def pdf_text(doc: Document) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf_bytes(doc))).pages)


class Seen(HTMLParser):
    """The tags of a page and the words between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def words_of(markdown: str) -> str:
    """What a reader of Markdown sees, spaces aside."""
    rules = reader()
    return "".join(Seen(rules.render(markdown)).words.split())


def squeezed(plain: str) -> str:
    return "".join(text.clean(plain).split())


FULL = document(
    Heading("What happened"),
    Paragraph(f"First line\nsecond line {HOSTILE}"),
    Markdown("## Causes\n\n1. *wrong* `name`\n   - inner\n\n> said\n\n```sql\nDELETE FROM a;\n```"),
    Markdown("| t | n |\n|---|---|\n| u | 3 |"),
    Facts([("Target", "shop"), ("Lost", "12\nrows")]),
    Table(
        ["Table", "Lost | rows", "When", "Link"],
        [("public.a", 12345, WHEN, Link("run", "https://example.org/?a=1&b=2"))],
    ),
    Table(["None"], [], note="No rows."),
)


def test_markdown_of_all_parts() -> None:
    found = documents.markdown.write(FULL)
    assert "# INC-1\n\nUsers deleted\n\n*Made 2026-03-01 03:13:07 by alice. All times are Europe/Berlin.*" in found
    assert "| public.a | 12,345 | 2026-03-01 03:13:07 | [run](<https://example.org/?a=1&b=2>) |" in found
    assert "- **Target:** shop\n- **Lost:** 12 rows" in found
    assert "```sql\nDELETE FROM a;\n```" in found
    assert found.endswith("No rows.\n")


def test_html_of_all_parts() -> None:
    page = documents.html.write(FULL)
    seen = Seen(page)
    assert {"script", "img", "link", "iframe"}.isdisjoint(seen.tags)
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert '<td class="n">12,345</td>' in page
    assert 'href="https://example.org/?a=1&amp;b=2"' in page
    assert "<script>alert(1)</script>" in seen.words


def test_pdf_of_all_parts() -> None:
    found = pdf_text(FULL)
    for word in (
        "INC-1",
        "What happened",
        "Causes",
        "DELETE FROM a;".replace(" ", "\xa0"),
        "12,345",
        "03:13:07",
        "1 of 1",
    ):
        assert word.replace("\xa0", " ") in found.replace("\xa0", " "), word
    assert "<script>alert(1)</script>" in found
    assert "First line\nsecond line" in found


def test_the_same_document_gives_the_same_bytes_in_another_process_too() -> None:
    code = (
        "import sys, hashlib; from tests.audit.documents.test_documents import FULL, pdf_bytes;"
        "print(hashlib.sha256(pdf_bytes(FULL)).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(found) == 1
    assert pdf_bytes(FULL) == pdf_bytes(FULL)


def test_a_changed_word_changes_the_bytes() -> None:
    assert pdf_bytes(document(Paragraph("a"))) != pdf_bytes(document(Paragraph("b")))


@settings(max_examples=150, deadline=None)
@given(st.one_of(ANY, MARKED))
@example("1. a\n- b\n| c |\n|---|\n    d")
@example("a\n===\n:-:\n\\| &lt; _x_ a_b_c __d")
def test_plain_text_is_no_markdown(plain: str) -> None:
    body = documents.markdown.write(document(Paragraph(plain))).split("Europe/Berlin.*", 1)[1]
    assert words_of(body) == squeezed(plain)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(ANY, MARKED), min_size=2, max_size=2))
def test_a_tables_cells_stay_in_their_columns(row: list[str]) -> None:
    found = documents.markdown.write(document(Table(["one", "two"], [row]))).split("Europe/Berlin.*", 1)[1]
    tokens = reader().parse(found)
    cells = [tokens[place + 1] for place, token in enumerate(tokens) if token.type == "td_open"]
    assert ["".join("".join(one.content for one in cell.children or ()).split()) for cell in cells] == [
        squeezed(one) for one in row
    ]
    page = documents.html.write(document(Table(["one", "two"], [row])))
    assert Seen(page).tags.count("td") == 2


PIECES = ["<script>x</script>", "<img/src=x/onerror=y>", "<https://example.org>", "[a]: ", "](", "[^1]: "]
MARKS = ["`", "``", "```", "|", "\\", "<", ">", "- ", "> ", "a", "\n", " ", "    ", "\n\n", "|-|-|\n"]
HTML_PIECES = st.lists(st.sampled_from([*PIECES, *MARKS]), max_size=14).map("".join)


@settings(max_examples=300, deadline=None)
@given(HTML_PIECES)
def test_no_tag_of_peoples_words_gets_through(words: str) -> None:
    rules = reader()
    rules.options["html"] = True  # another tool that would let it through
    raw = rules.parse(documents.markdown.harmless(words))
    inner = [one for token in raw for one in token.children or ()]
    assert not [one.content for one in [*raw, *inner] if one.type in {"html_block", "html_inline"}]
    assert {"script", "img"}.isdisjoint(Seen(documents.safe_html(words)).tags)


@pytest.mark.parametrize("words", ["```\nDROP", "- ```\n  x", "> ~~~~ sql\n> x", "    code", "a\n\n- b"])
def test_an_open_fence_ends_with_its_part(words: str) -> None:
    found = documents.markdown.write(document(Markdown(words), Heading("After")))
    assert [token.tag for token in reader().parse(found) if token.type == "heading_open"] == ["h1", "h2"]


def test_links_lead_only_where_links_may() -> None:
    cells = [Link("a", "javascript:alert(1)"), Link("b", "//evil.example.org"), Link("c", "https://example.org/x y")]
    doc = document(Table(["x", "y", "z"], [cells]), Markdown("[d](javascript:x) [e](data:text/html,x)"))
    assert "href" not in documents.html.write(doc)
    assert "(<" not in documents.markdown.write(doc)
    pages = pypdf.PdfReader(io.BytesIO(pdf_bytes(doc))).pages
    assert not [page for page in pages if page.get("/Annots")]


@settings(max_examples=40, deadline=None)
@given(ANY, st.one_of(MARKED, HTML_PIECES))
@example("\ud800 \U0001f600 漢 \x1b[0m", "[a](https://example.org) ~~[*b*](http://c)~~ **[x `y`](http://z)**\\\nq")
def test_a_pdf_carries_any_text(plain: str, words: str) -> None:
    doc = document(
        Heading(plain), Paragraph(plain), Markdown(words), Facts([(plain, words)]), Table([plain], [[words]])
    )
    assert pdf_bytes(doc).startswith(b"%PDF-")


def test_a_pdf_shows_letters_of_many_scripts_and_a_box_for_the_rest() -> None:
    found = pdf_text(document(Paragraph("Ünïcode Ελλάδα Привет → ✓ ⚠ 漢 😀 שלום")))
    for word in ("Ünïcode", "Ελλάδα", "Привет", "→ ✓ ⚠"):
        assert word in found
    assert found.count("□") == 2


def test_a_very_long_word_stays_on_the_page() -> None:
    doc = document(
        Paragraph("w" * 5000),
        Markdown("x" * 5000 + "\n\n    " + "y" * 5000),
        Table(["a", "b"], [["z" * 9000, "q"]]),
    )
    found = "".join(pdf_text(doc).split())
    assert [found.count(letter) for letter in "wxyz"] == [5000, 5000, 5000 + "by alice".count("y"), 9000]


def test_a_long_table_flows_over_pages_with_its_header() -> None:
    rows = [[number, f"row {number} with {WORDS}", WHEN] for number in range(10_000)]
    reading = pypdf.PdfReader(io.BytesIO(pdf_bytes(document(Table(["Number", "Words", "Time"], rows)))))
    count = len(reading.pages)
    assert count > 150
    for number in (1, count // 2, count):
        page = reading.pages[number - 1].extract_text()
        assert "Number" in page
        assert f"{number} of {count}" in page
    assert "row 9999 with" in page


def test_short_rows_are_filled_and_long_ones_cut() -> None:
    found = documents.markdown.write(document(Table(["a", "b"], [["1"], ["1", "2", "3"]])))
    assert "| 1 |  |\n| 1 | 2 |" in found


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (True, "yes"), (1234567, "1,234,567"), (2.50, "2.5"), (0.00012, "0.00012"), (float("nan"), "nan")],
)
def test_how_values_are_shown(value: documents.Cell, shown: str) -> None:
    assert text.cell(value, text.zone(FULL)) == shown


def test_controls_are_shown_and_nothing_is_dropped() -> None:
    assert text.clean("a\x1b[2Jb\r\nc\x00\u202e\ud800") == "a␛[2Jb\nc␀⟨202E⟩\ufffd"


def test_headings_of_people_go_below_those_of_the_page() -> None:
    assert re.findall(r"<(h\d)", documents.safe_html("# a\n\n###### b\n\n###### c\n\n## d")) == ["h3", "h4", "h4", "h4"]
    assert re.findall(r"<(h\d)", documents.safe_html("### a\n\n# b", shift=1)) == ["h2", "h2"]


def test_it_knows_nothing_above_it() -> None:
    mine = {one.wanted for one in imports(ROOT) if one.unit == "audit.documents"}
    assert mine == {"django"}
