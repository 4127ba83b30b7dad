/* SPDX-License-Identifier: PostgreSQL */
#include "say.h"

#include "../../proto/explain.h"
#include "../../proto/subject.h"
#include "ask.h"
#include "fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WORD_COUNT_MAX 24
#define LINE_SIZE 512

typedef unsigned long long ull;

/* ---- outcomes ---- */

static void write_revoke(const struct event *e, FILE *out)
{
    const struct evidence *evidence = &e->decision.evidence;
    fprintf(out, " term=%llu by %s: silent for %llums, heard for %llums", (ull)e->body.revoke.term,
            e->decision.rule, (ull)evidence->renewal_age_ms, (ull)evidence->hearing_ms);
}

static void write_candidates(const struct candidate_list *list, FILE *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        fprintf(out, "%s %s %s", i == 0 ? ":" : ",", list->items[i].node,
                verdict_name(list->items[i].verdict));
    }
}

static void write_grant(const struct event *e, FILE *out)
{
    const struct grant *grant = &e->body.grant;
    fprintf(out, " term=%llu to %s by %s", (ull)grant->term, grant->node, e->decision.rule);
    if (grant->loss_bytes != 0) {
        fprintf(out, " loss=%llu%s", (ull)grant->loss_bytes, grant->loss_known ? "" : "+");
    }
    write_candidates(&grant->candidates, out);
}

static void write_directive(const struct event *e, FILE *out)
{
    fprintf(out, " %s to %s (%s) by %s", task_name(e->body.directive.task), e->body.directive.node,
            reason_name(e->body.directive.reason), e->decision.rule);
}

static void write_config(const struct event *e, FILE *out)
{
    fprintf(out, " lease_ttl=%" PRIu32 "ms by %s", e->body.config.lease_ttl_ms, e->decision.rule);
}

static void write_no_candidate(const struct event *e, FILE *out)
{
    const struct no_candidate *n = &e->body.no_candidate;
    fprintf(out, " term=%llu by %s", (ull)n->term, e->decision.rule);
    if (n->reason != REASON_NONE) {
        fprintf(out, " (%s, %llums%s%s)", reason_name(n->reason), (ull)n->wait_ms,
                n->node[0] != '\0' ? ", " : "", n->node);
    }
    write_candidates(&n->candidates, out);
}

static void write_order(const struct event *e, FILE *out)
{
    const struct order *order = &e->body.order;
    fprintf(out, " %s%s%s by %s", request_kind_name(order->kind),
            order->node[0] != '\0' ? " of " : "", order->node, e->decision.rule);
    if (order->reason != REASON_NONE) {
        fprintf(out, ": %s", reason_name(order->reason));
    }
}

static void write_switchover_step(const struct event *e, FILE *out)
{
    const struct switchover_step *step = &e->body.switchover_step;
    fprintf(out, " %s of %s by %s", switch_step_name(step->step),
            step->node[0] != '\0' ? step->node : "nobody", e->decision.rule);
    if (step->step == SWITCH_ABORT) {
        fprintf(out, ": %s %s", reason_name(step->reason), verdict_name(step->verdict));
    }
}

static void write_names(const struct name_list *list, FILE *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ",", list->names[i]);
    }
}

static void write_sync_set(const struct event *e, FILE *out)
{
    const struct sync_set *set = &e->body.sync_set;
    fprintf(out, " %s %" PRIu32 " of (", sync_step_name(set->step), set->count);
    write_names(&set->waits, out);
    fprintf(out, "), an election needs %" PRIu32 " of (", set->quorum);
    write_names(&set->voters, out);
    fprintf(out, ") by %s", e->decision.rule);
}

static void (*const DECISION_WRITERS[EVENT_KIND_COUNT])(const struct event *, FILE *) = {
        [EVENT_REVOKE] = write_revoke,
        [EVENT_GRANT] = write_grant,
        [EVENT_DIRECTIVE] = write_directive,
        [EVENT_CONFIG] = write_config,
        [EVENT_NO_CANDIDATE] = write_no_candidate,
        [EVENT_SWITCHOVER_STEP] = write_switchover_step,
        [EVENT_ORDER] = write_order,
        [EVENT_SYNC_SET] = write_sync_set,
};

static void say_decision(struct scene *s, const struct event *e, struct outcome outcome)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        scene_die("no memory");
    }
    DECISION_WRITERS[e->kind](e, out);
    fclose(out);
    const bool first = strcmp(e->writer, "monitor-1") == 0;
    scene_say(s, "-> %s%s%s%s%s%s", event_kind_name(e->kind), text, first ? "" : " of ",
              first ? "" : e->writer, outcome.effective ? "" : ", void ",
              outcome.effective ? "" : void_reason_name(outcome.void_reason));
    free(text);
}

void say_outcome(struct scene *s, const struct event *e, struct outcome outcome)
{
    if (event_is_decision(e->kind)) {
        say_decision(s, e, outcome);
    } else if (outcome.effective) {
        char text[LINE_SIZE];
        explain_event(&s->reference, e, outcome, text, sizeof(text));
        scene_say(s, "%s", text);
    } else {
        scene_say(s, "void %s", void_reason_name(outcome.void_reason));
    }
}

/* ---- what nodes say ---- */

struct speech {
    struct scene *s;
    struct scene_node *n;
    const struct fields *f;
};

static uint64_t spoken_term(const struct speech *speech)
{
    return fields_get(speech->f, FIELD_TERM, speech->s->reference.term);
}

static struct position spoken_position(const struct fields *f, struct position otherwise)
{
    return (struct position){
            .timeline = (uint32_t)fields_get(f, FIELD_TIMELINE, otherwise.timeline),
            .lsn = fields_get(f, FIELD_LSN, otherwise.lsn),
    };
}

/* A look is what the last one was, but for what is named, and for what only one look can say. */
static void look(struct scene_node *n, const struct fields *f)
{
    struct probe *p = &n->probe;
    p->state = (enum node_state)fields_get(f, FIELD_STATE, p->state);
    p->reason = (enum reason)fields_get(f, FIELD_REASON, REASON_NONE);
    p->position = spoken_position(f, p->position);
    p->replay_lsn = fields_get(f, FIELD_REPLAY, p->state == NODE_STANDBY ? p->position.lsn : 0);
    const bool empty = p->state == NODE_EMPTY || p->state == NODE_UNKNOWN;
    p->system_id = fields_get(f, FIELD_SYSTEM, empty ? 0 : UINT64_C(7000000000000000001));
    p->streaming = fields_get(f, FIELD_STREAMING, 0) != 0;
    p->sealed = fields_get(f, FIELD_SEALED, 0) != 0;
    p->clean = fields_get(f, FIELD_CLEAN, 1) != 0;
    p->was_primary = fields_get(f, FIELD_WAS_PRIMARY, p->state == NODE_PRIMARY) != 0;
    p->failures = (uint32_t)fields_get(f, FIELD_FAILURES, 0);
    p->election_term = fields_get(f, FIELD_ELECTION, 0);
    p->history = f->history;
    if (empty) {
        p->position = (struct position){0};
    }
}

/* hello begins a new incarnation, unless one is named: then it is an old one that speaks again. */
static void fill_hello(const struct speech *speech, struct event *e)
{
    struct scene_node *n = speech->n;
    look(n, speech->f);
    struct hello *hello = &e->body.hello;
    hello->probe = n->probe;
    memcpy(hello->host, "127.0.0.1", sizeof("127.0.0.1"));
    hello->port = (uint16_t)(5440 + (n - speech->s->nodes) + 1);
    hello->pg_version = 150004;
    hello->failover_priority = (int32_t)fields_get(speech->f, FIELD_PRIORITY, 0);
    hello->nofailover = fields_get(speech->f, FIELD_NOFAILOVER, 0) != 0;
    hello->anchor.lost = fields_get(speech->f, FIELD_LOST, 0) != 0;
    hello->anchor.term = fields_get(speech->f, FIELD_ANCHOR, speech->s->reference.term);
    hello->anchor.grant_seq = speech->f->given[FIELD_ANCHOR] ? 0 : speech->s->reference.grant_seq;
    bool forgetful = fields_get(speech->f, FIELD_FORGETFUL, 0) != 0;
    hello->anchor.ttl_ms = forgetful ? 0 : cluster_ttl_ms(&speech->s->reference);
    hello->anchor.member_count = (uint32_t)fields_get(speech->f, FIELD_MEMBERS, 0);
}

static void fill_probe(const struct speech *speech, struct event *e)
{
    look(speech->n, speech->f);
    e->body.probe = speech->n->probe;
}

void say_fill_renew(const struct scene *s, const struct scene_node *n, struct event *e)
{
    const bool primary = n->probe.state == NODE_PRIMARY;
    e->body.renew = (struct renew){
            .term = s->reference.term,
            .ttl_ms = cluster_ttl_ms(&s->reference),
            .seen_seq = s->reference.last_seq,
            .state = n->probe.state,
            .position = primary ? n->probe.position : (struct position){0},
    };
}

static void fill_renew(const struct speech *speech, struct event *e)
{
    say_fill_renew(speech->s, speech->n, e);
    struct renew *renew = &e->body.renew;
    renew->term = spoken_term(speech);
    renew->ttl_ms = (uint32_t)fields_get(speech->f, FIELD_TTL, renew->ttl_ms);
    renew->position = spoken_position(speech->f, renew->position);
    renew->lifted = fields_get(speech->f, FIELD_LIFTED, 0) != 0;
    fields_restart(speech->f, speech->s->now_ms, &renew->restart);
    renew->state = renew->restart.number != 0 ? NODE_STARTING : renew->state;
    speech->n->probe.position = spoken_position(speech->f, speech->n->probe.position);
}

static void fill_release(const struct speech *speech, struct event *e)
{
    e->body.release = (struct release){
            .term = spoken_term(speech),
            .reason = (enum reason)fields_get(speech->f, FIELD_REASON, REASON_NONE),
            .position = spoken_position(speech->f, (struct position){0}),
            .clean = fields_get(speech->f, FIELD_CLEAN, 0) != 0,
            .killed_count = (uint32_t)fields_get(speech->f, FIELD_KILLED, 0),
            .detected_wall_us = e->wall_us,
            .fenced_wall_us = e->wall_us,
    };
    speech->n->renews = false;
}

static void fill_refuse(const struct speech *speech, struct event *e)
{
    e->body.refuse.term = spoken_term(speech);
    e->body.refuse.reason = (enum reason)fields_get(speech->f, FIELD_REASON, REASON_NOT_ELIGIBLE);
    speech->n->renews = false;
}

static uint64_t order_of(const struct speech *speech, enum task task)
{
    const struct cluster *c = &speech->s->reference;
    const int32_t i = cluster_find_node(c, speech->n->name);
    const bool copy = task == TASK_BASEBACKUP || task == TASK_REWIND;
    if (task == TASK_CHECKPOINT) {
        return c->pending.step_seq;
    }
    if (task == TASK_SYNC) {
        return c->sync.seq;
    }
    if (task == TASK_RESTART) {
        return c->licence.seq;
    }
    if (task == TASK_CONFIG) {
        return c->asked.request_seq;
    }
    return copy && i >= 0 ? c->nodes[i].rebuild_seq : c->grant_seq;
}

static void fill_task(const struct speech *speech, struct event *e)
{
    const struct fields *f = speech->f;
    struct task_report *task = &e->body.task;
    task->task = (enum task)fields_get(f, FIELD_TASK, TASK_NONE);
    task->term = spoken_term(speech);
    task->directive_seq = fields_get(f, FIELD_DIRECTIVE, order_of(speech, task->task));
    task->percent = (uint32_t)fields_get(f, FIELD_PERCENT, 0);
    task->duration_ms = (uint32_t)fields_get(f, FIELD_DURATION, 0);
    task->reason = (enum reason)fields_get(f, FIELD_REASON, REASON_NONE);
    task->position = spoken_position(f, (struct position){0});
    task->history = f->history;
}

static void fill_goodbye(const struct speech *speech, struct event *e)
{
    e->body.goodbye.reason = (enum reason)fields_get(speech->f, FIELD_REASON, REASON_SHUTDOWN);
    speech->n->talks = false;
}

struct verb {
    const char *name;
    enum event_kind kind;
    void (*fill)(const struct speech *speech, struct event *e);
};

static const struct verb VERBS[] = {
        {"hello", EVENT_HELLO, fill_hello},       {"probe", EVENT_PROBE, fill_probe},
        {"renew", EVENT_RENEW, fill_renew},       {"release", EVENT_RELEASE, fill_release},
        {"refuse", EVENT_REFUSE, fill_refuse},    {"progress", EVENT_PROGRESS, fill_task},
        {"done", EVENT_DONE, fill_task},          {"failed", EVENT_FAILED, fill_task},
        {"goodbye", EVENT_GOODBYE, fill_goodbye},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
        if (strcmp(VERBS[i].name, name) == 0) {
            return &VERBS[i];
        }
    }
    return NULL;
}

/* ---- steps ---- */

struct words {
    char line[LINE_SIZE];
    size_t count;
    char *items[WORD_COUNT_MAX];
};

static void split(const char *line, struct words *w)
{
    memset(w, 0, sizeof(*w));
    if (strlen(line) >= LINE_SIZE) {
        scene_die("line too long: %s", line);
    }
    memcpy(w->line, line, strlen(line) + 1);
    char *rest = w->line;
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        if (word[0] == '\0') {
            continue;
        }
        if (w->count == WORD_COUNT_MAX) {
            scene_die("too many words: %s", line);
        }
        w->items[w->count] = word;
        w->count++;
    }
}

/* The word, or "" when the line has no such. */
static const char *word(const struct words *w, size_t i)
{
    return i < w->count ? w->items[i] : "";
}

static bool word_is(const struct words *w, size_t i, const char *text)
{
    return strcmp(word(w, i), text) == 0;
}

static void hold(struct scene *s, const struct event *e)
{
    if (s->held_count == SCENE_HELD_MAX) {
        scene_die("too many events are held back");
    }
    s->held[s->held_count] = *e;
    s->held_count++;
}

/* "[later] node-1 <verb> key=value..." with the verb at word `at`. */
static bool step_speech(struct scene *s, const struct words *w, size_t at, bool later)
{
    const struct verb *verb = find_verb(word(w, at));
    if (verb == NULL) {
        return false;
    }
    struct fields f;
    fields_parse(&f, &w->items[at + 1], w->count - at - 1);
    struct scene_node *n = scene_node(s, word(w, at - 1));
    if (verb->kind == EVENT_HELLO && !fields_has(&f, FIELD_INCARNATION)) {
        n->incarnation++;
        n->counter = 0;
        n->talks = true;
        n->renews = false;
    }
    struct event e = scene_event(s, n, verb->kind);
    e.incarnation = fields_get(&f, FIELD_INCARNATION, e.incarnation);
    e.counter = fields_get(&f, FIELD_COUNTER, e.counter);
    const struct speech speech = {.s = s, .n = n, .f = &f};
    verb->fill(&speech, &e);
    if (later) {
        hold(s, &e);
    } else {
        scene_append(s, &e);
    }
    return true;
}

static bool step_node(struct scene *s, const struct words *w)
{
    struct scene_node *n = scene_node(s, word(w, 0));
    if (word_is(w, 1, "mute") || word_is(w, 1, "talks")) {
        n->talks = word_is(w, 1, "talks");
        return true;
    }
    if (word_is(w, 1, "renews")) {
        n->renews = true;
        struct event e = scene_event(s, n, EVENT_RENEW);
        say_fill_renew(s, n, &e);
        scene_append(s, &e);
        return true;
    }
    return step_speech(s, w, 1, false);
}

static bool step_monitor(struct scene *s, const struct words *w)
{
    if (word_is(w, 1, "start")) {
        scene_start_monitor(s, word(w, 0));
        return true;
    }
    struct scene_monitor *sm = scene_find_monitor(s, word(w, 0));
    if (sm == NULL) {
        return false;
    }
    if (word_is(w, 1, "deaf") || word_is(w, 1, "hears")) {
        sm->deaf = word_is(w, 1, "deaf");
    } else if (word_is(w, 1, "paused") || word_is(w, 1, "resumed")) {
        sm->paused = word_is(w, 1, "paused");
    } else if (word_is(w, 1, "down") || word_is(w, 1, "up")) {
        scene_link(s, sm, word_is(w, 1, "up"));
    } else if (word_is(w, 1, "stop")) {
        sm->runs = false;
    } else if (word_is(w, 1, "tick")) {
        scene_tick(s, sm);
    } else {
        return false;
    }
    return true;
}

static bool step_at(struct scene *s, const struct words *w)
{
    char *end = NULL;
    const uint64_t to_ms = SCENE_START_MS + strtoull(word(w, 1), &end, 10);
    if (end == word(w, 1) || strcmp(end, "ms") != 0 || to_ms < s->now_ms) {
        return false;
    }
    scene_advance(s, to_ms);
    return true;
}

static bool step_later(struct scene *s, const struct words *w)
{
    return step_speech(s, w, 2, true);
}

static bool step_deliver(struct scene *s, const struct words *w)
{
    const bool reversed = word_is(w, 1, "reversed");
    for (size_t i = 0; i < s->held_count; i++) {
        scene_append(s, &s->held[reversed ? s->held_count - 1 - i : i]);
    }
    s->held_count = 0;
    return w->count == 1 || reversed;
}

/* The newest record of the cluster once more: heartbeats do not count. */
static bool step_duplicate(struct scene *s, const struct words *w)
{
    for (size_t i = s->record_count; i > 0; i--) {
        const struct scene_record r = s->records[i - 1];
        char cluster[NAME_SIZE];
        if (subject_cluster(r.subject, cluster) && strcmp(cluster, SCENE_CLUSTER) == 0) {
            scene_append_bytes(s, r.subject, r.data, r.size);
            return word_is(w, 1, "last");
        }
    }
    return false;
}

static bool step_live(struct scene *s, const struct words *w)
{
    scene_live(s, scene_node(s, word(w, 1)));
    return w->count == 2;
}

static bool step_malformed(struct scene *s, const struct words *w)
{
    static const uint8_t noise[] = {0xff, 0x00, 0xfe, 0x01, 0x80};
    const bool decision = word_is(w, 1, "decision");
    scene_append_bytes(s, decision ? "pgbaton.demo.decision" : "pgbaton.demo.probe.node-1", noise,
                       sizeof(noise));
    return decision || word_is(w, 1, "probe");
}

/* A decision of a monitor that does as it likes: in order, and without any evidence. */
static struct event forged(struct scene *s, enum event_kind kind)
{
    struct scene_node forger = {.name = "monitor-9", .incarnation = 1};
    struct event e = scene_event(s, &forger, kind);
    cluster_fill_decision(&s->reference, &e.decision);
    memcpy(e.decision.rule, "forged", sizeof("forged"));
    return e;
}

/* The version is the first field of the payload (event.proto): tag, then a number of one byte. */
static bool step_newer(struct scene *s, const struct words *w)
{
    static const uint8_t newer[] = {1 << 3, SCHEMA_VERSION + 1};
    scene_append_bytes(s, "pgbaton.demo.decision", newer, sizeof(newer));
    return word_is(w, 1, "decision");
}

static bool step_forge(struct scene *s, const struct words *w)
{
    const struct cluster *c = &s->reference;
    if (word_is(w, 1, "revoke")) {
        struct event e = forged(s, EVENT_REVOKE);
        e.body.revoke.term = c->term;
        e.body.revoke.renewal_seq = c->lease.renewal_seq;
        scene_append(s, &e);
        return true;
    }
    const int32_t i = cluster_find_node(c, word(w, 2));
    if (!word_is(w, 1, "grant") || i < 0) {
        return false;
    }
    struct event e = forged(s, EVENT_GRANT);
    e.body.grant.term = c->term + 1;
    e.body.grant.timeline = c->timeline_max + 1;
    memcpy(e.body.grant.node, c->nodes[i].name, NAME_SIZE);
    e.body.grant.incarnation = c->nodes[i].incarnation;
    e.body.grant.renewal_seq = c->lease.renewal_seq;
    e.body.grant.loss_bytes = cluster_lag_bytes(c, i);
    scene_append(s, &e);
    return true;
}

static bool step_ask(struct scene *s, const struct words *w)
{
    const char *const words[] = {word(w, 1), word(w, 2), word(w, 3), word(w, 4)};
    return scene_ask(s, words);
}

static bool step_state(struct scene *s, const struct words *w)
{
    const struct cluster *c = &s->reference;
    const bool led = c->leader != LEADER_NONE;
    scene_say(s, "%s term=%llu leader=%s%s%s%s%s%s%s%s", phase_name(c->phase), (ull)c->term,
              led ? c->nodes[c->leader].name : "-", c->promoted ? " promoted" : "",
              c->writable ? " writable" : "", c->no_candidate ? " no_candidate" : "",
              c->limited ? " limited" : "", c->withheld ? " withheld" : "",
              c->restart.going ? " restarting" : "", c->frozen_seq != 0 ? " frozen" : "");
    return w->count == 1;
}

static bool step_set(struct scene *s, const struct words *w)
{
    return scene_set(s, word(w, 1)) && w->count == 2;
}

struct step_row {
    const char *word; /* the first one, or how it begins when it ends with '-' */
    bool (*run)(struct scene *s, const struct words *w);
};

static const struct step_row STEPS[] = {
        {"at", step_at},           {"node-", step_node},          {"monitor-", step_monitor},
        {"later", step_later},     {"deliver", step_deliver},     {"duplicate", step_duplicate},
        {"live", step_live},       {"malformed", step_malformed}, {"newer", step_newer},
        {"forge", step_forge},     {"state", step_state},         {"ask", step_ask},
        {"synchronous", step_set}, {"policy", step_set},          {"failover_mode", step_set},
        {"cluster", step_set},
};

static bool row_fits(const struct step_row *row, const char *first)
{
    const size_t length = strlen(row->word);
    if (row->word[length - 1] == '-') {
        return strncmp(row->word, first, length) == 0;
    }
    return strcmp(row->word, first) == 0;
}

void say_step(struct scene *s, const char *line)
{
    struct words w;
    split(line, &w);
    /* The time of an `at` is told by its lines, of all other steps it is that of the step. */
    s->step_ms = word_is(&w, 0, "at") ? UINT64_MAX : s->now_ms;
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        if (!row_fits(&STEPS[i], word(&w, 0))) {
            continue;
        }
        if (!STEPS[i].run(s, &w)) {
            break;
        }
        scene_settle(s);
        return;
    }
    scene_die("not a step: %s", line);
}
