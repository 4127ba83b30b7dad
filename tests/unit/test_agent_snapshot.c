/* SPDX-License-Identifier: PostgreSQL */
/* An agent that begins with a snapshot: what it remembers of the log may be older. */
#include "../../agent/step.h"
#include "../../proto/snapshot.h"
#include "../../proto/subject.h"
#include "world.h"

static struct world world;
static struct agent agent;
static struct action_list actions;
static struct codec_arena arena;
static uint8_t space[STATE_BYTES_MAX];
static uint8_t bytes[RECORD_BYTES_MAX];

static void tell(struct fact *fact)
{
    fact->now_ms = 1000;
    agent_step(&agent, fact, &arena, &actions);
}

static void tell_record(const struct event *e)
{
    char subject[SUBJECT_SIZE];
    struct fact fact = {.kind = FACT_RECORD, .subject = subject, .seq = e->seq, .data = bytes};
    fact.size = codec_encode(e, bytes, sizeof bytes);
    assert_true(fact.size > 0 && subject_of_event(e, subject));
    tell(&fact);
}

static void tell_link(bool caught_up)
{
    struct fact fact = {.kind = FACT_LINK, .link_up = true, .caught_up = caught_up};
    tell(&fact);
}

static void tell_snapshot(void)
{
    struct event e;
    snapshot_make(&world.c, world.c.last_seq, space, &e);
    snprintf(e.writer, sizeof e.writer, "monitor-1");
    e.incarnation = 1;
    e.counter = 1;
    e.seq = world.c.last_seq + 1;
    tell_record(&e);
}

/* node-2's agent, which remembers this decision and no term. */
static void begin(uint64_t anchor_seq, const uint8_t hash[HASH_SIZE])
{
    static const struct agent_self self = {.cluster = "demo", .node = "node-2"};
    struct vote vote = {.incarnation = 1, .anchor_seq = anchor_seq};
    memcpy(vote.anchor_hash, hash, HASH_SIZE);
    agent_init(&agent, &self, &vote, 5);
    tell_link(false);
}

/* A decision that the running cluster has, with its real hash. */
static struct event decide_something(void)
{
    struct event e = world_grant_event(&world, "node-3", GRANT_FAILOVER);
    e.seq = 3;
    codec_hash(bytes, codec_encode(&e, bytes, sizeof bytes), e.hash);
    return e;
}

static bool is_lost(void)
{
    tell_link(true);
    return agent.vote.anchor_seq != 0 && !agent.anchor_found;
}

static void test_agent_begins_with_a_snapshot(void **state)
{
    (void)state;
    world_running(&world);
    begin(world.c.decision_seq, world.c.decision_hash);
    tell_snapshot();
    assert_int_equal(agent.cluster.last_seq, world.c.last_seq);
    assert_int_equal(agent.me, 1);
    assert_false(is_lost());
}

static void test_agent_leaves_out_what_is_in_the_snapshot(void **state)
{
    (void)state;
    world_running(&world);
    begin(world.c.decision_seq, world.c.decision_hash);
    tell_snapshot();
    struct event old = world_event(&world, "node-1", EVENT_RENEW);
    old.body.renew = (struct renew){.term = 1, .ttl_ms = 3000};
    old.seq = world.c.last_seq;
    tell_record(&old);
    assert_int_equal(agent.cluster.last_seq, world.c.last_seq);
    assert_int_equal(agent.cluster.event_count, world.c.event_count);
}

static void test_agent_finds_an_older_decision_by_its_content(void **state)
{
    (void)state;
    world_running(&world);
    struct event e = decide_something();
    begin(e.seq, e.hash);
    tell_snapshot();
    tell_record(&e);
    assert_false(is_lost());
}

static void test_agent_misses_a_decision_that_is_another_now(void **state)
{
    (void)state;
    world_running(&world);
    struct event e = decide_something();
    uint8_t other[HASH_SIZE] = {7};
    begin(e.seq, other);
    tell_snapshot();
    tell_record(&e);
    assert_true(is_lost());
}

static void test_agent_does_not_miss_what_retention_has_removed(void **state)
{
    (void)state;
    world_running(&world);
    const uint8_t hash[HASH_SIZE] = {7};
    begin(2, hash);
    tell_snapshot();
    struct fact gone = {.kind = FACT_GONE, .seq = 2};
    tell(&gone);
    assert_false(is_lost());
}

/* The log has begun anew, and has not come as far as this node remembers. */
static void test_agent_misses_a_decision_that_is_ahead(void **state)
{
    (void)state;
    world_running(&world);
    const uint8_t hash[HASH_SIZE] = {7};
    begin(world.c.decision_seq + 100, hash);
    tell_snapshot();
    struct fact gone = {.kind = FACT_GONE, .seq = world.c.decision_seq + 100};
    tell(&gone);
    assert_true(is_lost());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_agent_begins_with_a_snapshot),
            cmocka_unit_test(test_agent_leaves_out_what_is_in_the_snapshot),
            cmocka_unit_test(test_agent_finds_an_older_decision_by_its_content),
            cmocka_unit_test(test_agent_misses_a_decision_that_is_another_now),
            cmocka_unit_test(test_agent_does_not_miss_what_retention_has_removed),
            cmocka_unit_test(test_agent_misses_a_decision_that_is_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
