/* SPDX-License-Identifier: PostgreSQL */
#include "settings_placement.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("server", CYAML_FLAG_POINTER, struct raw_nats_host, server, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("host", CYAML_FLAG_POINTER, struct raw_nats_host, host, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t settings_nats_host_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_nats_host, fields),
};
/* clang-format on */

static bool is_named(const struct placement_map *map, const char *name)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->servers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

enum result settings_take_nats_hosts(const struct raw_nats_host *raw, unsigned count,
                                     struct placement_map *ret_map, struct failure *reterr_failure)
{
    ret_map->count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct placement_server *server = &ret_map->servers[i];
        if (strlen(raw[i].server) >= sizeof(server->name) ||
            strlen(raw[i].host) >= sizeof(server->host)) {
            return failure_set(reterr_failure, RESULT_INVALID,
                               "nats_hosts: '%.80s' has a name or a host that is too long",
                               raw[i].server);
        }
        if (is_named(ret_map, raw[i].server)) {
            return failure_set(reterr_failure, RESULT_INVALID, "nats_hosts names %s twice",
                               raw[i].server);
        }
        (void)snprintf(server->name, sizeof(server->name), "%s", raw[i].server);
        (void)snprintf(server->host, sizeof(server->host), "%s", raw[i].host);
        ret_map->count++;
    }
    return RESULT_OK;
}
