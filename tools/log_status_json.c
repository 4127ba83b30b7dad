/* SPDX-License-Identifier: PostgreSQL */
#include "log_status.h"

#include "../proto/lost.h"
#include "../replay/event_json.h"

#include <stdio.h>
#include <string.h>

static json_t *servers_json(const struct log_look *look)
{
    json_t *list = json_array();
    for (size_t i = 0; i < look->server_count; i++) {
        const struct log_look_server *server = &look->servers[i];
        json_t *object = json_object();
        event_json_set_text(object, "place", server->place);
        json_object_set_new(object, "reached", json_boolean(server->reached));
        if (server->reached) {
            event_json_set_text(object, "server", server->name);
        } else {
            event_json_set_text(object, "reason", server->trouble);
        }
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *replicas_json(const struct log_look *look)
{
    json_t *list = json_array();
    for (size_t i = 0; i < look->replica_count; i++) {
        const struct log_look_replica *replica = &look->replicas[i];
        json_t *object = json_object();
        event_json_set_text(object, "server", replica->name);
        json_object_set_new(object, "current", json_boolean(replica->current));
        json_object_set_new(object, "offline", json_boolean(replica->offline));
        event_json_set_u64(object, "lag", replica->lag_count);
        json_array_append_new(list, object);
    }
    return list;
}

/* null when nobody says anything of it. */
static json_t *stream_json(const struct log_health *h)
{
    const struct log_look *look = &h->look;
    if (look->stream != LOG_LOOK_THERE) {
        return json_null();
    }
    json_t *object = json_object();
    bool led = look->leader[0] != '\0';
    json_object_set_new(object, "leader", led ? json_string(look->leader) : json_null());
    json_object_set_new(object, "replicas", replicas_json(look));
    event_json_set_u64(object, "records", h->local ? h->record_count : look->message_count);
    event_json_set_u64(object, "bytes", look->bytes);
    if (!h->local) {
        event_json_set_u64(object, "first_seq", look->first_seq);
    }
    event_json_set_u64(object, "last_seq", h->local ? h->last_seq : look->last_seq);
    event_json_set_time(object, "created_at", look->created_us);
    event_json_set_time(object, "last_at", h->last_us != 0 ? h->last_us : look->last_us);
    return object;
}

static json_t *monitors_json(const struct log_health *h)
{
    json_t *list = json_array();
    for (size_t i = 0; i < h->monitor_count; i++) {
        const struct heard_monitor *m = &h->monitors[i];
        json_t *object = json_object();
        event_json_set_text(object, "monitor", m->name);
        event_json_set_u64(object, "seq", m->seq);
        event_json_set_time(object, "at", m->stored_us);
        json_object_set_new(object, "heard", json_boolean(m->now));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *agent_json(const struct log_health *h, const char *cluster, const char *node)
{
    json_t *object = json_object();
    const struct heard_agent *agent = health_agent(h, cluster, node);
    event_json_set_text(object, "node", node);
    json_object_set_new(object, "heard", json_boolean(agent != NULL));
    if (agent != NULL) {
        event_json_set_u64(object, "heard_ms", health_age_ms(h, agent));
        event_json_set_u64(object, "read_seq", agent->read_seq);
    }
    return object;
}

static json_t *lost_json(const struct cluster *c)
{
    struct advice advice;
    if (!log_status_lost_advice(c, &advice)) {
        return json_null();
    }
    json_t *object = json_object();
    event_json_set_u64(object, "seq", c->lost.seq);
    event_json_set_u64(object, "remembered_term", c->lost.term);
    event_json_set_u64(object, "expected", lost_expected_count(c));
    event_json_set_u64(object, "reported", lost_reported_count(c));
    event_json_set_text(object, "waits_for", advice.waits_for);
    event_json_set_text(object, "can_do", advice.can_do);
    return object;
}

static json_t *cluster_json(const struct log_health *h, const struct cluster *c)
{
    json_t *object = json_object();
    json_t *agents = json_array();
    int32_t holder = cluster_holder(c);
    event_json_set_text(object, "cluster", c->name);
    event_json_set_u64(object, "term", c->term);
    json_object_set_new(object, "leader",
                        holder != LEADER_NONE ? json_string(c->nodes[holder].name) : json_null());
    event_json_set_u64(object, "leader_seen_seq", c->lease.seen_seq);
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (!c->nodes[i].removed) {
            json_t *agent = agent_json(h, c->name, c->nodes[i].name);
            json_object_set_new(agent, "reported",
                                lost_is_known(c) ? json_boolean(lost_has_reported(c, (int32_t)i))
                                                 : json_null());
            json_array_append_new(agents, agent);
        }
    }
    json_object_set_new(object, "agents", agents);
    json_object_set_new(object, "log_lost", lost_json(c));
    return object;
}

static json_t *clusters_json(const struct options *options, const struct log_health *h)
{
    json_t *list = json_array();
    for (uint32_t k = 0; k < h->set->count; k++) {
        const struct cluster *c = &h->set->entries[k]->state;
        if (log_status_shows(options, c)) {
            json_array_append_new(list, cluster_json(h, c));
        }
    }
    return list;
}

void log_status_json(const struct options *options, const struct log_health *health)
{
    struct advice advice;
    json_t *object = json_object();
    event_json_set_text(object, "health", health_name(health->health));
    json_object_set_new(object, "local", json_boolean(health->local));
    json_object_set_new(object, "servers", servers_json(&health->look));
    json_object_set_new(object, "stream", stream_json(health));
    json_object_set_new(object, "monitors", monitors_json(health));
    json_object_set_new(object, "clusters", clusters_json(options, health));
    json_t *heard = json_array();
    for (size_t i = 0; i < health->agent_count; i++) {
        const struct heard_agent *agent = &health->agents[i];
        json_t *one = agent_json(health, agent->cluster, agent->node);
        event_json_set_text(one, "cluster", agent->cluster);
        json_array_append_new(heard, one);
    }
    json_object_set_new(object, "agents_heard", heard);
    if (log_status_advice(health, &advice)) {
        event_json_set_text(object, "waits_for", advice.waits_for);
        event_json_set_text(object, "can_do", advice.can_do);
    }
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}
