/* SPDX-License-Identifier: PostgreSQL */
#include "learn.h"

#include "act.h"
#include "anchor.h"
#include "lead.h"
#include "peers.h"
#include "report.h"
#include "restart.h"
#include "say.h"
#include "switch.h"
#include "upstream.h"
#include "watch.h"

#include <assert.h>
#include <string.h>

/* ---- the log ---- */

static bool is_own(const struct agent *a, const struct event *e)
{
    return strcmp(e->writer, a->self.node) == 0;
}

static bool is_present(const struct agent *a, const struct event *e)
{
    return is_own(a, e) && e->incarnation == a->incarnation;
}

static void learn_void_hello(struct agent *a, const struct event *e, enum void_reason reason,
                             struct action_list *actions)
{
    if (reason == VOID_STALE_INCARNATION && a->me >= 0) {
        agent_begin_incarnation(a, a->cluster.nodes[a->me].incarnation + 1);
        return;
    }
    if (!a->ready) {
        act_say(actions, SEVERITY_ERROR, "this node is not let into the cluster: %s seq=%llu",
                void_reason_text(reason), (unsigned long long)e->seq);
    }
}

static void learn_hello(struct agent *a, const struct event *e, struct outcome outcome,
                        struct action_list *actions)
{
    if (is_present(a, e) && outcome.effective) {
        a->ready = true;
        a->report.sent = true;
        anchor_told(a);
        return;
    }
    if (is_present(a, e)) {
        learn_void_hello(a, e, outcome.void_reason, actions);
        return;
    }
    anchor_learn_loss(a, e);
    if (is_own(a, e) && outcome.effective && a->ready && e->incarnation > a->incarnation) {
        a->superseded = true;
        act_say(actions, SEVERITY_ERROR,
                "another agent runs as %s (incarnation %llu): stop one of them; this one leaves "
                "seq=%llu",
                a->self.node, (unsigned long long)e->incarnation, (unsigned long long)e->seq);
    }
}

static void learn_grant(struct agent *a, const struct event *e, struct action_list *actions)
{
    a->grant.seq = e->seq;
    a->grant.incarnation = e->body.grant.incarnation;
    a->grant.position = e->body.grant.position;
    if (a->ready) {
        act_say(actions, SEVERITY_INFO,
                "leader lock granted to %s; I am %s term=%llu rule=%s seq=%llu", e->body.grant.node,
                a->self.node, (unsigned long long)e->body.grant.term, e->decision.rule,
                (unsigned long long)e->seq);
    }
}

static void learn_directive(struct agent *a, const struct event *e)
{
    if (strcmp(e->body.directive.node, a->self.node) == 0) {
        a->rebuild.seq = e->seq;
        a->rebuild.incarnation = e->body.directive.incarnation;
    }
}

/* A leader whose promotion the fold does not take can never be followed. */
static void learn_done(struct agent *a, const struct event *e, struct outcome outcome)
{
    bool promotion = e->body.task.task == TASK_PROMOTE && e->body.task.term == a->cluster.term;
    if (is_present(a, e) && promotion && !outcome.effective && !a->cluster.promoted) {
        agent_raise(a, REASON_PROMOTE_FAILED, a->wall_us);
    }
}

/* Who is removed and lives is a new node. */
static void learn_order(struct agent *a, const struct event *e, struct action_list *actions)
{
    const struct node *own = a->me >= 0 ? &a->cluster.nodes[a->me] : NULL;
    if (own != NULL && own->removed && a->ready) {
        act_say(actions, SEVERITY_WARNING, "this node was removed, and lives: it joins again");
        agent_begin_incarnation(a, own->incarnation + 1);
    }
    parameters_learn_order(a, e, actions);
}

static void learn_event(struct agent *a, const struct event *e, struct outcome outcome,
                        struct action_list *actions)
{
    if (is_present(a, e)) {
        (void)outbox_read_back(&a->outbox, e);
    }
    if (e->kind == EVENT_HELLO) {
        learn_hello(a, e, outcome, actions);
    } else if (e->kind == EVENT_SNAPSHOT) {
        say_snapshot(e, outcome, actions);
    } else if (e->kind == EVENT_DONE) {
        learn_done(a, e, outcome);
    } else if (e->kind == EVENT_RENEW && outcome.effective && is_present(a, e)) {
        lease_read_back(a, e, actions);
    } else if (e->kind == EVENT_RELEASE && outcome.effective) {
        promise_learn_release(a, e);
    } else if (e->kind == EVENT_GRANT && outcome.effective) {
        learn_grant(a, e, actions);
    } else if (e->kind == EVENT_DIRECTIVE && outcome.effective) {
        learn_directive(a, e);
    } else if (e->kind == EVENT_SWITCHOVER_STEP && outcome.effective) {
        switch_learn(a, e);
    } else if (e->kind == EVENT_ANCHOR && outcome.effective) {
        anchor_learn_loss(a, e);
    } else if (e->kind == EVENT_ORDER && outcome.effective) {
        lead_learn_order(a, e);
        learn_order(a, e, actions);
    }
}

/* How far this node is as the leader, by the log where the log knows more. */
static void learn_stage(struct agent *a)
{
    const struct cluster *c = &a->cluster;
    if (a->lead.term != c->term) {
        a->lead = (struct agent_lead){.term = c->term};
    }
    if (a->me < 0 || cluster_holder(c) != a->me) {
        return;
    }
    if (c->promoted && a->lead.stage < LEAD_PROMOTED) {
        a->lead.stage = LEAD_PROMOTED;
    }
    if (c->writable && !restart_goes_on(a) && a->lead.stage < LEAD_WRITABLE) {
        a->lead.stage = LEAD_WRITABLE;
    }
}

/* For an election each node looks afresh; where it must prove what it has, it promises to turn away
 * first. */
static void learn_phase(struct agent *a)
{
    const struct cluster *c = &a->cluster;
    if (cluster_has_ended(c)) {
        watch_want_fresh(a, c->term);
    }
}

/* Only what has been read to its end: a term that is over in history may have had a successor. */
static void learn_seal(struct agent *a)
{
    if (a->caught_up && a->cluster.frozen_seq == 0 && upstream_must_seal(a) &&
        a->wanted.sealed_term < a->cluster.term) {
        a->wanted.sealed_term = a->cluster.term;
    }
}

static void learn_record(struct agent *a, const struct fact *fact, struct codec_arena *arena,
                         struct action_list *actions)
{
    uint64_t phase_seq = a->cluster.phase_seq;
    struct event e;
    struct cluster_record record = {fact->subject, fact->seq, fact->data, fact->size};
    if (anchor_look(a, &record, arena)) {
        return;
    }
    struct outcome outcome = cluster_fold_record(&a->cluster, &record, arena, &e);
    a->me = cluster_find_node(&a->cluster, a->self.node);
    learn_event(a, &e, outcome, actions);
    anchor_vote(a);
    anchor_learn(a);
    learn_seal(a);
    learn_stage(a);
    restart_learn(a);
    if (a->cluster.phase_seq != phase_seq) {
        learn_phase(a);
    }
}

static void learn_link(struct agent *a, const struct fact *fact)
{
    a->link_up = fact->link_up;
    bool before = a->caught_up;
    a->caught_up = fact->link_up && fact->caught_up;
    if (a->caught_up != before) {
        a->caught_up_ms = a->caught_up ? a->now_ms : 0;
    }
    anchor_vote(a);
    learn_seal(a);
    learn_stage(a);
}

/* ---- PostgreSQL's processes ---- */

static void learn_start_failed(struct agent *a, const char text[TEXT_SIZE])
{
    memcpy(a->pg.start_text, text, TEXT_SIZE);
    a->pg.start_reason = report_lacks_wal(a) ? REASON_WAL_MISSING : REASON_START_FAILED;
    uint64_t pause_ms = START_BACKOFF_MS;
    for (uint32_t i = 0; i < a->pg.start_failures && pause_ms < START_BACKOFF_MS_MAX; i++) {
        pause_ms *= 2;
    }
    a->pg.start_failures++;
    a->pg.start_ms =
            a->now_ms + (pause_ms < START_BACKOFF_MS_MAX ? pause_ms : START_BACKOFF_MS_MAX);
}

static enum reason reason_of_death(const struct agent *a, const struct fact *fact)
{
    enum reason disk = agent_disk_reason(a);
    if (disk != REASON_NONE && a->pg.role == ROLE_PRIMARY) {
        return disk; /* PostgreSQL ends when it cannot write its WAL */
    }
    if (a->pg.busy == BUSY_STARTING && !a->pg.adopted) {
        return REASON_START_FAILED;
    }
    bool expired = a->lease.deadline_ms != 0 && a->now_ms >= a->lease.deadline_ms;
    bool by_guard = fact->guard == GUARD_ABSENT && expired;
    return by_guard ? REASON_LEASE_EXPIRED : REASON_POSTMASTER_DIED;
}

/* The postmaster ended, and nobody here ordered it. */
static void learn_death(struct agent *a, const struct fact *fact)
{
    enum reason reason = reason_of_death(a, fact);
    if (reason == REASON_START_FAILED) {
        learn_start_failed(a, fact->text);
    }
    bool again = restart_goes_on(a) && reason == REASON_START_FAILED;
    if (again || (reason == REASON_POSTMASTER_DIED && restart_is_preferred(a))) {
        restart_note_crash(a, fact->wall_us);
        return; /* what is left of it is killed all the same */
    }
    agent_raise(a, reason, fact->wall_us);
}

/* Every process is dead. What ran in them is over; what copies data goes on. */
static void learn_gone(struct agent *a, const struct fact *fact)
{
    struct agent_pg *pg = &a->pg;
    bool makes = act_makes_cluster(pg->task);
    bool copies = pg->task == TASK_REWIND || pg->task == TASK_BASEBACKUP;
    bool copying = pg->busy == BUSY_TASK && (makes || copies);
    if (!copying) {
        pg->busy = BUSY_NONE;
        a->data.known = false;
    }
    pg->role = ROLE_UNKNOWN;
    pg->ordered_primary = false;
    pg->adopted = false;
    pg->upstream_known = false;
    pg->killed_count = fact->killed_count;
    a->report.slots_role = ROLE_UNKNOWN;
    a->report.permanent_role = ROLE_UNKNOWN;
    a->report.slots_copied = false;
    watch_reset(a);
    memset(&a->fault, 0, sizeof a->fault);
    if (a->ending.term != 0 && a->ending.fenced_wall_us == 0) {
        a->ending.fenced_wall_us = fact->wall_us;
    }
}

/* PostgreSQL ran before this agent came: it is left as it is until it has been looked at. */
static void learn_adopted(struct agent *a)
{
    a->pg.adopted = true;
    a->pg.busy = BUSY_STARTING;
    a->pg.busy_since_ms = a->now_ms;
    a->pg.busy_until_ms = a->now_ms + START_TIMEOUT_MS;
}

static void learn_guard(struct agent *a, const struct fact *fact)
{
    bool first = !a->pg.guard_known;
    bool ran = !first && a->pg.guard == GUARD_RUNNING;
    bool ordered = a->pg.busy == BUSY_STOPPING || a->pg.busy == BUSY_KILLING;
    a->pg.guard_known = true;
    if (first) {
        a->lease.deadline_ms = fact->deadline_ms;
    }
    if (ran && !ordered && fact->guard != GUARD_RUNNING) {
        learn_death(a, fact);
    }
    a->pg.guard = fact->guard;
    if (fact->guard == GUARD_ABSENT) {
        learn_gone(a, fact);
    } else if (first && fact->guard == GUARD_RUNNING) {
        learn_adopted(a);
    }
}

/* ---- the data directory ---- */

static const enum reason data_reasons[] = {
        [DATA_UNKNOWN] = REASON_NONE,
        [DATA_INTACT] = REASON_NONE,
        [DATA_EMPTY] = REASON_DATA_DIRECTORY_EMPTY,
        [DATA_DAMAGED] = REASON_DATA_DIRECTORY_DAMAGED,
        [DATA_UNREADABLE] = REASON_DATA_DIRECTORY_UNREADABLE,
        [DATA_SILENT] = REASON_NONE, /* a disk that is slow under a server is for its probe */
};
_Static_assert(sizeof data_reasons / sizeof data_reasons[0] == DATA_VERDICT_COUNT,
               "a reason for each verdict");

static void learn_own_system(struct agent *a)
{
    const struct inspection *found = &a->data.found;
    bool ours = a->cluster.system_id == 0 || a->cluster.system_id == found->system_id;
    if (found->verdict == DATA_INTACT && ours) {
        a->wanted.system_id = found->system_id;
    }
}

/* Files go one after the other: what is left when every process is dead names the reason best. */
static void refine_reason(struct agent *a, enum reason reason)
{
    if (reason != REASON_NONE && agent_ending_waits_for_data(a)) {
        a->ending.reason = reason;
    }
}

/* Nothing tells when a directory that cannot be run is put right again, or when a disk fills up. */
static uint32_t look_period_ms(const struct agent *a)
{
    uint32_t period_ms = agent_config(a).probe_period_ms;
    bool intact = a->data.found.verdict == DATA_INTACT;
    return intact && period_ms < DISK_PERIOD_MS ? DISK_PERIOD_MS : period_ms;
}

/* What a look that nobody asked for was not allowed to see says nothing. */
static bool says_nothing(const struct agent *a, const struct inspection *found)
{
    bool asked = a->data.disturbed_wall_us != 0 || a->pg.role == ROLE_UNKNOWN || !a->data.known;
    return !asked && found->verdict == DATA_UNREADABLE;
}

static void learn_found(struct agent *a, const struct fact *fact)
{
    a->data.known = true;
    a->data.found = fact->inspection;
    if (fact->inspection.verdict == DATA_INTACT && a->pg.role == ROLE_UNKNOWN) {
        a->data.history = fact->inspection.history;
        a->data.history_timeline = fact->inspection.position.timeline;
    }
    learn_own_system(a);
    enum reason reason = data_reasons[fact->inspection.verdict];
    refine_reason(a, reason);
    bool lives = a->pg.guard_known && a->pg.guard != GUARD_ABSENT;
    if (lives && reason != REASON_NONE) {
        uint64_t seen_us = a->data.disturbed_wall_us;
        agent_raise(a, reason, seen_us != 0 ? seen_us : fact->wall_us);
    }
    a->data.disturbed_wall_us = 0;
}

static void learn_inspected(struct agent *a, const struct fact *fact)
{
    a->data.inspecting = false;
    if (!says_nothing(a, &fact->inspection)) {
        learn_found(a, fact);
    }
    a->data.due_ms = a->now_ms + look_period_ms(a);
}

static void learn_disturbed(struct agent *a, const struct fact *fact)
{
    a->data.again = true;
    if (a->data.disturbed_wall_us == 0) {
        a->data.disturbed_wall_us = fact->wall_us;
    }
}

/* ---- tasks ---- */

static void report_task(struct agent *a, const struct fact *fact, uint64_t directive_seq)
{
    struct event e = act_task_event(a, fact->ok ? EVENT_DONE : EVENT_FAILED, fact->task);
    uint64_t took_ms = a->now_ms - a->pg.busy_since_ms;
    e.body.task.directive_seq = directive_seq;
    e.body.task.duration_ms = took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX;
    e.body.task.position = fact->position;
    e.body.task.history = fact->history;
    if (!fact->ok) {
        e.body.task.reason = fact->reason;
        memcpy(e.body.task.text, fact->text, sizeof e.body.task.text);
    }
    outbox_put(&a->outbox, &e);
}

/* A new cluster was made, or was not. */
static void end_bootstrap(struct agent *a, const struct fact *fact)
{
    static const enum reason reasons[TASK_COUNT] = {
            [TASK_INITDB] = REASON_INITDB_FAILED,
            [TASK_RESTORE] = REASON_RESTORE_FAILED,
            [TASK_CLONE] = REASON_BASEBACKUP_FAILED,
    };
    a->data.known = false;
    report_task(a, fact, a->cluster.grant_seq);
    if (fact->ok) {
        a->initdb_term = a->cluster.term;
        a->post_init_owed = a->self.post_init && fact->task != TASK_CLONE;
        return;
    }
    agent_raise(a, reasons[fact->task], fact->wall_us);
}

static void end_post_init(struct agent *a, const struct fact *fact)
{
    report_task(a, fact, a->cluster.grant_seq);
    a->post_init_owed = !fact->ok;
    a->lead.retry_ms = fact->ok ? 0 : a->now_ms + POST_INIT_RETRY_MS;
}

static void end_copy(struct agent *a, const struct fact *fact)
{
    a->data.known = false;
    a->rebuild.ended_seq = a->rebuild.begun_seq;
    a->rebuild.unstarted = fact->ok;
    a->pg.start_failures = 0;
    a->pg.start_ms = 0;
    report_task(a, fact, a->rebuild.begun_seq);
}

static void end_promote(struct agent *a, const struct fact *fact)
{
    if (!fact->ok) {
        agent_raise(a, REASON_PROMOTE_FAILED, fact->wall_us);
        return;
    }
    a->pg.role = ROLE_PRIMARY;
    a->watch.good_ms = a->now_ms;
    a->watch.last_ms = a->now_ms;
    a->watch.last.in_recovery = false;
    a->watch.last.position = fact->position;
    a->data.history = fact->history;
    a->data.history_timeline = fact->position.timeline;
    a->lead.stage = LEAD_PROMOTED;
    report_task(a, fact, a->cluster.grant_seq);
}

static void end_first_write(struct agent *a, const struct fact *fact)
{
    if (!fact->ok) {
        a->lead.retry_ms = a->now_ms + agent_config(a).probe_period_ms;
        return;
    }
    a->lead.stage = LEAD_WRITABLE;
    report_task(a, fact, a->cluster.grant_seq);
}

static void end_checkpoint(struct agent *a, const struct fact *fact)
{
    uint64_t step_seq = switch_checkpoint_seq(a);
    if (!restart_asked_checkpoint_ended(a, fact) && step_seq != 0) {
        report_task(a, fact, step_seq);
    }
    if (!fact->ok) {
        a->lead.retry_ms = a->now_ms + agent_config(a).probe_period_ms;
        return;
    }
    if (a->lead.stage == LEAD_WRITABLE) {
        a->lead.stage = LEAD_CHECKPOINTED;
    }
}

static void learn_task_ended(struct agent *a, const struct fact *fact, struct action_list *actions)
{
    static void (*const ends[])(struct agent *, const struct fact *) = {
            [TASK_INITDB] = end_bootstrap,
            [TASK_BASEBACKUP] = end_copy,
            [TASK_REWIND] = end_copy,
            [TASK_PROMOTE] = end_promote,
            [TASK_FIRST_WRITE] = end_first_write,
            [TASK_CHECKPOINT] = end_checkpoint,
            [TASK_SYNC] = NULL, /* ACTION_SYNC's */
            [TASK_RESTORE] = end_bootstrap,
            [TASK_POST_INIT] = end_post_init,
            [TASK_CLONE] = end_bootstrap,
            [TASK_STREAM] = NULL, /* nothing that runs */
    };
    _Static_assert(sizeof ends / sizeof ends[0] == TASK_RESTART, "one for each that is a task");
    if (a->pg.busy != BUSY_TASK || a->pg.task != fact->task) {
        return; /* it was overtaken by a kill */
    }
    say_task_ended(a, fact, actions);
    a->pg.busy = BUSY_NONE;
    assert((unsigned)fact->task < TASK_COUNT && ends[fact->task] != NULL);
    ends[fact->task](a, fact);
}

/* ---- the agent's own ---- */

/* What an ordered action may take has passed, or it cannot end well. */
static void learn_time(struct agent *a)
{
    static const char nothing[TEXT_SIZE];
    if (restart_is_late(a)) {
        restart_give_up(a);
    }
    bool vain = a->pg.busy == BUSY_STARTING && !a->pg.adopted && report_lacks_wal(a);
    if (a->now_ms < a->pg.busy_until_ms && !vain) {
        return;
    }
    if (a->pg.busy == BUSY_STARTING) {
        if (!a->pg.adopted) {
            learn_start_failed(a, nothing);
        }
        agent_raise(a, REASON_START_FAILED, a->wall_us);
    } else if (a->pg.busy == BUSY_TASK && a->pg.task == TASK_INITDB) {
        a->pg.busy = BUSY_NONE;
        a->data.known = false;
        agent_raise(a, REASON_INITDB_FAILED, a->wall_us);
    } else if (a->pg.busy == BUSY_TASK) {
        agent_raise(a, REASON_PROMOTE_FAILED, a->wall_us);
    }
}

void learn_fact(struct agent *a, const struct fact *fact, struct codec_arena *arena,
                struct action_list *actions)
{
    switch (fact->kind) {
    case FACT_LINK:
        learn_link(a, fact);
        break;
    case FACT_RECORD:
        learn_record(a, fact, arena, actions);
        break;
    case FACT_GONE:
        anchor_gone(a, fact->seq);
        break;
    case FACT_LIVE:
        peers_learn(a, fact, arena);
        break;
    case FACT_ASKED:
        report_asked(a, actions);
        break;
    case FACT_GUARD:
        learn_guard(a, fact);
        break;
    case FACT_INSPECTED:
        learn_inspected(a, fact);
        break;
    case FACT_DISTURBED:
        learn_disturbed(a, fact);
        break;
    case FACT_PROBED:
        watch_learn(a, &fact->probe);
        break;
    case FACT_TASK_PROGRESS:
        report_progress(a, fact, actions);
        break;
    case FACT_TASK_ENDED:
        learn_task_ended(a, fact, actions);
        break;
    case FACT_SYNCED:
        sync_learn(a, fact);
        break;
    case FACT_CHECKED:
        parameters_learn(a, fact);
        break;
    case FACT_SLOTS_COPIED:
        a->report.slots_copied = true;
        break;
    case FACT_PERSISTED:
        act_persisted(a, fact);
        break;
    case FACT_PROMISE:
        promise_learn(a, &fact->promise, actions);
        break;
    case FACT_TERMINATE:
        a->stop.ordered = true;
        break;
    case FACT_TICK:
    case FACT_COUNT:
        break;
    }
    learn_time(a);
}
