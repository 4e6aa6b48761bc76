"""Scripts of later migration steps."""

from __future__ import annotations

# Conclusions that ended (superseded, invalid, merged) are hidden like deleted ones, but their rows are kept: only rows
# without `ended_as` are removed. `successor` is the id of the conclusion that took the place of an ended one.
# `conclusion_messages` holds the messages behind each explicit conclusion, `conclusion_topics` what it is about, as
# hashes, so that the conclusions that a new one may supersede are found without reading the others.
CHANGES = """\
ALTER TABLE conclusions ADD COLUMN valid_from INTEGER;
ALTER TABLE conclusions ADD COLUMN valid_until INTEGER;
ALTER TABLE conclusions ADD COLUMN ended_as TEXT;
ALTER TABLE conclusions ADD COLUMN successor TEXT;
ALTER TABLE messages ADD COLUMN utc_offset INTEGER;
ALTER TABLE sessions ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE conclusion_messages (
    message INTEGER NOT NULL, conclusion INTEGER NOT NULL, PRIMARY KEY (message, conclusion)) WITHOUT ROWID;
CREATE INDEX conclusion_messages_of ON conclusion_messages (conclusion);
CREATE TABLE conclusion_topics (
    observer INTEGER NOT NULL, observed INTEGER NOT NULL, topic INTEGER NOT NULL, conclusion INTEGER NOT NULL,
    PRIMARY KEY (observer, observed, topic, conclusion)) WITHOUT ROWID;
CREATE INDEX conclusion_topics_of ON conclusion_topics (conclusion);
CREATE INDEX conclusions_ended ON conclusions (observer, observed, same) WHERE ended_as IS NOT NULL;
CREATE INDEX conclusions_successor ON conclusions (successor) WHERE successor IS NOT NULL;
DROP INDEX conclusions_deleted;
CREATE INDEX conclusions_deleted ON conclusions (deleted_at) WHERE deleted_at IS NOT NULL AND ended_as IS NULL;
INSERT OR IGNORE INTO conclusion_messages SELECT m.pk, c.pk FROM conclusions c,
    json_each(iif(json_valid(c.details), c.details, '{}'), '$.message_ids') source
    JOIN messages m ON m.id = source.value
    WHERE c.level = 'explicit' AND c.deleted_at IS NULL;
INSERT INTO jobs (kind, payload, created_at, due_at, key)
    SELECT 'fill_topics', json_object('after', 0, 'through', max(pk)), unixepoch() * 1000000, 0, 'fill_topics'
    FROM conclusions HAVING count(*) > 0;
"""

# Tokens that models used, by day (since 1970, UTC) and workspace, and in all. A workspace that has spent its budget of
# a day has a row in `budget_pauses`.
USAGE = """\
CREATE TABLE model_usage (
    day INTEGER NOT NULL, workspace INTEGER NOT NULL REFERENCES workspaces, task TEXT NOT NULL, model TEXT NOT NULL,
    calls INTEGER NOT NULL, estimated_calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, thinking_tokens INTEGER NOT NULL,
    PRIMARY KEY (day, workspace, task, model)) WITHOUT ROWID;
CREATE INDEX model_usage_workspace ON model_usage (workspace);
CREATE TABLE usage_totals (
    task TEXT NOT NULL, model TEXT NOT NULL,
    calls INTEGER NOT NULL, estimated_calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, thinking_tokens INTEGER NOT NULL,
    PRIMARY KEY (task, model)) WITHOUT ROWID;
CREATE TABLE budget_pauses (
    workspace INTEGER PRIMARY KEY REFERENCES workspaces, until INTEGER NOT NULL) WITHOUT ROWID;
"""

# The last attempt to deliver an event to a webhook endpoint: when, the status of the answer, what was wrong, and the
# number of failed attempts since the last success.
DELIVERIES = """\
ALTER TABLE webhooks ADD COLUMN tried_at INTEGER;
ALTER TABLE webhooks ADD COLUMN status INTEGER;
ALTER TABLE webhooks ADD COLUMN error TEXT;
ALTER TABLE webhooks ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
"""
