/* SPDX-License-Identifier: PostgreSQL */
#include "world.h"

/* Each breaks one invariant of a running cluster; the check must name it. */
struct breach {
    const char *named;
    void (*breaks)(struct cluster *c);
};

static void two_names(struct cluster *c)
{
    memcpy(c->nodes[1].name, c->nodes[0].name, NAME_SIZE);
}

static void stray_leader(struct cluster *c)
{
    c->leader = 7;
}

static void unrenewed(struct cluster *c)
{
    c->lease.renewed = false;
}

static void early(struct cluster *c)
{
    c->phase = PHASE_GRANTED;
}

static void chain_ahead(struct cluster *c)
{
    c->decision_seq = c->last_seq + 1;
}

static void rebuild_holder(struct cluster *c)
{
    c->nodes[0].rebuild_task = TASK_BASEBACKUP;
}

static void writable_too_soon(struct cluster *c)
{
    c->promoted = false;
}

static void test_invariant_names_each_breach(void **state)
{
    (void)state;
    static const struct breach breaches[] = {
            {"I13", two_names},  {"I2", stray_leader},    {"I4", unrenewed},          {"I4", early},
            {"I3", chain_ahead}, {"I16", rebuild_holder}, {"I10", writable_too_soon},
    };
    for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++) {
        struct world w;
        world_running(&w);
        assert_null(invariant_check(&w.c));
        breaches[i].breaks(&w.c);
        const char *broken = invariant_check(&w.c);
        assert_non_null(broken);
        assert_memory_equal(broken, breaches[i].named, strlen(breaches[i].named));
    }
}

static void sink_term(struct cluster *c)
{
    c->term--;
}

static void skip_term(struct cluster *c)
{
    c->term += 2;
}

static void grant_over_holder(struct cluster *c)
{
    c->term++;
    c->phase = PHASE_GRANTED;
}

static void lose_node(struct cluster *c)
{
    c->node_count--;
}

static void sink_incarnation(struct cluster *c)
{
    c->nodes[1].incarnation = 0;
}

static void sink_chain(struct cluster *c)
{
    c->decision_seq--;
}

static void test_invariant_names_each_false_step(void **state)
{
    (void)state;
    static const struct breach steps[] = {
            {"I2", sink_term},  {"I2", skip_term},         {"I6", grant_over_holder},
            {"I13", lose_node}, {"I13", sink_incarnation}, {"I3", sink_chain},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct world w;
        world_running(&w);
        struct cluster after = w.c;
        assert_null(invariant_check_step(&w.c, &after));
        steps[i].breaks(&after);
        const char *broken = invariant_check_step(&w.c, &after);
        assert_non_null(broken);
        assert_memory_equal(broken, steps[i].named, strlen(steps[i].named));
    }
}

static void test_invariant_ended_term_is_not_reopened(void **state)
{
    (void)state;
    struct world w;
    world_running(&w);
    struct cluster held = w.c;
    world_release(&w, "node-1", 1);
    const char *broken = invariant_check_step(&w.c, &held);
    assert_non_null(broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_invariant_names_each_breach),
            cmocka_unit_test(test_invariant_names_each_false_step),
            cmocka_unit_test(test_invariant_ended_term_is_not_reopened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
