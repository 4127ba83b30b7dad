/* SPDX-License-Identifier: PostgreSQL */
/* What no field alone shows of a state (state_fields.h). */
#include "invariant.h"
#include "lost.h"
#include "state_fields.h"

#include <string.h>

static bool is_node_or_none(const struct cluster *c, int32_t i)
{
    return i == LEADER_NONE || (i >= 0 && (uint32_t)i < c->node_count);
}

static bool indexes_are_sound(const struct cluster *c)
{
    const uint32_t known = (UINT32_C(1) << c->node_count) - 1;
    const struct sync *sync = &c->sync;
    const bool licensed = c->licence.seq != 0 ? c->licence.node >= 0 : c->licence.node == 0;
    const bool opened = is_node_or_none(c, c->opening.node) ||
                        (c->opening.timeline == 0 && c->lease.renewal_seq == 0);
    return is_node_or_none(c, c->leader) && is_node_or_none(c, c->opener) && opened && licensed &&
           (c->licence.seq == 0 || is_node_or_none(c, c->licence.node)) &&
           ((sync->waits | sync->voters | sync->granted_waits | c->lease.electable) & ~known) == 0;
}
_Static_assert(NODE_COUNT_MAX < 32, "a bit of 32 for each node");

static bool nodes_are_sound(const struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        if (n->name[0] == '\0' || n->hello_seq > c->last_seq || n->rebuild_seq > c->last_seq) {
            return false;
        }
    }
    return true;
}

static bool config_is_sound(const struct cluster *c)
{
    static const struct config none;
    char text[CONFIG_TEXT_SIZE];
    return c->configured ? config_check(&c->config, text)
                         : memcmp(&c->config, &none, sizeof(none)) == 0;
}

bool state_is_sound(const struct cluster *c)
{
    return c->name[0] != '\0' && c->term <= TERM_MAX && c->lost.term <= TERM_MAX &&
           c->frozen_seq <= c->last_seq && c->lost.seq <= c->last_seq && indexes_are_sound(c) &&
           nodes_are_sound(c) && config_is_sound(c) &&
           parameters_change_is_valid(&c->asked.change) && parameters_are_valid(&c->parameters) &&
           invariant_check(c) == NULL;
}
