"""The settings of what the server does with messages: search, models, reasoning, webhooks, jobs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from omoide.core.answer_levels import LevelChanges, ReasoningLevel
from omoide.core.setting_types import CaseInsensitive, CommaSeparated, Endpoint, JsonTable, SettingGroup


class SearchSettings(SettingGroup):
    """Embedding and ranking."""

    embedder: str = Field(
        "bge-small",
        description="The embedding model: bge-small (embedded), wordllama (embedded, faster, finds less), e5 (100 "
        "languages, slower, needs the extra multilingual), or openai:<model> at an endpoint. A change embeds all texts "
        "again, in the background.",
    )
    embedder_base_url: Endpoint = Field("", description="The endpoint of openai:<model>, without /embeddings.")
    embedder_api_key: SecretStr = Field(SecretStr(""), description="The key for that endpoint, if it requires one.")
    embedder_dimensions: int = Field(
        0, ge=0, le=65_536, description="The dimensions of that model's vectors; 0 for a known model."
    )
    cross_encoder: bool = Field(
        True, description="Rank texts by how well they answer a question with the embedded cross-encoder."
    )
    rerank: bool = Field(
        False, description="Order search results by the cross-encoder unless a search says otherwise. Takes 0.4 s."
    )
    inference_threads: int = Field(
        1, ge=1, le=64, description="Threads of an embedded model for one text, in each process that uses it."
    )


class ModelSettings(SettingGroup):
    """Language models, and what they may cost."""

    model: str = Field(
        "",
        description="The language model for reasoning: openai:<model>, anthropic:<model> or google:<model>. Empty: the "
        "embedded reasoner, which needs no model.",
    )
    model_base_url: Endpoint = Field(
        "",
        description="The endpoint of that model if it is not the provider's own, such as http://127.0.0.1:8080/v1.",
    )
    model_api_key: SecretStr = Field(
        SecretStr(""), description="The key for that endpoint. It is not sent to any other."
    )
    model_derive: str = Field("", description="A different model for deriving conclusions.")
    model_summary: str = Field("", description="A different model for summaries.")
    model_answer: str = Field("", description="A different model for answering questions.")
    answer_levels: Annotated[dict[ReasoningLevel, LevelChanges], *JsonTable] = Field(
        {},
        description="What differs from the defaults of the reasoning levels with a language model, as JSON by level: "
        "model, effort, temperature, output_tokens, rounds, seconds, prefetch_tokens.",
    )
    model_dream: str = Field("", description="A different model for dreams and peer cards.")
    model_fallback: str = Field("", description="The model to use when another one fails. Empty: no fallback.")
    model_fallback_base_url: Endpoint = Field(
        "", description="The endpoint of the fallback model if it is neither the provider's own nor that of model."
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), description="The key for openai models, except at the endpoint of model."
    )
    anthropic_api_key: SecretStr = Field(
        SecretStr(""), description="The key for anthropic models, except at the endpoint of model."
    )
    google_api_key: SecretStr = Field(
        SecretStr(""), description="The key for google models, except at the endpoint of model."
    )
    model_timeout_seconds: float = Field(
        180.0,
        gt=0,
        le=3_600,
        description="Timeout of a request to a model, or of a stream between two pieces. A whole answer that is not "
        "streamed has the seconds of its level (answer_levels).",
    )
    model_concurrency: int = Field(
        4,
        ge=1,
        le=1_000,
        description="Maximum concurrent requests to models. One is reserved for questions; of three or more, questions "
        "of one caller leave one to other callers.",
    )
    model_retries: int = Field(
        2, ge=0, le=10, description="Number of immediate retries of a request that failed for a transient reason."
    )
    model_answer_bytes: int = Field(
        16_777_216,
        ge=65_536,
        le=1_000_000_000,
        description="Maximum size of a model's response in bytes, compressed and uncompressed; at most 4 MiB if it is "
        "not streamed.",
    )
    model_output: Annotated[Literal["auto", "schema", "json", "prompt"], CaseInsensitive] = Field(
        "auto",
        description="How structured output is requested: by JSON schema, JSON mode or prompt. auto tries them in this "
        "order when the endpoint refuses one.",
    )
    derive_fallback: bool = Field(
        False, description="Let the embedded reasoner derive conclusions while the model's provider is unavailable."
    )
    workspace_tokens_per_day: int = Field(
        0,
        ge=0,
        le=1_000_000_000_000,
        description="Budget of models' input and output tokens for a workspace and day (UTC); 0: none. If it is spent, "
        "reasoning waits for the next day or a higher budget, and the embedded reasoner answers questions.",
    )
    usage_days: int = Field(400, ge=1, le=36_500, description="Days for which the tokens of each workspace are kept.")


class ReasoningSettings(SettingGroup):
    """What is derived from messages, and when."""

    reasoning_enabled: bool = Field(True, description="Derive conclusions from messages.")
    peer_card_enabled: bool = Field(True, description="Use peer cards in chat, and update them automatically.")
    summary_enabled: bool = Field(True, description="Summarize sessions.")
    messages_per_short_summary: int = Field(
        20, ge=10, le=100, description="Interval between short summaries of a session, in messages."
    )
    messages_per_long_summary: int = Field(
        60, ge=20, le=500, description="Interval between long summaries of a session, in messages."
    )
    dream_enabled: bool = Field(
        True, description="Run dreams, which consolidate conclusions. Off cannot be overridden by a configuration."
    )
    debounce_seconds: float = Field(
        5.0, ge=0, le=86_400, description="Debounce interval: a short text is processed after this time without more."
    )
    flush_tokens: int = Field(
        512,
        ge=0,
        le=16_384,
        description="Number of tokens of a peer in a session that are processed without waiting for more.",
    )
    max_wait_seconds: float = Field(
        60.0, ge=0, le=86_400, description="Maximum time that a text waits while more messages arrive."
    )
    batch_tokens: int = Field(
        1_024,
        ge=128,
        le=16_384,
        description="Maximum tokens per reasoning step, including context; with a language model, of what the peer "
        "itself says, context not included.",
    )
    model_flush_tokens: int = Field(
        768, ge=0, le=16_384, description="With a language model, in place of flush_tokens."
    )
    model_debounce_seconds: float = Field(
        900.0,
        ge=0,
        le=86_400,
        description="With a language model, in place of debounce_seconds: what is said is gathered, because each "
        "request repeats the rules and the context. Whoever waits for it is not kept waiting.",
    )
    model_max_wait_seconds: float = Field(
        1_800.0, ge=0, le=86_400, description="With a language model, in place of max_wait_seconds."
    )
    assistant_ids: CommaSeparated = Field(
        ("assistant", "bot", "chatbot", "ai", "agent", "tool", "system", "llm", "gpt", "chatgpt"),
        description="Words in the ids of assistants, bots and tools (support-bot, ai_tutor), comma-separated: "
        "nothing is concluded from what they say. Applies to reasoning without a language model.",
    )
    deduplicate: bool = Field(True, description="Merge conclusions with nearly identical wording.")
    dream_threshold: int = Field(
        50, ge=1, le=1_000, description="Number of new conclusions about a peer that triggers an automatic dream."
    )
    dream_idle_minutes: float = Field(
        60.0, ge=0, le=1_440, description="Time without new conclusions about a peer before an automatic dream."
    )
    dream_min_hours: float = Field(
        8.0, ge=0, le=720, description="Minimum interval between automatic dreams for one peer."
    )
    reasoning_attempts: int = Field(
        8,
        ge=1,
        le=1_000,
        description="Maximum attempts at a reasoning job. Outages of a provider do not count.",
    )
    chat_keepalive_seconds: float = Field(
        10.0, gt=0, le=600, description="Interval of keep-alive comments in a streamed answer without output."
    )


class WebhookSettings(SettingGroup):
    """Deliveries of events."""

    webhook_secret: SecretStr = Field(
        SecretStr(""), description="The secret that signs webhook events. Empty: no events are sent."
    )
    webhook_private_targets: bool = Field(
        False, description="Allow webhooks to private, loopback and link-local addresses."
    )
    webhook_timeout_seconds: float = Field(30.0, gt=0, le=600, description="Timeout of a webhook delivery.")
    webhook_attempts: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Maximum attempts at a webhook delivery; ten take some minutes.",
    )


class WorkerSettings(SettingGroup):
    """The background jobs."""

    worker_niceness: int = Field(
        19,
        ge=0,
        le=19,
        description="Scheduling priority of the worker of `omoide serve`; 19 is lowest: see nice(1).",
    )
    worker_concurrency: int = Field(4, ge=1, le=100, description="Maximum concurrent jobs of a worker.")
    job_poll_seconds: float = Field(
        2.0, gt=0, le=3_600, description="Interval at which a worker polls for jobs of other processes."
    )
    shutdown_grace_seconds: float = Field(3.0, ge=0, le=600, description="Grace period of running jobs at shutdown.")
    job_lease_seconds: float = Field(
        60.0,
        gt=0,
        le=86_400,
        description="Time without a heartbeat after which another worker may take over a job.",
    )
