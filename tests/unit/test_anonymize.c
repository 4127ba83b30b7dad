/* SPDX-License-Identifier: PostgreSQL */
#include "../../proto/fold.h"
#include "../../proto/log_file.h"
#include "../../proto/snapshot.h"
#include "../../proto/subject.h"
#include "../../replay/alias_text.h"
#include "../../replay/anonymize.h"
#include "../fuzz/random_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- every field has a row ---- */

static void check_row(void *context, const struct codec_field *field)
{
    size_t *count = context;
    enum treatment treatment = TREAT_KEEP;
    if (!anonymize_treatment(field, &treatment)) {
        fail_msg("%s.%s of event.proto needs a row in replay/anonymize_fields.c", field->message,
                 field->name);
    }
    const bool names =
            strstr(field->name, "system_id") != NULL || strstr(field->name, "port") != NULL;
    if (names && treatment == TREAT_KEEP) {
        fail_msg("%s.%s of event.proto: a number that names something", field->message,
                 field->name);
    }
    *count += field->type != CODEC_FIELD_NUMBER ? 1 : 0;
}

static void test_anonymize_knows_every_field_of_events(void **state)
{
    (void)state;
    size_t count = 0;
    enum treatment treatment = TREAT_KEEP;
    const struct codec_field unknown = {.message = "Hello", .name = "new_field"};
    assert_true(codec_fields_list(check_row, &count));
    assert_true(count > 30);
    assert_false(anonymize_treatment(&unknown, &treatment));
}

static void test_anonymize_knows_every_field_of_states(void **state)
{
    (void)state;
    assert_int_equal(anonymize_state_missing(), 0);
}

/* ---- aliases ---- */

static void learn(struct alias_set *set, enum alias_kind kind, const char *name)
{
    assert_true(alias_learn(set, kind, name, strlen(name)));
}

/* The list is searched by halves: one out of its place would not be found, in any case of letters.
 */
static void test_alias_knows_plain_words(void **state)
{
    (void)state;
    static const char *const words[] = {"a",    "accept-loss",   "Connection",
                                        "it's", "pg_basebackup", "FATAL",
                                        "puts", "yet",           "zero"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!alias_is_plain_word(words[i], strlen(words[i]))) {
            fail_msg("%s", words[i]);
        }
    }
    assert_false(alias_is_plain_word("acme", 4));
    assert_false(alias_is_plain_word("", 0));
}

static void test_alias_keeps_the_order_of_names(void **state)
{
    (void)state;
    struct alias_set *set = alias_set_create();
    char before[ALIAS_SIZE] = "";
    char name[] = "berlin-a";
    for (char last = 'l'; last >= 'a'; last--) {
        name[7] = last;
        learn(set, ALIAS_NODE, name);
        learn(set, ALIAS_NODE, name);
    }
    assert_int_equal(alias_count(set, ALIAS_NODE), 12);
    for (char last = 'a'; last <= 'l'; last++) {
        char alias[ALIAS_SIZE];
        name[7] = last;
        assert_true(alias_of(set, ALIAS_NODE, name, strlen(name), alias));
        assert_true(strcmp(before, alias) < 0);
        memcpy(before, alias, sizeof before);
    }
    assert_string_equal(before, "node-12");
    assert_false(alias_of(set, ALIAS_NODE, "berlin-z", 8, before));
    alias_set_destroy(set);
}

static void test_alias_text_leaves_nothing_that_names(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
            {"could not connect to server: Connection refused",
             "could not connect to server: Connection refused"},
            {"connection to server at \"10.1.2.3\", port 5433 failed: FATAL:  the database system "
             "is "
             "starting up",
             "connection to server at \"host-1\", port 5001 failed: FATAL:  the database system is "
             "starting up"},
            {"could not open file \"/srv/acme/pg/base\": No such file or directory",
             "could not open file \"path-1\": No such file or directory"},
            {"could not read /srv/acme/pg/base, berlin-a", "could not read path-1, node-1"},
            {"password authentication failed for user \"backup\"",
             "password authentication failed for user \"word-2\""},
            {"host=db.acme.example password=server port=5433",
             "host=host-2 password=word-3 port=5001"},
            {"db.acme.example:5433 fe80::1 at 0/30001A8, 12 kB 98% acme",
             "host-2:5001 host-3 at 0/30001A8, 12 kB 98% cluster-1"},
            {"000000020000000000000003 it's Fra\303\237 x1",
             "000000020000000000000003 it's word-1 word-4"},
    };
    struct alias_set *set = alias_set_create();
    learn(set, ALIAS_NODE, "berlin-a");
    learn(set, ALIAS_CLUSTER, "acme");
    learn(set, ALIAS_HOST, "db.acme.example");
    learn(set, ALIAS_PORT, "5433");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(alias_text_learn(set, texts[i][0], strlen(texts[i][0])));
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[256];
        alias_text(set, texts[i][0], strlen(texts[i][0]), text, sizeof text);
        assert_string_equal(text, texts[i][1]);
    }
    alias_set_destroy(set);
}

/* ---- whole logs ---- */

#define SYSTEM_ID 7123456789012345678U

static const char *const secrets[] = {
        "acme",     "berlin-a",       "berlin-b",  "watch-7",   "jo-laptop",   "db-a.acme.example",
        "10.9.8.7", "/srv/acme/pg15", "slot_acme", "warehouse", "ourplugin",   "backup_acme",
        "theirext", "cp %p /nfs/wal", "fax-14",    "old-acme",  "secret@mail",
};

struct world {
    char folder[64];
    char log[96];
    char out[96];
    struct log_file_writer *writer;
    struct cluster state;
    struct codec_arena arena;
    uint64_t seq;
    uint64_t from_seq; /* records before it are not written */
};

static struct world world;

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    (void)snprintf(world.folder, sizeof world.folder, "/tmp/pgbaton-anon-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    (void)snprintf(world.log, sizeof world.log, "%s/log", world.folder);
    (void)snprintf(world.out, sizeof world.out, "%s/out", world.folder);
    cluster_init(&world.state, "acme");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(world.log);
    (void)unlink(world.out);
    return rmdir(world.folder);
}

static void begin_log(void)
{
    struct failure failure = {0};
    assert_int_equal(log_file_writer_create(world.log, &world.writer, &failure), RESULT_OK);
}

static void end_log(void)
{
    struct failure failure = {0};
    assert_int_equal(log_file_writer_finish(world.writer, &failure), RESULT_OK);
}

static struct outcome write_bytes(const char *subject, const uint8_t *data, size_t size)
{
    struct failure failure = {0};
    struct event event;
    const uint64_t seq = ++world.seq;
    const struct log_notice record = {
            .kind = LOG_RECORD, .seq = seq, .subject = subject, .data = data, .size = size};
    const struct cluster_record stored = {subject, seq, data, size};
    if (seq >= world.from_seq) {
        assert_int_equal(log_file_write(world.writer, &record, &failure), RESULT_OK);
    }
    return cluster_fold_record(&world.state, &stored, &world.arena, &event);
}

static struct outcome write_event(struct event *e)
{
    uint8_t bytes[RECORD_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    if (event_is_decision(e->kind)) {
        cluster_fill_decision(&world.state, &e->decision);
        (void)snprintf(e->decision.rule, sizeof e->decision.rule, "rule");
    }
    const size_t size = codec_encode(e, bytes, sizeof bytes);
    assert_true(size > 0);
    assert_true(subject_of_event(e, subject));
    return write_bytes(subject, bytes, size);
}

static struct event event_of(enum event_kind kind, const char *writer)
{
    struct event e = {.version = SCHEMA_VERSION, .kind = kind, .incarnation = 1};
    (void)snprintf(e.cluster, sizeof e.cluster, "acme");
    (void)snprintf(e.writer, sizeof e.writer, "%s", writer);
    e.counter = world.seq + 1;
    e.wall_us = 1772366400000000U + world.seq;
    return e;
}

static void say_hello(const char *node, const char *host)
{
    struct event e = event_of(EVENT_HELLO, node);
    struct hello *hello = &e.body.hello;
    (void)snprintf(hello->host, sizeof hello->host, "%s", host);
    hello->port = 6543;
    hello->agent_port = 7654;
    hello->probe.system_id = SYSTEM_ID;
    hello->probe.state = NODE_STANDBY;
    (void)snprintf(hello->probe.settings.own, SETTINGS_NAMES_SIZE, "theirext.path,work_mem");
    (void)snprintf(hello->probe.source_host, HOST_SIZE, "10.9.8.7");
    hello->probe.replica_count = 2;
    (void)snprintf(hello->probe.replicas[0].name, NAME_SIZE, "berlin-b");
    (void)snprintf(hello->probe.replicas[1].name, NAME_SIZE, "backup_acme");
    assert_true(write_event(&e).effective);
}

static void configure(void)
{
    struct event e = event_of(EVENT_CONFIG, "watch-7");
    struct config *config = &e.body.config;
    *config = config_default();
    config->permanent_slots.count = 1;
    (void)snprintf(config->permanent_slots.names[0], SLOT_IDENTIFIER_SIZE, "slot_acme");
    config->logical_slots.count = 1;
    struct logical_slot *slot = &config->logical_slots.items[0];
    (void)snprintf(slot->name, sizeof slot->name, "logical_acme");
    (void)snprintf(slot->database, sizeof slot->database, "warehouse");
    (void)snprintf(slot->plugin, sizeof slot->plugin, "ourplugin");
    (void)snprintf(config->standby.host, REMOTE_HOST_SIZE, "old-acme,10.9.8.7");
    config->standby.port = 6543;
    assert_true(write_event(&e).effective);
}

static void ask_for_parameters(void)
{
    struct event e = event_of(EVENT_REQUEST, "jo-laptop");
    struct parameter_change *change = &e.body.request.change;
    e.body.request.kind = REQUEST_CONFIG;
    e.body.request.seen_seq = world.seq;
    assert_true(parameters_put(change, "archive_command", "cp %p /nfs/wal"));
    assert_true(parameters_put(change, "theirext.path", "/srv/acme/pg15"));
    assert_true(parameters_put(change, "work_mem", "64MB"));
    (void)write_event(&e);
}

static void fail_task(void)
{
    struct event e = event_of(EVENT_FAILED, "berlin-b");
    e.body.task.task = TASK_BASEBACKUP;
    (void)snprintf(e.body.task.text, TEXT_SIZE,
                   "pg_basebackup: error: /srv/acme/pg15: fax-14, secret@mail, db-a.acme.example");
    assert_true(write_event(&e).effective);
}

static void write_snapshot(void)
{
    static uint8_t bytes[STATE_BYTES_MAX];
    struct event e;
    snapshot_make(&world.state, world.seq, bytes, &e);
    (void)snprintf(e.writer, sizeof e.writer, "watch-7");
    e.incarnation = 1;
    e.counter = 1;
    assert_true(write_event(&e).effective);
}

/* A newer version's, one that no reader understands, and one that stands on another's subject. */
static void write_oddities(void)
{
    static const uint8_t garbage[] = "acme berlin-a is no event";
    struct event newer = event_of(EVENT_PROBE, "berlin-a");
    uint8_t bytes[EVENT_BYTES_MAX];
    newer.version = SCHEMA_VERSION + 1;
    (void)write_bytes("pgbaton.acme.probe.berlin-a", bytes, codec_fields_newer(&newer, bytes));
    (void)write_bytes("pgbaton.acme.lock.berlin-a", garbage, sizeof garbage);
    struct event e = event_of(EVENT_PROBE, "berlin-a");
    (void)write_bytes("pgbaton.acme.lock.berlin-a", bytes, codec_encode(&e, bytes, sizeof bytes));
    (void)write_bytes("pgbaton.acme.fax-14.berlin-a", garbage, 3);
}

static void write_log(uint64_t from_seq)
{
    world.from_seq = from_seq;
    begin_log();
    say_hello("berlin-b", "10.9.8.7");
    say_hello("berlin-a", "db-a.acme.example");
    configure();
    ask_for_parameters();
    fail_task();
    write_oddities();
    write_snapshot();
    fail_task();
    end_log();
}

static size_t read_file(const char *path, char *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, capacity, file);
    assert_int_equal(fclose(file), 0);
    assert_true(size < capacity);
    return size;
}

static bool file_has(const char *path, const char *text)
{
    static char bytes[1 << 16];
    const size_t size = read_file(path, bytes, sizeof bytes);
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

static struct anonymize_report anonymize(void)
{
    struct failure failure = {0};
    struct anonymize_report report = {0};
    const struct anonymize_options options = {world.log, NULL, world.out, false};
    if (anonymize_file(&options, &report, &failure) != RESULT_OK) {
        fail_msg("%s", failure.text);
    }
    return report;
}

static void check_nothing_is_left(bool whole)
{
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (file_has(world.out, secrets[i]) || (whole && !file_has(world.log, secrets[i]))) {
            fail_msg("%s", secrets[i]);
        }
    }
}

static void test_anonymize_leaves_no_name(void **state)
{
    (void)state;
    write_log(0);
    const struct anonymize_report report = anonymize();
    check_nothing_is_left(true);
    assert_int_equal(report.record_count, world.seq);
    assert_int_equal(report.blank_count, 3);
    assert_int_equal(report.counts[ALIAS_NODE], 2);
    assert_int_equal(report.counts[ALIAS_APPLICATION], 1);
    assert_int_equal(report.counts[ALIAS_SYSTEM], 1);
    assert_true(file_has(world.out, "node-1"));
    assert_true(file_has(world.out, "work_mem=64MB"));
    assert_true(file_has(world.out, "pg_basebackup: error: path-1: word-"));
}

/* The names of the state are in nothing but a snapshot. */
static void test_anonymize_begins_with_a_snapshot(void **state)
{
    (void)state;
    write_log(10);
    const struct anonymize_report report = anonymize();
    check_nothing_is_left(false);
    assert_int_equal(report.record_count, 2);
    assert_true(file_has(world.log, "berlin-a"));
    assert_true(file_has(world.out, "node-2"));
}

static void test_anonymize_writes_nothing_over(void **state)
{
    (void)state;
    struct failure failure = {0};
    struct anonymize_report report = {0};
    write_log(0);
    (void)anonymize();
    const struct anonymize_options options = {world.log, NULL, world.out, false};
    assert_int_equal(anonymize_file(&options, &report, &failure), RESULT_REFUSED);
}

/* ---- anything ---- */

static char *long_names[100000];
static size_t long_name_count;

/* Names so long that they do not stand in the result by chance. */
static enum codec_verdict note_name(void *context, const struct codec_field *field,
                                    struct codec_replacement *ret_new)
{
    enum treatment treatment = TREAT_KEEP;
    (void)context;
    (void)ret_new;
    const bool known = anonymize_treatment(field, &treatment);
    const bool name = treatment != TREAT_KEEP && treatment != TREAT_LATER &&
                      treatment != TREAT_HASH && treatment != TREAT_SETTINGS &&
                      treatment != TREAT_PARAMETER && treatment != TREAT_TEXT;
    assert_true(known);
    if (name && field->type == CODEC_FIELD_TEXT && field->size >= 10 && long_name_count < 100000) {
        long_names[long_name_count++] = strdup(field->bytes);
    }
    return CODEC_FIELD_KEPT;
}

static void write_random(struct random *random, enum event_kind kind)
{
    static uint8_t again[RECORD_BYTES_MAX];
    uint8_t bytes[RECORD_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    struct event e;
    random_event(random, kind, &e);
    if (kind != EVENT_HEARTBEAT) {
        (void)snprintf(e.cluster, sizeof e.cluster, "acme");
    }
    const size_t size = codec_encode(&e, bytes, sizeof bytes);
    assert_true(size > 0 && subject_of_event(&e, subject));
    assert_true(codec_fields_replace(bytes, size, &world.arena, note_name, NULL, again) == size);
    assert_memory_equal(bytes, again, size);
    (void)write_bytes(subject, bytes, size);
}

static void test_anonymize_takes_any_event(void **state)
{
    (void)state;
    static char bytes[1 << 24];
    struct random random;
    random_init(&random, 7);
    begin_log();
    for (uint32_t i = 0; i < 600; i++) {
        write_random(&random, (enum event_kind)(1 + i % (EVENT_KIND_COUNT - 1)));
    }
    end_log();
    (void)anonymize();
    const size_t size = read_file(world.out, bytes, sizeof bytes);
    assert_true(long_name_count > 500);
    for (size_t i = 0; i < long_name_count; i++) {
        if (memmem(bytes, size, long_names[i], strlen(long_names[i])) != NULL) {
            fail_msg("%s", long_names[i]);
        }
        free(long_names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_anonymize_knows_every_field_of_events),
            cmocka_unit_test(test_anonymize_knows_every_field_of_states),
            cmocka_unit_test(test_alias_knows_plain_words),
            cmocka_unit_test(test_alias_keeps_the_order_of_names),
            cmocka_unit_test(test_alias_text_leaves_nothing_that_names),
            cmocka_unit_test_setup_teardown(test_anonymize_leaves_no_name, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_anonymize_begins_with_a_snapshot, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(test_anonymize_writes_nothing_over, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_anonymize_takes_any_event, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
