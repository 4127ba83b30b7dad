/* SPDX-License-Identifier: PostgreSQL */
/* The synchronous set: what commits wait for, and whom an election may grant (I8, I9). */
#include "../../proto/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define A 1U
#define B 2U
#define C 4U
#define D 8U

/* A led term 3 and is gone; B, C and D have reported, sealed, at the same place. */
static void ended(struct cluster *c)
{
    cluster_init(c, "demo");
    c->node_count = 4;
    c->term = 3;
    c->leader = 0;
    c->phase = PHASE_RELEASED;
    c->ending.seq = 100;
    c->lease.position = (struct position){1, 1000};
    c->lease.renewal_seq = 50;
    c->opening.node = 0;
    c->config.synchronous = SYNCHRONOUS_QUORUM;
    c->config.synchronous_count = 1;
    c->sync = (struct sync){.step = SYNC_STEADY,
                            .waits = B | C,
                            .count = 1,
                            .voters = B | C,
                            .quorum = 2,
                            .bound = true};
    for (uint32_t i = 0; i < 4; i++) {
        struct node *n = &c->nodes[i];
        memcpy(n->name, (char[]){'n', (char)('1' + i)}, 2);
        n->state = NODE_STANDBY;
        n->position = (struct position){1, 1000};
        n->report_term = 3;
        n->report_seq = 101 + i;
        n->sealed = i > 0;
    }
    c->nodes[0].state = NODE_STOPPED;
}

static void test_sync_quorum_must_be_sealed(void **state)
{
    (void)state;
    struct cluster c;
    ended(&c);
    assert_int_equal(sync_verdict(&c, 1), VERDICT_ELIGIBLE);
    c.nodes[2].sealed = false;
    assert_int_equal(sync_verdict(&c, 1), VERDICT_NO_QUORUM);
    assert_int_equal(sync_verdict(&c, 2), VERDICT_NOT_SEALED);
    c.nodes[2].sealed = true;
    c.nodes[2].report_term = 2;
    assert_int_equal(sync_verdict(&c, 1), VERDICT_NO_QUORUM);
    c.sync.quorum = 1;
    assert_int_equal(sync_verdict(&c, 1), VERDICT_ELIGIBLE);
}

static void test_sync_furthest_voter_decides(void **state)
{
    (void)state;
    struct cluster c;
    ended(&c);
    c.nodes[2].position.lsn = 1001;
    assert_int_equal(sync_verdict(&c, 1), VERDICT_BEHIND);
    assert_int_equal(sync_verdict(&c, 2), VERDICT_ELIGIBLE);
    /* Nobody waited for D: it may lead when it has as much, and proves nothing when it has more. */
    assert_int_equal(sync_verdict(&c, 3), VERDICT_BEHIND);
    c.nodes[3].position.lsn = 2000;
    assert_int_equal(sync_verdict(&c, 3), VERDICT_ELIGIBLE);
    assert_int_equal(sync_verdict(&c, 2), VERDICT_ELIGIBLE);
}

static void test_sync_end_of_wal_and_old_leader_are_proof(void **state)
{
    (void)state;
    struct cluster c;
    ended(&c);
    c.sync.voters = 0;
    assert_int_equal(sync_verdict(&c, 1), VERDICT_UNPROVEN);
    c.ending.end = (struct position){1, 1000};
    assert_int_equal(sync_verdict(&c, 1), VERDICT_ELIGIBLE);
    c.ending.end.lsn = 1001;
    assert_int_equal(sync_verdict(&c, 1), VERDICT_UNPROVEN);
    assert_int_equal(sync_verdict(&c, 0), VERDICT_ELIGIBLE);
    c.leader = 1; /* granted, and never renewed: it has written nothing */
    assert_int_equal(sync_verdict(&c, 0), VERDICT_ELIGIBLE);
    assert_int_equal(sync_verdict(&c, 1), VERDICT_UNPROVEN);
    c.nodes[0].position.lsn = 999;
    assert_int_equal(sync_verdict(&c, 0), VERDICT_NOT_SEALED);
    c.sync.bound = false;
    assert_int_equal(sync_verdict(&c, 1), VERDICT_ELIGIBLE);
}

static void test_sync_change_needs_all_of_both(void **state)
{
    (void)state;
    struct cluster c;
    struct sync_set set;
    uint32_t voters = 0;
    ended(&c);
    sync_begin(&c, C | D, 1, &set);
    assert_int_equal(set.step, SYNC_CHANGING);
    assert_true(sync_mask_of(&c, &set.voters, &voters));
    assert_int_equal(voters, B | C | D);
    assert_int_equal(set.quorum, 3);
    sync_begin(&c, 0, 0, &set);
    assert_int_equal(set.step, SYNC_NONE);
    assert_int_equal(set.voters.count, 0);
    /* Where nothing was promised yet, a change promises nothing before it is settled. */
    c.sync.voters = 0;
    sync_begin(&c, C | D, 1, &set);
    assert_int_equal(set.voters.count, 0);
    assert_int_equal(set.quorum, 0);
}

static void test_sync_waits_for_whom_it_should(void **state)
{
    (void)state;
    struct cluster c;
    uint32_t count = 0;
    ended(&c);
    assert_int_equal(sync_capable(&c, 0), B | C | D);
    c.nodes[1].nosync = true;
    c.nodes[2].nofailover = true;
    assert_int_equal(sync_capable(&c, 0), D);
    c.nodes[3].reason = REASON_DIVERGED;
    assert_int_equal(sync_capable(&c, 0), 0);

    ended(&c);
    c.config.synchronous_count = 2;
    assert_int_equal(sync_wanted(&c, B, &count), B);
    assert_int_equal(count, 1);
    assert_int_equal(sync_wanted(&c, B | C | D, &count), B | C | D);
    assert_int_equal(count, 2);
    c.config.synchronous = SYNCHRONOUS_STRICT;
    assert_int_equal(sync_wanted(&c, 0, &count), B | C | D);
    assert_int_equal(count, 2);
    c.config.synchronous = SYNCHRONOUS_OFF;
    assert_int_equal(sync_wanted(&c, B, &count), 0);
    assert_int_equal(count, 0);
}

/* B and C are the voters, and A, which leads, has renewed since it knew of the mode. */
static void sealed(struct cluster *c, enum phase phase)
{
    ended(c);
    c->phase = phase;
    c->writable = true;
    c->config.failover_mode = FAILOVER_SEALED;
    c->sealed_seq = 50;
    c->lease.renewed = true;
    c->lease.ttl_ms_max = 3000;
    c->lease.seen_seq = 50;
}

static void test_sync_silence_is_short_when_another_can_be_elected(void **state)
{
    (void)state;
    struct cluster c;
    sealed(&c, PHASE_HELD);
    const uint64_t wait_ms = cluster_wait_ms(&c);
    assert_int_equal(sync_silence_ms(&c, A | B | C), SEALED_SILENCE_MS);
    assert_int_equal(sync_silence_ms(&c, A | B | D), wait_ms);
    c.lease.seen_seq = 49;
    assert_int_equal(sync_silence_ms(&c, B | C), wait_ms);
    sealed(&c, PHASE_HELD);
    c.writable = false;
    assert_int_equal(sync_silence_ms(&c, B | C), wait_ms);
    sealed(&c, PHASE_HELD);
    c.sync.voters = A | B; /* a set that is changing: the leader cannot vote it out */
    assert_int_equal(sync_silence_ms(&c, A | B | C), wait_ms);
    sealed(&c, PHASE_HELD);
    c.sealed_seq = 0;
    assert_int_equal(sync_silence_ms(&c, B | C), wait_ms);
    sealed(&c, PHASE_HELD);
    c.sync.voters = c.sync.quorum = 0;
    assert_int_equal(sync_silence_ms(&c, B | C), wait_ms);
    sealed(&c, PHASE_HELD);
    c.lease.ttl_ms_max = 500;
    assert_int_equal(sync_silence_ms(&c, B | C), cluster_wait_ms(&c));
}

static void test_sync_wait_is_spared_to_the_furthest_of_the_sealed(void **state)
{
    (void)state;
    struct cluster c;
    sealed(&c, PHASE_REVOKED);
    assert_true(sync_spares_wait(&c, 1));
    assert_false(sync_spares_wait(&c, 0)); /* its own lease may run */
    c.nodes[2].position.lsn = 1001;
    assert_false(sync_spares_wait(&c, 1));
    assert_true(sync_spares_wait(&c, 2));
    c.nodes[1].sealed = false;
    assert_false(sync_spares_wait(&c, 2));
    sealed(&c, PHASE_REVOKED);
    c.sealed_seq = 0;
    assert_false(sync_spares_wait(&c, 1));
    sealed(&c, PHASE_REVOKED);
    c.sync.bound = false;
    assert_false(sync_spares_wait(&c, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_sync_quorum_must_be_sealed),
            cmocka_unit_test(test_sync_furthest_voter_decides),
            cmocka_unit_test(test_sync_end_of_wal_and_old_leader_are_proof),
            cmocka_unit_test(test_sync_change_needs_all_of_both),
            cmocka_unit_test(test_sync_waits_for_whom_it_should),
            cmocka_unit_test(test_sync_silence_is_short_when_another_can_be_elected),
            cmocka_unit_test(test_sync_wait_is_spared_to_the_furthest_of_the_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
