"""The tables of a forest. One writer, any number of readers (WAL); `synchronous=FULL`: a commit is on disk.

`calls` holds one row a request: its key, the digest of the whole request, the request, and (once it came)
the answer. A row without an answer is an intent: it may have been paid for.
"""

VERSION = "1"

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS problems (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, tree TEXT NOT NULL, actor TEXT NOT NULL, digest TEXT NOT NULL, request TEXT NOT NULL,
    samples INTEGER NOT NULL, sent REAL NOT NULL, answered REAL, answer TEXT,
    input_tokens INTEGER NOT NULL DEFAULT 0, cached_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0, price_usd REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS observations (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actions (
    tree TEXT NOT NULL, turn INTEGER NOT NULL, place INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (tree, turn, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passed_over (problem TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trees (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
"""

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=10000",
)
