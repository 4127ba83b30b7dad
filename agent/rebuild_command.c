/* SPDX-License-Identifier: PostgreSQL */
#include "pg_settings.h"
#include "rebuild.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The next text of the command's memory; NULL when it does not fit. */
static char *command_text(struct command *command, const char *format, va_list arguments)
{
    char *at = command->text + command->used;
    size_t room = sizeof command->text - command->used;
    int size = vsnprintf(at, room, format, arguments);
    if (size < 0 || (size_t)size >= room) {
        command->overflow = true;
        return NULL;
    }
    command->used += (size_t)size + 1;
    return at;
}

static void add(struct command *command, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
static void add_variable(struct command *command, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void add(struct command *command, const char *format, ...)
{
    va_list arguments;
    if (command->argument_count == CHILD_ARGUMENT_MAX - 1) {
        command->overflow = true;
        return;
    }
    va_start(arguments, format);
    command->argv[command->argument_count] = command_text(command, format, arguments);
    va_end(arguments);
    command->argument_count += 1;
}

static void add_variable(struct command *command, const char *format, ...)
{
    va_list arguments;
    if (command->environment_count == sizeof command->environment / sizeof(char *) - 1) {
        command->overflow = true;
        return;
    }
    va_start(arguments, format);
    command->environment[command->environment_count] = command_text(command, format, arguments);
    va_end(arguments);
    command->environment_count += 1;
}

/* Messages are read by rebuild.c: they are to be in English. */
static void begin(const struct rebuild *rebuild, const char *program, struct command *ret_command)
{
    memset(ret_command, 0, sizeof *ret_command);
    add(ret_command, "%s/%s", rebuild->bin_directory, program);
    add_variable(ret_command, "LC_MESSAGES=C");
    add_variable(ret_command, "PGCONNECT_TIMEOUT=10");
    if (rebuild->passfile != NULL) {
        add_variable(ret_command, "PGPASSFILE=%s", rebuild->passfile);
    }
}

void command_initdb(const struct rebuild *rebuild, const char *target, struct command *ret_command)
{
    begin(rebuild, "initdb", ret_command);
    add(ret_command, "-D");
    add(ret_command, "%s", target);
    add(ret_command, "-U");
    add(ret_command, "%s", rebuild->superuser);
    add(ret_command, "--auth-local=peer");
    add(ret_command, "--auth-host=scram-sha-256");
    if (rebuild->bootstrap == NULL || rebuild->bootstrap->option_count == 0) {
        add(ret_command, "--data-checksums");
        add(ret_command, "--encoding=UTF8");
        add(ret_command, "--locale=C.UTF-8");
        return;
    }
    for (size_t i = 0; i < rebuild->bootstrap->option_count; i++) {
        const struct settings_parameter *option = &rebuild->bootstrap->options[i];
        add(ret_command, "--%s%s%s", option->name, option->value[0] != '\0' ? "=" : "",
            option->value);
    }
}

/* An operator's command is a shell's. */
static void begin_shell(const struct rebuild *rebuild, struct command *ret_command)
{
    begin(rebuild, "", ret_command);
    ret_command->argument_count = 0;
    add(ret_command, "/bin/sh");
    add(ret_command, "-c");
}

void command_post_init(const struct rebuild *rebuild, const char *conninfo,
                       struct command *ret_command)
{
    begin_shell(rebuild, ret_command);
    add(ret_command, "%s \"$@\"", rebuild->bootstrap->post_init);
    add(ret_command, "post_init");
    add(ret_command, "%s", conninfo);
}

void command_restore(const struct rebuild *rebuild, const char *target, struct command *ret_command)
{
    begin_shell(rebuild, ret_command);
    add(ret_command, "%s", rebuild->bootstrap->restore);
    add_variable(ret_command, "PGDATA=%s", target);
}

void command_setting(const struct rebuild *rebuild, const char *target, const char *name,
                     struct command *ret_command)
{
    begin(rebuild, "postgres", ret_command);
    add(ret_command, "-D");
    add(ret_command, "%s", target);
    add(ret_command, "-C");
    add(ret_command, "%s", name);
}

/* Without an archive what lies in pg_wal is recovered, and a new timeline is opened all the same.
 * The recovery does not care for the settings of the old primary that a standby would need. */
void command_recover(const struct rebuild *rebuild, const char *target, bool archive,
                     const char *timeline, struct command *ret_command)
{
    begin(rebuild, "postgres", ret_command);
    add(ret_command, "--single");
    add(ret_command, "-D");
    add(ret_command, "%s", target);
    add(ret_command, "-chot_standby=off");
    add(ret_command, "-crecovery_target_action=promote");
    add(ret_command, "-clogging_collector=off");
    add(ret_command, "-clog_destination=stderr");
    if (!archive) {
        add(ret_command, "-crestore_command=false");
    }
    if (timeline[0] != '\0') {
        add(ret_command, "-crecovery_target_timeline=%s", timeline);
    }
    add(ret_command, "template1");
}

/* A connection string's value: see pg_settings.c. Names of users and hosts hold no quotes. */
static bool is_plain(const char *value)
{
    return strpbrk(value, "'\\") == NULL;
}

/* A source whose host vanishes is noticed in the same time as by a WAL receiver. */
#define KEEPALIVES " keepalives_idle='5' keepalives_interval='2' keepalives_count='3'"

static void add_source(const char *user, const struct upstream *upstream, const char *option,
                       const char *more, struct command *ret_command)
{
    add(ret_command, "%s%shost='%s' port='%u' user='%s'" KEEPALIVES "%s", option,
        option[1] == '-' ? "=" : "", upstream->host, (unsigned)upstream->port, user, more);
    ret_command->overflow = ret_command->overflow || !is_plain(upstream->host) || !is_plain(user);
}

void command_basebackup(const struct rebuild *rebuild, const struct upstream *upstream,
                        const char *target, enum slot_use slot, struct command *ret_command)
{
    char name[SLOT_IDENTIFIER_SIZE];
    bool remote = strcmp(upstream->node, REMOTE_NODE) == 0;
    pg_settings_slot_name(rebuild->node, name);
    if (remote) {
        memcpy(name, upstream->slot, sizeof upstream->slot);
    }
    begin(rebuild, "pg_basebackup", ret_command);
    add(ret_command, "-D");
    add(ret_command, "%s", target);
    add_source(rebuild->replication_user, upstream, "-d",
               remote ? " target_session_attrs='read-write'" : "", ret_command);
    add(ret_command, "-X");
    add(ret_command, "stream");
    add(ret_command, "--checkpoint=fast");
    add(ret_command, "-P");
    add(ret_command, "--no-password");
    if (slot == SLOT_CREATE) {
        add(ret_command, "-C");
    }
    if (slot != SLOT_TEMPORARY) {
        add(ret_command, "-S");
        add(ret_command, "%s", name);
    }
}

void command_rewind(const struct rebuild *rebuild, const struct upstream *upstream, bool archive,
                    struct command *ret_command)
{
    begin(rebuild, "pg_rewind", ret_command);
    add(ret_command, "--target-pgdata=%s", rebuild->data_directory);
    add_source(rebuild->superuser, upstream, "--source-server", " dbname='postgres'", ret_command);
    add(ret_command, "-P");
    if (archive) {
        add(ret_command, "--restore-target-wal");
    }
}
