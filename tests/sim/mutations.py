# SPDX-License-Identifier: PostgreSQL
"""The guards that tests/sim/mutants takes away, one by one."""

import collections

Mutation = collections.namedtuple("Mutation", "name edits covered seeds flags")

MUTATIONS = []


def add(name, *edits, covered=None, honest=False, losses=False):
    """edits: (file, text that stands there once, what takes its place).

    honest: no decision is forged, so that only what the mutant does by itself can be caught.
    losses: of many more seeds only those whose log loses its end.
    """
    flags = ["--honest"] * honest + ["--losses"] * losses
    MUTATIONS.append(Mutation(name, edits, covered, 300 if covered else 25000 if losses else 3000, flags))


# What several mutations share.
REVOKE_AT_ONCE = (
    "monitor/rules.c",
    "    const uint64_t wait_ms = sync_silence_ms(q->c, q->evidence->alive_mask);\n    return !pause_keeps_lease(q->c) &&",
    "    const uint64_t wait_ms = 200;\n    return !pause_keeps_lease(q->c) &&")
REVOKE_UNPROVEN = (
    "proto/fold_decision.c",
    "if (ev->renewal_age_ms < wait_ms || ev->hearing_ms < wait_ms) {",
    "if (false && wait_ms != ev->hearing_ms) {")
REVOKE_RENEWED = (
    "proto/fold_decision.c", "if (r->renewal_seq != cluster_last_renewal_seq(c)) {", "if (false) {")
GRANT_UNPROVEN = (
    "proto/fold_decision.c", "if (!has_waited(c, e)) {", "if (false && !has_waited(c, e)) {")
GRANT_AT_ONCE = (
    "monitor/rules.c", "return q->evidence->renewal_age_ms >= rules_lapse_ms(q->c);",
    "return true;")
GUARD_SLEEPS = (
    "tests/sim/sim_guard.c", "return s->options.rings != SIM_RINGS_FENCE && n->guard.runs",
    "return s->now_us == 0 && n->guard.runs")
NOT_DEPOSED = (
    "agent/decide.c", "return a->caught_up && agent_may_be_primary(a) && a->pg.busy",
    "return false && agent_may_be_primary(a) && a->pg.busy")

FORGETFUL = ("agent/decide.c", "if (known > a->incarnation || (known == a->incarnation && !a->ready)) {", "if (false) {")
GRANT_HELD = (
    "proto/fold_decision.c",
    "if (cluster_holder(c) != LEADER_NONE) {\n        return VOID_HELD;\n    }\n    if (g->term",
    "if (g->term")
GRANT_INELIGIBLE = (
    "proto/fold_decision.c",
    "if (!right) {", "if (false && !right) {")

# ---- nothing ----

add("nothing", covered="the sources as they are")

# ---- order and identity ----

add("order", ("proto/fold.c", "if (!mark_allows(mark_of(n, e->kind), e)) {", "if (false) {"))
add("stale-incarnation",
    ("proto/fold.c", "if (e->incarnation < n->incarnation) {", "if (false) {"))
add("unpersisted-incarnation",
    ("agent/decide.c", "           a->vote.incarnation == a->incarnation && a->wanted",
     "           a->wanted"))
add("lost-vote",
    FORGETFUL, covered="the void hello tells the incarnation that the log knows")
add("lost-vote-and-deaf", FORGETFUL,
    ("agent/learn.c", "if (reason == VOID_STALE_INCARNATION && a->me >= 0) {", "if (false) {"))

add("superseded-stays",
    ("agent/learn.c", "        a->superseded = true;\n", ""))

# ---- the lease ----

add("lease-from-read-back",
    ("agent/lease.c", "LEASE_LIFTED_MS : sent->sent_ms + sent->ttl_ms;",
     "LEASE_LIFTED_MS : a->now_ms + sent->ttl_ms;"))
add("lease-from-send",
    ("agent/lease.c", "renew_period_ms(a);\n    act_append(actions, &e);",
     "renew_period_ms(a);\n    act_append(actions, &e);\n"
     "    set_deadline(a, a->now_ms + e.body.renew.ttl_ms, actions);"))
add("lease-from-grant",
    ("agent/learn.c", "    a->grant.seq = e->seq;",
     "    a->grant.seq = e->seq;\n"
     "    if (a->ready && strcmp(e->body.grant.node, a->self.node) == 0) {\n"
     "        a->lease.deadline_ms = a->now_ms + 3000;\n"
     "        act_add(actions, ACTION_LEASE)->as.deadline_ms = a->lease.deadline_ms;\n"
     "    }"))
add("any-counter",
    ("agent/lease.c", "if (lease->sent[i].counter == counter) {",
     "if (lease->sent[i].counter >= counter) {"))
add("any-incarnation",
    ("agent/learn.c", "outcome.effective && is_present(a, e)) {\n        lease_read_back",
     "outcome.effective && is_own(a, e)) {\n        lease_read_back"),
    covered="a renewal of an earlier incarnation is read before this one has sent any")
add("revived-lease",
    ("agent/lease.c", "if (over && agent_may_be_primary(a)) {", "if (false) {"),
    covered="an agent that ran has given the term up, one that did not finds PostgreSQL killed")
add("renewal-after-revoke",
    ("proto/fold_agent.c", "if (cluster_holder(c) != i) {\n        return VOID_NOT_HELD;",
     "if (c->leader != i) {\n        return VOID_NOT_HELD;"))
add("start-without-lease",
    ("agent/lead.c", "held && (standby_is_on(&a->cluster) || lease_runs(a));", "held || !held;"))

# ---- waits ----

add("revoke-at-once", REVOKE_AT_ONCE, REVOKE_UNPROVEN)
add("revoke-unproven", REVOKE_UNPROVEN)
add("revoke-unheard",
    ("proto/fold_decision.c", " || ev->hearing_ms < wait_ms) {", ") {"))
add("revoke-over-renewal", REVOKE_RENEWED)
add("deaf-monitor",
    ("monitor/step.c", "return watch_age_ms(now_ms, m->hearing_since_ms);", "return now_ms;"))
add("grant-unproven", GRANT_UNPROVEN)
add("grant-at-once", GRANT_AT_ONCE,
    ("proto/fold_decision.c", "c->phase != PHASE_REVOKED || !c->lease.renewed",
     "c->phase != PHASE_NONE"))
add("revoke-and-grant-at-once", REVOKE_AT_ONCE, REVOKE_UNPROVEN, REVOKE_RENEWED, GRANT_AT_ONCE,
    GRANT_UNPROVEN)
add("wait-of-config",
    ("proto/cluster.c",
     "return (uint64_t)c->lease.ttl_ms_max + LEASE_ALLOWANCE_MS(c->lease.ttl_ms_max);",
     "return (uint64_t)c->config.lease_ttl_ms + LEASE_ALLOWANCE_MS(c->config.lease_ttl_ms);"))
add("wait-of-last-renewal",
    ("proto/cluster.c",
     "return (uint64_t)c->lease.ttl_ms_max + LEASE_ALLOWANCE_MS(c->lease.ttl_ms_max);",
     "return (uint64_t)c->lease.ttl_ms + LEASE_ALLOWANCE_MS(c->lease.ttl_ms);"))
add("no-allowance",
    ("proto/cluster.c",
     "return (uint64_t)c->lease.ttl_ms_max + LEASE_ALLOWANCE_MS(c->lease.ttl_ms_max);",
     "return (uint64_t)c->lease.ttl_ms_max;"))

# ---- giving up ----

add("release-before-gone",
    ("agent/decide.c", "a->ending.fenced_wall_us != 0 && agent_is_gone(a) &&", ""))
LEASE_LEFT = ("agent/decide.c",
              "    lease_take_out(a, actions);\n    struct event e = act_event(a, EVENT_RELEASE);",
              "    struct event e = act_event(a, EVENT_RELEASE);")
LEASE_OF_NOBODY = ("agent/lease.c",
                   "bool lost = a->caught_up && agent_is_gone(a) && !agent_holds(a);", "bool lost = false;")
add("lease-left-in-page", LEASE_LEFT, covered="a lease that nobody holds any more is taken out")
add("lease-left-in-page-for-good", LEASE_LEFT, LEASE_OF_NOBODY)
add("unpersisted-release",
    ("agent/decide.c", "a->vote.given_up_term >= a->ending.term && looked",
     "a->wanted.given_up_term >= a->ending.term && looked"))
add("unpersisted-term",
    ("agent/agent_state.c", "return same_grant(&a->vote, &a->cluster);",
     "return same_grant(&a->wanted, &a->cluster);"))

# ---- fences ----

add("guard-asleep", GUARD_SLEEPS)
add("not-deposed", NOT_DEPOSED)
add("not-deposed-guard-asleep", NOT_DEPOSED, GUARD_SLEEPS)
add("no-demotion",
    ("agent/lease.c", "return !lease_runs(a) && a->now_ms + LEASE_KILL_MS", "return false && a->now_ms"),
    covered="the guard kills at the end of the lease")

# ---- decisions ----

add("predecessor", ("proto/fold.c", "if (d->prev_seq != c->decision_seq) {", "if (false) {"))
add("predecessor-hash",
    ("proto/fold.c", "if (memcmp(d->prev_hash, c->decision_hash, HASH_SIZE) != 0) {",
     "if (false) {"))
add("digest",
    ("proto/fold.c",
     "return memcmp(digest, d->digest, HASH_SIZE) == 0 ? VOID_NONE : VOID_BAD_DIGEST;",
     "return VOID_NONE;"))
add("grant-over-holder", GRANT_HELD,
    covered="nobody has reported for the end of a term that has not ended")
add("grant-over-holder-ineligible", GRANT_HELD, GRANT_INELIGIBLE)
add("grant-any-term", ("proto/fold_decision.c", "if (g->term != lost_next_term(c)) {", "if (false) {"))
add("grant-ineligible", GRANT_INELIGIBLE)

# ---- history ----

add("diverged-candidate",
    ("proto/election.c",
     "if (n->reason == REASON_DIVERGED || !on_history) {", "if (false && !on_history) {"))
add("below-floor",
    ("proto/election.c", "if (cluster_below_floor(c, n->position)) {", "if (false) {"))
add("timeline-twice",
    ("monitor/rules.c", "q->c->timeline_max + 1 : 0", "q->c->floor.timeline + 1 : 0"),
    ("proto/fold_decision.c", "g->timeline <= c->timeline_max",
     "g->timeline <= c->floor.timeline"), honest=True)

# ---- destruction ----

add("rebuild-of-leader", ("proto/fold_rebuild.c", "i < 0 || i == c->leader || c->nodes[i].inc", "i < 0 || c->nodes[i].inc"))
add("rebuild-any-incarnation",
    ("agent/follow.c", "a->rebuild.incarnation == a->incarnation &&", "true &&"),
    covered="the hello of another incarnation ends the directive")
add("rebuild-any-incarnation-kept",
    ("agent/follow.c", "a->rebuild.incarnation == a->incarnation &&", "true &&"),
    ("proto/fold_agent.c", "        n->rebuild_task = TASK_NONE;\n        n->state_seq = e->seq;",
     "        n->state_seq = e->seq;"))

add("rebuild-asked-for-by-nobody",
    ("proto/fold_rebuild.c", "return c->nodes[i].asked_seq != 0 ? VOID_NONE : VOID_NO_REQUEST;",
     "return VOID_NONE;"))
add("wal-missing-unseen",
    ("agent/report.c", "return report_lacks_wal(a) ? REASON_WAL_MISSING : REASON_NONE;",
     "return REASON_NONE;"), honest=True)

# ---- limits ----

FAILOVERS_UNLIMITED = (
    "proto/fold_decision.c", "if (g->kind == GRANT_FAILOVER && ev->failover_age_ms < cluster_failover_ripe_ms(c)) {",
    "if (false) {")
REBUILDS_UNLIMITED = (
    "proto/fold_rebuild.c", "return ripe ? VOID_NONE : VOID_LIMIT_REACHED;", "return ripe ? VOID_NONE : VOID_NONE;")

add("failovers-unlimited", FAILOVERS_UNLIMITED)
add("failovers-unlimited-honest", FAILOVERS_UNLIMITED,
    ("monitor/rules.c", "return q->evidence->failover_age_ms >= cluster_failover_ripe_ms(q->c);",
     "return true;"), honest=True)
add("failover-age-infinite",
    ("monitor/step.c", ".failover_age_ms = watch_age_ms(now_ms, mc->watch.failover_ms),",
     ".failover_age_ms = UINT64_MAX,"), honest=True)
add("failover-age-of-history",
    ("monitor/watch.c", "        w->failover_ms = arrival->now_ms;",
     "        w->failover_ms = arrival->caught_up ? arrival->now_ms : 1;"), honest=True)
add("failover-age-of-start",
    ("monitor/watch.c", "    if (c->failovers.seq == seq) {",
     "    if (c->failovers.seq == seq && w->failover_ms == 0) {"), honest=True)
add("failover-not-taken",
    ("proto/fold_agent.c", "        c->failovers.debt_ms = c->failovers_granted.debt_ms;\n", ""),
    honest=True)
add("failover-never-taken",
    ("proto/fold_agent.c", "if (c->failovers_granted.seq != 0 && !asked) {", "if (false && !asked) {"), honest=True)
add("failover-counts-not-if-revoked",
    ("proto/cluster.c",
     "return c->ending.reason != REASON_SHUTDOWN && c->ending.reason != REASON_REQUESTED;",
     "return c->ending.reason != REASON_SHUTDOWN && c->ending.reason != REASON_LEASE_EXPIRED;"),
    honest=True)
add("bucket-forgives",
    ("proto/bucket.c", "    bucket->debt_ms = left_ms + cost_ms(size);",
     "    bucket->debt_ms = left_ms / 2 + cost_ms(size);"), honest=True)
add("rebuilds-unlimited", REBUILDS_UNLIMITED)
add("rebuilds-unlimited-honest", REBUILDS_UNLIMITED,
    ("monitor/rules.c",
     "q->evidence->rebuild_age_ms[i] >= cluster_rebuild_ripe_ms(q->c, (int32_t)i);", "true;"), honest=True)
add("rebuild-age-infinite",
    ("monitor/step.c", "watch_age_ms(now_ms, mc->watch.rebuild_ms[i]);", "UINT64_MAX;"),
    honest=True)
add("no-candidate-at-once",
    ("monitor/rules.c", "return c->no_candidate ? VERDICT_PAUSE_MS : 0;", "return 0;"), honest=True)
add("limit-said-too-often",
    ("proto/fold_decision.c", "return c->limited ? VOID_NO_CHANGE : VOID_NONE;",
     "return VOID_NONE;"), covered="a monitor says it once")
add("limit-unproven",
    ("proto/fold_decision.c", "if (age_ms >= ripe_ms || n->wait_ms != ripe_ms - age_ms) {",
     "if (false && age_ms >= ripe_ms) {"))

# ---- policies ----

add("policy-ignored",
    ("proto/election.c", "    return policy_verdict(c, i);", "    return VERDICT_ELIGIBLE;"))
add("noop-promotes",
    ("proto/policy.c", "return is_asked_for(c, i) || cluster_keeps_its_own(c, i) ? VERDICT_ELIGIBLE",
     "return true || is_asked_for(c, i) ? VERDICT_ELIGIBLE"))
add("protection-unproven",
    ("proto/policy.c", "return sync_binds(c) || cluster_misses_nothing(c, i);", "return true;"))
add("loss-known",
    ("proto/cluster.c",
     "return knows_the_end(c) || cluster_keeps_its_own(c, i);", "return true;"))
add("loss-less",
    ("proto/fold_decision.c", "(g->loss_bytes >= cluster_lag_bytes(c, i) && (known",
     "((known"))
add("loss-of-grantee",
    ("proto/cluster.c", "return c->lease.renewal_seq != 0 ? c->opening.node : LEADER_NONE;",
     "return c->leader;"))
add("restart-unlimited",
    ("proto/fold_restart.c", "return r->age_ms < cluster_restart_ripe_ms(c) ? VOID_LIMIT_REACHED",
     "return false ? VOID_LIMIT_REACHED"),
    ("agent/restart.c", "return age_ms(a) >= cluster_restart_ripe_ms(&a->cluster);",
     "return true;"))
add("restart-for-ever",
    ("agent/restart.c", "return restart_goes_on(a) && a->now_ms >= a->restart.until_ms;",
     "return false;"))

# ---- restarts that are asked for ----

add("restart-unlicensed",
    ("proto/fold_restart.c", "return licence_is_ripe(c, c->leader) ? VOID_NONE : VOID_NO_REQUEST;",
     "return VOID_NONE;"),
    ("agent/restart.c", "a->restart.asked ? REASON_REQUESTED : REASON_POSTMASTER_DIED",
     "REASON_REQUESTED"))
add("restart-of-the-needed",
    ("proto/licence.c", "return i == c->leader || !sync_needs(c, i) || !leaves;",
     "return leaves || !leaves;"))
add("restart-before-the-log",
    ("agent/restart_asked.c", "return leads_at(a, RESTART_NAMED) && is_recorded(a);",
     "return leads_at(a, RESTART_NAMED);"))
add("restart-unended",
    ("proto/fold_restart.c", "    if (t->task == TASK_RESTART && licence_is_of(c, i)",
     "    if (false && licence_is_of(c, i)"))

# ---- requests ----

add("switchover-to-less",
    ("proto/election.c", "return n->position.lsn < c->pending.end.lsn;", "return false;"))
add("switchover-without-limit",
    ("proto/switchover.c", "return evidence->switchover_age_ms >= switchover_limit_ms(c);",
     "return false;"))
add("failover-unaccepted",
    ("proto/switchover.c", "(loses && c->pending.accept_loss)", "loses"))

# ---- maintenance ----

add("resume-before-confirmed",
    ("proto/pause.c", "c->lease.renewed && (pause_is_on(c) || c->lease.lifted) &&",
     "c->lease.renewed && pause_is_on(c) &&"))
add("lifted-at-send",
    ("agent/lease.c", "    a->lease.last_counter = e.counter;\n",
     "    a->lease.last_counter = e.counter;\n"
     "    if (lifted) {\n        set_deadline(a, LEASE_LIFTED_MS, actions);\n    }\n"))
add("lifted-unpaused",
    ("proto/fold_agent.c", "if (r->lifted && (!pause_is_on(c) || c->phase != PHASE_HELD)) {",
     "if (r->lifted && c->phase != PHASE_HELD) {"),
    ("agent/lease.c", "return pause_is_on(c) && c->promoted &&", "return c->promoted &&"))
add("confirmed-before-put-back",
    ("agent/lease.c", "    if (!lifted) {\n        put_back(a, actions);\n    }\n", ""),
    ("agent/lease.c", "    if (is_lifted(a) && a->link_up && a->caught_up && !may_lift(a)) {",
     "    if (false && !may_lift(a)) {"))
add("revoke-while-paused",
    ("monitor/rules.c", "return !pause_keeps_lease(q->c) && q->evidence", "return q->evidence"),
    ("proto/fold_decision.c", "    if (pause_keeps_lease(c)) {", "    if (false) {"), honest=True)

add("remove-the-needed",
    ("proto/fold_order.c", "return is_needed(c, i) ? REASON_STILL_NEEDED : REASON_NONE;",
     "return i < 0 && is_needed(c, i) ? REASON_STILL_NEEDED : REASON_NONE;"))
add("remove-the-heard",
    ("proto/fold_order.c", "if (heard && !c->nodes[i].departed) {", "if (heard && i < 0) {"))
add("removed-comes-back",
    ("proto/fold_agent.c", "e->incarnation < known || (c->nodes[i].removed && e->incarnation == known)",
     "e->incarnation < known && !c->nodes[i].removed"),
    ("proto/fold.c", "if (i < 0 || c->nodes[i].removed) {", "if (i < 0) {"))

# ---- synchronous replication ----

add("report-unsealed",
    ("agent/report.c", "    return a->watch.last.sealed_term != 0 && a->watch.last", "    return a->now_ms != 0 || a->watch.last"))
add("quorum-of-one", ("proto/fold_sync.c", "s->quorum = sync_size(s->waits) - s->count + 1;", "s->quorum = 1;"))
add("any-of-quorum",
    ("proto/sync.c", "return is_furthest(c, c->nodes[i].position) ? VERDICT_ELIGIBLE : VERDICT_BEHIND;",
     "return is_furthest(c, c->nodes[i].position) ? VERDICT_ELIGIBLE : VERDICT_ELIGIBLE;"))
add("set-without-union",
    ("proto/fold_sync.c", "s->voters != 0 ? s->voters | waits : 0;", "s->voters != 0 ? waits : 0;"))
add("promoted-unblocked",
    ("agent/upstream.c", "*ret_count = sync_binds(c) ? 1 : 0;", "*ret_count = 0;"))
add("unproven-leads", ("proto/sync.c", "return VERDICT_UNPROVEN;", "return VERDICT_ELIGIBLE;"))
add("quorum-at-once",
    ("proto/fold_sync.c", "    s->quorum = sync_size(s->voters);\n    s->bound",
     "    s->quorum = s->voters != 0 ? sync_size(s->voters) - count + 1 : 0;\n    s->bound"))
add("any-word",
    ("proto/fold_sync.c", "s->step != SYNC_CHANGING || t->directive_seq != s->seq",
     "s->step != SYNC_CHANGING"))
add("given-up-voters",
    ("proto/fold_sync.c", "count != 0 && s->voters != 0 ? s->voters | waits : 0;",
     "s->voters != 0 ? s->voters | waits : 0;"))
add("first-set-at-grant",
    ("proto/fold_sync.c",
     "    enter(c, c->sync.granted_waits, c->sync.granted_count, e);\n}\n\n/* The log knows",
     "    enter(c, c->sync.granted_waits, c->sync.granted_count, e);\n"
     "    if (c->sync.bound && c->sync.step == SYNC_CHANGING) {\n        rely_on_set(&c->sync);\n    }\n"
     "}\n\n/* The log knows"))
add("opened-over-another-set",
    ("proto/fold_sync.c", "s->step == SYNC_CHANGING && s->seq == c->phase_seq;",
     "s->step == SYNC_CHANGING;"), covered="no monitor begins one before the promotion")
add("promoted-before-commits-wait",
    ("tests/sim/sim_task.c", "job->task == TASK_PROMOTE && sim_sync_must_wait(&n->pg);", "false;"))
add("mark-too-soon",
    ("tests/sim/sim_sync.c", "all = all && memcmp(", "all = all || memcmp("))
add("mark-unconfirmed",
    ("tests/sim/sim_sync.c", "return count >= pg->sync.file.count;", "return true;"))
SYNC_EARLY = ("agent/sync_keep.c", "    if (!a->caught_up) {\n        return;", "    if (false) {\n        return;")
add("sync-while-catching-up", SYNC_EARLY, covered="who has read its own hello has read what was relied upon before it")
add("sync-before-hello", SYNC_EARLY, ("agent/sync_keep.c", "agent_holds(a) && a->ready && a->cluster.phase", "agent_holds(a) && a->cluster.phase"))

# ---- failover_mode: sealed ----

add("back-to-the-old-leader",
    ("agent/upstream.c", "return sync_binds(c) && cluster_holder(c) != LEADER_NONE && !c->promoted;",
     "return false && sync_binds(c);"))
add("early-in-lease-mode",
    ("proto/sync.c", "return c->sealed_seq != 0 && sync_binds(c)", "return sync_binds(c)"))
add("overtaken-keeps-its-lease", LEASE_OF_NOBODY)

# ---- standby clusters ----

add("standby-promotes",
    ("agent/lead.c", "    if (standby_is_on(&a->cluster)) {\n        return a->pg.role == ROLE_STANDBY",
     "    if (false) {\n        return a->pg.role == ROLE_STANDBY"))
add("standby-starts-as-primary",
    ("agent/lead.c", "    if (upstream_is_remote(a)) {\n        struct upstream remote = upstream_of(a);\n"
     "        act_say(actions, SEVERITY_INFO, \"starting",
     "    if (false) {\n        struct upstream remote = upstream_of(a);\n"
     "        act_say(actions, SEVERITY_INFO, \"starting"),
    ("agent/act.c", "assert(!as_primary || lease_runs(a));", ""))
add("standby-lease",
    ("agent/lease.c", "                !standby_is_on(&a->cluster);", "                true;"))
add("promotion-opens-the-remotes-timeline",
    ("proto/fold_standby.c", "c->timeline_max += PROMOTION_TIMELINE_GAP;", "c->timeline_max += 0;"))
add("standby-leader-hides-what-it-removed",
    ("agent/peers.c", "(standby_is_on(&a->cluster) && a->cluster.opener == i)", "false"))

# ---- parameters ----

add("untold-parameters",
    ("agent/parameters_keep.c", "(p->told && p->told_seq == set->seq)", "p->told"))
add("unwritten-parameters",
    ("agent/parameters_keep.c", "bool wanted = a->parameters.due || stands_otherwise(a) || is_unread(a);",
     "bool wanted = stands_otherwise(a);"))
add("reload-follows-nobody",
    ("agent/parameters_keep.c", "primary ? upstream_nowhere(a) : a->pg.upstream;", "upstream_nowhere(a);"))
add("unchecked-parameters",
    ("proto/fold_order.c", "a->unchecked || a->check == CHECK_PASSED) {", "a->unchecked || true) {"))
add("checked-by-nobody",
    ("proto/fold_order.c",
     "return !leader_is_heard(c, evidence) && evidence->hearing_ms >= order_hearing_ms(c);", "return false;"),
    ("proto/fold_order.c", "order_waits_for_check(c) && r->kind != REQUEST_CONFIG;", "false;"))

# ---- a log that loses its end ----

add("loss-without-holdoff",
    ("proto/fold_decision.c", "if (e->decision.evidence.hearing_ms < lost_holdoff_ms(c)) {", "if (false) {"),
    ("monitor/rules.c", "return q->evidence->hearing_ms >= lost_holdoff_ms(q->c);", "return true;"), losses=True)
add("memory-kept-to-itself",
    ("monitor/step.c", "if (memory_is_untold(&mc->memory, &mc->state)) {", "if (false) {"), losses=True)
# Where monitors remember nothing all rests on the members.
FORGETFUL_MONITORS = ("tests/sim/sim_monitor.c", "return s->options.seed % 4 != 0;", "return false;")
add("loss-begun-anew",
    ("agent/lease.c", "a->now_ms >= holdoff_end_ms(a) && ", ""), FORGETFUL_MONITORS, losses=True)
add("loss-unreported",
    ("proto/election.c", "if (verdict == VERDICT_ELIGIBLE && lost_is_known(c)) {", "if (false) {"),
    FORGETFUL_MONITORS, losses=True)
add("loss-told-by-the-forgetful",
    ("proto/lost.c", "return lost_has_answered(c, i) && !c->nodes[i].forgetful;",
     "return lost_has_answered(c, i);"), FORGETFUL_MONITORS, losses=True)
add("loss-of-a-term",
    ("proto/lost.c", "return higher(c->term, c->lost.term) + 1;", "return c->term + 1;"), losses=True)
add("loss-outgrown",
    ("proto/lost.c", "return c->lost.term > c->term;", "return c->node_count > 99;"), losses=True)
add("loss-of-the-set",
    ("proto/fold_sync.c", "    s->seq = e->seq;\n    s->step = s->count",
     "    if (s->bound) {\n        return;\n    }\n    s->seq = e->seq;\n    s->step = s->count"), losses=True)
add("loss-of-the-first-renewal",
    ("proto/fold_lost.c", "&& c->lost.held_term < c->term;", "&& c->lost.held_term > c->term;"), losses=True)
add("loss-of-a-timeline",
    ("proto/fold_lost.c", "if (lost_outgrows(c) && cluster_holder", "if (false && cluster_holder"), losses=True)
add("anchor-forgotten",
    ("agent/anchor.c", "return a->caught_up && a->vote.anchor_seq != 0 && !a->anchor_found;",
     "return a->caught_up && a->vote.anchor_seq == 1;"), losses=True)
add("anchor-behind-the-set",
    ("agent/sync_keep.c", "|| !anchor_stands(a)) {", ") {"), losses=True)
add("end-forgotten",
    ("agent/anchor.c", "a->vote.sealed_term >= a->cluster.term;", "a->vote.sealed_term > UINT32_MAX;"), losses=True)

# ---- promises (the rules F1 to F8 of tests/model/failsafe.pml) ----

add("promise-lets-renew",
    ("agent/lease.c", " && promise_left_ms(a) == 0;", ";"))
add("promise-without-allowance",
    ("agent/promise.c", "return (uint64_t)ttl_ms + LEASE_ALLOWANCE_MS(ttl_ms);", "return (uint64_t)ttl_ms / 2;"))
add("promise-revives",
    ("agent/promise.c", "bool ends = a->lease.deadline_ms > a->now_ms && a->lease.deadline_ms != LEASE_LIFTED_MS;",
     "bool ends = a->lease.deadline_ms != LEASE_LIFTED_MS;"),
    ("agent/lease.c", "if (a->lease.deadline_ms > a->now_ms && deadline_ms > a->lease.deadline_ms) {",
     "if (deadline_ms > a->lease.deadline_ms) {"))
add("promise-forgotten",
    ("agent/promise.c", "        keep_still(a, p->earlier_ms);\n", ""))
add("promise-unpersisted",
    ("agent/promise.c", "if (p->is_owed && is_persisted(a, p->owed.ttl_ms)) {", "if (p->is_owed) {"))
add("promise-asked-unread",
    ("agent/promise.c", "return p->is_read && !p->unbound", "return !p->unbound"))
add("promise-of-the-last-read",
    ("agent/promise.c", "return a->promise.read | a->promise.unread;", "return a->promise.read;"))
add("promise-of-the-unnamed",
    ("proto/election.c", "if (verdict == VERDICT_ELIGIBLE && !cluster_is_asked(c, i)) {", "if (false) {"))
add("promise-of-the-holder",
    ("agent/promise.c", "if (a->lease.deadline_ms > a->now_ms || (holder != LEADER_NONE && holder == a->me)) {",
     "if (false && holder == a->me) {"))
add("promise-unmeant",
    ("agent/promise.c", "    keep_still(a, m->ttl_ms);\n    p->still_term", "    p->still_term"))
add("promise-to-the-unbound",
    ("agent/promise.c", "return p->is_read && !p->unbound", "return p->is_read"))
add("promise-of-some",
    ("agent/promise.c", "if ((to_ask(a) & ~p->given) == 0 && may_ask(a)", "if (p->given != 0 && may_ask(a)"))
