/* SPDX-License-Identifier: PostgreSQL */
/*
 * fold_impl.h - the parts of the fold, shared by fold.c, fold_agent.c and fold_decision.c only.
 *
 * Each function folds one kind of event, whose envelope fold.c has checked, and returns VOID_NONE
 * when it is effective. On any other answer the state is untouched.
 */
#ifndef PGBATON_FOLD_IMPL_H
#define PGBATON_FOLD_IMPL_H

#include "fold.h"

/* Agents' events; i is the writer's node. hello adds or renews its writer itself. */
enum void_reason fold_hello(struct cluster *c, const struct event *e);
enum void_reason fold_probe(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_renew(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_release(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_refuse(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_progress(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_done(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_failed(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_goodbye(struct cluster *c, int32_t i, const struct event *e);

/* Decisions; the chain has been checked. */
enum void_reason fold_revoke(struct cluster *c, const struct event *e);
enum void_reason fold_grant(struct cluster *c, const struct event *e);
enum void_reason fold_directive(struct cluster *c, const struct event *e);
enum void_reason fold_config(struct cluster *c, const struct event *e);
enum void_reason fold_no_candidate(struct cluster *c, const struct event *e);
/* What the leader's agent says of the parameters that are asked for. */
void order_checked(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_switchover_step(struct cluster *c, const struct event *e);

/* fold_lost.c */
/* An effective hello: before the state of its writer is taken over, and after. */
void fold_lost_hello(struct cluster *c, const struct event *e);
void fold_lost_reported(struct cluster *c);
/* What a monitor remembers. */
enum void_reason fold_lost_anchor(struct cluster *c, const struct event *e);
/* What node i shows of a promotion that the log has lost. */
void fold_lost_timeline(struct cluster *c, int32_t i, const struct probe *p);
void fold_lost_promotion(struct cluster *c, int32_t i, const struct probe *p,
                         const struct event *e);
/* The first renewal of a term. */
void fold_lost_held(struct cluster *c);
/* An operator says that no other member will report. */
void fold_lost_recover(struct cluster *c, const struct event *e);
/* A node was removed: nobody waits for its report. */
void fold_lost_removed(struct cluster *c);

/* fold_rebuild.c */
/* A node is to be rebuilt: its request ends with the copy, whatever that comes to, or when its node
 * is stopped in order, or leads. It stands in the way of no other request. */
enum void_reason fold_rebuild_request(struct cluster *c, const struct event *e);
void rebuild_forget_request(struct node *n);
/* True when the report ends the rebuild that was ordered last: it is over. */
bool rebuild_ends(struct node *n, const struct task_report *t);

/* An operator's request, and what becomes of it when others speak. */
enum void_reason fold_request(struct cluster *c, const struct event *e);
/* How a request ended: by this event. */
struct closed closed_by(const struct event *e, uint64_t request_seq, enum request_kind kind,
                        const char node[NAME_SIZE], enum reason reason);
/* done or failed of a checkpoint of node i: the one that a switchover waits for? */
void pending_checkpoint(struct cluster *c, int32_t i, const struct event *e);
/* The term is over, by a release when released is not NULL: a leader that was told to stop, and did
 * so in order, is what the request waits for; any other end of its term ends it. */
void pending_term_ended(struct cluster *c, const struct release *released, const struct event *e);
/* Its PostgreSQL has crashed and is restarted in place: a switchover that waits for its checkpoint
 * is given up. */
void pending_leader_crashed(struct cluster *c, const struct event *e);
/* The next term is granted: every request has ended. */
void pending_granted(struct cluster *c, const struct event *e);

/* fold_restart.c */
/* A renewal that begins a restart in place: of a primary that is not to stop. */
enum void_reason fold_check_restart(const struct cluster *c, const struct restart *r);
void fold_begin_restart(struct cluster *c, const struct restart *r, const struct event *e);
/* A restart is ordered (licence.h). */
void licence_give(struct cluster *c, const struct event *e);
void licence_end(struct cluster *c);
/* Node i cannot use it any more, if it has it. */
void licence_lapse(struct cluster *c, int32_t i);
/* done or failed of node i: of what it was licensed for? */
void licence_used(struct cluster *c, int32_t i, const struct task_report *t);

/* fold_order.c */
enum void_reason fold_asked(struct cluster *c, const struct event *e);
enum void_reason fold_order(struct cluster *c, const struct event *e);

/* fold_standby.c */
/* done(stream) of a standby cluster's leader; and a timeline of the remote that it shows later. */
enum void_reason fold_streams(struct cluster *c, int32_t i, const struct event *e);
void fold_remote_timeline(struct cluster *c, int32_t i, const struct probe *p);
/* The order that makes a standby cluster one that accepts writes. */
void fold_promotion(struct cluster *c, const struct event *e);
/* True when h is a history of that timeline: its timelines grow. */
bool history_leads_to(const struct history *h, uint32_t timeline);
/* The reference history is h, and then this timeline, of which node i has the most. */
void cluster_refer_to(struct cluster *c, int32_t i, const struct history *h, uint32_t timeline);

/* fold_sync.c */
/* With synchronous off nothing is promised any more: an operator has decided so. */
void fold_sync_configured(struct cluster *c, const struct event *e);
enum void_reason fold_sync_set(struct cluster *c, const struct event *e);
enum void_reason fold_synced(struct cluster *c, int32_t i, const struct event *e);
enum void_reason fold_sync_check_grant(const struct cluster *c, const struct grant *g);
void fold_sync_granted(struct cluster *c, const struct grant *g);
/* A standby cluster's leader is to be promoted: from its first commit on it waits for these. */
void fold_sync_promoted(struct cluster *c, const struct event *e);
void fold_sync_leads(struct cluster *c, const struct event *e);
/* The log may have lost what commits wait for (lost.h). */
void fold_sync_lost(struct cluster *c, const struct event *e);
/* done(promote) of the present term: the floor is known. */
void fold_sync_opened(struct cluster *c);

/* What is known of the end of the last holder's WAL when a term ends that may never have been
 * held. */
struct position cluster_kept_end(const struct cluster *c);
/* The term is over: what it told nodes to rebuild, or to restart, lapses. Who has begun says so
 * when it reports. */
void cluster_end_directives(struct cluster *c);

/* What the last election came to is over. */
void cluster_clear_election(struct cluster *c);

/* The only place where the phase moves (checked against the table of allowed moves). */
void cluster_enter_phase(struct cluster *c, enum phase phase, const struct event *e);
/* Whether (incarnation, counter) of e is above mark (rule ORDER). */
bool mark_allows(const struct mark *mark, const struct event *e);
void mark_set(struct mark *mark, const struct event *e);

#endif
