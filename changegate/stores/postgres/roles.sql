-- The roles of a changegate evidence store. Nobody logs in as them: GRANT @writer@ TO a pipeline's user, GRANT @auditor@ TO an auditor's.
-- Needs the right to make roles.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['@writer@', '@auditor@'] LOOP
    IF to_regrole(wanted) IS NULL THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
  END LOOP;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL; -- another database's set-up made them just now
END $$;
