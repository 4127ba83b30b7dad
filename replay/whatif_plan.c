/* SPDX-License-Identifier: PostgreSQL */
#include "whatif_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is remembered of a cluster from record to record. */
struct track {
    uint64_t previous_seq;
    uint64_t renewal_us;
    uint64_t failover_us;
    struct bucket failovers; /* by the other settings */
};

struct pass {
    struct plan *plan;
    struct failure *failure;
    enum result result;
    bool rehearses; /* else it looks for what the rehearsals need */
};

/* ---- what is planned ---- */

static bool was_asked_for(const struct episode *episode)
{
    return strcmp(episode->rule, "elect-switchover") == 0 ||
           strcmp(episode->rule, "elect-requested") == 0;
}

static bool take_incidents(const struct options *options, struct plan *plan)
{
    struct incident incident;
    for (uint32_t number = 1; stories_incident(plan->stories, number, &incident); number++) {
        if (options->incident != 0 && options->incident != number) {
            continue;
        }
        struct planned *items = realloc(plan->items, (plan->count + 1) * sizeof *items);
        if (items == NULL) {
            return false;
        }
        plan->items = items;
        items[plan->count++] = (struct planned){
                .incident = incident,
                .was_asked_for = was_asked_for(incident.episode),
        };
    }
    return true;
}

uint64_t planned_base_us(const struct planned *planned)
{
    const struct change *change = &planned->incident.episode->change;
    const uint64_t late_us = change->ended_wall_us > change->detected_wall_us
                                     ? change->ended_wall_us - change->detected_wall_us
                                     : 0;
    if (planned->silent && planned->renewal_us != 0) {
        return planned->renewal_us;
    }
    return planned->ended_us > late_us ? planned->ended_us - late_us : planned->ended_us;
}

/* ---- looking ---- */

static void look(struct planned *planned, const struct track *track, const struct folded *folded,
                 uint64_t seq)
{
    const struct change *change = &planned->incident.episode->change;
    const struct cluster *c = &folded->entry->state;
    if (seq == change->ended_seq) {
        planned->silent = folded->event.kind == EVENT_REVOKE;
        planned->start_seq = planned->silent && c->lease.renewal_seq != 0 ? c->lease.renewal_seq
                                                                          : track->previous_seq;
        planned->ended_us = folded->stored_us;
        planned->renewal_us = track->renewal_us;
    } else if (seq == change->seq) {
        planned->granted_us = folded->stored_us;
        planned->heard = folded->event.decision.evidence.alive_mask;
        planned->failover_us = track->failover_us;
        planned->failovers = track->failovers;
    } else if (seq == change->writable_seq) {
        planned->writable_us = folded->stored_us;
    }
}

static void follow(struct track *track, const struct whatif_settings *settings,
                   const struct folded *folded, uint64_t seq)
{
    const struct cluster *c = &folded->entry->state;
    if (folded->outcome.effective && folded->event.kind == EVENT_RENEW) {
        track->renewal_us = folded->stored_us;
    }
    if (c->failovers.seq != track->failovers.seq) {
        const uint64_t age_us = folded->stored_us - track->failover_us;
        bucket_take(&track->failovers, whatif_settings_limit(settings, c), age_us / 1000,
                    c->failovers.seq);
        track->failover_us = folded->stored_us;
    }
    track->previous_seq = seq;
}

/* ---- rehearsing ---- */

static enum result begin(struct planned *planned, const struct plan *plan,
                         const struct folded *folded, struct failure *f)
{
    const struct rehearsal_start start = {
            .now_us = folded->stored_us,
            .renewal_us = planned->renewal_us,
            .failovers = planned->failovers,
            .failover_us = planned->failover_us,
            .silent = planned->silent && planned->renewal_us != 0,
            .ended_seq = planned->incident.episode->change.ended_seq,
            .heard = planned->heard,
    };
    const struct cluster *c = &folded->entry->state;
    planned->rehearsal =
            cluster_holder(c) != LEADER_NONE ? malloc(sizeof *planned->rehearsal) : NULL;
    return planned->rehearsal != NULL
                   ? rehearsal_begin(planned->rehearsal, c, plan->settings, &start, f)
                   : RESULT_OK;
}

static enum result rehearse(struct planned *planned, const struct plan *plan,
                            const struct folded *folded, struct failure *f)
{
    const uint64_t seq = folded->event.seq;
    const uint64_t grant_seq = planned->incident.episode->change.seq;
    if (seq == planned->start_seq && !planned->was_asked_for) {
        return begin(planned, plan, folded, f);
    }
    if (planned->rehearsal == NULL || seq <= planned->start_seq) {
        return RESULT_OK;
    }
    if (seq < grant_seq) {
        rehearsal_feed(planned->rehearsal, &folded->event, folded->stored_us);
    } else if (seq == grant_seq) {
        rehearsal_conclude(planned->rehearsal);
    } else {
        rehearsal_hear(planned->rehearsal, &folded->event, folded->stored_us);
    }
    return RESULT_OK;
}

static bool visit(void *context, const struct log_notice *record, const struct folded *folded)
{
    struct pass *pass = context;
    struct cluster_entry *entry = folded->entry;
    if (strcmp(folded->cluster, "_") == 0) {
        return true;
    }
    entry->extra = entry->extra != NULL ? entry->extra : calloc(1, sizeof(struct track));
    if (entry->extra == NULL) {
        pass->result = failure_set(pass->failure, RESULT_FULL, "no memory");
        return false;
    }
    for (uint32_t i = 0; i < pass->plan->count && pass->result == RESULT_OK; i++) {
        struct planned *planned = &pass->plan->items[i];
        if (strcmp(planned->incident.entry->state.name, folded->cluster) != 0) {
            continue;
        }
        if (pass->rehearses) {
            pass->result = rehearse(planned, pass->plan, folded, pass->failure);
        } else {
            look(planned, entry->extra, folded, record->seq);
        }
    }
    follow(entry->extra, pass->plan->settings, folded, record->seq);
    return pass->result == RESULT_OK;
}

/* ---- reading ---- */

static enum result read_once(const struct options *options, struct pass *pass)
{
    const struct point to = {.seq = options->to_seq, .us = UINT64_MAX};
    struct reader *reader = NULL;
    struct cluster_set *set = cluster_set_create();
    if (set == NULL) {
        return failure_set(pass->failure, RESULT_FULL, "no memory");
    }
    enum result result = history_open(options, HISTORY_WHOLE, false, &reader, pass->failure);
    if (result == RESULT_OK) {
        result = history_read(reader, set, to, visit, pass, pass->failure);
    }
    reader_close(reader);
    for (uint32_t i = 0; i < set->count; i++) {
        free(set->entries[i]->extra);
    }
    cluster_set_destroy(set);
    return result == RESULT_OK ? pass->result : result;
}

static int read_log(const struct options *options, struct plan *plan)
{
    struct failure failure = {0};
    struct pass pass = {.plan = plan, .failure = &failure};
    enum result result = read_once(options, &pass);
    if (result == RESULT_OK) {
        pass.rehearses = true;
        result = read_once(options, &pass);
    }
    return result == RESULT_OK ? EXIT_DONE : history_fail(&failure);
}

int plan_make(const struct options *options, const struct whatif_settings *settings,
              struct plan *ret_plan)
{
    *ret_plan = (struct plan){.settings = settings};
    const int code = stories_read(options, &ret_plan->stories);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!take_incidents(options, ret_plan)) {
        fprintf(stderr, "pgbaton-replay: no memory\n");
        return EXIT_NONE;
    }
    if (ret_plan->count == 0 && options->incident != 0) {
        fprintf(stderr, "pgbaton-replay: there is no incident %u\nhint: pgbaton-replay incidents\n",
                options->incident);
        return EXIT_NONE;
    }
    return ret_plan->count == 0 ? EXIT_DONE : read_log(options, ret_plan);
}

void plan_free(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        free(plan->items[i].rehearsal);
    }
    free(plan->items);
    if (plan->stories != NULL) {
        stories_destroy(plan->stories);
    }
}
