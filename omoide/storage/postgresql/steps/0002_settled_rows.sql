-- A write takes a lock before it inserts rows, with the number that the sequence has reached, once per transaction:
-- see omoide/storage/postgresql/settled_rows.py, which has the same constants.
CREATE FUNCTION omoide_begin_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    setting text := 'omoide.begun_' || TG_TABLE_NAME;
    reached bigint;
BEGIN
    IF coalesce(current_setting(setting, true), '') = '' THEN
        EXECUTE format('SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM %I', TG_TABLE_NAME || '_pk_seq')
            INTO reached;
        PERFORM pg_advisory_xact_lock_shared(
            (CAST(CASE TG_TABLE_NAME WHEN 'messages' THEN 28525 ELSE 28526 END AS bigint) << 48) + reached);
        PERFORM set_config(setting, 'yes', true);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_begin BEFORE INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION omoide_begin_rows();
CREATE TRIGGER conclusions_begin BEFORE INSERT ON conclusions FOR EACH STATEMENT EXECUTE FUNCTION omoide_begin_rows();
