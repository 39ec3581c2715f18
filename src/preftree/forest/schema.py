"""The tables of a forest. One writer, any number of readers (WAL); `synchronous=FULL`: a commit is on disk.

`calls` holds one row a request: its key, the digest of the whole request, the request, and (once it came)
the answer. A row without an answer is an intent: it may have been paid for. Tables of long rows have row numbers, so
that rows are appended; the indices let a forest of any size be opened, accounted for and read in order at once.
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
);
CREATE INDEX IF NOT EXISTS calls_answered ON calls
    (actor, samples, input_tokens, cached_tokens, output_tokens, price_usd, answered) WHERE answered IS NOT NULL;
CREATE INDEX IF NOT EXISTS calls_open ON calls (actor, attempts, answered) WHERE attempts > (answered IS NOT NULL);
CREATE TABLE IF NOT EXISTS observations (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actions (
    tree TEXT NOT NULL, turn INTEGER NOT NULL, place INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (tree, turn, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusals (key TEXT PRIMARY KEY, tree TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passed_over (problem TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trees (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS trees_order ON trees (seq, id);
"""

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=10000",
)
