"""Texts of any script, with any sign: the words of a text find it, among messages and among conclusions.

Nothing is found by meaning here: the embedder fails.
"""

from __future__ import annotations

import asyncio
import itertools
import unicodedata
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from omoide.core.clock import now
from omoide.core.index_text import index_text, words
from omoide.core.records import NewConclusion, NewMessage
from omoide.inference.embedders import EmbeddingFailed, Vectors
from omoide.search import conclusions as conclusion_finder
from omoide.search import messages as message_finder
from omoide.search.semantic import SemanticSearch
from omoide.storage import Store, conclusions, messages
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageSearch
from tests.postgresql import open_store

_numbers = itertools.count(1)


class NoEmbedder:
    name, dimensions, embed_now, characters_on_demand = "none", 4, None, 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise EmbeddingFailed("no embedder", retryable=True)

    embed_queries = embed

    async def aclose(self) -> None:
        pass


class OneText:
    """A store with one text in a workspace of its own, as a message and as a conclusion."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._finder = SemanticSearch(NoEmbedder())

    def keep(self, *texts: str) -> str:
        """Store the texts in a new workspace; return its id."""
        workspace = f"w{next(_numbers)}"
        batch = [NewMessage("alice", text, {}, 1, None) for text in texts]
        asyncio.run(self._store.write(messages.add, workspace, "s", batch, now(), max_observers=10))
        drawn = [NewConclusion(text, "alice", "alice", None) for text in texts]
        asyncio.run(self._store.write(conclusions.add, workspace, drawn, now()))
        return workspace

    def messages(self, workspace: str, query: str) -> list[str]:
        request = MessageSearch(workspace, query, 10)
        return [each.content for each in asyncio.run(message_finder.search(self._store, self._finder, request))]

    def conclusions(self, workspace: str, query: str) -> list[str]:
        request = ConclusionSearch(workspace, query, 10, "alice", "alice")
        return [each.content for each in asyncio.run(conclusion_finder.search(self._store, self._finder, request))]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneText]:
    store = open_store(tmp_path_factory.mktemp("scripts") / "omoide.db", durability="normal", busy_timeout=5)
    yield OneText(store)
    store.close()


SENTENCES = {
    "Chinese": ("我周末常去公园跑步", ["公园", "公园？", "公园。", "去公园！", "跑步", "园"]),
    "Chinese with Latin": ("我用Python写代码", ["python", "代码", "写代码?", "Python写"]),
    "Japanese": ("私の犬は太郎です。", ["犬", "太郎", "太郎？", "「太郎」"]),
    "half-width kana": ("ｶﾞｷﾞｸﾞを買った", ["ガギグ", "買った"]),
    "Korean": ("우리는 공원에 갔다", ["공원", "공원?", "공원에"]),
    "decomposed Korean": (unicodedata.normalize("NFD", "우리는 공원에 갔다"), ["공원"]),
    "Thai": ("ฉันชอบกินผัดไทยที่ตลาด", ["ผัดไทย", "ผัดไทย?", "ตลาด", "ที่ตลาด!"]),
    "Lao": ("ຂ້ອຍມັກກິນຕຳໝາກຫຸ່ງ", ["ຕຳໝາກຫຸ່ງ", "ມັກ?"]),
    "Khmer": ("ខ្ញុំចូលចិត្តភ្នំពេញ", ["ភ្នំពេញ", "ភ្នំពេញ?"]),
    "Khmer with zero-width spaces": ("ខ្ញុំ\u200bស្រលាញ់\u200bសៀមរាប", ["សៀមរាប", "ស្រលាញ់សៀមរាប"]),
    "Burmese": ("ကျွန်တော်ရန်ကုန်မှာနေတယ်", ["ရန်ကုန်", "ရန်ကုန်။"]),
    "Hindi": ("मुझे दिल्ली में रहना पसंद है", ["दिल्ली", "दिल्ली?", "पसंद।"]),
    "Tamil": ("எனக்கு சென்னை பிடிக்கும்", ["சென்னை", "சென்னை?"]),
    "Arabic with points": ("أَسْكُنُ في القاهِرَة", ["القاهرة", "القاهرة؟", "اسكن"]),
    "Persian": ("می\u200cخواهم به تهران بروم", ["تهران", "میخواهم", "تهران؟"]),
    "Hebrew with points": ("אֲנִי גָּר בְּחֵיפָה", ["בחיפה", "חיפה"]),
    "Vietnamese": ("Tôi sống ở Đà Nẵng", ["da nang", "Đà Nẵng", "ĐÀ NẴNG?", "song"]),
    "decomposed": (unicodedata.normalize("NFD", "Das Café in Zürich"), ["café", "cafe", "Zürich", "zurich?"]),
    "Polish": ("Mieszkam w Łodzi", ["lodzi", "łodzi", "Łodzi?"]),
    "German": ("Die Straße ist groß", ["strasse", "STRASSE", "straße?", "gross"]),
    "Russian": ("У меня ёлка дома", ["елка", "ёлка?", "дома!"]),
    "Greek": ("Πίνω έναν καφέ", ["καφε", "ΚΑΦΕ", "καφέ;"]),
    "full-width letters": ("ＡＢＣ１２３ is the code", ["abc123", "ABC123?"]),
    "styled letters": ("𝓱𝓮𝓵𝓵𝓸 world, ﬁne", ["hello", "fine"]),
    "Devanagari digits": ("मेरा कमरा १२३४५ है", ["12345"]),
    "a soft hyphen": ("It is ex\u00adample text", ["example"]),
    "signs": (
        "Run docker:redis at 10:30 for $500, says @alice in #budget with user_id and tea/coffee (C++, 50%) 🎉",
        [
            *(
                "docker:redis",
                "#budget",
                "＃budget",
                "budget",
                "@alice",
                "$500",
                "500$",
                "500",
                "10:30?",
                "(10:30)",
                "redis",
            ),
            *('"user_id"', "`user_id`", "tea/coffee", "coffee/tea", "C++", "c++?", "50%", "🎉"),
        ],
    ),
}


@pytest.mark.parametrize("name", [*SENTENCES])
def test_words_of_any_script_find_their_text_first(name: str, memory: OneText) -> None:
    text, queries = SENTENCES[name]
    workspace = memory.keep(*(other for key, (other, _) in SENTENCES.items() if key != name), text)
    for query in queries:
        assert memory.messages(workspace, query)[:1] == [text], query
        assert memory.conclusions(workspace, query)[:1] == [text], query


FORMS: list[Callable[[str], str]] = [
    *(str, str.lower, str.casefold),
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: unicodedata.normalize("NFC", text),
]
AROUND = ["", '""', "()", "「」", " ?", " ？", " 。", "¿?"]
WORDS = st.text(st.characters(categories=("L", "M", "N", "P", "S")), min_size=1, max_size=8)
PARTS = st.sampled_from([part for text, _ in SENTENCES.values() for part in text.split()]) | WORDS


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, min_size=1, max_size=6), data=st.data())
def test_any_words_of_a_text_find_it(parts: list[str], data: st.DataObject, memory: OneText) -> None:
    workspace = memory.keep("nothing of the kind", " ".join(parts), "it is something else")
    chosen = data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=3))
    around = data.draw(st.sampled_from(AROUND)) if any(words(" ".join(chosen))) else ""
    before, after = around[:1].strip(), around[1:]
    query = before + data.draw(st.sampled_from(FORMS))(" ".join(chosen)) + after
    assert " ".join(parts) in memory.messages(workspace, query), query
    assert " ".join(parts) in memory.conclusions(workspace, query), query


@given(text=st.text(st.characters(exclude_categories=["Cs"])) | st.lists(PARTS).map(" ".join))
@example("ÀÉ straße")
def test_words_of_a_query_stay_what_they_are(text: str) -> None:
    for word in words(text):
        assert [*words(word)] == [word]


@pytest.mark.parametrize("text", ["plain text", "Zürich, naïve façade", "Привет — “да” 🎉", "x" * 1_000])
def test_texts_that_the_tokenizer_splits_rightly_are_left_alone(text: str) -> None:
    assert index_text(text) is text
