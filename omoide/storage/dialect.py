"""Fragments of SQL that each engine spells differently: the only ones in statements that several engines run.

    array(values)               a bound list, for the next two
    unnest(type, alias)         FROM source: the columns `key` (position) and `value` of a bound list of `type`
    array_of_rows(rows)         a bound list of rows of integers, for the next one
    unnest_rows(alias, columns) FROM source: the column `key` (position) and those of a bound list of rows
    in_array(type)              condition after an expression: it equals an item of a bound list
    ORDERED_JOIN                JOIN … ON, performed in the order written, which SQLite's planner may not change
    CASELESS_LIKE               LIKE that ignores the case of ASCII letters at least
    for_update(alias)           locks the selected row until the end of the write, before it is read
    for_key_share(alias)        as for_update, but writes that read it so do not wait for each other
    skip_locked()               as for_update, and leaves out rows that others hold
    use_index, without_index    hints: the index that must be used, and a column for which none may be used
    greatest, least             of several values, none of them NULL
    is_integer, is_blob         whether a stored value is an integer, or bytes: SQLite accepts any value in any column
    count_or_zero               a stored count, 0 if it is invalid
    byte_length                 the size of a text in bytes
    holds_text                  whether a text contains another
    holds_casefolded            whether a text contains a case-folded one, by Unicode's case folding
    holds_literally             the same for a `literal_text`, which also ignores how letters are written
    json_or_null                a column of JSON, NULL if it is invalid
    stored_json                 a column of JSON where validating it first would be too slow
    json_holds                  whether a JSON list contains a text
    json_holds_any, …_all       whether a JSON list contains any or all items of a bound list
    json_list_of                a JSON list of one value
    json_members                an object with only the given members of a JSON object
    share_of                    the workspace that a job's time is charged to, as the index `jobs_share` has it
    IntegrityError              the error of a statement that contradicts a constraint
    insert_row                  run an INSERT of one row, and return the row number that it got

A process uses one engine, so statements are composed once, when their module is loaded.
"""

from typing import TYPE_CHECKING

from omoide.core.database_location import IS_POSTGRESQL

if TYPE_CHECKING or not IS_POSTGRESQL:
    from omoide.storage.sqlite.dialect import (
        CASELESS_LIKE,
        ORDERED_JOIN,
        IntegrityError,
        array,
        array_of_rows,
        byte_length,
        count_or_zero,
        for_key_share,
        for_update,
        greatest,
        holds_casefolded,
        holds_literally,
        holds_text,
        in_array,
        insert_row,
        is_blob,
        is_integer,
        json_holds,
        json_holds_all,
        json_holds_any,
        json_list_of,
        json_members,
        json_or_null,
        least,
        skip_locked,
        stored_json,
        unnest,
        unnest_rows,
        use_index,
        without_index,
    )
    from omoide.storage.sqlite.job_shares import share_of
else:
    from omoide.storage.postgresql.dialect import (
        CASELESS_LIKE,
        ORDERED_JOIN,
        IntegrityError,
        array,
        array_of_rows,
        byte_length,
        count_or_zero,
        for_key_share,
        for_update,
        greatest,
        holds_casefolded,
        holds_literally,
        holds_text,
        in_array,
        insert_row,
        is_blob,
        is_integer,
        json_holds,
        json_holds_all,
        json_holds_any,
        json_list_of,
        json_members,
        json_or_null,
        least,
        share_of,
        skip_locked,
        stored_json,
        unnest,
        unnest_rows,
        use_index,
        without_index,
    )

__all__ = [
    "CASELESS_LIKE",
    "ORDERED_JOIN",
    "IntegrityError",
    "array",
    "array_of_rows",
    "byte_length",
    "count_or_zero",
    "for_key_share",
    "for_update",
    "greatest",
    "holds_casefolded",
    "holds_literally",
    "holds_text",
    "in_array",
    "insert_row",
    "is_blob",
    "is_integer",
    "json_holds",
    "json_holds_all",
    "json_holds_any",
    "json_list_of",
    "json_members",
    "json_or_null",
    "least",
    "share_of",
    "skip_locked",
    "stored_json",
    "unnest",
    "unnest_rows",
    "use_index",
    "without_index",
]
