/* SPDX-License-Identifier: PostgreSQL */
/* Lets commits wait for whom the log says, and tells when they do: the setting is written, every
 * WAL sender has it, commits wait, and so many of the set have everything up to a mark that was
 * taken after that (SAFETY 4.6). */
#include "shell.h"

#include "probe.h"

#include <stdio.h>
#include <string.h>

#define POLL_TIMEOUT_MS 5000
#define POLL_MS 20
/* Nobody may be there to confirm for a long time; and the file may not have been written. */
#define SLOW_POLL_MS 200
#define SLOW_AFTER_MS 5000
/* A WAL sender that was forked before PostgreSQL read its settings again, and shows only after the
 * question, has read them by the next one. */
#define MATCHES_MIN 2

/* ---- questions ---- */

/* 'node-2','node-3': names are [a-z0-9-]. */
static void format_names(const struct name_list *names, char *text, size_t capacity)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < names->count && used < capacity; i++) {
        int length =
                snprintf(text + used, capacity - used, "%s'%s'", i > 0 ? "," : "", names->names[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

/* The present WAL position when everything is as it should be; else NULL. */
static const char applied_question[] =
        "select case when current_setting('synchronous_standby_names') = '%s'"
        " and current_setting('pgbaton_fence.synchronous', true) = 'on'"
        " and not exists (select from pg_stat_replication"
        "  where (sync_priority > 0) <> (application_name in (%s)))"
        " then pg_current_wal_flush_lsn() end";

/* Those that had a smaller count are forked anew; t: all of them are gone. */
static const char renew_question[] =
        "select coalesce(bool_and(pg_terminate_backend(pid, 1000)), true)"
        " from pg_stat_replication where application_name in (%s)";

static const char confirm_question[] =
        "select count(distinct application_name) from pg_stat_replication"
        " where application_name in (%s) and state = 'streaming' and flush_lsn >= '%X/%X'";

static void on_answer(struct shell *shell, const struct pg_answer *answer);

static void ask(struct shell *shell)
{
    struct shell_sync *sync = &shell->sync;
    char sql[PG_CONN_SQL_SIZE];
    char names[NODE_COUNT_MAX * (NAME_SIZE + 3) + 1];
    char setting[SYNCHRONOUS_SIZE];
    format_names(&sync->upstream.waits, names, sizeof names);
    if (sync->stage == SYNC_STAGE_APPLY) {
        (void)pg_settings_synchronous(&sync->upstream, setting, sizeof setting);
        snprintf(sql, sizeof sql, applied_question, setting, names);
    } else if (sync->stage == SYNC_STAGE_RENEW) {
        snprintf(sql, sizeof sql, renew_question, names);
    } else {
        snprintf(sql, sizeof sql, confirm_question, names, (unsigned)(sync->mark >> 32),
                 (unsigned)sync->mark);
    }
    if (!session_ask(&sync->session, sql, POLL_TIMEOUT_MS, on_answer)) {
        session_close(&sync->session);
        (void)session_ask(&sync->session, sql, POLL_TIMEOUT_MS, on_answer);
    }
}

static void on_poll(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct shell *shell = watcher->data;
    (void)loop;
    (void)events;
    if (shell->sync.seq == 0) {
        return;
    }
    if (shell_now_ms() > shell->sync.since_ms + SLOW_AFTER_MS) {
        shell->sync.since_ms = shell_now_ms();
        shell->sync.slow = true;
        shell_guard_follow(shell, &shell->sync.upstream);
    }
    ask(shell);
}

/* ---- answers ---- */

static void take_applied(struct shell_sync *sync, const struct pg_answer *answer)
{
    uint64_t lsn = 0;
    bool matches = probe_parse_lsn(pg_answer_text(answer, 0, 0), &lsn);
    sync->matches = matches ? sync->matches + 1 : 0;
    if (sync->matches < MATCHES_MIN) {
        return;
    }
    sync->mark = lsn;
    sync->stage = SYNC_STAGE_CONFIRM;
    if (sync->least_count < sync->upstream.wait_count && sync->upstream.wait_count > 1) {
        sync->matches = 0;
        sync->stage = SYNC_STAGE_RENEW;
    }
}

static void take_renewed(struct shell_sync *sync, const struct pg_answer *answer)
{
    const char *text = pg_answer_text(answer, 0, 0);
    if (text != NULL && strcmp(text, "t") == 0) {
        sync->least_count = sync->upstream.wait_count;
        sync->stage = SYNC_STAGE_APPLY;
    }
}

static void take_confirmed(struct shell *shell, const struct pg_answer *answer)
{
    struct shell_sync *sync = &shell->sync;
    unsigned count = 0;
    const char *text = pg_answer_text(answer, 0, 0);
    if (text == NULL || sscanf(text, "%u", &count) != 1 || count < sync->upstream.wait_count) {
        return;
    }
    struct fact *fact = shell_push(shell, FACT_SYNCED);
    fact->sync_seq = sync->seq;
    fact->position = (struct position){.timeline = shell->probe.timeline, .lsn = sync->mark};
    sync->least_count = sync->upstream.wait_count;
    sync->seq = 0;
}

static void on_answer(struct shell *shell, const struct pg_answer *answer)
{
    struct shell_sync *sync = &shell->sync;
    if (sync->seq == 0) {
        return;
    }
    if (answer->verdict == PG_ANSWERED && sync->stage == SYNC_STAGE_APPLY) {
        take_applied(sync, answer);
    } else if (answer->verdict == PG_ANSWERED && sync->stage == SYNC_STAGE_RENEW) {
        take_renewed(sync, answer);
    } else if (answer->verdict == PG_ANSWERED) {
        take_confirmed(shell, answer);
    }
    if (sync->seq != 0) {
        shell_arm(shell, &sync->poll, sync->slow ? SLOW_POLL_MS : POLL_MS);
    }
}

/* ---- orders ---- */

void shell_sync_begin(struct shell *shell, uint64_t seq, const struct upstream *upstream)
{
    struct shell_sync *sync = &shell->sync;
    uint32_t count = upstream->wait_count;
    shell_guard_follow(shell, upstream);
    session_close(&sync->session);
    sync->seq = count != 0 && upstream->waits.count != 0 ? seq : 0;
    sync->upstream = *upstream;
    sync->stage = SYNC_STAGE_APPLY;
    sync->matches = 0;
    sync->slow = false;
    sync->since_ms = shell_now_ms();
    /* One that waits for nobody leaves none that a WAL sender may still have. */
    if (count != 0 && count < sync->least_count) {
        sync->least_count = count;
    }
    if (sync->seq != 0) {
        shell_arm(shell, &sync->poll, 0);
    }
}

void shell_sync_reset(struct shell *shell)
{
    session_close(&shell->sync.session);
    shell->sync.seq = 0;
    shell->sync.least_count = 0;
}

enum result shell_sync_open(struct shell *shell, struct failure *reterr_failure)
{
    ev_init(&shell->sync.poll, on_poll);
    shell->sync.poll.data = shell;
    return session_init(&shell->sync.session, shell, &shell->local, reterr_failure);
}

void shell_sync_close(struct shell *shell)
{
    ev_timer_stop(shell->loop, &shell->sync.poll);
    session_finish(&shell->sync.session);
}
