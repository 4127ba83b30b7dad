/* SPDX-License-Identifier: PostgreSQL */
#include "settings.h"

#include "../proto/config_file.h"
#include "../proto/log.h"
#include "../proto/log_line.h"
#include "pg_settings.h"
#include "program_path.h"
#include "rebuild.h"
#include "settings_bootstrap.h"
#include "settings_peer.h"
#include "settings_yaml.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file as libcyaml loads it: absent texts are NULL. */
struct file_postgresql {
    char *data_directory;
    char *address;
    char *bin_directory;
    char *superuser;
    char *replication_user;
    char *passfile;
    char *socket_directory;
    bool *fence;
    char *fence_library;
    char *rebuild_keep;
    char **hba;
    unsigned hba_count;
};

struct file_watchdog {
    enum guard_watchdog_mode mode;
    char *device;
    char *timeout;
};

struct file_tags {
    bool nofailover;
    bool nosync;
    bool noloadbalance;
    int failover_priority;
};

struct file {
    char *cluster;
    char *node;
    char *nats;
    char *state_directory;
    char *log_level;
    struct file_postgresql postgresql;
    struct file_tags tags;
    struct file_watchdog watchdog;
    struct file_bootstrap bootstrap;
    int *agent_port;
    struct file_tls tls;
};

/* A load under way: what is read, and where complaints point to. */
struct loading {
    const char *path;
    const struct file *file;
    const struct settings_yaml *yaml;
    struct settings *settings;
    struct failure *failure;
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_value_t hba_line_schema = {
        CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 1000)};

static const cyaml_schema_field_t postgresql_fields[] = {
        CYAML_FIELD_STRING_PTR("data_directory", CYAML_FLAG_POINTER, struct file_postgresql,
                               data_directory, 1, CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct file_postgresql, address, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("bin_directory", OPTIONAL, struct file_postgresql, bin_directory, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("superuser", OPTIONAL, struct file_postgresql, superuser, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("replication_user", OPTIONAL, struct file_postgresql,
                               replication_user, 1, CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("passfile", OPTIONAL, struct file_postgresql, passfile, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("socket_directory", OPTIONAL, struct file_postgresql,
                               socket_directory, 1, CYAML_UNLIMITED),
        CYAML_FIELD_ENUM_PTR("fence", CYAML_FLAG_POINTER | CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL,
                             struct file_postgresql, fence, config_bool_words,
                             CONFIG_BOOL_WORD_COUNT),
        CYAML_FIELD_STRING_PTR("fence_library", OPTIONAL, struct file_postgresql, fence_library, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("rebuild_keep", OPTIONAL, struct file_postgresql, rebuild_keep, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_SEQUENCE("hba", OPTIONAL, struct file_postgresql, hba, &hba_line_schema, 0,
                             CYAML_UNLIMITED),
        CYAML_FIELD_IGNORE("parameters", CYAML_FLAG_OPTIONAL),
        CYAML_FIELD_END};

static const cyaml_schema_field_t tags_fields[] = {
        CYAML_FIELD_ENUM("nofailover", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct file_tags,
                         nofailover, config_bool_words, CONFIG_BOOL_WORD_COUNT),
        CYAML_FIELD_ENUM("nosync", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct file_tags,
                         nosync, config_bool_words, CONFIG_BOOL_WORD_COUNT),
        CYAML_FIELD_ENUM("noloadbalance", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct file_tags,
                         noloadbalance, config_bool_words, CONFIG_BOOL_WORD_COUNT),
        CYAML_FIELD_INT("failover_priority", CYAML_FLAG_OPTIONAL, struct file_tags,
                        failover_priority),
        CYAML_FIELD_END};

static const cyaml_strval_t watchdog_modes[] = {{"off", GUARD_WATCHDOG_OFF},
                                                {"automatic", GUARD_WATCHDOG_AUTOMATIC},
                                                {"required", GUARD_WATCHDOG_REQUIRED}};

static const cyaml_schema_field_t watchdog_fields[] = {
        CYAML_FIELD_ENUM("mode", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct file_watchdog,
                         mode, watchdog_modes, CYAML_ARRAY_LEN(watchdog_modes)),
        CYAML_FIELD_STRING_PTR("device", OPTIONAL, struct file_watchdog, device, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("timeout", OPTIONAL, struct file_watchdog, timeout, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_END};

static const cyaml_schema_field_t file_fields[] = {
        CYAML_FIELD_STRING_PTR("cluster", CYAML_FLAG_POINTER, struct file, cluster, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("node", CYAML_FLAG_POINTER, struct file, node, 1, CYAML_UNLIMITED),
        CYAML_FIELD_STRING_PTR("nats", CYAML_FLAG_POINTER, struct file, nats, 1, CYAML_UNLIMITED),
        CYAML_FIELD_MAPPING("postgresql", CYAML_FLAG_DEFAULT, struct file, postgresql,
                            postgresql_fields),
        CYAML_FIELD_STRING_PTR("state_directory", OPTIONAL, struct file, state_directory, 1,
                               CYAML_UNLIMITED),
        CYAML_FIELD_MAPPING("tags", CYAML_FLAG_OPTIONAL, struct file, tags, tags_fields),
        CYAML_FIELD_MAPPING("watchdog", CYAML_FLAG_OPTIONAL, struct file, watchdog,
                            watchdog_fields),
        CYAML_FIELD_MAPPING("bootstrap", CYAML_FLAG_OPTIONAL, struct file, bootstrap,
                            settings_bootstrap_fields),
        CYAML_FIELD_INT_PTR("agent_port", OPTIONAL, struct file, agent_port),
        CYAML_FIELD_MAPPING("tls", CYAML_FLAG_OPTIONAL, struct file, tls, settings_tls_fields),
        CYAML_FIELD_STRING_PTR("log_level", OPTIONAL, struct file, log_level, 1, CYAML_UNLIMITED),
        CYAML_FIELD_END};

static const cyaml_schema_value_t file_schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields)};

/* clang-format off */
static const char *const known_keys[] = {
    "cluster", "node", "nats", "postgresql", "state_directory", "tags", "log_level",
    "data_directory", "address", "bin_directory", "superuser", "hba", "passfile",
    "replication_user", "parameters", "socket_directory", "fence", "fence_library",
    "rebuild_keep", "watchdog", "mode", "device", "timeout", "nofailover", "nosync",
    "noloadbalance", "failover_priority", "bootstrap", "method", "initdb", "post_init", "restore",
    "command", "agent_port", "tls", "certificate", "key", "ca", NULL};
/* clang-format on */

/* A complaint about a key, with its line. */
static enum result wrong(const struct loading *l, const char *key, const char *what,
                         const char *hint)
{
    failure_set(l->failure, RESULT_INVALID, "%s:%zu: %s %s", l->path,
                settings_yaml_line(l->yaml, key), key, what);
    return failure_hint(l->failure, "%s", hint);
}

/* True when text can stand in quotes, in a file and on a command line, without a second thought. */
static bool is_plain(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\'' || *c == '"' || *c == '\\' || *c == 127) {
            return false;
        }
    }
    return true;
}

static enum result take_name(const struct loading *l, const char *key, const char *text,
                             char ret_name[NAME_SIZE])
{
    if (!name_is_valid(text)) {
        return wrong(l, key, "is not a valid name",
                     "use 1 to 40 of a-z, 0-9 and '-', as in 'node-1'; it must not begin with '-'");
    }
    snprintf(ret_name, NAME_SIZE, "%s", text);
    return RESULT_OK;
}

static enum result take_path(const struct loading *l, const char *key, const char *text,
                             char ret_path[SETTINGS_PATH_SIZE])
{
    if (text[0] != '/' || text[1] == '\0' || !is_plain(text)) {
        return wrong(l, key, "is not an absolute path without quotes and control characters",
                     "write it from the root, as in '/var/lib/postgresql/15/demo'");
    }
    size_t length = strlen(text);
    while (length > 1 && text[length - 1] == '/') {
        length--;
    }
    if (length + sizeof(".pgbaton") >= SETTINGS_PATH_SIZE) {
        return wrong(l, key, "is too long", "use a path of less than 500 bytes");
    }
    memcpy(ret_path, text, length);
    ret_path[length] = '\0';
    return RESULT_OK;
}

static enum result take_role(const struct loading *l, const char *key, const char *text,
                             char ret_role[SETTINGS_ROLE_SIZE])
{
    size_t length = strlen(text);
    if (length == 0 || length >= SETTINGS_ROLE_SIZE || isdigit((unsigned char)text[0]) ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != length) {
        return wrong(l, key, "is not a role name that pgbaton can use",
                     "use up to 63 of a-z, 0-9, '_' and '-', not beginning with a digit");
    }
    memcpy(ret_role, text, length + 1);
    return RESULT_OK;
}

static enum result take_identity(const struct loading *l)
{
    struct agent_self *self = &l->settings->self;
    enum result result = take_name(l, "cluster", l->file->cluster, self->cluster);
    if (result == RESULT_OK) {
        result = take_name(l, "node", l->file->node, self->node);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (config_parse_address("postgresql.address", l->file->postgresql.address, self->host,
                             sizeof(self->host), &self->port, l->failure) != RESULT_OK) {
        return failure_prefix(l->failure, "%s:%zu", l->path,
                              settings_yaml_line(l->yaml, "postgresql.address"));
    }
    if (strncmp(l->file->nats, "nats://", 7) != 0 && strncmp(l->file->nats, "tls://", 6) != 0 &&
        !log_is_local(l->file->nats)) {
        return wrong(l, "nats", "is not the URL of a NATS server",
                     "write 'nats://127.0.0.1:4222'; several are separated by commas; "
                     "'file:/path' is the log of one machine, without a server");
    }
    if (strlen(l->file->nats) >= sizeof(l->settings->nats)) {
        return wrong(l, "nats", "is too long", "name fewer servers; a client finds the others");
    }
    snprintf(l->settings->nats, sizeof(l->settings->nats), "%s", l->file->nats);
    self->nofailover = l->file->tags.nofailover;
    self->nosync = l->file->tags.nosync;
    self->noloadbalance = l->file->tags.noloadbalance;
    self->failover_priority = l->file->tags.failover_priority;
    return RESULT_OK;
}

static enum result take_roles(const struct loading *l)
{
    const struct file_postgresql *pg = &l->file->postgresql;
    struct settings *s = l->settings;
    const struct passwd *user = getpwuid(geteuid());
    const char *superuser = pg->superuser;
    if (superuser == NULL) {
        superuser = user != NULL ? user->pw_name : "postgres";
    }
    enum result result = take_role(l, "postgresql.superuser", superuser, s->superuser);
    if (result != RESULT_OK) {
        return result;
    }
    const char *replication = pg->replication_user != NULL ? pg->replication_user : s->superuser;
    return take_role(l, "postgresql.replication_user", replication, s->replication_user);
}

static bool holds_postgres(const char *directory)
{
    char path[SETTINGS_PATH_SIZE + 16];
    snprintf(path, sizeof(path), "%s/postgres", directory);
    return access(path, X_OK) == 0;
}

/* The newest of /usr/lib/postgresql/N/bin that holds a server. */
static bool find_newest_bin(char ret_path[SETTINGS_PATH_SIZE])
{
    glob_t found;
    long newest = 0;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0) {
        return false;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        long major = strtol(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);
        if (major > newest && holds_postgres(found.gl_pathv[i])) {
            newest = major;
            snprintf(ret_path, SETTINGS_PATH_SIZE, "%s", found.gl_pathv[i]);
        }
    }
    globfree(&found);
    return newest > 0;
}

static bool find_bin_in_path(char ret_path[SETTINGS_PATH_SIZE])
{
    const char *rest = getenv("PATH");
    while (rest != NULL && *rest != '\0') {
        size_t length = strcspn(rest, ":");
        if (length > 0 && length < SETTINGS_PATH_SIZE && rest[0] == '/') {
            memcpy(ret_path, rest, length);
            ret_path[length] = '\0';
            if (holds_postgres(ret_path)) {
                return true;
            }
        }
        rest += length + (rest[length] == ':' ? 1 : 0);
    }
    return false;
}

static enum result take_bin_directory(const struct loading *l)
{
    const char *key = "postgresql.bin_directory";
    char *path = l->settings->bin_directory;
    if (l->file->postgresql.bin_directory == NULL) {
        if (find_newest_bin(path) || find_bin_in_path(path)) {
            return RESULT_OK;
        }
        return wrong(l, key, "is not given, and no PostgreSQL server was found",
                     "install one, or name the directory that holds 'postgres' and 'initdb'");
    }
    enum result result = take_path(l, key, l->file->postgresql.bin_directory, path);
    if (result == RESULT_OK && !holds_postgres(path)) {
        return wrong(l, key, "holds no executable 'postgres'",
                     "name the server's bin directory, as in '/usr/lib/postgresql/15/bin'");
    }
    return result;
}

static enum result take_socket_directory(const struct loading *l)
{
    const char *key = "postgresql.socket_directory";
    struct settings *s = l->settings;
    const char *text = l->file->postgresql.socket_directory;
    enum result result =
            take_path(l, key, text != NULL ? text : s->state_directory, s->socket_directory);
    if (result == RESULT_OK && strlen(s->socket_directory) > SETTINGS_SOCKET_PATH_MAX) {
        return wrong(l, key, "is too long for a Unix socket (87 bytes)",
                     text != NULL ? "name a shorter directory, as in '/run/postgresql'"
                                  : "set postgresql.socket_directory; its default is the state "
                                    "directory, whose path is too long");
    }
    return result;
}

static enum result take_directories(const struct loading *l)
{
    struct settings *s = l->settings;
    const struct file_postgresql *pg = &l->file->postgresql;
    char beside[SETTINGS_PATH_SIZE + 16];
    enum result result =
            take_path(l, "postgresql.data_directory", pg->data_directory, s->data_directory);
    if (result != RESULT_OK) {
        return result;
    }
    snprintf(beside, sizeof(beside), "%s.pgbaton", s->data_directory);
    const char *state = l->file->state_directory != NULL ? l->file->state_directory : beside;
    result = take_path(l, "state_directory", state, s->state_directory);
    size_t length = strlen(s->data_directory);
    if (result == RESULT_OK && strncmp(s->state_directory, s->data_directory, length) == 0 &&
        (s->state_directory[length] == '/' || s->state_directory[length] == '\0')) {
        return wrong(l, "state_directory", "lies in the data directory",
                     "what a node has promised must outlive its data: put it elsewhere");
    }
    if (result == RESULT_OK && pg->passfile != NULL) {
        result = take_path(l, "postgresql.passfile", pg->passfile, s->passfile);
    }
    if (result == RESULT_OK) {
        result = take_bin_directory(l);
    }
    return result != RESULT_OK ? result : take_socket_directory(l);
}

/* What its own file names, what is installed beside this program, or PostgreSQL's own place. */
static bool find_fence(const struct loading *l, char ret_path[SETTINGS_PATH_SIZE])
{
    if (program_path_beside("fence", "pgbaton_fence.so", ret_path, SETTINGS_PATH_SIZE)) {
        return true;
    }
    int length = snprintf(ret_path, SETTINGS_PATH_SIZE, "%.*s/../lib/pgbaton_fence.so",
                          SETTINGS_PATH_SIZE - 32, l->settings->bin_directory);
    return length > 0 && access(ret_path, R_OK) == 0;
}

static enum result take_fence(const struct loading *l)
{
    const char *key = "postgresql.fence_library";
    const struct file_postgresql *pg = &l->file->postgresql;
    struct settings *s = l->settings;
    s->self.fence = pg->fence == NULL || *pg->fence;
    if (!s->self.fence) {
        return RESULT_OK;
    }
    if (pg->fence_library == NULL) {
        return find_fence(l, s->fence_library)
                       ? RESULT_OK
                       : wrong(l, key, "is not given, and pgbaton_fence.so is not installed",
                               "install it, name it, or give the commit fence up with "
                               "postgresql.fence: off");
    }
    enum result result = take_path(l, key, pg->fence_library, s->fence_library);
    if (result == RESULT_OK && access(s->fence_library, R_OK) != 0) {
        return wrong(l, key, "cannot be read", "name the file pgbaton_fence.so");
    }
    return result;
}

static enum result take_watchdog(const struct loading *l)
{
    const struct file_watchdog *watchdog = &l->file->watchdog;
    struct settings *s = l->settings;
    uint64_t ms = WATCHDOG_TIMEOUT_MS;
    s->watchdog = watchdog->mode;
    const char *device = watchdog->device != NULL ? watchdog->device : "/dev/watchdog";
    enum result result = take_path(l, "watchdog.device", device, s->watchdog_device);
    if (result == RESULT_OK && watchdog->timeout != NULL &&
        config_parse_duration("watchdog.timeout", watchdog->timeout, &ms, l->failure) !=
                RESULT_OK) {
        return failure_prefix(l->failure, "%s:%zu", l->path,
                              settings_yaml_line(l->yaml, "watchdog.timeout"));
    }
    if (result == RESULT_OK && (ms % 1000 != 0 || ms == 0 || ms > WATCHDOG_TIMEOUT_MS_MAX)) {
        return wrong(l, "watchdog.timeout", "is not a whole number of seconds up to one hour",
                     "write '5s': the device counts in seconds");
    }
    s->watchdog_seconds = (int)(ms / 1000);
    return result;
}

static enum result add_hba(const struct loading *l, const char *line)
{
    struct settings *s = l->settings;
    s->hba[s->hba_count] = strdup(line);
    if (s->hba[s->hba_count] == NULL) {
        return failure_set(l->failure, RESULT_FAILED, "%s: out of memory", l->path);
    }
    s->hba_count++;
    return RESULT_OK;
}

/* The agent's own way in stands before what the user says, everybody else's local one behind it. */
static enum result take_hba(const struct loading *l)
{
    const struct file_postgresql *pg = &l->file->postgresql;
    char own[SETTINGS_ROLE_SIZE + 32];
    if (pg->hba_count == 0) {
        return RESULT_OK;
    }
    l->settings->hba = calloc((size_t)pg->hba_count + 2, sizeof(*l->settings->hba));
    if (l->settings->hba == NULL) {
        return failure_set(l->failure, RESULT_FAILED, "%s: out of memory", l->path);
    }
    snprintf(own, sizeof(own), "local all \"%s\" peer", l->settings->superuser);
    enum result result = add_hba(l, own);
    for (unsigned i = 0; result == RESULT_OK && i < pg->hba_count; i++) {
        if (strpbrk(pg->hba[i], "\r\n") != NULL) {
            return wrong(l, "postgresql.hba", "has an entry of more than one line",
                         "write each line of pg_hba.conf as an entry of its own");
        }
        result = add_hba(l, pg->hba[i]);
    }
    return result == RESULT_OK ? add_hba(l, "local all all peer") : result;
}

static enum result check_parameters(const struct loading *l)
{
    const struct settings *s = l->settings;
    for (size_t i = 0; i < s->parameter_count; i++) {
        const struct pg_parameter one = {s->parameters[i].name, s->parameters[i].value};
        const struct pg_settings candidate = {.parameters = &one, .parameter_count = 1};
        if (pg_settings_check(&candidate) != NULL) {
            char key[256];
            snprintf(key, sizeof(key), "postgresql.parameters.%s", one.name);
            return wrong(l, key, "is not a parameter that can be set here",
                         "leave it out: pgbaton sets it itself, or PostgreSQL has no such name");
        }
    }
    return RESULT_OK;
}

static enum result take_rest(const struct loading *l)
{
    struct settings *s = l->settings;
    s->log_level = SEVERITY_INFO;
    if (l->file->log_level != NULL && !log_line_parse_severity(l->file->log_level, &s->log_level)) {
        return wrong(l, "log_level", "is not a level", "use debug, info, warning or error");
    }
    const char *keep = l->file->postgresql.rebuild_keep;
    if (keep != NULL && !rebuild_parse_keep(keep, &s->rebuild_keep)) {
        return wrong(l, "postgresql.rebuild_keep", "is neither a word nor a number of copies",
                     "use until-streaming, always, or a number up to 1000");
    }
    enum result result = take_hba(l);
    if (result == RESULT_OK) {
        result = settings_yaml_scalars(l->yaml, "postgresql.parameters", &s->parameters,
                                       &s->parameter_count, l->failure);
    }
    return result != RESULT_OK ? result : check_parameters(l);
}

static enum result take_bootstrap(const struct loading *l)
{
    struct settings *s = l->settings;
    enum result result = settings_bootstrap_take(l->path, l->yaml, &l->file->bootstrap,
                                                 &s->bootstrap, l->failure);
    s->self.bootstrap = s->bootstrap.method;
    s->self.post_init = s->bootstrap.post_init[0] != '\0';
    snprintf(s->bootstrap.marker, sizeof(s->bootstrap.marker), "%s/post_init", s->state_directory);
    return result;
}

static enum result take_peer(const struct loading *l)
{
    const struct file_peer file = {l->file->agent_port, &l->file->tls};
    return settings_peer_take(l->path, l->yaml, &file, l->settings, l->failure);
}

static enum result take_all(const struct loading *l)
{
    static enum result (*const steps[])(const struct loading *) = {
            take_identity, take_roles, take_directories, take_fence,
            take_watchdog, take_rest,  take_bootstrap,   take_peer};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum result result = steps[i](l);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return RESULT_OK;
}

enum result settings_load(const char *path, struct settings *ret_settings,
                          struct failure *reterr_failure)
{
    void *file = NULL;
    struct settings_yaml *yaml = NULL;
    memset(ret_settings, 0, sizeof(*ret_settings));
    enum result result = config_file_load(path, &file_schema, known_keys, &file, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    result = settings_yaml_create(path, &yaml, reterr_failure);
    if (result == RESULT_OK) {
        const struct loading loading = {path, file, yaml, ret_settings, reterr_failure};
        result = take_all(&loading);
    }
    settings_yaml_destroy(yaml);
    config_file_free(&file_schema, file);
    if (result != RESULT_OK) {
        settings_finish(ret_settings);
    }
    return result;
}

static void free_parameters(struct settings_parameter *parameters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(parameters[i].name);
        free(parameters[i].value);
    }
    free(parameters);
}

void settings_finish(struct settings *settings)
{
    for (size_t i = 0; i < settings->hba_count; i++) {
        free(settings->hba[i]);
    }
    free(settings->hba);
    free_parameters(settings->parameters, settings->parameter_count);
    free_parameters(settings->bootstrap.options, settings->bootstrap.option_count);
    memset(settings, 0, sizeof(*settings));
}
