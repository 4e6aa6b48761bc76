"""The settings of the server itself: addresses, limits, the database, monitoring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from omoide.core.setting_types import (
    CaseInsensitive,
    CommaSeparated,
    DatabaseSetting,
    Endpoints,
    Networks,
    Origins,
    PublicUrl,
    SettingGroup,
)


class ServerSettings(SettingGroup):
    """Where the server listens, and who may call it."""

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 picks a free one.")
    workers: int = Field(
        1,
        ge=0,
        le=64,
        description="Number of API processes; reasoning has its own. 0: one process for everything.",
    )
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
    public_url: PublicUrl = Field(
        "",
        description="The server's URL as clients know it, behind a reverse proxy, such as https://memory.example.org. "
        "Empty: the one that they used.",
    )
    authorization_servers: Endpoints = Field(
        (),
        description="Issuers of OAuth servers that make keys for this server, comma-separated, for MCP clients. "
        "Empty: keys are made by the operator only.",
    )
    mcp_tools: Literal["core", "full"] = Field(
        "core", description="The tools at /mcp: the nine core ones, or those of the original. /mcp/full has the latter."
    )
    ui: bool = Field(True, description="Serve the page to look at memory.")
    ui_writes: bool | None = Field(
        None,
        description="Offer changes on that page, such as corrections and deletions, which the API allows in any case. "
        "Empty: only if auth is off and the server listens on a loopback address.",
    )


class RequestSettings(SettingGroup):
    """Limits of connections, requests and responses."""

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
    export_seconds: float = Field(
        1_800.0,
        gt=0,
        le=86_400,
        description="Maximum duration of an export over HTTP. The write-ahead log keeps what is written meanwhile.",
    )


class StorageSettings(SettingGroup):
    """The database file."""

    db: DatabaseSetting = Field(
        Path("omoide.db"), description="The database file, created if missing; or the URL of a PostgreSQL database."
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


class MonitoringSettings(SettingGroup):
    """Logs, metrics and health."""

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
