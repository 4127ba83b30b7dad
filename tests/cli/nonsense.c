/* SPDX-License-Identifier: PostgreSQL */
/*
 * nonsense FILE SEED - writes a captured log of a few hundred events of every kind with random
 * contents, many of which take effect, and what monitors decide on them: what programs that tell of
 * a log must survive.
 *
 * Clocks are anything; the log's own goes forward, sometimes not at all.
 */
#include "../../monitor/decide.h"
#include "../../proto/fold.h"
#include "../../proto/log_file.h"
#include "../../proto/subject.h"
#include "../fuzz/random_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS 400
#define NODES 4
#define START_US 1772366400000000U

static struct cluster state;
static struct codec_arena arena;

static void set_name(char name[NAME_SIZE], struct random *random)
{
    (void)snprintf(name, NAME_SIZE, "node-%u", 1 + random_below(random, NODES));
}

/* Of one system, with or without data. */
static void fit_probe(struct random *random, struct probe *probe)
{
    const bool empty = state.system_id == 0 || random_below(random, 4) == 0;
    probe->system_id = empty ? 0 : state.system_id;
    probe->state = empty ? NODE_EMPTY : probe->state;
    probe->reason = empty ? REASON_DATA_DIRECTORY_EMPTY : probe->reason;
    if (random_below(random, 2) == 0 && !empty) {
        probe->state = NODE_STANDBY;
        probe->position = state.lease.position;
        probe->streaming = true;
    }
}

static void fit_body(struct random *random, struct event *e)
{
    const uint64_t term = state.term + (e->kind == EVENT_GRANT ? 1 : 0);
    if (e->kind == EVENT_RENEW) {
        e->body.renew = (struct renew){.term = term,
                                       .ttl_ms = 3000,
                                       .seen_seq = state.last_seq,
                                       .state = NODE_PRIMARY,
                                       .position = e->body.renew.position};
    } else if (e->kind == EVENT_GRANT) {
        e->body.grant.term = term;
        set_name(e->body.grant.node, random);
    } else if (e->kind == EVENT_RELEASE) {
        e->body.release.term = term;
    } else if (e->kind == EVENT_REVOKE) {
        e->body.revoke.term = term;
        e->body.revoke.renewal_seq = cluster_last_renewal_seq(&state);
    } else if (e->kind == EVENT_CONFIG) {
        e->body.config = config_default();
        e->body.config.synchronous = SYNCHRONOUS_OFF;
    } else if (e->kind == EVENT_HELLO) {
        fit_probe(random, &e->body.hello.probe);
        e->body.hello.nofailover = false;
        memset(&e->body.hello.anchor, 0, sizeof e->body.hello.anchor); /* nothing is lost */
    } else if (e->kind == EVENT_ANCHOR) {
        e->body.anchor.lost = false;
    } else if (e->kind == EVENT_PROBE) {
        fit_probe(random, &e->body.probe);
        e->body.probe.election_term = cluster_has_ended(&state) ? state.term : 0;
    } else if (e->kind == EVENT_DONE && random_below(random, 8) != 0) {
        e->body.task.task = state.promoted ? TASK_FIRST_WRITE : TASK_PROMOTE;
        e->body.task.term = term;
        e->body.task.position = (struct position){(uint32_t)term, 0x1000};
        e->body.task.history.count = 0;
    }
}

/* Of this cluster and of one of few writers; half of all come from who leads. */
static void fit(struct random *random, struct event *e)
{
    (void)snprintf(e->cluster, sizeof e->cluster, "demo");
    set_name(e->writer, random);
    if (event_is_agents(e->kind) && state.leader >= 0 && random_below(random, 2) == 0) {
        memcpy(e->writer, state.nodes[state.leader].name, sizeof e->writer);
    }
    const int32_t i = cluster_find_node(&state, e->writer);
    e->version = SCHEMA_VERSION;
    e->incarnation = i >= 0 && e->kind != EVENT_HELLO ? state.nodes[i].incarnation : 1;
    e->counter = state.last_seq + 1;
    fit_body(random, e);
    if (event_is_decision(e->kind)) {
        cluster_fill_decision(&state, &e->decision);
        e->decision.evidence.renewal_age_ms = 100000;
        e->decision.evidence.hearing_ms = 100000;
    }
}

/* The kinds that move the leadership come more often. */
static enum event_kind pick(struct random *random)
{
    static const enum event_kind often[] = {EVENT_HELLO, EVENT_RENEW, EVENT_RENEW,
                                            EVENT_DONE,  EVENT_DONE,  EVENT_PROBE};
    if (random_below(random, 4) != 0) {
        return often[random_below(random, sizeof often / sizeof often[0])];
    }
    return (enum event_kind)(1 + random_below(random, EVENT_KIND_COUNT - 1));
}

/* What a monitor decides that has waited long enough for anything; it hears them all, or some. */
static bool decide_something(struct random *random, struct event *ret_event)
{
    struct evidence evidence = {
            .renewal_age_ms = 100000,
            .hearing_ms = 100000,
            .phase_age_ms = random_below(random, 6) == 0 ? 100000 : 10,
            .alive_mask = random_below(random, 1U << NODES),
            .sync_age_ms = 100000,
            .failover_age_ms = 1000000000,
    };
    struct decide_options options = {.config = config_default()};
    options.config.synchronous = SYNCHRONOUS_OFF;
    evidence.renewal_age_ms = random_below(random, 8) == 0 ? 100000 : 100;
    if (!decide(&state, &evidence, &options, ret_event)) {
        return false;
    }
    (void)snprintf(ret_event->writer, sizeof ret_event->writer, "monitor-1");
    (void)snprintf(ret_event->cluster, sizeof ret_event->cluster, "demo");
    ret_event->version = SCHEMA_VERSION;
    ret_event->incarnation = 1;
    ret_event->counter = state.last_seq + 1;
    ret_event->wall_us = random_next(random) >> random_below(random, 64);
    return true;
}

static void check(enum result result, const struct failure *failure)
{
    if (result != RESULT_OK) {
        fprintf(stderr, "nonsense: %s\n", failure->text);
        exit(1);
    }
}

/* False: an event that has no place in a log. */
static bool write_event(struct log_file_writer *writer, struct event *e, uint64_t seq, uint64_t us)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    struct failure failure = {0};
    struct event folded;
    const size_t size = codec_encode(e, bytes, sizeof bytes);
    if (size == 0 || !subject_of_event(e, subject)) {
        return false;
    }
    const struct log_notice record = {.kind = LOG_RECORD,
                                      .seq = seq,
                                      .stored_us = us,
                                      .subject = subject,
                                      .data = bytes,
                                      .size = size};
    const struct cluster_record stored = {subject, seq, bytes, size};
    (void)cluster_fold_record(&state, &stored, &arena, &folded);
    check(log_file_write(writer, &record, &failure), &failure);
    return true;
}

int main(int argc, char **argv)
{
    static struct event e;
    struct failure failure = {0};
    struct log_file_writer *writer = NULL;
    struct random random;
    if (argc != 3) {
        fprintf(stderr, "usage: nonsense FILE SEED\n");
        return 2;
    }
    check(log_file_writer_create(argv[1], &writer, &failure), &failure);
    random_init(&random, strtoull(argv[2], NULL, 10));
    cluster_init(&state, "demo");
    uint64_t seq = 0;
    uint64_t us = START_US;
    for (int i = 0; i < EVENTS; i++) {
        if (random_below(&random, 3) != 0 || !decide_something(&random, &e)) {
            random_event(&random, pick(&random), &e);
            fit(&random, &e);
        }
        us += random_below(&random, 3) * random_below(&random, 2000000);
        seq += write_event(writer, &e, seq + 1, us) ? 1 : 0;
    }
    check(log_file_writer_finish(writer, &failure), &failure);
    return 0;
}
