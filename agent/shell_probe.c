/* SPDX-License-Identifier: PostgreSQL */
#include "shell.h"

#include "../proto/log_line.h"
#include "probe.h"
#include "startup.h"

#include <stdio.h>
#include <string.h>

#define SLOTS_TIMEOUT_MS 10000
#define PING_EVERY 3
/* How often PostgreSQL is asked what is pending: ever, and for a while after it was told to read
 * its files. */
#define SETTINGS_PERIOD_MS 5000
#define SETTINGS_SOON_MS 300
#define SETTINGS_TOLD_MS 2000

static void note_answer(struct shell *shell, const struct probe_result *result)
{
    shell->probe.answered_once = true;
    shell->probe.timeline = result->position.timeline;
    if (result->history.count > 0 || result->position.timeline == 1) {
        shell->probe.history_timeline = result->position.timeline;
    }
    if (!result->in_recovery) {
        shell_guard_primary(shell);
        return;
    }
    shell_task_warm_up(shell);
    if (result->streaming) {
        shell_task_streaming(shell);
    }
}

/* A postmaster that lets nobody in is as good as dead, whatever its sessions say. */
static void add_ping(const struct shell_probe *probe, struct probe_result *result)
{
    if (result->class == PROBE_OK && probe->verdict != PG_PING_ANSWERED) {
        result->class = probe->verdict == PG_PING_LATE ? PROBE_TIMEOUT : PROBE_ERROR;
        snprintf(result->text, sizeof(result->text), "its postmaster accepts no connection");
    }
}

static void push_probe(struct shell *shell)
{
    struct shell_probe *probe = &shell->probe;
    struct probe_result *result = &shell_push(shell, FACT_PROBED)->probe;
    probe->waits = false;
    *result = probe->result;
    add_ping(probe, result);
    if (result->class == PROBE_OK) {
        note_answer(shell, result);
        return;
    }
    bool fails = result->class == PROBE_ERROR || result->class == PROBE_TIMEOUT;
    log_line(fails ? SEVERITY_WARNING : SEVERITY_DEBUG, "PostgreSQL fails its probe: %s",
             result->text);
}

/* What is pending or refused changes when the files are read, and seldom otherwise. */
static bool settings_are_due(const struct shell *shell)
{
    const struct shell_probe *probe = &shell->probe;
    uint64_t now_ms = shell_now_ms();
    bool told = now_ms < probe->told_ms + SETTINGS_TOLD_MS;
    return shell->guard.upstream.seal_term == 0 &&
           now_ms >= probe->settings_ms + (told ? SETTINGS_SOON_MS : SETTINGS_PERIOD_MS);
}

/* What was not asked stands as it was answered last. */
static void keep_settings(struct shell *shell)
{
    struct shell_probe *probe = &shell->probe;
    struct settings_note *note = &probe->result.settings;
    uint64_t parameters_seq = note->parameters_seq;
    if (probe->result.class != PROBE_OK) {
        return;
    }
    if (probe->asks_settings) {
        probe->settings = *note;
        probe->settings_ms = shell_now_ms();
    }
    *note = probe->settings;
    note->parameters_seq = parameters_seq;
    shell_parameters_own(shell, note->own);
}

static void on_answer(struct shell *shell, const struct pg_answer *answer)
{
    struct shell_probe *probe = &shell->probe;
    probe_understand(answer, probe->answered_once, &probe->result);
    keep_settings(shell);
    if (probe->result.class == PROBE_STARTING) {
        struct startup startup = startup_look(shell->guard.postmaster, probe->segment_bytes);
        probe->result.startup_lsn = startup.lsn;
        probe->result.startup_waits = startup.waits;
    }
    probe->waits = probe->result.class == PROBE_OK && probe->verdict == PG_PING_PENDING;
    if (!probe->waits) {
        push_probe(shell);
    }
}

void shell_probe_pinged(struct shell *shell, enum pg_ping_verdict verdict)
{
    shell->probe.verdict = verdict;
    if (shell->probe.waits) {
        push_probe(shell);
    }
}

/* The postmaster forks a process for each. When one went unanswered the next probe pings, too. */
static bool ping_is_due(struct shell_probe *probe)
{
    probe->count++;
    return probe->verdict != PG_PING_ANSWERED || probe->count % PING_EVERY == 0;
}

void shell_probe_begin(struct shell *shell, uint32_t timeout_ms)
{
    struct shell_probe *probe = &shell->probe;
    char sql[PG_CONN_SQL_SIZE];
    probe->waits = false;
    if (ping_is_due(probe)) {
        probe->verdict = PG_PING_PENDING;
        shell_ping_begin(shell, timeout_ms);
    }
    probe->asks_settings = settings_are_due(shell);
    probe_question(probe->history_timeline, probe->asks_settings, sql, sizeof(sql));
    if (!session_ask(&probe->session, sql, timeout_ms, on_answer)) {
        /* The core has given the earlier one up: its session is of no use any more. */
        session_close(&probe->session);
        (void)session_ask(&probe->session, sql, timeout_ms, on_answer);
    }
}

static void on_slots(struct shell *shell, const struct pg_answer *answer)
{
    (void)shell;
    if (answer->verdict == PG_ANSWERED) {
        return;
    }
    log_line(SEVERITY_WARNING, "replication slots were not all kept: %s; tried again later",
             answer->text);
}

/* "('pgbaton_node_1','0/3000060'::pg_lsn),..."; what does not fit ends the list. */
static void format_slots(const struct slot *slots, uint32_t count, char *text, size_t capacity)
{
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        char name[SLOT_NAME_SIZE];
        char item[SLOT_NAME_SIZE + 48];
        pg_settings_slot_name(slots[i].node, name);
        int length = snprintf(item, sizeof(item), "%s('%s','%X/%X'::pg_lsn)", i > 0 ? "," : "",
                              name, (unsigned)(slots[i].lsn >> 32), (unsigned)slots[i].lsn);
        if (length < 0 || used + (size_t)length >= capacity) {
            return;
        }
        memcpy(text + used, item, (size_t)length + 1);
        used += (size_t)length;
    }
}

/* Drops what is left over, and what PostgreSQL has given up (max_slot_wal_keep_size), creates what
 * is missing, and on a standby moves forward what its node has. A row of NULLs stands first, so
 * that the list is never empty. */
#define WANTED "with wanted(name, lsn) as (values (null::text, null::pg_lsn)%s%s) "
static const char slots_question[] =
        WANTED "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
               " where slot_type = 'physical' and not active and slot_name like 'pgbaton\\_%%'"
               " and (wal_status = 'lost'"
               " or slot_name not in (select name from wanted where name is not null));" WANTED
               "select pg_create_physical_replication_slot(name, true) from wanted"
               " where name is not null"
               " and not exists (select from pg_replication_slots where slot_name = name);" WANTED
               "select pg_replication_slot_advance(slot_name, lsn)"
               " from pg_replication_slots join wanted on name = slot_name"
               " where pg_is_in_recovery() and not active"
               " and least(lsn, pg_last_wal_replay_lsn()) > restart_lsn";

void shell_slots_keep(struct shell *shell, const struct slot *slots, uint32_t count)
{
    char sql[PG_CONN_SQL_SIZE];
    char list[NODE_COUNT_MAX * (SLOT_NAME_SIZE + 48)] = "";
    const char *comma = count > 0 ? "," : "";
    format_slots(slots, count, list, sizeof(list));
    int length = snprintf(sql, sizeof(sql), slots_question, comma, list, comma, list, comma, list);
    if (length < 0 || (size_t)length >= sizeof(sql) ||
        !session_ask(&shell->slots, sql, SLOTS_TIMEOUT_MS, on_slots)) {
        log_line(SEVERITY_DEBUG, "replication slots are still being kept");
    }
}

void shell_sessions_reset(struct shell *shell)
{
    session_close(&shell->probe.session);
    shell_ping_close(shell);
    shell->probe.verdict = PG_PING_PENDING;
    shell->probe.waits = false;
    session_close(&shell->slots);
    shell_sync_reset(shell);
    shell_permanent_reset(shell);
    shell_logical_reset(shell);
    shell->probe.answered_once = false;
    shell->probe.timeline = 0;
    shell->probe.history_timeline = 0;
    shell->probe.settings_ms = 0;
}
