/* SPDX-License-Identifier: PostgreSQL */
#include "settings_peer.h"

#include <stdio.h>
#include <string.h>

/* Where an agent listens that is told nothing else. */
#define AGENT_PORT 8009

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

const cyaml_schema_field_t settings_tls_fields[] = {
        CYAML_FIELD_STRING_PTR("certificate", OPTIONAL, struct file_tls, certificate, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("key", OPTIONAL, struct file_tls, key, 1, CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("ca", OPTIONAL, struct file_tls, ca, 1, CYAML_UNLIMITED),
        CYAML_FIELD_END};

/* What a complaint needs. */
struct place {
    const char *path;
    const struct settings_yaml *yaml;
    struct failure *failure;
};

static enum result wrong(const struct place *place, const char *key, const char *what,
                         const char *hint)
{
    failure_set(place->failure, RESULT_INVALID, "%s:%zu: %s %s", place->path,
                settings_yaml_line(place->yaml, key), key, what);
    return failure_hint(place->failure, "%s", hint);
}

static enum result take_port(const struct place *place, const int *port, struct agent_self *self)
{
    int number = port != NULL ? *port : AGENT_PORT;
    if (number < 0 || number > UINT16_MAX) {
        return wrong(
                place, "agent_port", "is not a port",
                "write a number from 1 to 65535, or 0: this node is never asked for a promise, "
                "and no leader outlives an outage of the log beside it");
    }
    if (number == self->port) {
        return wrong(place, "agent_port", "is PostgreSQL's own port",
                     "the agent listens beside PostgreSQL: choose another one, as in 8009");
    }
    self->agent_port = (uint16_t)number;
    return RESULT_OK;
}

static enum result take_file(const struct place *place, const char *key, const char *text,
                             char ret_path[SETTINGS_PATH_SIZE])
{
    if (text == NULL) {
        return wrong(place, key, "is not given",
                     "tls needs certificate, key and ca; leave all three out to go without");
    }
    if (text[0] != '/' || strlen(text) >= SETTINGS_PATH_SIZE) {
        return wrong(place, key, "is not an absolute path of less than 512 bytes",
                     "write it from the root, as in '/etc/pgbaton/node-1.crt'");
    }
    snprintf(ret_path, SETTINGS_PATH_SIZE, "%s", text);
    return RESULT_OK;
}

static enum result take_tls(const struct place *place, const struct file_tls *file,
                            struct settings_tls *tls)
{
    if (file->certificate == NULL && file->key == NULL && file->ca == NULL) {
        return RESULT_OK;
    }
    enum result result = take_file(place, "tls.certificate", file->certificate, tls->certificate);
    if (result == RESULT_OK) {
        result = take_file(place, "tls.key", file->key, tls->key);
    }
    return result != RESULT_OK ? result : take_file(place, "tls.ca", file->ca, tls->ca);
}

enum result settings_peer_take(const char *path, const struct settings_yaml *yaml,
                               const struct file_peer *file, struct settings *settings,
                               struct failure *reterr_failure)
{
    const struct place place = {path, yaml, reterr_failure};
    enum result result = take_port(&place, file->agent_port, &settings->self);
    return result != RESULT_OK ? result : take_tls(&place, file->tls, &settings->tls);
}
