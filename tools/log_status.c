/* SPDX-License-Identifier: PostgreSQL */
#include "log_status.h"

#include "../proto/lost.h"
#include "../proto/subject.h"
#include "../proto/waiting.h"
#include "../replay/format.h"
#include "../replay/history.h"
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- what both outputs say ---- */

bool log_status_shows(const struct options *options, const struct cluster *c)
{
    return options->cluster == NULL || strcmp(options->cluster, c->name) == 0;
}

static const struct log_look_replica *find_replica(const struct log_look *look, const char *name)
{
    for (size_t i = 0; i < look->replica_count; i++) {
        if (strcmp(look->replicas[i].name, name) == 0) {
            return &look->replicas[i];
        }
    }
    return NULL;
}

void log_status_role(const struct log_look *look, const char *name, char *ret_text, size_t size)
{
    const struct log_look_replica *replica = find_replica(look, name);
    if (look->stream != LOG_LOOK_THERE || name[0] == '\0') {
        (void)snprintf(ret_text, size, "-");
    } else if (!look->replicated) {
        (void)snprintf(ret_text, size, "has the log alone");
    } else if (strcmp(look->leader, name) == 0) {
        (void)snprintf(ret_text, size, "leader");
    } else if (replica == NULL) {
        (void)snprintf(ret_text, size, "no replica of the log");
    } else if (replica->current) {
        (void)snprintf(ret_text, size, "replica, current");
    } else {
        (void)snprintf(ret_text, size, "replica, %s, lacks %" PRIu64,
                       replica->offline ? "away" : "behind", replica->lag_count);
    }
}

static void advise_writable(const struct log_health *h, struct advice *a)
{
    size_t lagging = health_lagging_count(&h->look);
    if (lagging > 0) {
        (void)snprintf(a->waits_for, sizeof a->waits_for,
                       "%zu of %zu servers that store the log %s away or behind; it is written as "
                       "long as a majority of them is there",
                       lagging, health_replica_count(&h->look), lagging == 1 ? "is" : "are");
        (void)snprintf(a->can_do, sizeof a->can_do, "start the servers that are away");
    }
}

static void advise_unproven(const struct log_health *h, struct advice *a)
{
    (void)snprintf(a->waits_for, sizeof a->waits_for,
                   "no monitor's heartbeat came in within %d ms: either no monitor runs, or the "
                   "log takes no records%s%.200s",
                   HEALTH_LISTEN_MS, h->trouble[0] != '\0' ? ": " : "", h->trouble);
    (void)snprintf(a->can_do, sizeof a->can_do,
                   "start a monitor; without one nobody takes over from a leader that fails");
}

static void advise_unreadable(const struct log_health *h, struct advice *a)
{
    const char *why = h->look.trouble[0] != '\0' ? h->look.trouble : h->trouble;
    if (h->local) {
        (void)snprintf(a->waits_for, sizeof a->waits_for, "the file is not read: %.200s",
                       h->trouble);
        return;
    }
    (void)snprintf(
            a->waits_for, sizeof a->waits_for,
            "the log has no leader, or it does not answer (%.200s): %zu of the %zu servers that "
            "are named here are reached. It is read and written when a majority of those "
            "that store it talk to each other. A leader goes on by promises between the "
            "agents, where they can be given, else it stops PostgreSQL at the end of its "
            "lease; nobody else is granted a term meanwhile",
            why, h->look.reached_count, h->look.server_count);
    (void)snprintf(a->can_do, sizeof a->can_do,
                   "start the servers that are away, or mend the network between them; remove "
                   "no server's store");
}

static void advise_missing(const struct log_health *h, struct advice *a)
{
    (void)snprintf(a->waits_for, sizeof a->waits_for,
                   "there is no %s: a monitor creates it. Agents that have read one before say "
                   "then what they remember of it",
                   h->local ? "log yet in this file" : "stream " STREAM_NAME);
    (void)snprintf(a->can_do, sizeof a->can_do, "start a monitor, if none runs");
}

static void advise_unreachable(const struct log_health *h, struct advice *a)
{
    (void)snprintf(a->waits_for, sizeof a->waits_for,
                   "none of the %zu servers that are named here is reached. A leader that does not "
                   "reach them either goes on by promises between the agents, where they can be "
                   "given, else it stops PostgreSQL at the end of its lease; nobody else is "
                   "granted a term meanwhile",
                   h->look.server_count);
    (void)snprintf(a->can_do, sizeof a->can_do,
                   "start nats-server, or name other servers with --nats or PGBATON_NATS");
}

bool log_status_advice(const struct log_health *health, struct advice *ret_advice)
{
    static void (*const advises[])(const struct log_health *, struct advice *) = {
            [HEALTH_WRITABLE] = advise_writable,       [HEALTH_UNPROVEN] = advise_unproven,
            [HEALTH_UNREADABLE] = advise_unreadable,   [HEALTH_MISSING] = advise_missing,
            [HEALTH_UNREACHABLE] = advise_unreachable,
    };
    _Static_assert(sizeof advises / sizeof advises[0] == HEALTH_COUNT, "one for each");
    memset(ret_advice, 0, sizeof *ret_advice);
    advises[health->health](health, ret_advice);
    return ret_advice->waits_for[0] != '\0';
}

bool log_status_lost_advice(const struct cluster *c, struct advice *ret_advice)
{
    memset(ret_advice, 0, sizeof *ret_advice);
    if (waiting_explain_lost(c, ret_advice->waits_for, sizeof ret_advice->waits_for) == 0) {
        return false;
    }
    (void)snprintf(ret_advice->can_do, sizeof ret_advice->can_do,
                   "start the agents of these members; if they are gone for good: pgbaton log "
                   "recover %s",
                   c->name);
    return true;
}

/* ---- text ---- */

static void print_age(uint64_t now_us, uint64_t then_us, const char *before, const char *after)
{
    char age[FORMAT_TIME_SIZE];
    if (then_us != 0) {
        format_age(now_us > then_us ? now_us - then_us : 0, age);
        printf("%s%s%s", before, age, after);
    }
}

static void print_head(const struct log_health *h)
{
    const char *name = health_name(h->health);
    const struct log_look *look = &h->look;
    printf("Log · %c%s", name[0] - 'a' + 'A', name + 1);
    if (h->local) {
        printf(" · a file of this machine");
    } else if (look->stream == LOG_LOOK_THERE && look->replicated) {
        printf(" · leader %s · %zu of %zu replicas current",
               look->leader[0] != '\0' ? look->leader : "none",
               health_replica_count(look) - health_lagging_count(look), health_replica_count(look));
    } else if (look->stream == LOG_LOOK_THERE) {
        printf(" · one server, no replica");
    }
    print_age(h->now_us, h->last_us, " · last record ", " ago");
    printf("\n");
}

static void print_counts(const struct log_health *h)
{
    const struct log_look *look = &h->look;
    char size[FORMAT_TIME_SIZE];
    format_bytes(look->bytes, size);
    if (h->local && look->stream == LOG_LOOK_THERE) {
        printf("%" PRIu64 " records, %s, up to sequence %" PRIu64 "\n", h->record_count, size,
               h->last_seq);
    } else if (look->stream == LOG_LOOK_THERE) {
        printf("Stream " STREAM_NAME ": %" PRIu64 " records, %s, sequences %" PRIu64 " to %" PRIu64,
               look->message_count, size, look->first_seq, look->last_seq);
        print_age(h->now_us, look->created_us, ", created ", " ago");
        printf("\n");
    }
}

static bool is_named(const struct log_look *look, const char *name)
{
    for (size_t i = 0; i < look->server_count; i++) {
        if (strcmp(look->servers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void print_servers(const struct log_look *look)
{
    char role[128];
    if (look->server_count > 0) {
        printf("%-12s  %-24s  %s\n", "SERVER", "PLACE", "STATE");
    }
    for (size_t i = 0; i < look->server_count; i++) {
        const struct log_look_server *server = &look->servers[i];
        log_status_role(look, server->name, role, sizeof role);
        printf("%-12s  %-24s  %s%s\n", server->reached ? server->name : "?", server->place,
               server->reached ? "reached, " : "not reached: ",
               server->reached ? role : server->trouble);
    }
    for (size_t i = 0; i < look->replica_count; i++) {
        const char *name = look->replicas[i].name;
        if (!is_named(look, name)) {
            log_status_role(look, name, role, sizeof role);
            printf("%-12s  %-24s  %s\n", name, "place not known", role);
        }
    }
}

static void print_monitors(const struct log_health *h)
{
    char age[FORMAT_TIME_SIZE];
    char ago[FORMAT_TIME_SIZE + 4];
    if (h->monitor_count == 0) {
        printf("No monitor has written a heartbeat.\n");
        return;
    }
    printf("%-16s  %-14s  %s\n", "MONITOR", "LAST HEARTBEAT", "SEQUENCE");
    for (size_t i = 0; i < h->monitor_count; i++) {
        const struct heard_monitor *m = &h->monitors[i];
        format_age(h->now_us > m->stored_us ? h->now_us - m->stored_us : 0, age);
        (void)snprintf(ago, sizeof ago, "%s ago", age);
        printf("%-16s  %-14s  %" PRIu64 "%s\n", m->name, ago, m->seq,
               m->now || !h->caught_up ? "" : "  silent");
    }
}

static const char *reported_text(const struct cluster *c, int32_t i)
{
    if (!lost_is_known(c)) {
        return "-";
    }
    if (lost_has_answered(c, i) && lost_is_awaited(c, i)) {
        return "remembers nothing";
    }
    return lost_is_awaited(c, i) ? "has not reported" : "has reported";
}

static void format_heard(const struct log_health *h, const struct heard_agent *agent,
                         char *ret_text, size_t size)
{
    const uint64_t age_ms = health_age_ms(h, agent);
    (void)snprintf(ret_text, size, "%" PRIu64 ".%" PRIu64 " s ago", age_ms / 1000,
                   age_ms % 1000 / 100);
}

static void print_agent(const struct log_health *h, const struct cluster *c, int32_t i)
{
    char heard[FORMAT_TIME_SIZE + 8] = "not heard";
    char read[24] = "-";
    const struct node *n = &c->nodes[i];
    const struct heard_agent *agent = health_agent(h, c->name, n->name);
    if (agent != NULL) {
        format_heard(h, agent, heard, sizeof heard);
        (void)snprintf(read, sizeof read, "%" PRIu64, agent->read_seq);
    } else if (n->departed) {
        (void)snprintf(heard, sizeof heard, "stopped");
    }
    printf("%-16s  %-12s  %-12s  %-14s  %s\n", c->name, n->name, heard, read, reported_text(c, i));
}

/* Agents of a log that cannot be read. */
static void print_strangers(const struct options *options, const struct log_health *h)
{
    for (size_t i = 0; i < h->agent_count; i++) {
        const struct heard_agent *agent = &h->agents[i];
        bool wanted = options->cluster == NULL || strcmp(options->cluster, agent->cluster) == 0;
        const struct cluster_entry *entry = cluster_set_find(h->set, agent->cluster);
        if (wanted && (entry == NULL || cluster_find_node(&entry->state, agent->node) < 0)) {
            char heard[FORMAT_TIME_SIZE + 8];
            format_heard(h, agent, heard, sizeof heard);
            printf("%-16s  %-12s  %-12s  %" PRIu64 "\n", agent->cluster, agent->node, heard,
                   agent->read_seq);
        }
    }
}

static void print_agents(const struct options *options, const struct log_health *h)
{
    if (h->set->count == 0 && h->agent_count == 0) {
        printf("No agent is heard.\n");
        return;
    }
    printf("%-16s  %-12s  %-12s  %-14s  %s\n", "CLUSTER", "AGENT", "HEARD", "HAS READ UP TO",
           "SINCE THE LOSS");
    for (uint32_t k = 0; k < h->set->count; k++) {
        const struct cluster *c = &h->set->entries[k]->state;
        for (uint32_t i = 0; i < c->node_count && log_status_shows(options, c); i++) {
            if (!c->nodes[i].removed) {
                print_agent(h, c, (int32_t)i);
            }
        }
    }
    print_strangers(options, h);
}

static void print_advice(const char *whose, const struct advice *a)
{
    printf("%sWaits for: %s\n", whose, a->waits_for);
    if (a->can_do[0] != '\0') {
        printf("%sYou can: %s\n", whose, a->can_do);
    }
}

static void print_cluster(const struct log_health *h, const struct cluster *c)
{
    char whose[NAME_SIZE + 4];
    struct advice advice;
    int32_t holder = cluster_holder(c);
    (void)snprintf(whose, sizeof whose, "%s: ", c->name);
    printf("%sterm %" PRIu64 ", leader %s", whose, c->term,
           holder != LEADER_NONE ? c->nodes[holder].name : "none");
    if (holder != LEADER_NONE && c->lease.renewed) {
        printf(", which had read up to %" PRIu64 " when it renewed last", c->lease.seen_seq);
    }
    printf("; %s\n", lost_is_known(c) ? "a part of the log is lost"
                     : h->caught_up   ? "no loss is known"
                                      : "whether a part of the log is lost cannot be known now");
    if (log_status_lost_advice(c, &advice)) {
        print_advice(whose, &advice);
    }
}

static void print_text(const struct options *options, const struct log_health *h)
{
    struct advice advice;
    print_head(h);
    print_counts(h);
    print_servers(&h->look);
    print_monitors(h);
    print_agents(options, h);
    for (uint32_t k = 0; k < h->set->count; k++) {
        if (log_status_shows(options, &h->set->entries[k]->state)) {
            print_cluster(h, &h->set->entries[k]->state);
        }
    }
    if (log_status_advice(h, &advice)) {
        print_advice("", &advice);
    }
}

/* ---- the command ---- */

static bool is_well(const struct options *options, const struct log_health *h)
{
    for (uint32_t k = 0; k < h->set->count; k++) {
        const struct cluster *c = &h->set->entries[k]->state;
        if (log_status_shows(options, c) && lost_is_known(c)) {
            return false;
        }
    }
    return h->health == HEALTH_WRITABLE;
}

int log_status_run(const struct options *options)
{
    struct log_health health;
    if (!health_gather(options, &health)) {
        return EXIT_NONE;
    }
    bool unknown = options->cluster != NULL && health.caught_up &&
                   cluster_set_find(health.set, options->cluster) == NULL;
    if (unknown) {
        (void)history_pick(health.set, options);
    } else if (options->json) {
        log_status_json(options, &health);
    } else {
        print_text(options, &health);
    }
    int code = !unknown && is_well(options, &health) ? EXIT_DONE : EXIT_NONE;
    health_finish(&health);
    return code;
}
