/* SPDX-License-Identifier: PostgreSQL */
#include "promote.h"

#include "inspect.h"
#include "probe.h"

#include <stdio.h>
#include <string.h>

/* Eight hexadecimal digits, a space, and the text of that timeline's history file. */
const char promote_poll_question[] =
        "select case when not pg_is_in_recovery() then (select id || ' ' ||"
        " pg_read_file('pg_wal/' || id || '.history')"
        " from (select substring(pg_walfile_name(pg_current_wal_lsn()) for 8) as id) as line) end";

/* The opening position is where the last entry of the new timeline's history says that it began. */
bool promote_understand(const char *text, struct position *ret_opening, struct history *ret_history)
{
    char id[9];
    memset(ret_opening, 0, sizeof(*ret_opening));
    if (strlen(text) < sizeof(id) || text[8] != ' ') {
        return false;
    }
    snprintf(id, sizeof(id), "%.8s", text);
    uint32_t timeline = probe_parse_timeline(id);
    if (timeline == 0 || !history_parse(text + sizeof(id), timeline, ret_history) ||
        ret_history->count == 0) {
        return false;
    }
    ret_opening->timeline = timeline;
    ret_opening->lsn = ret_history->entries[ret_history->count - 1].switch_lsn;
    return true;
}
