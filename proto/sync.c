/* SPDX-License-Identifier: PostgreSQL */
#include "sync.h"

#include "licence.h"
#include "standby.h"

#include <string.h>

static bool has(uint32_t mask, uint32_t i)
{
    return (mask >> i & 1U) != 0;
}

uint32_t sync_size(uint32_t mask)
{
    uint32_t size = 0;
    for (; mask != 0; mask &= mask - 1) {
        size++;
    }
    return size;
}

bool sync_mask_of(const struct cluster *c, const struct name_list *list, uint32_t *ret_mask)
{
    *ret_mask = 0;
    for (uint32_t k = 0; k < list->count; k++) {
        int32_t i = cluster_find_node(c, list->names[k]);
        if (i < 0) {
            return false;
        }
        *ret_mask |= 1U << i;
    }
    return true;
}

void sync_list_of(const struct cluster *c, uint32_t mask, struct name_list *ret_list)
{
    memset(ret_list, 0, sizeof *ret_list);
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (has(mask, i)) {
            memcpy(ret_list->names[ret_list->count], c->nodes[i].name, NAME_SIZE);
            ret_list->count++;
        }
    }
}

static bool streams(const struct node *n)
{
    return n->state == NODE_STANDBY && n->streaming;
}

/* Who is about to be restarted, when so many of the others stream that commits need not wait for
 * it. */
static uint32_t spared(const struct cluster *c, uint32_t capable)
{
    uint32_t count = c->config.synchronous_count;
    uint32_t others = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        bool other = has(capable, i) && streams(&c->nodes[i]) && !licence_is_of(c, (int32_t)i);
        others += other ? 1 : 0;
    }
    bool enough = others >= (count != 0 ? count : 1);
    return c->licence.seq != 0 && enough ? 1U << (uint32_t)c->licence.node : 0;
}

uint32_t sync_capable(const struct cluster *c, int32_t leader)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        bool whole = n->state != NODE_EMPTY && n->reason == REASON_NONE &&
                     n->rebuild_task == TASK_NONE && n->asked_seq == 0;
        bool capable = (int32_t)i != leader && !n->nosync && !n->nofailover && !n->departed;
        mask |= capable && whole ? 1U << i : 0;
    }
    return mask & ~spared(c, mask);
}

uint32_t sync_streaming(const struct cluster *c, uint32_t alive_mask)
{
    uint32_t mask = sync_capable(c, c->leader) & alive_mask;
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        mask &= streams(n) ? UINT32_MAX : ~(1U << i);
    }
    return mask;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t sync_wanted(const struct cluster *c, uint32_t streaming, uint32_t *ret_count)
{
    uint32_t waits = 0;
    enum synchronous mode = standby_synchronous(c);
    *ret_count = 0;
    if (mode == SYNCHRONOUS_STRICT) {
        waits = sync_capable(c, c->leader);
        *ret_count = c->config.synchronous_count;
    } else if (mode == SYNCHRONOUS_QUORUM) {
        waits = streaming;
        *ret_count = lesser(c->config.synchronous_count, sync_size(waits));
    }
    return waits;
}

void sync_begin(const struct cluster *c, uint32_t waits, uint32_t count, struct sync_set *ret_set)
{
    uint32_t voters = c->sync.voters != 0 ? c->sync.voters | waits : 0;
    memset(ret_set, 0, sizeof *ret_set);
    ret_set->term = c->term;
    ret_set->step = count != 0 ? SYNC_CHANGING : SYNC_NONE;
    if (count == 0) {
        return;
    }
    sync_list_of(c, waits, &ret_set->waits);
    sync_list_of(c, voters, &ret_set->voters);
    ret_set->count = count;
    ret_set->quorum = sync_size(voters);
}

uint32_t sync_granted(const struct cluster *c, int32_t grantee, uint32_t *ret_count)
{
    uint32_t capable = sync_capable(c, grantee);
    uint32_t reported = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        bool here = n->state == NODE_STANDBY && n->report_term == c->term && c->term != 0;
        reported |= here ? 1U << i : 0;
    }
    uint32_t count = c->config.synchronous_count;
    if (standby_synchronous(c) == SYNCHRONOUS_OFF) {
        *ret_count = 0;
        return 0;
    }
    if (c->config.synchronous == SYNCHRONOUS_STRICT) {
        *ret_count = count;
        return capable;
    }
    *ret_count = lesser(count, sync_size(capable & reported));
    return capable & reported;
}

bool sync_needs(const struct cluster *c, int32_t i)
{
    return has(c->sync.voters | c->sync.waits, (uint32_t)i);
}

/* ---- elections ---- */

bool sync_binds(const struct cluster *c)
{
    return c->sync.bound;
}

/* A position counts only from a node that has turned away for good: else what it reported may be
 * overtaken by a commit that it still acknowledges. */
static bool is_sealed(const struct cluster *c, uint32_t i)
{
    const struct node *n = &c->nodes[i];
    return n->sealed && n->report_term == c->term && n->report_seq > c->ending.seq &&
           n->state == NODE_STANDBY && cluster_on_history(c, n->position);
}

uint32_t sync_sealed_count(const struct cluster *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->node_count; i++) {
        count += has(c->sync.voters, i) && is_sealed(c, i) ? 1 : 0;
    }
    return count;
}

static bool is_furthest(const struct cluster *c, struct position p)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        bool counts = has(c->sync.voters, i) && is_sealed(c, i);
        if (counts && position_compare(c->nodes[i].position, p) > 0) {
            return false;
        }
    }
    return true;
}

/* It had everything on its own disk before it acknowledged anything. */
static bool is_last_holder(const struct cluster *c, int32_t i)
{
    return i == cluster_last_holder(c) &&
           position_compare(c->nodes[i].position, c->lease.position) >= 0;
}

/* The old leader has said where its WAL ends, and this node has all of it. */
static bool has_the_end(const struct cluster *c, int32_t i)
{
    return c->ending.end.lsn != 0 && position_compare(c->nodes[i].position, c->ending.end) >= 0;
}

enum verdict sync_verdict(const struct cluster *c, int32_t i)
{
    if (!sync_binds(c) || is_last_holder(c, i) || has_the_end(c, i)) {
        return VERDICT_ELIGIBLE;
    }
    if (!is_sealed(c, (uint32_t)i)) {
        return VERDICT_NOT_SEALED;
    }
    if (c->sync.voters == 0) {
        return VERDICT_UNPROVEN;
    }
    if (sync_sealed_count(c) < c->sync.quorum) {
        return VERDICT_NO_QUORUM;
    }
    return is_furthest(c, c->nodes[i].position) ? VERDICT_ELIGIBLE : VERDICT_BEHIND;
}

/* ---- failover_mode: sealed ---- */

static bool is_guarded(const struct cluster *c)
{
    return c->sealed_seq != 0 && sync_binds(c) && c->sync.voters != 0 && c->sync.quorum != 0;
}

uint64_t sync_silence_ms(const struct cluster *c, uint32_t alive_mask)
{
    uint64_t wait_ms = cluster_wait_ms(c);
    uint32_t leader = c->leader >= 0 ? 1U << (uint32_t)c->leader : 0;
    bool known = c->lease.renewed && c->lease.seen_seq >= c->sealed_seq;
    bool electable = sync_size(c->sync.voters & alive_mask & ~leader) >= c->sync.quorum;
    bool soon = is_guarded(c) && known && c->writable && electable &&
                c->config.switch_policy != SWITCH_NOOP;
    return soon && SEALED_SILENCE_MS < wait_ms ? SEALED_SILENCE_MS : wait_ms;
}

bool sync_elects_early(const struct cluster *c)
{
    return c->phase == PHASE_REVOKED && is_guarded(c) && sync_sealed_count(c) >= c->sync.quorum;
}

bool sync_spares_wait(const struct cluster *c, int32_t i)
{
    return i != c->leader && sync_elects_early(c) && is_sealed(c, (uint32_t)i) &&
           is_furthest(c, c->nodes[i].position);
}
