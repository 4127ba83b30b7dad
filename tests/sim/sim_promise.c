/* SPDX-License-Identifier: PostgreSQL */
/* What agents say to each other directly, and the way there: lost, late and doubled messages. */
#include "sim.h"

#include <string.h>

/* A message that is late may be as late as this. */
#define LATEST_US (6 * SIM_S)

static bool is_reachable(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    return n->host_up && n->agent_runs && s->now_us >= n->cut_off_us;
}

static void arrives(struct sim *s, int node, uint64_t generation, uint64_t slot)
{
    (void)generation;
    struct sim_letter *letter = &s->letters[slot];
    letter->used = false;
    if (is_reachable(s, node)) {
        struct fact fact = {.kind = FACT_PROMISE, .promise = letter->message};
        sim_node_fact(s, node, &fact);
    }
}

static void send(struct sim *s, int node, const struct promise_message *m)
{
    for (uint64_t slot = 0; slot < SIM_LETTERS_MAX; slot++) {
        if (!s->letters[slot].used) {
            uint64_t delay_us = sim_delay(s, &s->postman, 100, 3 * SIM_MS);
            delay_us = sim_chance(&s->postman, 3) ? sim_draw(&s->postman, LATEST_US) : delay_us;
            s->letters[slot] = (struct sim_letter){.used = true, .message = *m};
            sim_after(s, delay_us, arrives, node, 0, slot);
            return;
        }
    }
}

void sim_promise_send(struct sim *s, int node, const struct promise_message *m,
                      const struct name_list *to)
{
    for (uint32_t i = 0; i < to->count; i++) {
        struct promise_message copy = *m;
        int peer = sim_node_index(s, to->names[i]);
        memcpy(copy.to, to->names[i], sizeof copy.to);
        if (peer < 0 || !is_reachable(s, node) || sim_bad_luck(s, &s->postman, 20)) {
            continue;
        }
        send(s, peer, &copy);
        if (sim_chance(&s->postman, 3)) {
            send(s, peer, &copy);
        }
    }
}
