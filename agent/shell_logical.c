/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/file.h"
#include "../proto/log_line.h"
#include "logical_file.h"
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000
#define WRITE_TIMEOUT_MS 20000
/* ('cdc'),('other'): names are [a-z0-9_]. */
#define LIST_SIZE (PERMANENT_SLOT_MAX * (SLOT_IDENTIFIER_SIZE + 5) + 1)

static struct logical_state *state_of(struct shell_logical *logical, const char *name)
{
    for (uint32_t i = 0; i < logical->order.logical.count; i++) {
        if (name != NULL && strcmp(logical->order.logical.items[i].name, name) == 0) {
            return &logical->slots[i];
        }
    }
    return NULL;
}

static void format_list(const struct logical_slots *slots, char text[LIST_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < slots->count; i++) {
        int length = snprintf(text + used, LIST_SIZE - used, "%s('%s')", i > 0 ? "," : "",
                              slots->items[i].name);
        used += length > 0 ? (size_t)length : 0;
    }
}

static uint32_t parse_xid(const char *text)
{
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* Transaction numbers wrap around. */
static bool precedes_or_equals(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

/* ---- one after the other, each in its database ---- */

static void go_on(struct shell *shell);

static void on_placed(struct shell *shell, const struct pg_answer *answer)
{
    struct shell_logical *logical = &shell->logical;
    if (answer->verdict != PG_ANSWERED) {
        log_line(SEVERITY_WARNING, "logical slot %s was not kept: %s; tried again later",
                 logical->order.logical.items[logical->next].name, answer->text);
    }
    logical->next++;
    go_on(shell);
}

/* The session is a new one in another database. */
static bool turn_to_database(struct shell *shell, const char *database)
{
    struct shell_logical *logical = &shell->logical;
    struct failure failure = {0};
    bool same = logical->place.conn != NULL && logical->place_target.database != NULL &&
                strcmp(logical->place_target.database, database) == 0;
    if (same) {
        return true;
    }
    session_finish(&logical->place);
    logical->place_target = shell->local;
    logical->place_target.database = database;
    return session_init(&logical->place, shell, &logical->place_target, &failure) == RESULT_OK;
}

static void format_place(const struct logical_slot *slot, const struct logical_state *state,
                         char *sql, size_t size)
{
    unsigned high = (unsigned)(state->leaders.lsn >> 32);
    unsigned low = (unsigned)state->leaders.lsn;
    if (state->todo == LOGICAL_CREATE) {
        snprintf(sql, size,
                 "select pg_create_logical_replication_slot('%s', '%s')"
                 " where not pg_is_in_recovery()",
                 slot->name, slot->plugin);
    } else if (state->todo == LOGICAL_DROP) {
        snprintf(sql, size,
                 "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
                 " where slot_name = '%s' and not active",
                 slot->name);
    } else {
        snprintf(sql, size,
                 "select pg_replication_slot_advance(slot_name,"
                 "  least('%X/%X'::pg_lsn, pg_last_wal_replay_lsn())) from pg_replication_slots"
                 " where slot_name = '%s' and not active"
                 " and least('%X/%X'::pg_lsn, pg_last_wal_replay_lsn()) > confirmed_flush_lsn",
                 high, low, slot->name, high, low);
    }
}

static void place(struct shell *shell, uint32_t i)
{
    struct shell_logical *logical = &shell->logical;
    const struct logical_slot *slot = &logical->order.logical.items[i];
    char sql[1024];
    format_place(slot, &logical->slots[i], sql, sizeof(sql));
    if (turn_to_database(shell, slot->database)) {
        (void)session_ask(&logical->place, sql, TIMEOUT_MS, on_placed);
    }
}

/* ---- copies ---- */

static int write_child(const void *argument)
{
    const struct shell *shell = argument;
    const struct shell_logical *logical = &shell->logical;
    struct failure failure = {0};
    enum result result = RESULT_OK;
    for (uint32_t i = 0; result == RESULT_OK && i < logical->order.logical.count; i++) {
        const struct logical_state *state = &logical->slots[i];
        if (state->todo == LOGICAL_COPY) {
            result = logical_file_write(shell->settings->data_directory,
                                        logical->order.logical.items[i].name, state->bytes,
                                        state->size, &failure);
        }
    }
    return child_conclude(result, &failure);
}

static void on_written(struct shell *shell, int status)
{
    struct failure failure = {0};
    if (child_explain(&shell->logical.writer.child, status, &failure) != RESULT_OK) {
        log_line(SEVERITY_WARNING, "logical slots were not copied: %s; tried again later",
                 failure.text);
        return;
    }
    shell_push(shell, FACT_SLOTS_COPIED);
}

static void copy(struct shell *shell)
{
    struct shell_logical *logical = &shell->logical;
    struct failure failure = {0};
    bool any = false;
    for (uint32_t i = 0; i < logical->order.logical.count; i++) {
        any = any || logical->slots[i].todo == LOGICAL_COPY;
    }
    if (any && !helper_is_busy(&logical->writer) &&
        child_call(&logical->writer.child, "slots", write_child, shell, -1, &failure) ==
                RESULT_OK) {
        helper_watch(&logical->writer, WRITE_TIMEOUT_MS, on_written);
    }
}

static void go_on(struct shell *shell)
{
    struct shell_logical *logical = &shell->logical;
    while (logical->next < logical->order.logical.count) {
        enum logical_todo todo = logical->slots[logical->next].todo;
        if (todo == LOGICAL_CREATE || todo == LOGICAL_DROP || todo == LOGICAL_ADVANCE) {
            place(shell, logical->next);
            return;
        }
        logical->next++;
    }
    copy(shell);
}

/* ---- what is to be done ---- */

/* Of the leader's answer: how far its physical slot of this node keeps the catalog. */
static void prove(const char *name, struct logical_state *state, uint32_t kept_xmin)
{
    if (kept_xmin != 0 && state->passed_xmin == 0) {
        state->passed_xmin = state->leaders.xmin;
    }
    bool proven = kept_xmin != 0 && state->passed_xmin != 0 && state->own.xmin != 0 &&
                  precedes_or_equals(state->passed_xmin, kept_xmin) &&
                  precedes_or_equals(kept_xmin, state->own.xmin);
    if (proven && !state->safe) {
        log_line(SEVERITY_INFO, "logical slot %s is safe to be used here after a failover", name);
    }
    state->safe = state->safe || proven;
}

static void forget_proof(struct logical_state *state)
{
    state->passed_xmin = 0;
    state->safe = false;
}

static enum logical_todo todo_of_standby(const struct shell_logical *logical,
                                         struct logical_state *state)
{
    if (!state->leaders.there) {
        return LOGICAL_NOTHING;
    }
    if (!state->own.there) {
        forget_proof(state);
        bool whole = logical->able && state->size > 0 && logical->oldest_lsn != 0 &&
                     logical->oldest_lsn <= state->leaders_restart_lsn;
        return whole ? LOGICAL_COPY : LOGICAL_NOTHING;
    }
    if (state->own.lsn >
        state->leaders.lsn) { /* of a time when this node led: WAL that may be gone */
        forget_proof(state);
        return LOGICAL_DROP;
    }
    return state->own.lsn < state->leaders.lsn ? LOGICAL_ADVANCE : LOGICAL_NOTHING;
}

static void take_leaders(const struct pg_answer *answer, int row, struct logical_state *state)
{
    const char *hex = pg_answer_text(answer, row, 3);
    state->leaders.there =
            probe_parse_lsn(pg_answer_text(answer, row, 1), &state->leaders.lsn) &&
            probe_parse_lsn(pg_answer_text(answer, row, 4), &state->leaders_restart_lsn);
    state->leaders.xmin = parse_xid(pg_answer_text(answer, row, 2));
    state->size = logical_file_parse(hex, state->bytes, sizeof(state->bytes));
}

static void on_leader(struct shell *shell, const struct pg_answer *answer)
{
    struct shell_logical *logical = &shell->logical;
    if (answer->verdict != PG_ANSWERED) {
        log_line(SEVERITY_DEBUG, "the leader does not show its logical slots: %s", answer->text);
        return;
    }
    for (int row = 0; row < answer->row_count; row++) {
        const char *name = pg_answer_text(answer, row, 0);
        struct logical_state *state = state_of(logical, name);
        if (state != NULL) {
            take_leaders(answer, row, state);
            prove(name, state, parse_xid(pg_answer_text(answer, row, 5)));
        }
    }
    for (uint32_t i = 0; i < logical->order.logical.count; i++) {
        logical->slots[i].todo = todo_of_standby(logical, &logical->slots[i]);
    }
    go_on(shell);
}

static void ask_leader(struct shell *shell)
{
    struct shell_logical *logical = &shell->logical;
    struct failure failure = {0};
    char list[LIST_SIZE];
    char own[SLOT_NAME_SIZE];
    char sql[PG_CONN_SQL_SIZE];
    if (logical->leader.conn == NULL) {
        logical->leader_target = shell->local;
        logical->leader_target.host = logical->order.host;
        logical->leader_target.port = logical->order.port;
        if (session_init(&logical->leader, shell, &logical->leader_target, &failure) != RESULT_OK) {
            return;
        }
    }
    format_list(&logical->order.logical, list);
    pg_settings_slot_name(shell->settings->self.node, own);
    snprintf(sql, sizeof(sql),
             "select slot_name, confirmed_flush_lsn, catalog_xmin,"
             " encode(pg_read_binary_file('pg_replslot/' || slot_name || '/state'), 'hex'),"
             " restart_lsn, (select catalog_xmin from pg_replication_slots where slot_name = '%s')"
             " from pg_replication_slots join (values %s) wanted(name) on name = slot_name"
             " where slot_type = 'logical' and not pg_is_in_recovery()",
             own, list);
    (void)session_ask(&logical->leader, sql, TIMEOUT_MS, on_leader);
}

/* Just promoted: a slot whose safety is not proven would lose what its consumer counts on, unseen.
 */
static void decide_primary(struct shell *shell)
{
    struct shell_logical *logical = &shell->logical;
    for (uint32_t i = 0; i < logical->order.logical.count; i++) {
        struct logical_state *state = &logical->slots[i];
        bool unsafe = state->own.there && logical->was_standby && !state->safe;
        state->todo = unsafe ? LOGICAL_DROP : state->own.there ? LOGICAL_NOTHING : LOGICAL_CREATE;
        if (unsafe) {
            log_line(SEVERITY_WARNING,
                     "logical slot %s is dropped and made anew: it was not proven, before this "
                     "node was promoted, that nothing of it is missing here",
                     logical->order.logical.items[i].name);
        }
        forget_proof(state);
    }
    logical->was_standby = false;
    go_on(shell);
}

static void take_own(struct shell_logical *logical, const struct pg_answer *answer)
{
    const char *segment = pg_answer_text(answer, 0, 5);
    const char *able = pg_answer_text(answer, 0, 6);
    logical->oldest_lsn = 0;
    (void)probe_parse_lsn(segment, &logical->oldest_lsn);
    logical->able = able != NULL && able[0] == 't';
    for (int row = 0; row < answer->row_count; row++) {
        struct logical_state *state = state_of(logical, pg_answer_text(answer, row, 0));
        if (state != NULL) {
            const char *there = pg_answer_text(answer, row, 1);
            state->own = (struct logical_look){.there = there != NULL && there[0] == 't'};
            (void)probe_parse_lsn(pg_answer_text(answer, row, 2), &state->own.lsn);
            state->own.xmin = parse_xid(pg_answer_text(answer, row, 3));
            state->leaders.there = false;
            state->todo = LOGICAL_NOTHING;
        }
    }
}

static void on_look(struct shell *shell, const struct pg_answer *answer)
{
    struct shell_logical *logical = &shell->logical;
    const char *recovery = pg_answer_text(answer, 0, 4);
    if (answer->verdict != PG_ANSWERED || recovery == NULL) {
        return;
    }
    logical->next = 0;
    take_own(logical, answer);
    if (recovery[0] != 't') {
        decide_primary(shell);
        return;
    }
    logical->was_standby = true;
    if (!logical->able) {
        log_line(SEVERITY_WARNING,
                 "logical slots are not kept here: wal_level must be logical, and "
                 "max_replication_slots leave room for them");
    }
    if (logical->order.host[0] != '\0') {
        ask_leader(shell);
    }
}

/* The oldest segment, as the place where it begins: its name is the numbers of its 4 GB and of its
 * place there, in hexadecimal digits. */
static const char look[] =
        "select name, slot_name is not null, confirmed_flush_lsn, catalog_xmin,"
        " pg_is_in_recovery(), (select '0/0'::pg_lsn"
        "   + ('x' || left(n, 8))::bit(32)::bigint * 4294967296 + ('x' || right(n, "
        "8))::bit(32)::bigint"
        "    * pg_size_bytes(current_setting('wal_segment_size'))"
        "  from (select min(right(f, 16)) from pg_ls_dir('pg_wal') f"
        "   where f ~ '^[0-9A-F]{24}$') oldest(n)),"
        " current_setting('wal_level') = 'logical' and (select count(*) from pg_replication_slots)"
        "  + %u <= current_setting('max_replication_slots')::int"
        " from (values %s) wanted(name)"
        " left join pg_replication_slots on slot_name = name and slot_type = 'logical'";

static bool is_busy(const struct shell_logical *logical)
{
    const struct session *sessions[] = {&logical->own, &logical->leader, &logical->place};
    bool busy = helper_is_busy(&logical->writer);
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
        busy = busy || (sessions[i]->conn != NULL && pg_conn_is_asking(sessions[i]->conn));
    }
    return busy;
}

/* Another leader keeps other catalog rows; of another list nothing is known yet. */
static void turn(struct shell_logical *logical, const struct permanent_order *order)
{
    bool same_list = config_same_logical(&logical->order.logical, &order->logical);
    bool same_host =
            strcmp(logical->order.host, order->host) == 0 && logical->order.port == order->port;
    bool leads = order->host[0] == '\0'; /* or nobody does: what was proven stands */
    if (!same_list) {
        memset(logical->slots, 0, sizeof(logical->slots));
    }
    if (!same_host) {
        session_finish(&logical->leader);
    }
    for (uint32_t i = 0; !same_host && !leads && i < PERMANENT_SLOT_MAX; i++) {
        forget_proof(&logical->slots[i]);
    }
    session_finish(&logical->place); /* its target points into the order */
    logical->order = *order;
}

void shell_logical_keep(struct shell *shell, const struct permanent_order *order)
{
    struct shell_logical *logical = &shell->logical;
    char list[LIST_SIZE];
    char sql[sizeof(look) + LIST_SIZE + 12];
    if (is_busy(logical) || order->logical.count == 0) {
        return;
    }
    turn(logical, order);
    format_list(&order->logical, list);
    snprintf(sql, sizeof(sql), look, (unsigned)order->logical.count, list);
    (void)session_ask(&logical->own, sql, TIMEOUT_MS, on_look);
}

void shell_logical_reset(struct shell *shell)
{
    struct shell_logical *logical = &shell->logical;
    session_close(&logical->own);
    session_finish(&logical->leader);
    session_finish(&logical->place);
}

enum result shell_logical_open(struct shell *shell, struct failure *reterr_failure)
{
    helper_init(&shell->logical.writer, shell);
    return session_init(&shell->logical.own, shell, &shell->local, reterr_failure);
}

void shell_logical_close(struct shell *shell)
{
    struct shell_logical *logical = &shell->logical;
    helper_finish(&logical->writer);
    session_finish(&logical->own);
    session_finish(&logical->leader);
    session_finish(&logical->place);
}
