/* SPDX-License-Identifier: PostgreSQL */
#include "placement.h"

#include <stdio.h>
#include <string.h>

static const struct placement_server *find_server(const struct placement_map *map, const char *name)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->servers[i].name, name) == 0) {
            return &map->servers[i];
        }
    }
    return NULL;
}

static bool is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; *at != '\0'; at += strcspn(at, ","), at += *at == ',' ? 1 : 0) {
        if (strcspn(at, ",") == length && strncmp(at, name, length) == 0) {
            return true;
        }
    }
    return false;
}

static size_t count_leaders(const struct placement_view *view, const char *host)
{
    size_t count = 0;
    for (size_t i = 0; i < view->host_count; i++) {
        count += strcmp(view->hosts[i], host) == 0 ? 1 : 0;
    }
    return count;
}

const struct placement_server *placement_better(const struct placement_map *map,
                                                const struct placement_view *view)
{
    const struct placement_server *leader = find_server(map, view->leader);
    const struct placement_server *better = NULL;
    if (leader == NULL || !view->all_serve) {
        return NULL;
    }
    size_t least = count_leaders(view, leader->host);
    for (size_t i = 0; i < map->count; i++) {
        const struct placement_server *server = &map->servers[i];
        const size_t count = count_leaders(view, server->host);
        if (count < least && is_listed(view->current, server->name)) {
            least = count;
            better = server;
        }
    }
    return better;
}

/* The same for each monitor of this name, and hardly for two of other names. */
static uint64_t settle_ms(const char *name)
{
    uint64_t hash = 0;
    for (const char *at = name; *at != '\0'; at++) {
        hash = hash * 131 + (unsigned char)*at;
    }
    return PLACEMENT_SETTLE_MS + hash * 7919 % PLACEMENT_SETTLE_MS;
}

static void note_leader(struct placement *p, const char *leader, uint64_t now_ms)
{
    if (leader[0] == '\0' || strcmp(p->leader, leader) == 0) {
        return;
    }
    /* The first that is seen may lead for long. */
    p->moved_ms = p->leader[0] != '\0' ? now_ms : p->moved_ms;
    (void)snprintf(p->leader, sizeof(p->leader), "%s", leader);
}

const struct placement_server *placement_step(struct placement *p, const struct placement_map *map,
                                              const struct placement_view *view, const char *name,
                                              uint64_t now_ms)
{
    note_leader(p, view->leader, now_ms);
    const struct placement_server *better = placement_better(map, view);
    if (better == NULL) {
        p->better_ms = 0;
        return NULL;
    }
    p->better_ms = p->better_ms == 0 ? now_ms : p->better_ms;
    const bool settled = now_ms - p->better_ms >= settle_ms(name);
    const bool paused = p->moved_ms != 0 && now_ms - p->moved_ms < PLACEMENT_PAUSE_MS;
    if (!settled || paused) {
        return NULL;
    }
    p->moved_ms = now_ms;
    p->better_ms = 0;
    return better;
}
