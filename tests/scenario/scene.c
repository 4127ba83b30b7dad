/* SPDX-License-Identifier: PostgreSQL */
#include "scene.h"

#include "../../proto/digest.h"
#include "../../proto/invariant.h"
#include "../../proto/subject.h"
#include "say.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The wall clock at SCENE_START_MS; for people only. */
#define START_WALL_US UINT64_C(1767225600000000)

static uint64_t wall_us(const struct scene *s)
{
    return START_WALL_US + (s->now_ms - SCENE_START_MS) * 1000;
}

void scene_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void scene_say(struct scene *s, const char *format, ...)
{
    fputs("    ", s->out);
    if (s->now_ms != s->step_ms) {
        fprintf(s->out, "[%llums] ", (unsigned long long)(s->now_ms - SCENE_START_MS));
    }
    va_list args;
    va_start(args, format);
    vfprintf(s->out, format, args);
    va_end(args);
    fputc('\n', s->out);
}

struct scene *scene_create(FILE *out)
{
    struct scene *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        scene_die("no memory");
    }
    s->out = out;
    s->now_ms = SCENE_START_MS;
    s->step_ms = s->now_ms;
    s->beat_ms = s->now_ms;
    cluster_init(&s->reference, SCENE_CLUSTER);
    s->config = config_default();
    s->config.synchronous = SYNCHRONOUS_OFF; /* unless a script says otherwise */
    scene_start_monitor(s, "monitor-1");
    scene_settle(s);
    return s;
}

void scene_destroy(struct scene *s)
{
    for (size_t i = 0; i < s->record_count; i++) {
        free(s->records[i].data);
    }
    free(s);
}

struct scene_node *scene_node(struct scene *s, const char *name)
{
    for (uint32_t i = 0; i < s->node_count; i++) {
        if (strcmp(s->nodes[i].name, name) == 0) {
            return &s->nodes[i];
        }
    }
    if (s->node_count == NODE_COUNT_MAX || !name_is_valid(name)) {
        scene_die("no room for node %s, or not a name", name);
    }
    struct scene_node *n = &s->nodes[s->node_count];
    s->node_count++;
    memcpy(n->name, name, strlen(name) + 1);
    return n;
}

struct event scene_event(struct scene *s, struct scene_node *n, enum event_kind kind)
{
    struct event e = {.version = SCHEMA_VERSION, .kind = kind, .wall_us = wall_us(s)};
    memcpy(e.cluster, SCENE_CLUSTER, sizeof(SCENE_CLUSTER));
    memcpy(e.writer, n->name, sizeof(e.writer));
    e.incarnation = n->incarnation;
    e.counter = ++n->counter;
    return e;
}

/* ---- the log ---- */

static struct scene_record *store(struct scene *s, const char *subject, const uint8_t *data,
                                  size_t size)
{
    if (s->record_count == SCENE_RECORD_MAX) {
        scene_die("the scenario writes more than %d records", SCENE_RECORD_MAX);
    }
    struct scene_record *r = &s->records[s->record_count];
    s->record_count++;
    r->seq = s->record_count;
    memcpy(r->subject, subject, strlen(subject) + 1);
    r->data = malloc(size + 1);
    if (r->data == NULL) {
        scene_die("no memory");
    }
    memcpy(r->data, data, size);
    r->size = size;
    return r;
}

/* A quiet event is one that a beat sends by itself: only said when it had no effect. */
static bool is_quiet(const struct scene *s, const struct event *e, struct outcome outcome)
{
    return outcome.effective && e->kind == EVENT_RENEW && s->now_ms == s->beat_ms &&
           s->now_ms != s->step_ms;
}

static void fold_reference(struct scene *s, const struct scene_record *r)
{
    struct event e;
    const struct cluster before = s->reference;
    const struct cluster_record record = {r->subject, r->seq, r->data, r->size};
    const struct outcome outcome = cluster_fold_record(&s->reference, &record, &s->arena, &e);
    const char *broken = invariant_check(&s->reference);
    broken = broken == NULL ? invariant_check_step(&before, &s->reference) : broken;
    if (broken != NULL) {
        scene_die("record %llu breaks an invariant: %s", (unsigned long long)r->seq, broken);
    }
    if (!is_quiet(s, &e, outcome)) {
        say_outcome(s, &e, outcome);
    }
}

void scene_append_bytes(struct scene *s, const char *subject, const uint8_t *data, size_t size)
{
    const struct scene_record *r = store(s, subject, data, size);
    char cluster[NAME_SIZE];
    if (subject_cluster(subject, cluster) && strcmp(cluster, SCENE_CLUSTER) == 0) {
        fold_reference(s, r);
    }
}

static size_t encode(const struct event *e, uint8_t buffer[EVENT_BYTES_MAX])
{
    const size_t size = codec_encode(e, buffer, EVENT_BYTES_MAX);
    if (size == 0) {
        scene_die("this %s of %s does not encode", event_kind_name(e->kind), e->writer);
    }
    return size;
}

void scene_append(struct scene *s, const struct event *e)
{
    char subject[SUBJECT_SIZE];
    uint8_t buffer[EVENT_BYTES_MAX];
    const size_t size = encode(e, buffer);
    if (!subject_of_event(e, subject)) {
        scene_die("no subject for this %s of %s", event_kind_name(e->kind), e->writer);
    }
    scene_append_bytes(s, subject, buffer, size);
}

/* ---- monitors ---- */

struct scene_monitor *scene_find_monitor(struct scene *s, const char *name)
{
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        if (strcmp(s->monitors[i].name, name) == 0) {
            return &s->monitors[i];
        }
    }
    return NULL;
}

static bool is_awake(const struct scene_monitor *sm)
{
    return sm->runs && !sm->paused;
}

static bool can_hear(const struct scene_monitor *sm)
{
    return is_awake(sm) && !sm->deaf && sm->monitor.link_up;
}

static void beat_heart(struct scene *s, struct scene_monitor *sm)
{
    struct event e;
    if (monitor_heartbeat(&sm->monitor, s->now_ms, wall_us(s), &e, &sm->heartbeat_ms)) {
        scene_append(s, &e);
    }
}

static void give(struct scene *s, struct scene_monitor *sm, struct stimulus *stimulus)
{
    struct monitor_output output;
    stimulus->now_ms = s->now_ms;
    stimulus->wall_us = wall_us(s);
    monitor_step(&sm->monitor, &sm->cluster, stimulus, &s->arena, &output);
    sm->next_ms = output.next_ms;
    if (output.append) {
        scene_append(s, &output.event);
    }
    beat_heart(s, sm);
}

void scene_tick(struct scene *s, struct scene_monitor *sm)
{
    struct stimulus tick = {.kind = STIMULUS_TICK};
    give(s, sm, &tick);
}

static void hear_heartbeat(struct scene *s, struct scene_monitor *sm, const struct scene_record *r)
{
    struct event e;
    if (codec_decode(r->data, r->size, &s->arena, &e) == CODEC_OK) {
        e.seq = r->seq;
        monitor_heard(&sm->monitor, &e, s->now_ms);
        scene_tick(s, sm);
    }
}

static void hand_out(struct scene *s, struct scene_monitor *sm)
{
    const struct scene_record *r = &s->records[sm->read];
    sm->read++;
    char cluster[NAME_SIZE];
    if (subject_cluster(r->subject, cluster) && strcmp(cluster, "_") == 0) {
        hear_heartbeat(s, sm, r);
        return;
    }
    struct stimulus stimulus = {
            .kind = STIMULUS_RECORD,
            .subject = r->subject,
            .seq = r->seq,
            .data = r->data,
            .size = r->size,
    };
    give(s, sm, &stimulus);
}

static void check_digest(const struct scene *s, const struct scene_monitor *sm)
{
    uint8_t expected[HASH_SIZE];
    uint8_t found[HASH_SIZE];
    cluster_digest(&s->reference, expected);
    cluster_digest(&sm->cluster.state, found);
    if (memcmp(expected, found, HASH_SIZE) != 0) {
        scene_die("%s has folded to another state", sm->name);
    }
}

static bool hand_out_round(struct scene *s)
{
    bool moved = false;
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        struct scene_monitor *sm = &s->monitors[i];
        if (can_hear(sm) && sm->read < s->record_count) {
            hand_out(s, sm);
            moved = true;
        }
    }
    return moved;
}

/* A monitor that has read up to the end is told so, as the log tells it, and asks who is there. */
static bool catch_up_round(struct scene *s)
{
    bool moved = false;
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        struct scene_monitor *sm = &s->monitors[i];
        if (!can_hear(sm) || sm->monitor.caught_up) {
            continue;
        }
        monitor_link(&sm->monitor, true, true, s->now_ms);
        scene_tick(s, sm);
        for (uint32_t k = 0; k < s->node_count; k++) {
            if (s->nodes[k].talks) {
                scene_live(s, &s->nodes[k]);
            }
        }
        moved = true;
    }
    return moved;
}

void scene_settle(struct scene *s)
{
    do {
        while (hand_out_round(s)) {
        }
    } while (catch_up_round(s));
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        if (can_hear(&s->monitors[i])) {
            check_digest(s, &s->monitors[i]);
        }
    }
}

/* What a leader sees of its standbys at this moment. */
static void fill_rows(const struct scene *s, struct probe *p)
{
    for (uint32_t i = 0; i < s->node_count && p->state == NODE_PRIMARY; i++) {
        const struct scene_node *peer = &s->nodes[i];
        if (peer->talks && peer->probe.state == NODE_STANDBY && peer->probe.streaming) {
            struct replica_row *row = &p->replicas[p->replica_count];
            memcpy(row->name, peer->name, sizeof(row->name));
            row->streaming = true;
            row->flush_lsn = peer->probe.position.lsn;
            p->replica_count++;
        }
    }
}

void scene_live(struct scene *s, const struct scene_node *n)
{
    struct event e = {
            .version = SCHEMA_VERSION, .kind = EVENT_PROBE, .incarnation = n->incarnation};
    memcpy(e.cluster, SCENE_CLUSTER, sizeof(SCENE_CLUSTER));
    memcpy(e.writer, n->name, sizeof(e.writer));
    e.counter = n->counter;
    e.body.probe = n->probe;
    fill_rows(s, &e.body.probe);
    uint8_t buffer[EVENT_BYTES_MAX];
    const size_t size = encode(&e, buffer);
    char subject[SUBJECT_SIZE];
    subject_live(SCENE_CLUSTER, n->name, subject);
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        struct stimulus live = {
                .kind = STIMULUS_LIVE, .subject = subject, .data = buffer, .size = size};
        if (can_hear(&s->monitors[i])) {
            give(s, &s->monitors[i], &live);
        }
    }
}

void scene_start_monitor(struct scene *s, const char *name)
{
    struct scene_monitor *sm = scene_find_monitor(s, name);
    sm = sm == NULL ? scene_find_monitor(s, "") : sm;
    if (sm == NULL || !name_is_valid(name)) {
        scene_die("no room for monitor %s, or not a name", name);
    }
    const struct decide_options options = {.config = s->config};
    const struct memory memory = sm->cluster.memory; /* on its disk */
    memset(sm, 0, sizeof(*sm));
    memcpy(sm->name, name, strlen(name) + 1);
    sm->runs = true;
    monitor_init(&sm->monitor, name, wall_us(s), &options);
    monitor_cluster_init(&sm->cluster, SCENE_CLUSTER, &memory);
    scene_link(s, sm, true);
}

static bool set_policy(struct config *config, const char *name)
{
    for (unsigned i = 0; i < SWITCH_POLICY_COUNT; i++) {
        if (strcmp(name, switch_policy_name((enum switch_policy)i)) == 0) {
            config->switch_policy = (enum switch_policy)i;
            return true;
        }
    }
    for (unsigned i = 0; i < CRASH_POLICY_COUNT; i++) {
        if (strcmp(name, crash_policy_name((enum crash_policy)i)) == 0) {
            config->crash_policy = (enum crash_policy)i;
            return true;
        }
    }
    return false;
}

static bool set_mode(struct config *config, const char *name)
{
    for (unsigned i = 0; i < SYNCHRONOUS_MODE_COUNT; i++) {
        if (strcmp(name, synchronous_name((enum synchronous)i)) == 0) {
            config->synchronous = (enum synchronous)i;
            return true;
        }
    }
    return false;
}

static bool set_failover_mode(struct config *config, const char *name)
{
    for (unsigned i = 0; i < FAILOVER_MODE_COUNT; i++) {
        if (strcmp(name, failover_mode_name((enum failover_mode)i)) == 0) {
            config->failover_mode = (enum failover_mode)i;
            return true;
        }
    }
    return false;
}

/* "standby-of:10.1.0.1" */
static bool set_standby(struct config *config, const char *name)
{
    static const char word[] = "standby-of:";
    if (strncmp(name, word, sizeof word - 1) != 0) {
        return false;
    }
    snprintf(config->standby.host, REMOTE_HOST_SIZE, "%s", name + sizeof word - 1);
    config->standby.port = 5432;
    return true;
}

bool scene_set(struct scene *s, const char *name)
{
    bool known = set_policy(&s->config, name) || set_mode(&s->config, name) ||
                 set_failover_mode(&s->config, name) || set_standby(&s->config, name);
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        s->monitors[i].monitor.options.config = s->config;
    }
    return known;
}

void scene_link(struct scene *s, struct scene_monitor *sm, bool up)
{
    monitor_link(&sm->monitor, up, false, s->now_ms);
    scene_tick(s, sm);
}

/* ---- time ---- */

static void beat(struct scene *s)
{
    s->beat_ms = s->now_ms;
    for (uint32_t i = 0; i < s->node_count; i++) {
        struct scene_node *n = &s->nodes[i];
        if (n->talks) {
            scene_live(s, n);
        }
        if (n->talks && n->renews) {
            struct event e = scene_event(s, n, EVENT_RENEW);
            say_fill_renew(s, n, &e);
            scene_append(s, &e);
        }
        scene_settle(s);
    }
}

/* A leader that may be overtaken renews more often, and all else comes along. */
static uint64_t next_beat_ms(const struct scene *s)
{
    bool often = s->config.failover_mode == FAILOVER_SEALED;
    return s->beat_ms + (often ? SEALED_RENEW_MS : SCENE_BEAT_MS);
}

static uint64_t monitor_next_ms(const struct scene_monitor *sm)
{
    return sm->next_ms < sm->heartbeat_ms ? sm->next_ms : sm->heartbeat_ms;
}

static uint64_t next_moment_ms(const struct scene *s)
{
    uint64_t next_ms = next_beat_ms(s);
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        const struct scene_monitor *sm = &s->monitors[i];
        if (is_awake(sm) && monitor_next_ms(sm) < next_ms) {
            next_ms = monitor_next_ms(sm);
        }
    }
    return next_ms > s->now_ms ? next_ms : s->now_ms + 1;
}

static void tick_due(struct scene *s)
{
    for (size_t i = 0; i < SCENE_MONITOR_MAX; i++) {
        struct scene_monitor *sm = &s->monitors[i];
        if (is_awake(sm) && monitor_next_ms(sm) <= s->now_ms) {
            scene_tick(s, sm);
        }
    }
    scene_settle(s);
}

void scene_advance(struct scene *s, uint64_t to_ms)
{
    while (next_moment_ms(s) <= to_ms) {
        s->now_ms = next_moment_ms(s);
        if (s->now_ms == next_beat_ms(s)) {
            beat(s);
        }
        tick_due(s);
    }
    s->now_ms = to_ms;
    tick_due(s);
}
