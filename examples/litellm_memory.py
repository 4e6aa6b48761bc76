r"""Memory for every client of a LiteLLM proxy: what is known of a user is added to each prompt, and each turn is kept.

    pip install honcho-ai 'litellm[proxy]'
    export LITELLM_MASTER_KEY=sk-$(openssl rand -hex 32)
    OPENAI_API_KEY=… OPENAI_BASE_URL=https://api.openai.com/v1 litellm --config litellm_config.yaml
    curl http://localhost:4000/v1/chat/completions --header "Authorization: Bearer $LITELLM_MASTER_KEY" --json \
        '{"model": "gpt-5.4-mini", "user": "alice", "messages": [{"role": "user", "content": "I live in Porto."}]}'

Clients name the user in `user`, a field of OpenAI's API, and change nothing else; calls without it pass unchanged. A
client can name anyone there: where clients do not trust each other, take the `user_id` of their keys instead.
"""

import hashlib
import logging
import os
import re
from datetime import UTC, datetime
from typing import Any

from honcho import Honcho
from honcho.api_types import PeerConfig
from honcho.http.exceptions import HonchoError
from honcho.peer import Peer
from litellm.integrations.custom_logger import CustomLogger

MOST_CHARACTERS = 25_000  # of a message
log = logging.getLogger(__name__)


class OmoideMemory(CustomLogger):
    """Hooks of the proxy, for chat completions. While Omoide cannot be reached, calls go on without memory."""

    def __init__(self) -> None:
        super().__init__()
        address = os.environ.get("OMOIDE_URL", "http://localhost:8000")
        self._honcho = Honcho(base_url=address, workspace_id="litellm", timeout=5, max_retries=0)

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> Any:
        """Put what is known of the user, and bears on what was said last, in front of the messages."""
        user = data.get("user")
        if user and data.get("messages") and call_type in {"completion", "acompletion"}:
            try:
                said = _text(data["messages"][-1])[:MOST_CHARACTERS]
                known = await self._peer(user).aio.context(search_query=said)
                facts = [*(known.peer_card or []), known.representation or ""]
                if any(facts):
                    system = "\n".join(["What you know of the user from earlier conversations:", *facts])
                    data["messages"] = [{"role": "system", "content": system}, *data["messages"]]
            except HonchoError:
                log.warning("no memory for this call", exc_info=True)
        return data

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Keep what the user said last and what the model replied; the whole reply also when it was streamed."""
        user = kwargs.get("user") or kwargs.get("optional_params", {}).get("user")
        if not (user and kwargs.get("messages") and kwargs.get("call_type") in {"completion", "acompletion"}):
            return
        last, reply = kwargs["messages"][-1], response_obj.choices[0].message.content
        try:
            peer = self._peer(user)
            assistant = await self._honcho.aio.peer("assistant", configuration=PeerConfig(observe_me=False))
            said = [peer.message(_text(last)[:MOST_CHARACTERS])] if last["role"] == "user" else []  # or a tool's result
            replied = [assistant.message(reply[:MOST_CHARACTERS])] if reply else []  # or a call of a tool
            session = self._honcho.session(f"{peer.id}-{datetime.now(UTC):%Y-%m-%d}")
            if said or replied:
                await session.aio.add_messages([*said, *replied])
        except HonchoError:
            log.warning("this turn is not remembered", exc_info=True)

    def _peer(self, user: str) -> Peer:
        """The peer of a user. An id with other characters than an id may have gets a hash, so that no two are one."""
        plain = re.sub(r"[^a-zA-Z0-9_-]", "-", user)[:100]
        return self._honcho.peer(
            plain if plain == user else f"{plain}-{hashlib.sha256(user.encode()).hexdigest()[:12]}"
        )


def _text(message: dict[str, Any]) -> str:
    """The text of a message, without its pictures."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text") or "" for part in content)


memory = OmoideMemory()
