/* SPDX-License-Identifier: PostgreSQL */
/*
 * history FILE|nats://SERVER [VARIANT] - writes a captured log in which a cluster of three is
 * bootstrapped, loses its primary's data directory, fails over and rebuilds the old primary.
 *
 * Given a server it appends the same records to a new log there. The real fold and the real
 * decide() make every decision. A variant breaks one thing, so that a test sees it found: forged (a
 * grant with another body), digest (a decision with another state's digest), garbage (a record that
 * does not decode), leaderless (ends before the election), headless (begins in the middle),
 * snapshot (so, with one), two (a second cluster), stuck (nobody is eligible), hostile (a text that
 * would like to be markup), noisy (thousands of events without effect).
 */
#include "../../monitor/decide.h"
#include "../../proto/fold.h"
#include "../../proto/log_file.h"
#include "../../proto/snapshot.h"
#include "../../proto/subject.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEM_ID 7000000000000000001U
#define START_US 1772366400000000U
#define ALL_NODES 7U
#define NODE_1_LSN 0x7000500U

static struct log_file_writer *writer;
static struct log *servers; /* instead of the file */
static const char *variant = "";
static uint64_t next_seq = 1;
static uint64_t wall_us = START_US;
static uint64_t counter;
static struct cluster state;
static struct codec_arena arena;

static bool is_variant(const char *name)
{
    return strcmp(variant, name) == 0;
}

static void check(enum result result, const struct failure *failure)
{
    if (result != RESULT_OK) {
        fprintf(stderr, "history: %s\n", failure->text);
        exit(1);
    }
}

/* Waits for a notice of this kind, at most five seconds. */
static struct log_notice await(enum log_notice_kind kind)
{
    for (int i = 0; i < 500; i++) {
        struct log_notice notice = log_take(servers);
        if (notice.kind == kind) {
            return notice;
        }
        struct pollfd descriptor = {.fd = log_fd(servers), .events = POLLIN};
        if (notice.kind == LOG_NOTHING) {
            (void)poll(&descriptor, 1, 10);
        }
    }
    fprintf(stderr, "history: the server does not answer\n");
    exit(1);
}

/* One after the other, so that the server numbers the records as the script does. */
static void append_to_servers(const struct log_notice *record)
{
    if (!log_append(servers, record->subject, record->data, record->size, NULL)) {
        fprintf(stderr, "history: the queue is full\n");
        exit(1);
    }
    struct log_notice notice = await(LOG_APPENDED);
    assert(notice.seq == record->seq);
}

static void open_servers(const char *url)
{
    struct failure failure = {0};
    const struct log_nats_options options = {
            .servers = url,
            .name = "history",
            .live = true,
            .cluster = is_variant("answer") ? "demo" : NULL,
            .want_asked = is_variant("answer"),
            .create_stream = true,
            .replicas = 1,
            .memory_storage = true,
    };
    check(log_nats_create(&options, &servers, &failure), &failure);
    (void)await(LOG_CAUGHT_UP);
}

static void write_record(const char *subject, const uint8_t *data, size_t size)
{
    struct failure failure = {0};
    struct event event;
    struct log_notice record = {
            .kind = LOG_RECORD,
            .seq = next_seq++,
            .stored_us = wall_us,
            .subject = subject,
            .data = data,
            .size = size,
    };
    struct cluster_record stored = {subject, record.seq, data, size};
    cluster_fold_record(&state, &stored, &arena, &event);
    if (servers != NULL) {
        append_to_servers(&record);
    } else if (record.seq > 20 || !(is_variant("headless") || is_variant("snapshot"))) {
        check(log_file_write(writer, &record, &failure), &failure);
    }
}

static void append(const struct event *e)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    size_t size = codec_encode(e, bytes, sizeof bytes);
    bool placed = subject_of_event(e, subject);
    assert(size > 0 && placed);
    write_record(subject, bytes, size);
}

static struct event event_of(const char *node, enum event_kind kind)
{
    struct event e = {.version = SCHEMA_VERSION, .incarnation = 100, .kind = kind};
    wall_us += 1000;
    snprintf(e.cluster, sizeof e.cluster, "%s", state.name);
    snprintf(e.writer, sizeof e.writer, "%s", node);
    e.counter = ++counter;
    e.wall_us = wall_us;
    return e;
}

static struct probe probe_of(enum node_state node_state, uint32_t timeline, uint64_t lsn)
{
    bool empty = node_state == NODE_EMPTY;
    return (struct probe){
            .state = node_state,
            .reason = empty ? REASON_DATA_DIRECTORY_EMPTY : REASON_NONE,
            .position = {timeline, lsn},
            .system_id = empty ? 0 : SYSTEM_ID,
            .streaming = node_state == NODE_STANDBY,
            .clean = true,
    };
}

static void say_hello(const char *node, uint16_t port)
{
    struct event e = event_of(node, EVENT_HELLO);
    e.body.hello.probe = probe_of(NODE_EMPTY, 0, 0);
    snprintf(e.body.hello.host, sizeof e.body.hello.host, "127.0.0.1");
    e.body.hello.port = port;
    e.body.hello.pg_version = 150004;
    append(&e);
}

static void say_probe(const char *node, struct probe probe, uint64_t election_term)
{
    struct event e = event_of(node, EVENT_PROBE);
    e.body.probe = probe;
    e.body.probe.election_term = election_term;
    append(&e);
}

static void say_renew(const char *node)
{
    struct event e = event_of(node, EVENT_RENEW);
    e.body.renew = (struct renew){
            .term = state.term,
            .ttl_ms = 3000,
            .seen_seq = state.last_seq,
            .state = NODE_PRIMARY,
            .position = {(uint32_t)state.term, NODE_1_LSN},
    };
    append(&e);
}

static void say_done(const char *node, enum task task, uint64_t directive_seq)
{
    struct event e = event_of(node, EVENT_DONE);
    e.body.task.task = task;
    e.body.task.term = state.term;
    e.body.task.directive_seq = directive_seq;
    e.body.task.duration_ms = 42;
    if (task == TASK_PROMOTE) {
        e.body.task.position = (struct position){(uint32_t)state.term, NODE_1_LSN};
        e.body.task.history.count = state.term > 1 ? 1 : 0;
        e.body.task.history.entries[0] = (struct history_entry){1, NODE_1_LSN};
    }
    append(&e);
}

static void say_snapshot(void)
{
    static uint8_t bytes[STATE_BYTES_MAX];
    struct event e = event_of("monitor-1", EVENT_SNAPSHOT);
    struct event made;
    snapshot_make(&state, state.last_seq, bytes, &made);
    e.body = made.body;
    append(&e);
}

static void say_release(const char *node)
{
    struct event e = event_of(node, EVENT_RELEASE);
    e.body.release = (struct release){
            .term = state.term,
            .reason = REASON_DATA_DIRECTORY_EMPTY,
            .killed_count = 6,
            .detected_wall_us = wall_us - 20000,
            .fenced_wall_us = wall_us - 2000,
    };
    append(&e);
}

/* What monitor-1 decides now, with evidence that lets every rule fire. */
static struct event decide_now(const char *rule)
{
    const struct evidence evidence = {
            .renewal_age_ms = 10000,
            .hearing_ms = 10000,
            .phase_age_ms = 5000,
            .alive_mask = ALL_NODES,
    };
    /* The lease of a healthy leader was renewed a moment ago. */
    struct evidence fresh = evidence;
    fresh.renewal_age_ms = state.phase == PHASE_HELD ? 100 : evidence.renewal_age_ms;
    struct decide_options options = {.config = config_default()};
    options.config.synchronous = SYNCHRONOUS_OFF;
    struct event e;
    bool decided = decide(&state, &fresh, &options, &e);
    if (!decided || strcmp(e.decision.rule, rule) != 0) {
        fprintf(stderr, "history: expected %s, decided %s\n", rule,
                decided ? e.decision.rule : "nothing");
        exit(1);
    }
    struct event envelope = event_of("monitor-1", e.kind);
    memcpy(e.writer, envelope.writer, sizeof e.writer);
    e.incarnation = envelope.incarnation;
    e.counter = envelope.counter;
    e.wall_us = envelope.wall_us;
    return e;
}

static void monitor_decides(const char *rule)
{
    struct event e = decide_now(rule);
    append(&e);
}

/* A second monitor is a moment later with the same decision: it is void. */
static void two_monitors_decide(const char *rule)
{
    struct event e = decide_now(rule);
    append(&e);
    snprintf(e.writer, sizeof e.writer, "monitor-2");
    append(&e);
}

static void rebuild(const char *node, uint32_t timeline)
{
    monitor_decides("rebuild-empty");
    uint64_t directive_seq = state.last_seq;
    struct event e = event_of(node, EVENT_PROGRESS);
    e.body.task = (struct task_report){
            .task = TASK_BASEBACKUP,
            .term = state.term,
            .directive_seq = directive_seq,
            .percent = 50,
    };
    append(&e);
    say_done(node, TASK_BASEBACKUP, directive_seq);
    say_probe(node, probe_of(NODE_STANDBY, timeline, NODE_1_LSN - 0x100), 0);
}

static void rise(const char *node, uint32_t timeline)
{
    say_renew(node);
    say_done(node, TASK_PROMOTE, state.grant_seq);
    say_probe(node, probe_of(NODE_PRIMARY, timeline, NODE_1_LSN), 0);
    say_done(node, TASK_FIRST_WRITE, state.grant_seq);
}

static void bootstrap(const char *name)
{
    cluster_init(&state, name);
    say_hello("node-1", 5441);
    monitor_decides("configure");
    say_hello("node-2", 5442);
    say_hello("node-3", 5443);
    two_monitors_decide("bootstrap");
    rise("node-1", 1);
    rebuild("node-2", 1);
    rebuild("node-3", 1);
    for (int i = 0; i < 5; i++) {
        say_renew("node-1");
    }
}

/* The renewal that comes between a decision and its place in the log: the fold cannot compare the
 * digest, verify can. */
static void decide_late(const char *node)
{
    struct event e = decide_now("rebuild-empty");
    if (is_variant("digest")) {
        e.decision.digest[0] ^= 0xff;
    }
    say_renew(node);
    append(&e);
    uint64_t directive_seq = state.last_seq;
    say_done("node-1", TASK_BASEBACKUP, directive_seq);
    say_probe("node-1", probe_of(NODE_STANDBY, 2, NODE_1_LSN), 0);
}

static void elect(void)
{
    if (is_variant("stuck")) {
        say_probe("node-2", probe_of(NODE_EMPTY, 0, 0), 1);
        say_probe("node-3", probe_of(NODE_EMPTY, 0, 0), 1);
        monitor_decides("no-candidate");
        return;
    }
    say_probe("node-2", probe_of(NODE_STANDBY, 1, NODE_1_LSN), 1);
    say_probe("node-3", probe_of(NODE_STANDBY, 1, NODE_1_LSN - 0x100), 1);
    struct event e = decide_now("elect-released");
    if (is_variant("forged")) {
        e.body.grant.loss_bytes = 4711;
    }
    append(&e);
    rise("node-2", 2);
    decide_late("node-2");
    say_probe("node-3", probe_of(NODE_STANDBY, 2, NODE_1_LSN), 0);
    say_renew("node-2");
}

/* A text that would like to be markup, with a line separator that ends a line in JavaScript. */
static void say_hostile(void)
{
    struct event e = event_of("node-3", EVENT_FAILED);
    e.body.task = (struct task_report){.task = TASK_START, .term = state.term};
    snprintf(e.body.task.text, sizeof e.body.task.text, "%s",
             "</script><script>document.title='owned'</script><!--<script>\xe2\x80\xa8"
             "<img src=x onerror=\"document.title='owned'\">&lt;b&gt;");
    append(&e);
}

/* More than a report holds: node-1 insists that it leads. */
static void say_nonsense(void)
{
    for (int i = 0; i < 21000; i++) {
        struct event e = event_of("node-1", EVENT_RENEW);
        e.body.renew = (struct renew){.term = state.term,
                                      .ttl_ms = 3000,
                                      .seen_seq = state.last_seq,
                                      .state = NODE_PRIMARY};
        append(&e);
    }
}

static void fail_over(void)
{
    wall_us += 60000000;
    if (is_variant("snapshot")) {
        say_snapshot();
    }
    say_release("node-1");
    say_probe("node-1", probe_of(NODE_EMPTY, 0, 0), 0);
    if (is_variant("garbage")) {
        write_record("pgbaton.demo.probe.node-3", (const uint8_t *)"\xff\xff\xff", 3);
    }
    if (!is_variant("leaderless")) {
        elect();
    }
    if (is_variant("hostile")) {
        say_hostile();
    }
    if (is_variant("noisy")) {
        say_nonsense();
    }
}

static void publish_live(const char *node, struct probe probe)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    struct event e = event_of(node, EVENT_PROBE);
    e.body.probe = probe;
    size_t size = codec_encode(&e, bytes, sizeof bytes);
    subject_live("demo", node, subject);
    bool queued = size > 0 && log_publish(servers, subject, bytes, size);
    assert(queued);
}

/* Stands in for the agents of node-1 and node-2: answers one question, a little further in the WAL.
 * node-3 stays silent. */
static void answer_once(void)
{
    puts("ready");
    fflush(stdout);
    (void)await(LOG_ASKED);
    cluster_init(&state, "demo");
    publish_live("node-1", probe_of(NODE_STANDBY, 2, NODE_1_LSN + 0x800));
    publish_live("node-2", probe_of(NODE_PRIMARY, 2, NODE_1_LSN + 0xc00));
}

int main(int argc, char **argv)
{
    struct failure failure = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: history FILE [VARIANT]\n");
        return 2;
    }
    variant = argc > 2 ? argv[2] : "";
    if (strncmp(argv[1], "nats://", 7) == 0) {
        open_servers(argv[1]);
    } else {
        check(log_file_writer_create(argv[1], &writer, &failure), &failure);
    }
    if (is_variant("answer")) {
        answer_once();
    } else {
        bootstrap("demo");
        fail_over();
    }
    if (is_variant("two")) {
        bootstrap("other");
    }
    check(log_file_writer_finish(writer, &failure), &failure);
    log_destroy(servers);
    return 0;
}
