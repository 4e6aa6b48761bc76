"""Everything an operator can set, read once at start and handed down; nothing else reads the environment.

Sources, the first that has a value wins: command-line flags, environment variables `OMOIDE_…`, the file `omoide.toml`
in the working directory, the defaults here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from omoide.setting_values import Choice, DatabasePath, Endpoint, Listed, Networks, Origins

PREFIX = "OMOIDE_"
MIN_SECRET_BYTES = 32


class WrongSetting(ValueError):
    """A setting that nothing can be done with. Its text is one line for the operator."""


class SettingsFile(TomlConfigSettingsSource):
    """The file as a source. Raises WrongSetting if it cannot be read."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        try:
            return super()._read_file(file_path)
        except (OSError, ValueError) as error:  # not there for us, or no TOML in UTF-8
            raise WrongSetting(f"{file_path} cannot be read: {error}") from error


class Settings(BaseSettings):
    """Frozen. Raises pydantic's ValidationError for a value that makes no sense, naming the setting, and WrongSetting
    for a file that cannot be read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file="omoide.toml", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    workers: int = Field(
        1,
        ge=0,
        le=64,
        description="How many processes serve, beside the one that thinks. 0: one process does everything.",
    )
    db: DatabasePath = Field(Path("omoide.db"), description="The database file. Created if missing.")
    auth: bool = Field(False, description="Whether every call needs a key.")
    jwt_secret: SecretStr = Field(SecretStr(""), description="What keys are signed with (HS256). Needed with auth.")
    public_without_auth: bool = Field(
        False, description="Whether the server may listen on a public address while auth is off."
    )
    allowed_hosts: Listed = Field(
        (),
        description="By which host names the server may be called while auth is off, with commas between; * is any. "
        "Empty: on a loopback address localhost and IP addresses, elsewhere any.",
    )
    cors_origins: Origins = Field(
        (),
        description="Which web pages may use the API, such as https://app.example.org, with commas between; * is any. "
        "Empty: none of another origin.",
    )
    trusted_proxies: Networks = Field(
        ("127.0.0.1", "::1"),
        description="Which addresses or networks a reverse proxy may have, with commas between; * is any. What it says "
        "of the caller's address (X-Forwarded-For) is believed, where rates are limited by address.",
    )
    rate_limit_per_minute: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="How many requests a minute a key may make, or an address where there is no good key; 0: any.",
    )
    rate_limit_burst: int = Field(
        0, ge=0, le=1_000_000, description="How many of these may come at once; 0: as many as in a minute."
    )
    max_connections: int = Field(
        800, ge=8, le=100_000, description="How many connections a server process holds before it closes idle ones."
    )
    max_requests_per_caller: int = Field(
        0,
        ge=0,
        le=100_000,
        description="How many requests of one key may be in progress in a server process, or of an address where there "
        "is no good key. 0: no fixed number; a caller's share in any case depends on what is free.",
    )
    keep_alive_seconds: float = Field(
        20.0,
        gt=0,
        le=3_600,
        description="How long a connection is kept open for the next request. Longer than clients keep it, the "
        "official ones for 5 s, so that they do not send on a connection that is just being closed.",
    )
    max_header_bytes: int = Field(
        32_768,
        ge=4_096,
        le=1_048_576,
        description="The largest head of a request: its first line and headers, in bytes.",
    )
    head_seconds: float = Field(10.0, gt=0, le=600, description="How long the head of a request may take to arrive.")
    body_seconds: float = Field(
        20.0,
        gt=0,
        le=3_600,
        description="How long the body of a request may take to arrive; each kilobyte that came gives a second more.",
    )
    stalled_seconds: float = Field(
        60.0,
        gt=0,
        le=3_600,
        description="How long a client may leave an answer unread, or send on after a refusal, before it is cut off.",
    )
    durability: Annotated[Literal["full", "normal"], Choice] = Field(
        "full",
        description="full: what was acknowledged survives power loss. normal: it survives a crash of the process.",
    )
    busy_timeout_seconds: float = Field(
        5.0, gt=0, le=600, description="How long a write waits for another process to finish its own."
    )
    wal_limit_bytes: int = Field(
        67_108_864,
        ge=1_048_576,
        description="How many bytes the write-ahead log should have at the most. From a quarter of this on it is "
        "emptied, from half of it on long reads wait a moment for that, beyond it /ready calls it degraded.",
    )
    max_body_bytes: int = Field(
        20_000_000, ge=1_000, le=1_000_000_000, description="The largest request body, in bytes."
    )
    max_metadata_bytes: int = Field(
        65_536,
        ge=2,
        le=1_000_000_000,
        description="The largest metadata, configuration or peer card that is taken: the bytes of its JSON in UTF-8, "
        "written without blanks. What is stored already is kept whatever its size.",
    )
    max_answer_bytes: int = Field(
        8_000_000,
        ge=1,
        le=1_000_000_000,
        description="From how many bytes on a context or a search ends early; it has one message at the least.",
    )
    max_observers: int = Field(
        10, ge=0, le=1_000, description="How many peers of one session may have observe_others set."
    )
    max_custom_instruction_tokens: int = Field(
        2_000, ge=0, le=1_000_000, description="The longest custom instructions, in o200k_base tokens."
    )
    idempotency_hours: float = Field(
        24.0, ge=0, le=87_600, description="How long a repeated Idempotency-Key is recognised."
    )
    filter_seconds: float = Field(2.0, gt=0, le=600, description="How long a filtered list may take to read.")
    max_upload_bytes: int = Field(5_242_880, ge=1, le=1_000_000_000, description="The largest uploaded file, in bytes.")
    embedder: str = Field(
        "wordllama",
        description="What turns texts into vectors: wordllama (embedded), or openai:<model> at an endpoint.",
    )
    embedder_base_url: Endpoint = Field("", description="The endpoint of openai:<model>, without /embeddings.")
    embedder_api_key: SecretStr = Field(SecretStr(""), description="The key for that endpoint, if it wants one.")
    embedder_dimensions: int = Field(
        0, ge=0, le=65_536, description="The length of that model's vectors; 0 where it is known."
    )
    model: str = Field(
        "",
        description="The language model that reasons: openai:<model>, anthropic:<model> or google:<model>. Without it "
        "the embedded reasoner works, which needs none.",
    )
    model_base_url: Endpoint = Field(
        "",
        description="The endpoint of that model where it is not the provider's own, such as http://127.0.0.1:8080/v1.",
    )
    model_api_key: SecretStr = Field(SecretStr(""), description="The key for that endpoint. It is sent to no other.")
    model_derive: str = Field("", description="Another model to draw conclusions with.")
    model_summary: str = Field("", description="Another model to summarize with.")
    model_answer: str = Field("", description="Another model to answer questions with.")
    model_dream: str = Field("", description="Another model to dream and to keep peer cards with.")
    model_fallback: str = Field("", description="The model that is asked where another one fails. Without it, none.")
    model_fallback_base_url: Endpoint = Field(
        "", description="Its endpoint where it is neither the provider's own nor that of the model."
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), description="The key for models of openai elsewhere than at the endpoint of the model."
    )
    anthropic_api_key: SecretStr = Field(
        SecretStr(""), description="The key for models of anthropic elsewhere than at the endpoint of the model."
    )
    google_api_key: SecretStr = Field(
        SecretStr(""), description="The key for models of google elsewhere than at the endpoint of the model."
    )
    model_timeout_seconds: float = Field(
        60.0,
        gt=0,
        le=3_600,
        description="How long a request to a model may take. An answer as a whole takes less than a minute in any "
        "case, unless it is streamed, because clients wait no longer.",
    )
    model_concurrency: int = Field(
        4,
        ge=1,
        le=1_000,
        description="How many requests to models run at a time. One of them is kept for questions; of three or "
        "more, questions of one caller leave one to other callers.",
    )
    model_retries: int = Field(
        2, ge=0, le=10, description="How often a request that failed for a passing reason is made again at once."
    )
    model_answer_bytes: int = Field(
        16_777_216,
        ge=65_536,
        le=1_000_000_000,
        description="How many bytes are read of an answer of a model at most, compressed or not; of one that is not "
        "streamed at most 4 MiB.",
    )
    model_output: Annotated[Literal["auto", "schema", "json", "prompt"], Choice] = Field(
        "auto",
        description="How a model is made to answer in a given form: by a JSON schema, by JSON mode, or in words. auto "
        "begins with the first and goes on to the next when the endpoint refuses.",
    )
    derive_fallback: bool = Field(
        False, description="Whether the embedded reasoner draws conclusions while the provider of the model is away."
    )
    reasoning_enabled: bool = Field(True, description="Whether conclusions are drawn from messages.")
    peer_card_enabled: bool = Field(True, description="Whether peer cards are used in chat, and kept by the server.")
    summary_enabled: bool = Field(True, description="Whether sessions are summarized.")
    messages_per_short_summary: int = Field(
        20, ge=10, le=100, description="After how many messages a session's short summary is renewed."
    )
    messages_per_long_summary: int = Field(
        60, ge=20, le=500, description="After how many messages a session's long summary is renewed."
    )
    dream_enabled: bool = Field(
        True, description="Whether what is known about a peer is looked over from time to time. Off is final."
    )
    quiet_seconds: float = Field(
        5.0, ge=0, le=86_400, description="For how long nothing more is said before a short text is reasoned about."
    )
    unit_tokens: int = Field(
        512,
        ge=0,
        le=16_384,
        description="How many tokens a peer says in a session before they are reasoned about at once.",
    )
    unit_patience_seconds: float = Field(
        60.0, ge=0, le=86_400, description="How long a text waits at the most while more is said."
    )
    batch_tokens: int = Field(
        1_024, ge=128, le=16_384, description="How many tokens are reasoned about in one go, context included."
    )
    deduplicate: bool = Field(
        True, description="Whether conclusions that say the same in nearly the same words are kept once."
    )
    dream_threshold: int = Field(
        50, ge=1, le=1_000, description="How many new conclusions about a peer make it dream by itself."
    )
    dream_idle_minutes: float = Field(
        60.0, ge=0, le=1_440, description="For how long nothing is learned about a peer before it dreams by itself."
    )
    dream_min_hours: float = Field(8.0, ge=0, le=720, description="How long a peer sleeps between two such dreams.")
    reasoning_attempts: int = Field(
        8,
        ge=1,
        le=1_000,
        description="How often a piece of reasoning that fails is tried before it is given up. Outages of a "
        "provider do not count.",
    )
    chat_keepalive_seconds: float = Field(
        10.0, gt=0, le=600, description="After how long without a word a streamed answer shows that it is still coming."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="What webhook events are signed with. Without it none is sent."
    )
    webhook_private_targets: bool = Field(
        False, description="Whether webhook events may be sent to private, loopback and link-local addresses."
    )
    webhook_timeout_seconds: float = Field(
        30.0, gt=0, le=600, description="How long a webhook endpoint may take to answer."
    )
    webhook_attempts: int = Field(
        10,
        ge=1,
        le=1_000,
        description="How often a webhook event is tried before it is given up; ten times take some minutes.",
    )
    worker_niceness: int = Field(
        19,
        ge=0,
        le=19,
        description="How far the worker of `omoide serve` stands back where processors are short: see nice(1).",
    )
    worker_concurrency: int = Field(4, ge=1, le=100, description="How many jobs a worker runs at a time.")
    job_poll_seconds: float = Field(
        2.0, gt=0, le=3_600, description="How often a worker looks for jobs that other processes left."
    )
    stop_seconds: float = Field(
        3.0, ge=0, le=600, description="How long running jobs may go on after the server was told to stop."
    )
    job_lease_seconds: float = Field(
        60.0,
        gt=0,
        le=86_400,
        description="After how long without a sign of life a job is taken from its worker.",
    )
    log_format: Annotated[Literal["text", "json"], Choice] = Field(
        "text", description="Lines of the log: text, or json, an object each."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Choice] = Field(
        "info", description="From which level on something is logged."
    )
    access_log: bool = Field(False, description="Whether every request is logged: never its body or its key.")
    metrics: Annotated[Literal["key", "open", "off"], Choice] = Field(
        "key",
        description="Who may read /metrics: key, with auth on whoever has an admin key; open, everybody; off, nobody.",
    )
    ready_seconds: float = Field(
        2.0, gt=0, le=600, description="How long the database may take to answer before /ready calls it down."
    )
    ready_worker_seconds: float = Field(
        30.0, gt=0, le=86_400, description="After how long without a sign of life /ready calls the worker down."
    )
    ready_backlog_seconds: float = Field(
        300.0,
        gt=0,
        le=31_536_000,
        description="How long a job may be overdue before /ready calls the backlog degraded.",
    )
    ready_free_bytes: int = Field(
        268_435_456, ge=0, description="With how little room left on the disk /ready calls the database degraded."
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
    def _empty_means_unset(cls, values: Any) -> Any:
        """`OMOIDE_PORT=` in a compose file is a setting left blank, not a wrong one."""
        return {key: value for key, value in values.items() if value != ""} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _short_summaries_come_more_often(self) -> Settings:
        if self.messages_per_short_summary >= self.messages_per_long_summary:
            raise ValueError("messages_per_short_summary must be less than messages_per_long_summary")
        return self

    @model_validator(mode="after")
    def _other_models_stand_beside_a_model(self) -> Settings:
        others = ("model_derive", "model_summary", "model_answer", "model_dream", "model_fallback", "model_base_url")
        if not self.model and (given := [name for name in others if getattr(self, name)]):
            raise ValueError(f"{given[0]} is set but model is empty: set OMOIDE_MODEL")
        return self

    @model_validator(mode="after")
    def _what_belongs_to_something_has_it(self) -> Settings:
        if self.rate_limit_burst and not self.rate_limit_per_minute:
            raise ValueError("rate_limit_burst is set but nothing is limited: set OMOIDE_RATE_LIMIT_PER_MINUTE")
        if self.embedder_base_url and self.embedder == "wordllama":
            raise ValueError("embedder_base_url is set but the embedded embedder is used: set OMOIDE_EMBEDDER")
        return self

    @model_validator(mode="after")
    def _auth_needs_a_secret(self) -> Settings:
        if self.auth and not self.jwt_secret.get_secret_value():
            raise ValueError("auth is on but jwt_secret is empty: set OMOIDE_JWT_SECRET")
        # RFC 7518, section 3.2: a key for HS256 is no shorter than its hash.
        if 0 < len(self.jwt_secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"jwt_secret must have at least {MIN_SECRET_BYTES} bytes")
        return self
