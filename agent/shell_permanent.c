/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"
#include "probe.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 10000
#define NAMES_SIZE (PERMANENT_SLOT_MAX * (SLOT_IDENTIFIER_SIZE + 3) + 1)
#define LIST_SIZE (PERMANENT_SLOT_MAX * (SLOT_IDENTIFIER_SIZE + 40) + 1)

static void on_kept(struct shell *shell, const struct pg_answer *answer)
{
    (void)shell;
    if (answer->verdict != PG_ANSWERED) {
        log_line(SEVERITY_WARNING, "permanent slots were not all kept: %s; tried again later",
                 answer->text);
    }
}

/* 'archive','cdc': names are [a-z0-9_]. */
static void format_names(const struct permanent_slots *slots, char text[NAMES_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < slots->count; i++) {
        int length = snprintf(text + used, NAMES_SIZE - used, "%s'%s'", i > 0 ? "," : "",
                              slots->names[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

/* Behind the place of a name that the leader does not say is 0/0: it is left where it is. */
static uint64_t lsn_of(const struct pg_answer *answer, const char *name)
{
    uint64_t lsn = 0;
    for (int row = 0; answer != NULL && row < answer->row_count; row++) {
        const char *text = pg_answer_text(answer, row, 0);
        if (text != NULL && strcmp(text, name) == 0) {
            (void)probe_parse_lsn(pg_answer_text(answer, row, 1), &lsn);
        }
    }
    return lsn;
}

static void format_list(const struct permanent_slots *slots, const struct pg_answer *leader,
                        char text[LIST_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < slots->count; i++) {
        uint64_t lsn = lsn_of(leader, slots->names[i]);
        int length = snprintf(text + used, LIST_SIZE - used, ",('%s','%X/%X'::pg_lsn)",
                              slots->names[i], (unsigned)(lsn >> 32), (unsigned)lsn);
        used += length > 0 ? (size_t)length : 0;
    }
}

#define WANTED "with wanted(name, lsn) as (values (null::text, null::pg_lsn)%s) "
/* The slot of somebody who is connected stays until it is free. */
static const char question[] =
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
        " where slot_type = 'physical' and not active and slot_name in (null%s%s);" WANTED
        "select pg_create_physical_replication_slot(name, true) from wanted where name is not null"
        " and not exists (select from pg_replication_slots where slot_name = name);" WANTED
        "select pg_replication_slot_advance(slot_name, lsn)"
        " from pg_replication_slots join wanted on name = slot_name"
        " where pg_is_in_recovery() and not active and slot_type = 'physical'"
        " and least(lsn, pg_last_wal_replay_lsn()) > restart_lsn";

/* leader: what it says of the slots; NULL: nothing. */
static void keep(struct shell *shell, const struct pg_answer *leader)
{
    const struct permanent_order *order = &shell->permanent.order;
    char dropped[NAMES_SIZE];
    char list[LIST_SIZE];
    char sql[PG_CONN_SQL_SIZE];
    format_names(&order->dropped, dropped);
    format_list(&order->slots, leader, list);
    int length = snprintf(sql, sizeof(sql), question, order->dropped.count > 0 ? "," : "", dropped,
                          list, list);
    if (length > 0 && (size_t)length < sizeof(sql)) {
        (void)session_ask(&shell->permanent.own, sql, TIMEOUT_MS, on_kept);
    }
}

static void on_leader(struct shell *shell, const struct pg_answer *answer)
{
    if (answer->verdict != PG_ANSWERED) {
        log_line(SEVERITY_DEBUG, "the leader does not say where permanent slots are: %s",
                 answer->text);
    }
    keep(shell, answer->verdict == PG_ANSWERED ? answer : NULL);
}

/* The session is a new one when the leader is another. */
static bool turn_to(struct shell_permanent *permanent, struct shell *shell, const char *host,
                    uint16_t port)
{
    struct failure failure = {0};
    if (permanent->leader.conn != NULL && permanent->leader_target.port == port &&
        strcmp(permanent->leader_target.host, host) == 0) {
        return true;
    }
    session_finish(&permanent->leader);
    permanent->leader_target = shell->local;
    permanent->leader_target.host = permanent->order.host;
    permanent->leader_target.port = port;
    return session_init(&permanent->leader, shell, &permanent->leader_target, &failure) ==
           RESULT_OK;
}

void shell_permanent_keep(struct shell *shell, const struct permanent_order *order)
{
    struct shell_permanent *permanent = &shell->permanent;
    char names[NAMES_SIZE];
    char sql[NAMES_SIZE + 128];
    bool busy = pg_conn_is_asking(permanent->own.conn) ||
                (permanent->leader.conn != NULL && pg_conn_is_asking(permanent->leader.conn));
    if (busy) {
        return;
    }
    bool same = strcmp(permanent->order.host, order->host) == 0;
    if (!same) {
        session_finish(&permanent->leader);
    }
    permanent->order = *order;
    if (order->host[0] == '\0' || order->slots.count == 0 ||
        !turn_to(permanent, shell, order->host, order->port)) {
        keep(shell, NULL);
        return;
    }
    format_names(&order->slots, names);
    snprintf(sql, sizeof(sql),
             "select slot_name, restart_lsn from pg_replication_slots where slot_name in (%s)",
             names);
    (void)session_ask(&permanent->leader, sql, TIMEOUT_MS, on_leader);
}

void shell_permanent_reset(struct shell *shell)
{
    session_close(&shell->permanent.own);
    if (shell->permanent.leader.conn != NULL) {
        session_close(&shell->permanent.leader);
    }
}

enum result shell_permanent_open(struct shell *shell, struct failure *reterr_failure)
{
    return session_init(&shell->permanent.own, shell, &shell->local, reterr_failure);
}

void shell_permanent_close(struct shell *shell)
{
    session_finish(&shell->permanent.own);
    session_finish(&shell->permanent.leader);
}
