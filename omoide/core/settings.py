"""The server's settings, read once at start and passed down; no other module reads the environment.

Sources in order of precedence: command-line options, environment variables `OMOIDE_…`, the file `omoide.toml` in the
working directory, the defaults here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from omoide.core.answer_levels import LevelChanges, ReasoningLevel
from omoide.core.setting_types import (
    CaseInsensitive,
    CommaSeparated,
    DatabasePath,
    Endpoint,
    JsonTable,
    Networks,
    Origins,
)
from omoide.core.settings_checks import check_settings
from omoide.core.settings_file import SettingsError, SettingsFile

__all__ = ["PREFIX", "Settings", "SettingsError"]

PREFIX = "OMOIDE_"


class Settings(BaseSettings):
    """The settings, immutable. Raises pydantic's ValidationError for an invalid value, and SettingsError for a file
    that cannot be read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file="omoide.toml", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 picks a free one.")
    workers: int = Field(
        1,
        ge=0,
        le=64,
        description="Number of API processes; reasoning has its own. 0: one process for everything.",
    )
    db: DatabasePath = Field(Path("omoide.db"), description="The database file. Created if missing.")
    auth: bool = Field(False, description="Require a key for every call.")
    jwt_secret: SecretStr = Field(
        SecretStr(""), description="The secret that signs keys (HS256). Required if auth is on."
    )
    public_without_auth: bool = Field(False, description="Allow listening on a public address while auth is off.")
    allowed_hosts: CommaSeparated = Field(
        (),
        description="Host names accepted in requests while auth is off, comma-separated; * for any. "
        "Empty: localhost and IP addresses on a loopback address, otherwise any.",
    )
    cors_origins: Origins = Field(
        (),
        description="Origins of web pages that may use the API, such as https://app.example.org, comma-separated; "
        "* for any. Empty: the server's own origin only.",
    )
    trusted_proxies: Networks = Field(
        ("127.0.0.1", "::1"),
        description="Addresses or networks of reverse proxies, comma-separated; * for any. Their "
        "X-Forwarded-For header gives the caller's address for rate limits.",
    )
    rate_limit_per_minute: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Requests per minute allowed for a key, or for an address without a valid key; 0 for no limit.",
    )
    rate_limit_burst: int = Field(
        0, ge=0, le=1_000_000, description="Burst size of the rate limit in requests; 0 for the number per minute."
    )
    max_connections: int = Field(
        800, ge=8, le=100_000, description="Maximum connections per API process; beyond it idle ones are closed."
    )
    max_requests_per_caller: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Maximum concurrent requests per API process of one key, or of one address without a valid key. "
        "0: no fixed limit; the share of free capacity limits every caller in any case.",
    )
    keep_alive_seconds: float = Field(
        20.0,
        gt=0,
        le=3_600,
        description="Keep-alive timeout of idle connections. Keep it above that of clients (5 s in the official SDKs), "
        "so that they do not send on a connection that is being closed.",
    )
    max_header_bytes: int = Field(
        32_768,
        ge=4_096,
        le=1_048_576,
        description="Maximum size of the request line and headers in bytes.",
    )
    header_timeout_seconds: float = Field(
        10.0, gt=0, le=600, description="Timeout for receiving the request line and headers."
    )
    body_timeout_seconds: float = Field(
        20.0,
        gt=0,
        le=3_600,
        description="Timeout for receiving a request body; each received kilobyte adds a second.",
    )
    write_timeout_seconds: float = Field(
        60.0,
        gt=0,
        le=3_600,
        description="Timeout for a client that does not read the response, or keeps sending after a refusal.",
    )
    durability: Annotated[Literal["full", "normal"], CaseInsensitive] = Field(
        "full",
        description="full: acknowledged writes survive power loss. normal: they survive a crash of the process.",
    )
    busy_timeout_seconds: float = Field(
        5.0, gt=0, le=600, description="Timeout of a write that waits for the write lock of another process."
    )
    wal_limit_bytes: int = Field(
        67_108_864,
        ge=1_048_576,
        description="Target maximum of the write-ahead log in bytes. A checkpoint starts at a quarter of it, long "
        "reads wait briefly for the checkpoint from half of it on, and above it /ready reports degraded.",
    )
    max_body_bytes: int = Field(
        20_000_000, ge=1_000, le=1_000_000_000, description="Maximum size of a request body in bytes."
    )
    max_metadata_bytes: int = Field(
        65_536,
        ge=2,
        le=1_000_000_000,
        description="Maximum size of metadata, a configuration or a peer card, as compact UTF-8 JSON in bytes. "
        "Larger values that are already stored are kept.",
    )
    max_answer_bytes: int = Field(
        8_000_000,
        ge=1,
        le=1_000_000_000,
        description="Size in bytes at which a context or search result is cut; it has at least one message.",
    )
    max_observers: int = Field(
        10, ge=0, le=1_000, description="Maximum number of peers with observe_others in a session."
    )
    max_custom_instruction_tokens: int = Field(
        2_000, ge=0, le=1_000_000, description="Maximum length of custom instructions in o200k_base tokens."
    )
    idempotency_hours: float = Field(24.0, ge=0, le=87_600, description="Retention of idempotency keys.")
    filter_seconds: float = Field(2.0, gt=0, le=600, description="Query timeout of filtered lists.")
    max_upload_bytes: int = Field(
        5_242_880, ge=1, le=1_000_000_000, description="Maximum size of an uploaded file in bytes."
    )
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
    log_format: Annotated[Literal["text", "json"], CaseInsensitive] = Field(
        "text", description="Format of the log: text, or json with one object per line."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], CaseInsensitive] = Field(
        "info", description="Minimum level of log messages."
    )
    access_log: bool = Field(False, description="Log every request, without its body and key.")
    metrics: Annotated[Literal["key", "open", "off"], CaseInsensitive] = Field(
        "key",
        description="Access to /metrics. key: an admin key if auth is on; open: no key; off: no access.",
    )
    ready_seconds: float = Field(
        2.0, gt=0, le=600, description="Database response time above which /ready reports the database down."
    )
    ready_worker_seconds: float = Field(
        30.0, gt=0, le=86_400, description="Time without a heartbeat after which /ready reports the worker down."
    )
    ready_backlog_seconds: float = Field(
        300.0,
        gt=0,
        le=31_536_000,
        description="Age of a due job above which /ready reports the backlog degraded.",
    )
    ready_free_bytes: int = Field(
        268_435_456, ge=0, description="Free disk space below which /ready reports the database degraded."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SettingsFile(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        """Treat an empty value, such as `OMOIDE_PORT=` in a compose file, as unset."""
        return {key: value for key, value in values.items() if value != ""} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check(self) -> Settings:
        check_settings(self)
        return self
