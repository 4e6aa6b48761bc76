"""Who forms a picture of whom: the graph, the tables that say the same, and where both lead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.server_process import Server
from tests.ui import memory
from tests.ui.browser import require_accessible

View = Callable[[str], Page]

MIDDLE_OF_ARROW = """() => {
    const line = [...document.querySelectorAll('.graph path.line')].find(path => path.getAttribute('d'));
    const { x, y } = line.getPointAtLength(line.getTotalLength() / 2).matrixTransform(line.getScreenCTM());
    return [x, y];
}"""


@pytest.fixture(scope="module")
def observing(shown: Server) -> None:
    """The workspace `observing`, where Bob observes Ann and Cid, and the peer `__proto__` speaks."""
    path = "/v3/workspaces/observing/sessions"
    with shown.client() as client:
        memory.post(client, path, {"id": "s", "peers": {"ann": {}, "cid": {}, "bob": {"observe_others": True}}})
        said = [("ann", "I live in Rome."), ("cid", "I have a dog called Rex."), ("__proto__", "I like tea.")]
        memory.say(client, "observing", "s", said, day=4)
        memory.settle(client, "observing")


def at_rest(page: Page) -> None:
    page.locator(".graph[aria-busy=false]").wait_for()


@pytest.mark.usefixtures("observing")
def test_graph_and_tables_lead_to_what_one_peer_knows_of_another(view: View) -> None:
    page = view("w/observing/observers")
    pairs = page.get_by_role("region", name="Pairs").get_by_role("row")
    expect(pairs.filter(has_text="bob")).to_have_count(3)
    expect(page.get_by_role("status")).to_contain_text("4 peers, 6 pairs")
    at_rest(page)
    expect(page.locator(".graph .peer")).to_have_count(4)
    require_accessible(page)
    page.mouse.move(*page.evaluate(MIDDLE_OF_ARROW))
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url("**/#/w/observing/peers/*?observer=bob")
    page.go_back()
    pairs.filter(has_text="bob").filter(has_text="cid").get_by_role("link", name="cid").click()
    page.wait_for_url("**/#/w/observing/peers/cid?observer=bob")


@pytest.mark.usefixtures("observing")
def test_search_and_neighbours_narrow_the_graph(view: View) -> None:
    page = view("w/observing/observers")
    page.get_by_label("Peers whose id contains").fill("CI")
    peers = page.get_by_role("region", name="Peers").get_by_role("row")
    expect(peers).to_have_count(3)  # the head, cid, and bob who knows cid
    page.get_by_label("Peers whose id contains").fill("zzz")
    expect(page.get_by_text("No peer with conclusions matches.")).to_be_visible()
    page.get_by_label("Peers whose id contains").fill("")
    page.get_by_role("link", name="Only __proto__ and its neighbours").click()
    expect(page.get_by_text("Only __proto__ and its neighbours.")).to_be_visible()
    expect(peers).to_have_count(3)


def test_a_workspace_where_nobody_knows_anything_says_so(view: View, shown: Server) -> None:
    with shown.client() as client:
        memory.post(client, "/v3/workspaces", {"id": "mute"})
    page = view("w/mute/observers")
    expect(page.get_by_text("Nobody knows anything yet.")).to_be_visible()


def crowd() -> dict[str, Any]:
    """A graph as large as the API gives, with ids as long as they may be."""
    ids = [f"{n:03}-{'x' * 508 if n < 3 else ''}" for n in range(200)]
    pairs = [(ids[n], ids[(n * 7 + far * far) % 200]) for n in range(200) for far in range(10)]
    return {
        "peers": [{"peer_id": id, "conclusions_held": 10, "conclusions_about": 200 - n} for n, id in enumerate(ids)],
        "pairs": [{"observer_id": a, "observed_id": b, "conclusions": n % 50 + 1} for n, (a, b) in enumerate(pairs)],
        "total_peers": 1200, "total_pairs": 9000, "total_conclusions": 90_000, "truncated": True,
    }  # fmt: skip


def test_a_crowd_is_bounded_and_moved_in_by_keyboard(view: View, page: Page) -> None:
    page.route("**/observers", lambda route: route.fulfill(json=crowd()))
    view("w/demo/observers")
    at_rest(page)
    expect(page.get_by_role("status")).to_contain_text("out of 1,200 peers and 9,000 pairs. Search to see others.")
    expect(page.get_by_role("region", name="Pairs").get_by_role("row")).to_have_count(26)
    page.get_by_role("button", name="Show 100 more").first.click()
    expect(page.get_by_role("region", name="Pairs").get_by_role("row")).to_have_count(126)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    layer = page.locator(".graph g")
    whole = layer.get_attribute("transform")
    assert whole is not None
    page.get_by_role("application").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    expect(layer).not_to_have_attribute("transform", whole)
    page.keyboard.press("0")
    expect(layer).to_have_attribute("transform", whole)


def test_the_layout_gives_way_to_others_while_it_computes(view: View) -> None:
    page = view("w/demo/search")
    turns = page.evaluate(
        """async ({peers, pairs}) => {
            const { layOut } = await import('./static/views/observers/layout.js');
            const nodes = peers.map(peer => ({ ...peer, radius: 10 }));
            const at = new Map(nodes.map(node => [node.peer_id, node]));
            const links = pairs.map(pair => ({ source: at.get(pair.observer_id), target: at.get(pair.observed_id) }));
            let turns = 0;
            const timer = setInterval(() => { turns += 1; }, 1);
            await new Promise(done => layOut(nodes, links, { moved() {}, done }));
            clearInterval(timer);
            return turns;
        }""",
        crowd(),
    )
    assert turns >= 10
