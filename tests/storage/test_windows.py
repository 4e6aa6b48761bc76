"""What an observer did not hear is no context of what it learns."""

from __future__ import annotations

from omoide.storage import messages
from omoide.storage.messages import Stretch, WindowSize
from omoide.storage.sqlite.engine import Store
from tests import sql
from tests.storage.test_membership_intervals import WrittenSession, play


def test_the_turns_before_a_window_are_those_that_all_learners_heard(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.say("how are you?", peer="carol")
        talk.say("my secret", peer="alice")
        talk.join("bob")
        talk.say("both hear", peer="alice")
        talk.leave("bob")
        talk.say("another secret", peer="alice")
        talk.say("gossip", peer="carol")
        talk.join("bob")
        talk.say("hello again", peer="carol")
        talk.say("hello", peer="alice")
        pks = {id: pk for pk, id in sql.rows(talk.db, "SELECT pk, id FROM peers")}
        session = sql.value(talk.db, "SELECT pk FROM sessions")

        def before(*learning: str) -> list[str]:
            size, rows = WindowSize(1_000, counts_others=False, before=9), [pks[each] for each in learning]
            found = messages.window(talk.db, Stretch(session, 7, 7), pks["alice"], size, rows)
            assert [each.content for each in found.messages] == ["hello again", "hello"]
            return [each.content for each in found.before]

        assert before("alice") == ["how are you?", "my secret", "both hear", "another secret", "gossip"]
        assert before("alice", "bob") == ["both hear"]

    play(store, story)
