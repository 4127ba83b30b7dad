/* SPDX-License-Identifier: PostgreSQL */
#include "probe.h"

#include "inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of what a parameter's name is made. */
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$"

/* The columns of the answer's only row. */
enum column {
    COLUMN_IN_RECOVERY = 0,
    COLUMN_LSN,
    COLUMN_REPLAY_LSN,
    COLUMN_SYSTEM_ID,
    COLUMN_TIMELINE, /* eight hexadecimal digits */
    COLUMN_STREAMING,
    COLUMN_SEALED,     /* the seal that is complete; 0 or NULL: none */
    COLUMN_REPLICAS,   /* "node-2,streaming,0/3000060;..." */
    COLUMN_OLDEST,     /* who is followed: the name of its oldest WAL segment, or NULL */
    COLUMN_SEGMENT,    /* in bytes */
    COLUMN_RESTORES,   /* restore_command is set */
    COLUMN_LIMITS,     /* "100,8,20,0,64", in the order of pg_needs.h */
    COLUMN_PARAMETERS, /* pgbaton.parameters, which stands in pgbaton.conf */
    COLUMN_PENDING,    /* names, like the next; NULL: none, or not asked */
    COLUMN_REFUSED,
    COLUMN_LOWERS,
    COLUMN_SOURCE_LSN,  /* a standby that streams: how far its sender has said to be, and ... */
    COLUMN_SOURCE_HOST, /* ... where that is */
    COLUMN_HISTORY      /* the text of the timeline's .history file; NULL: not asked for, or none */
};

/* What waits for a restart; what stands in the files and is not taken; and whether the next restart
 * lowers what a standby must have as much of as its primary (hot standby, administrator overview).
 */
#define PENDING_COLUMNS                                                                            \
    " case when %s then (select string_agg(name, ',' order by name) from pg_settings"              \
    "   where pending_restart) end,"                                                               \
    " case when %s then (select string_agg(distinct f.name, ',') from pg_file_settings f"          \
    "   where f.error is not null and not exists"                                                  \
    "    (select from pg_settings s where s.name = lower(f.name) and s.pending_restart)) end,"     \
    " %s and exists (select from pg_settings s join pg_file_settings f on s.name = lower(f.name)"  \
    "   where s.pending_restart and s.name in ('max_connections', 'max_worker_processes',"         \
    "    'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction')"             \
    "   and f.seqno = (select max(seqno) from pg_file_settings l where lower(l.name) = s.name)"    \
    "   and case when f.setting ~ '^[0-9]{1,9}$' then f.setting::int < s.setting::int end),"

/* The role is asked once, so that a promotion in the middle gives one consistent row or an error.
 *
 * A seal (fence.c) is complete when nothing can be received any more and all that was received is
 * counted: since its start it has streamed, or its startup process has nothing left to replay. That
 * is asked before the position is: `me` is read first. */
static const char question[] =
        "begin;"
        "select case when not pg_is_in_recovery()"
        " then pg_logical_emit_message(true, 'pgbaton', '') end;"
        "commit;"
        "with me as materialized (select pg_is_in_recovery() as standby,"
        "  case when current_setting('pgbaton_fence.sealed', true) <> '0' and"
        "    (pg_last_wal_receive_lsn() is not null or exists (select from pg_stat_activity"
        "     where backend_type = 'startup' and wait_event = 'RecoveryRetrieveRetryInterval'))"
        "   then current_setting('pgbaton_fence.sealed') end as sealed),"
        " receiver as materialized (select received_tli, status = 'streaming' as streaming,"
        "   latest_end_lsn, sender_host from pg_stat_wal_receiver),"
        " line as materialized (select case when not standby"
        "   then substring(pg_walfile_name(pg_current_wal_lsn()) for 8)"
        "  else coalesce("
        "   (select lpad(upper(to_hex(received_tli)), 8, '0') from receiver where streaming),"
        "   (select max(substring(name for 8)) from pg_ls_waldir()"
        "     where name ~ '^[0-9A-F]{24}$')) end as id from me)"
        " select me.standby,"
        " case when me.standby"
        "  then greatest(coalesce(pg_last_wal_receive_lsn(), '0/0'),"
        "                coalesce(pg_last_wal_replay_lsn(), '0/0'))"
        "  else pg_current_wal_flush_lsn() end,"
        " case when me.standby then coalesce(pg_last_wal_replay_lsn(), '0/0') end,"
        " (select system_identifier from pg_control_system()),"
        " line.id,"
        " coalesce((select streaming from receiver), false),"
        " me.sealed,"
        " (select string_agg(application_name || ',' || state || ',' ||"
        "   coalesce(flush_lsn, '0/0')::text, ';')"
        "   from pg_stat_replication where application_name ~ '^[a-z0-9][a-z0-9-]*$'),"
        " case when (not me.standby or current_setting('primary_conninfo') ~ "
        "'target_session_attrs')"
        "   and exists (select from pg_replication_slots"
        "   where slot_type = 'physical' and slot_name like 'pgbaton\\_%%' and not active)"
        "  then (select min(substring(name from 9)) from pg_ls_dir('pg_wal') name"
        "   where name ~ '^[0-9A-F]{24}$') end,"
        " pg_size_bytes(current_setting('wal_segment_size')),"
        " coalesce(current_setting('restore_command', true), '') <> '',"
        " concat_ws(',', current_setting('max_connections'),"
        "  current_setting('max_worker_processes'), current_setting('max_wal_senders'),"
        "  current_setting('max_prepared_transactions'),"
        "  current_setting('max_locks_per_transaction')),"
        " current_setting('pgbaton.parameters', true)," PENDING_COLUMNS
        " (select latest_end_lsn from receiver where streaming),"
        " (select sender_host from receiver where streaming),"
        " case when line.id not in ('00000001', '%08X')"
        "  then pg_read_file('pg_wal/' || line.id || '.history', 0, 100000, true) end"
        " from me, line";

void probe_question(uint32_t known_timeline, bool settings, char *ret_sql, size_t capacity)
{
    const char *asks = settings ? "true" : "false";
    snprintf(ret_sql, capacity, question, asks, asks, asks, (unsigned)known_timeline);
}

bool probe_parse_lsn(const char *text, uint64_t *ret_lsn)
{
    unsigned high = 0;
    unsigned low = 0;
    int length = 0;
    if (text == NULL || sscanf(text, "%8X/%8X%n", &high, &low, &length) != 2 ||
        text[length] != '\0') {
        return false;
    }
    *ret_lsn = (uint64_t)high << 32 | low;
    return true;
}

uint32_t probe_parse_timeline(const char *text)
{
    if (text == NULL || strlen(text) != 8 || strspn(text, "0123456789ABCDEF") != 8) {
        return 0;
    }
    return (uint32_t)strtoul(text, NULL, 16);
}

static bool is_true(const char *text)
{
    return text != NULL && text[0] == 't';
}

/* One "name,state,lsn"; what does not fit is left out. */
static void take_replica(const char *text, size_t length, struct probe_result *result)
{
    char item[160];
    char lsn[32];
    char state[32];
    struct replica_row row = {0};
    if (length >= sizeof(item) || result->replica_count >= NODE_COUNT_MAX) {
        return;
    }
    memcpy(item, text, length);
    item[length] = '\0';
    if (sscanf(item, "%40[a-z0-9-],%31[a-z],%31[0-9A-F/]", row.name, state, lsn) != 3 ||
        !name_is_valid(row.name) || !probe_parse_lsn(lsn, &row.flush_lsn)) {
        return;
    }
    row.streaming = strcmp(state, "streaming") == 0;
    result->replicas[result->replica_count++] = row;
}

static void take_replicas(const char *text, struct probe_result *result)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ";");
        take_replica(text, length, result);
        text += length + (text[length] == ';' ? 1 : 0);
    }
}

/* Where a segment begins: "0000000100000002" are the numbers of its 4 GB and of its place there. */
static uint64_t segment_start(const char *name, const char *segment_bytes)
{
    unsigned high = 0;
    unsigned number = 0;
    uint64_t size = segment_bytes != NULL ? strtoull(segment_bytes, NULL, 10) : 0;
    if (name == NULL || strlen(name) != 16 || sscanf(name, "%8X%8X", &high, &number) != 2) {
        return 0;
    }
    return ((uint64_t)high << 32) + number * size;
}

/* Whole names, as many as fit; PostgreSQL has none with blanks, a file may. */
static void take_settings_names(const char *text, char names[SETTINGS_NAMES_SIZE])
{
    size_t used = 0;
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        bool clean = length > 0 && strspn(text, NAME_LETTERS) >= length;
        if (clean && used + length + 1 < SETTINGS_NAMES_SIZE) {
            used += (size_t)snprintf(names + used, SETTINGS_NAMES_SIZE - used, "%s%.*s",
                                     used > 0 ? "," : "", (int)length, text);
        }
        text += length + (text[length] == ',' ? 1 : 0);
    }
}

static void take_settings(const struct pg_answer *answer, struct settings_note *note)
{
    const char *seq = pg_answer_text(answer, 0, COLUMN_PARAMETERS);
    const char *pending = pg_answer_text(answer, 0, COLUMN_PENDING);
    note->parameters_seq = seq != NULL ? strtoull(seq, NULL, 10) : 0;
    note->pending_restart = pending != NULL;
    note->pending_lowers = is_true(pg_answer_text(answer, 0, COLUMN_LOWERS));
    take_settings_names(pending, note->pending);
    take_settings_names(pg_answer_text(answer, 0, COLUMN_REFUSED), note->refused);
}

/* A host that an event cannot carry is left out. */
static void take_source(const struct pg_answer *answer, struct probe_result *result)
{
    const char *lsn = pg_answer_text(answer, 0, COLUMN_SOURCE_LSN);
    const char *host = pg_answer_text(answer, 0, COLUMN_SOURCE_HOST);
    bool fits = host != NULL && strlen(host) < sizeof(result->source_host);
    (void)probe_parse_lsn(lsn, &result->source_lsn);
    for (const char *at = host; fits && *at != '\0'; at++) {
        fits = *at > ' ' && *at <= '~';
    }
    if (fits) {
        memcpy(result->source_host, host, strlen(host) + 1);
    }
}

static void take_limits(const char *text, struct pg_needs *limits)
{
    uint32_t *v = limits->values;
    if (text == NULL ||
        sscanf(text, "%9u,%9u,%9u,%9u,%9u", &v[0], &v[1], &v[2], &v[3], &v[4]) != PG_NEED_COUNT) {
        memset(limits, 0, sizeof *limits);
    }
}

static bool take_row(const struct pg_answer *answer, struct probe_result *result)
{
    const char *replay = pg_answer_text(answer, 0, COLUMN_REPLAY_LSN);
    const char *system = pg_answer_text(answer, 0, COLUMN_SYSTEM_ID);
    const char *history = pg_answer_text(answer, 0, COLUMN_HISTORY);
    const char *sealed = pg_answer_text(answer, 0, COLUMN_SEALED);
    result->in_recovery = is_true(pg_answer_text(answer, 0, COLUMN_IN_RECOVERY));
    result->streaming = is_true(pg_answer_text(answer, 0, COLUMN_STREAMING));
    result->position.timeline = probe_parse_timeline(pg_answer_text(answer, 0, COLUMN_TIMELINE));
    if (!probe_parse_lsn(pg_answer_text(answer, 0, COLUMN_LSN), &result->position.lsn) ||
        (replay != NULL && !probe_parse_lsn(replay, &result->replay_lsn))) {
        return false;
    }
    result->sealed_term = sealed != NULL ? strtoull(sealed, NULL, 10) : 0;
    result->system_id = system != NULL ? strtoull(system, NULL, 10) : 0;
    take_replicas(pg_answer_text(answer, 0, COLUMN_REPLICAS), result);
    result->oldest_lsn = segment_start(pg_answer_text(answer, 0, COLUMN_OLDEST),
                                       pg_answer_text(answer, 0, COLUMN_SEGMENT));
    result->restores = is_true(pg_answer_text(answer, 0, COLUMN_RESTORES));
    take_settings(answer, &result->settings);
    take_limits(pg_answer_text(answer, 0, COLUMN_LIMITS), &result->limits);
    take_source(answer, result);
    if (history != NULL) {
        (void)history_parse(history, result->position.timeline, &result->history);
    }
    return result->system_id != 0 && result->position.timeline != 0;
}

static enum probe_class classify_rejection(const char *sqlstate)
{
    if (strcmp(sqlstate, "57P03") == 0) {
        return PROBE_STARTING;
    }
    if (strncmp(sqlstate, "28", 2) == 0 || strcmp(sqlstate, "53300") == 0) {
        return PROBE_ALIVE;
    }
    return PROBE_ERROR;
}

static enum probe_class classify(const struct pg_answer *answer, bool answered_before)
{
    switch (answer->verdict) {
    case PG_ANSWERED:
        return PROBE_OK;
    case PG_REJECTED:
        return classify_rejection(answer->sqlstate);
    case PG_UNREACHABLE:
        return answered_before ? PROBE_ERROR : PROBE_STARTING;
    case PG_LATE:
        return PROBE_TIMEOUT;
    case PG_BROKEN:
    case PG_VERDICT_COUNT:
        break;
    }
    return PROBE_ERROR;
}

void probe_understand(const struct pg_answer *answer, bool answered_before,
                      struct probe_result *ret_result)
{
    memset(ret_result, 0, sizeof(*ret_result));
    ret_result->class = classify(answer, answered_before);
    memcpy(ret_result->text, answer->text, sizeof(ret_result->text));
    if (ret_result->class == PROBE_OK && !take_row(answer, ret_result)) {
        memset(ret_result, 0, sizeof(*ret_result));
        ret_result->class = PROBE_ERROR;
        snprintf(ret_result->text, sizeof(ret_result->text), "its answer is not to be understood");
    }
}
