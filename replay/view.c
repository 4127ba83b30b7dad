/* SPDX-License-Identifier: PostgreSQL */
#include "view.h"

#include <string.h>

/* The names are not in the state: they are there when the node has answered. */
static void take_state(struct view *view)
{
    for (uint32_t i = 0; i < view->state.node_count; i++) {
        const struct node *n = &view->state.nodes[i];
        view->settings[i] = (struct settings_note){.pending_restart = n->pending_restart,
                                                   .pending_lowers = n->pending_lowers,
                                                   .parameters_seq = n->parameters_seq};
    }
}

/* The state has them in the order of their first hello; people look for a name. */
static void sort_by_name(struct view *view)
{
    const struct node *nodes = view->state.nodes;
    for (uint32_t i = 0; i < view->state.node_count; i++) {
        if (nodes[i].removed) {
            continue;
        }
        uint32_t k = view->shown_count++;
        for (; k > 0 && strverscmp(nodes[i].name, nodes[view->order[k - 1]].name) < 0; k--) {
            view->order[k] = view->order[k - 1];
        }
        view->order[k] = (int32_t)i;
    }
}

void view_of(const struct cluster *c, uint64_t now_us, struct view *ret_view)
{
    memset(ret_view, 0, sizeof *ret_view);
    memset(ret_view->heard, true, sizeof ret_view->heard);
    ret_view->state = *c;
    ret_view->now_us = now_us;
    take_state(ret_view);
    sort_by_name(ret_view);
}
