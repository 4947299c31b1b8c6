-- The tables of a changegate evidence store, version 1. May be run again and again: what is there stays.
-- @schema@, @writer@ and @auditor@ stand for the names in use.

DO $$ BEGIN
  IF to_regnamespace('@schema@') IS NULL THEN
    CREATE SCHEMA @schema@;
  END IF;
END $$;

CREATE TABLE IF NOT EXISTS @schema@.versions (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What is created once and never changed.
CREATE TABLE IF NOT EXISTS @schema@.objects (
  key text COLLATE "C" PRIMARY KEY,
  data bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT objects_key CHECK (
    length(key) <= 200 AND key ~ '^[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*$'
    AND key !~ '^(pending/|probe/|tile/.*\.p/)' AND key NOT IN ('checkpoint', 'hint')
  )
);

-- What is removed again, because other objects repeat it: waiting cards, partial tiles; and what a probe tries with.
CREATE TABLE IF NOT EXISTS @schema@.passing (
  key text COLLATE "C" PRIMARY KEY,
  data bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT passing_key CHECK (length(key) <= 200 AND key ~ '^(pending/|probe/[0-9a-f]+/|tile/[a-z0-9/]*\.p/)[a-z0-9._-]+$')
);

-- The only objects that are ever replaced.
CREATE TABLE IF NOT EXISTS @schema@.published (
  key text COLLATE "C" PRIMARY KEY,
  data bytea NOT NULL,
  CONSTRAINT published_key CHECK (key IN ('checkpoint', 'hint'))
);

CREATE OR REPLACE FUNCTION @schema@.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'evidence is never changed: % of %.%', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- They bind the tables' owner, too. ALWAYS: also where session_replication_role says otherwise.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      ('objects', 'no_change', 'UPDATE OR DELETE', 'ROW'),
      ('objects', 'no_truncate', 'TRUNCATE', 'STATEMENT'),
      ('passing', 'no_change', 'UPDATE', 'ROW'),
      ('passing', 'no_truncate', 'TRUNCATE', 'STATEMENT'),
      ('published', 'no_delete', 'DELETE', 'ROW'),
      ('published', 'no_truncate', 'TRUNCATE', 'STATEMENT')
    ) AS wanted (tab, name, events, each)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = wanted.name AND tgrelid = format('@schema@.%I', wanted.tab)::regclass) THEN
      EXECUTE format('CREATE TRIGGER %I BEFORE %s ON @schema@.%I FOR EACH %s EXECUTE FUNCTION @schema@.refuse()',
        wanted.name, wanted.events, wanted.tab, wanted.each);
      EXECUTE format('ALTER TABLE @schema@.%I ENABLE ALWAYS TRIGGER %I', wanted.tab, wanted.name);
    END IF;
  END LOOP;
END $$;

-- The log's entries for people who ask in SQL. It shows what the commits say and proves nothing: `changegate verify` does.
-- OFFSET 0: each commit and each card is parsed once.
CREATE OR REPLACE VIEW @schema@.change_records AS
SELECT
  (batch.content #>> '{before,size}')::bigint + entry.place - 1 AS index,
  (card.content ->> 'time')::timestamptz AS time,
  card.content ->> 'decision' AS decision,
  card.content ->> 'repository' AS repository,
  card.content ->> 'environment' AS environment,
  card.content ->> 'commit' AS commit,
  card.content ->> 'predicateType' AS predicate_type,
  card.content ->> 'envelope' AS record,
  card.content ->> 'facts' AS facts,
  card.content ->> 'about' AS about,
  card.content ->> 'key' AS idempotency_key,
  (batch.content ->> 'number')::bigint AS commit_number,
  (batch.content ->> 'time')::timestamptz AS committed_at,
  stored.created_at AS stored_at,
  convert_from(decode(convert_from(envelope.data, 'UTF8')::jsonb ->> 'payload', 'base64'), 'UTF8')::jsonb AS statement
FROM @schema@.objects AS stored
CROSS JOIN LATERAL (SELECT convert_from(stored.data, 'UTF8')::jsonb AS content OFFSET 0) AS batch
CROSS JOIN LATERAL jsonb_array_elements_text(batch.content -> 'entries') WITH ORDINALITY AS entry (text, place)
CROSS JOIN LATERAL (SELECT entry.text::jsonb AS content OFFSET 0) AS card
LEFT JOIN @schema@.objects AS envelope
  ON envelope.key = 'envelope/' || left(card.content ->> 'envelope', 2) || '/' || (card.content ->> 'envelope') || '.json'
WHERE stored.key >= 'commit/' AND stored.key < 'commit0';

INSERT INTO @schema@.versions (version) VALUES (1) ON CONFLICT DO NOTHING;
