"""What the stores of LangGraph do: `langgraph_scenarios.py memory` and `… omoide` print the results as JSON.

It runs in the environment of the examples. Each function is one scenario, on a store of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from honcho import Honcho
from langgraph.store.base import BaseStore, GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore
from langgraph_store import OmoideStore

DEEP = {"a": {"b": {"c": {"d": {"e": [1, {"f": None}]}}}}}
VALUE = {"text": "äöü 日本 \x00", "n": 5, "f": 2.5, "whole": 5.0, "yes": True, "none": None, "list": [1, "a"], **DEEP}


def shown(items: Any) -> Any:
    """What an item, a list of items, or nothing is, but for the times."""
    if isinstance(items, list):
        return sorted((shown(item) for item in items), key=str)
    return None if items is None else [list(items.namespace), items.key, items.value]


def numbered(store: BaseStore, count: int = 5) -> BaseStore:
    for number in range(count):
        kind = "even" if number % 2 == 0 else "odd"
        value = {"n": number, "kind": kind, "name": f"{number}", "at": {"x": number, "y": 1}, "tags": [kind, number]}
        store.put(("items", kind), f"k{number}", value)
    store.put(("items",), "bare", {"other": 1})
    return store


def reads_of_nothing(store: BaseStore) -> Any:
    return [store.get(("a",), "b"), store.search(("a",))]


def values_come_back_whole(store: BaseStore) -> Any:
    store.put(("a", "b"), "key", VALUE)
    return shown(store.get(("a", "b"), "key"))


def put_replaces(store: BaseStore) -> Any:
    for value in ({"x": 1, "y": 2}, {"x": 2}):
        store.put(("a",), "key", value)
    return [shown(store.get(("a",), "key")), shown(store.search(("a",)))]


def keys_and_namespaces_are_apart(store: BaseStore) -> Any:
    places = [(("a",), "k"), (("a",), "K"), (("A",), "k"), (("a", "k"), "k"), (("a b/c", "ä"), "k.1 %/ü")]
    for number, (namespace, key) in enumerate(places):
        store.put(namespace, key, {"number": number})
    return [shown(store.get(*place)) for place in places]


def delete_removes_one(store: BaseStore) -> Any:
    numbered(store).delete(("items", "even"), "k2")
    store.delete(("items", "even"), "never there")
    store.delete(("nowhere",), "k2")
    return [store.get(("items", "even"), "k2"), shown(store.search(()))]


def put_after_delete(store: BaseStore) -> Any:
    store.put(("a",), "k", {"x": 1})
    store.delete(("a",), "k")
    store.put(("a",), "k", {"x": 2})
    return shown(store.search(()))


def search_takes_the_prefix(store: BaseStore) -> Any:
    numbered(store)
    store.put(("items2",), "other", {"x": 1})
    prefixes: list[tuple[str, ...]] = [(), ("items",), ("items", "odd"), ("item",), ("odd",), ("items", "odd", "x")]
    return [shown(store.search(prefix, limit=50)) for prefix in prefixes]


def search_filters(store: BaseStore) -> Any:
    numbered(store)
    filters: list[dict[str, Any]] = [
        {"kind": "even"},
        {"n": 3},
        {"n": 3.0},
        {"n": "3"},
        {"name": "3"},
        {"name": 3},
        {"kind": "even", "n": 4},
        {"kind": {"$eq": "odd"}},
        {"kind": {"$ne": "odd"}},
        {"at": {"x": 1}},
        {"at": {"x": {"$ne": 1}, "y": 1}},
        {"tags": ["odd", 1]},
        {"tags": ["odd"]},
        {"tags": "odd"},
        {"none": None},
        {},
    ]
    return [shown(store.search(("items",), filter=each, limit=50)) for each in filters]


def search_compares(store: BaseStore) -> Any:
    numbered(store)
    conditions = [{"$gt": 2}, {"$gte": 2}, {"$lt": 2}, {"$lte": 2}, {"$gt": 0, "$lt": 3}, {"$gt": "1"}]
    return [shown(store.search(("items", "even"), filter={"n": each})) for each in conditions]


def search_pages(store: BaseStore) -> Any:
    numbered(store, 25)
    pages = [store.search(("items",), limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    return [[len(page) for page in pages], shown([item for page in pages for item in page])]


def namespaces(store: BaseStore) -> Any:
    for namespace in [("a", "b", "c"), ("a", "b", "d"), ("a", "x", "c"), ("b", "b", "c"), ("a",)]:
        store.put(namespace, "k", {"x": 1})
    return [
        store.list_namespaces(),
        store.list_namespaces(prefix=("a",)),
        store.list_namespaces(prefix=("a", "*", "c")),
        store.list_namespaces(suffix=("b", "c")),
        store.list_namespaces(suffix=("*", "c")),
        store.list_namespaces(prefix=("a",), suffix=("c",)),
        store.list_namespaces(max_depth=2),
        store.list_namespaces(prefix=("a",), max_depth=1),
        store.list_namespaces(limit=2, offset=1),
        store.list_namespaces(prefix=("c",)),
    ]


def batches_read_before_they_write(store: BaseStore) -> Any:
    store.put(("a",), "k", {"x": 1})
    got, _, _, found, listed = store.batch(
        [
            GetOp(("a",), "k"),
            PutOp(("a",), "k", {"x": 2}),
            PutOp(("a",), "k", {"x": 3}),
            SearchOp(("a",)),
            ListNamespacesOp((MatchCondition("prefix", ("a",)),)),
        ]
    )
    return [shown(got), shown(found), listed, shown(store.search(("a",)))]


def asynchronous_calls(store: BaseStore) -> Any:
    async def calls() -> Any:
        await store.aput(("a",), "k", {"x": 1})
        await asyncio.gather(*(store.aput(("b",), f"k{number}", {"x": number}) for number in range(5)))
        await store.adelete(("b",), "k0")
        namespaces = await store.alist_namespaces()
        return [shown(await store.aget(("a",), "k")), shown(await store.asearch(())), namespaces]

    return asyncio.run(calls())


def errors(store: BaseStore) -> Any:
    def message(call: Callable[[], Any]) -> str:
        try:
            return repr(call())
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    store.put(("a",), "k", {"x": 1})
    return [
        message(lambda: store.put((), "k", {})),
        message(lambda: store.put(("a.b",), "k", {})),
        message(lambda: store.put(("",), "k", {})),
        message(lambda: store.put(("langgraph",), "k", {})),
        message(lambda: store.search(("a",), filter={"x": {"$like": 1}})),
        message(lambda: store.batch(["no operation"])).replace("OmoideStore", "InMemoryStore"),
        message(lambda: store.put(("a",), "k", {}, ttl=5)).replace("OmoideStore", "InMemoryStore"),
    ]


def times(store: BaseStore) -> Any:
    store.put(("a",), "k", {"x": 1})
    first = store.get(("a",), "k")
    store.put(("a",), "k", {"x": 2})
    second, (found,) = store.get(("a",), "k"), store.search(("a",))
    assert first is not None
    assert second is not None
    return [first.updated_at <= second.created_at or first.created_at == second.created_at] + [
        (item.created_at.tzinfo is not None, item.updated_at.tzinfo is not None, item.updated_at >= item.created_at)
        for item in (first, second, found)
    ]


SCENARIOS: list[Callable[[BaseStore], Any]] = [
    reads_of_nothing,
    values_come_back_whole,
    put_replaces,
    keys_and_namespaces_are_apart,
    delete_removes_one,
    put_after_delete,
    search_takes_the_prefix,
    search_filters,
    search_compares,
    search_pages,
    namespaces,
    batches_read_before_they_write,
    asynchronous_calls,
    errors,
    times,
]


def new_store(kind: str, name: str) -> BaseStore:
    if kind == "memory":
        return InMemoryStore()
    return OmoideStore(Honcho(base_url=os.environ["OMOIDE_URL"], workspace_id=f"langgraph-{name}"))


if __name__ == "__main__":
    stores = [(each.__name__, each, new_store(sys.argv[1], each.__name__)) for each in SCENARIOS]
    print(json.dumps({name: scenario(store) for name, scenario, store in stores}))
