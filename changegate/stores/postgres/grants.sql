-- Who may do what in a changegate evidence store. Needs the tables' owner; the roles must exist.
-- A writer names neither created_at nor anything else: the server's clock does.

GRANT USAGE ON SCHEMA @schema@ TO @writer@, @auditor@;
GRANT SELECT ON @schema@.versions, @schema@.objects, @schema@.passing, @schema@.published, @schema@.change_records TO @writer@, @auditor@;
GRANT INSERT (key, data) ON @schema@.objects, @schema@.passing, @schema@.published TO @writer@;
GRANT UPDATE (data) ON @schema@.published TO @writer@;
GRANT DELETE ON @schema@.passing TO @writer@;
