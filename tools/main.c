/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton: the operator's command. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REPLAY_PROGRAM "pgbaton-replay"
/* Commands of two words, as one. */
#define NODE_REMOVE "node-remove"
#define CONFIG_SET "config-set"
#define CONFIG_SHOW "config-show"
#define CONFIG_HISTORY "config-history"
#define LOG_STATUS "log-status"
#define LOG_RECOVER "log-recover"

#define SOURCE_USAGE                                                                               \
    "  --nats URL       servers, several with commas (PGBATON_NATS; " NATS_DEFAULT ")\n"           \
    "  --timeout TIME   how long silent servers are waited for (5s)\n"                             \
    "  --file FILE      read a captured file instead of NATS\n"                                    \
    "CLUSTER comes from PGBATON_CLUSTER, or is the only one there is.\n"

static const char usage[] =
        "pgbaton - keeps a PostgreSQL cluster writable\n"
        "\n"
        "  pgbaton describe [CLUSTER]         who leads, who follows, what is wrong\n"
        "  pgbaton explain [CLUSTER]          why it is so, and what if the leader died now\n"
        "  pgbaton tail [CLUSTER]             every event in order, in words\n"
        "  pgbaton role --node N [CLUSTER]    primary or secondary\n"
        "  pgbaton switchover [CLUSTER]       another leader, with nothing lost\n"
        "  pgbaton failover [CLUSTER] --to N  a leader while there is none\n"
        "  pgbaton rebuild [CLUSTER] NODE     a new copy of a node, from the leader\n"
        "  pgbaton restart [CLUSTER] [NODE]   PostgreSQL of a node, or of all, one after the "
        "other\n"
        "  pgbaton pause [CLUSTER]            maintenance: nothing is switched or restarted by "
        "itself\n"
        "  pgbaton resume [CLUSTER]           ... and again as ever\n"
        "  pgbaton promote [CLUSTER]          a standby cluster accepts writes from then on\n"
        "  pgbaton node remove [CLUSTER] NODE a node that has left, or is dead, is forgotten\n"
        "  pgbaton config set|show|history    PostgreSQL's parameters, on all nodes\n"
        "  pgbaton reload [CLUSTER] [NODE]    PostgreSQL reads its configuration files again\n"
        "  pgbaton log status [CLUSTER]       how the log is, and what is waited for\n"
        "  pgbaton log recover [CLUSTER]      after a loss: members that are gone are waited for "
        "no "
        "more\n"
        "  pgbaton replay COMMAND ...         post-mortems: incidents, timeline, report, ...\n"
        "  pgbaton version\n"
        "\n"
        "Each takes --help. Exit codes: 0 done, 1 failed or nothing to show, 2 wrong command "
        "line.\n";

static const char describe_usage[] = "pgbaton describe [CLUSTER] [options]\n"
                                     "\n"
                                     "Folds the log and asks the nodes for fresh positions.\n"
                                     "\n"
                                     "  -o table|json    table by default\n" SOURCE_USAGE;

static const char explain_usage[] =
        "pgbaton explain [CLUSTER] [options]\n"
        "\n"
        "Says what the cluster waits for, who would be elected if the leader's host died this "
        "second,\n"
        "why, when, and what would be lost, and what stands in the way of a switchover to each "
        "node.\n"
        "The fold and the monitors' rules are asked, with the nodes' present positions.\n"
        "\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char tail_usage[] =
        "pgbaton tail [CLUSTER] [options]\n"
        "\n"
        "Shows each event with what the fold made of it, and goes on as they come.\n"
        "\n"
        "  -f, --follow     go on after what is stored (default)\n"
        "  --no-follow      end after what is stored\n"
        "  --from SEQ       begin at this sequence\n"
        "  --since POINT    begin there: a sequence, a time (2026-03-01T22:30, 22:30) or 10m ago\n"
        "  --until POINT    end there\n"
        "  --node NAME      only what it wrote, or is granted or told\n"
        "  --kind K,...     only events of these kinds (grant, release, revoke, probe, renew, "
        "...)\n"
        "  --term N         only what speaks of that term\n"
        "  --severity S     only what matters as much: info, warning or error\n"
        "  --void           only what had no effect; --effective: only what had one\n"
        "  --all            also what changes nothing: renewals, progress, lost races\n"
        "  --raw            the records themselves, all of them: sequence, time, subject, size, "
        "and the\n"
        "                   payload in hexadecimal\n"
        "  -o text|json     text by default; json shows everything, one object per "
        "line\n" SOURCE_USAGE;

static const char role_usage[] = "pgbaton role --node N [CLUSTER] [options]\n"
                                 "\n"
                                 "Prints primary or secondary and exits with 0; otherwise says why "
                                 "on stderr and exits with 1.\n"
                                 "\n" SOURCE_USAGE;

static const char switchover_usage[] =
        "pgbaton switchover [CLUSTER] [options]\n"
        "\n"
        "Asks the monitors to let another node lead, in order: nothing is lost, and the old "
        "leader\n"
        "follows without a rewind. Whatever stands in the way leaves the old leader in place.\n"
        "\n"
        "  --to NODE        who is to lead; else a standby that is close, by priority and name\n"
        "  --at TIME        not before then: 2026-03-01T22:30[:00][Z|+01:00], 22:30, +10m (s, m, "
        "h, d)\n"
        "  --cancel         takes back what is asked for, until its leader stops\n"
        "  --wait           shows each step, until the new leader writes and the old one streams\n"
        "  --dry-run        checks, says what would be done, and asks for nothing\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char failover_usage[] =
        "pgbaton failover [CLUSTER] --to NODE [options]\n"
        "\n"
        "Asks the monitors to let a node lead while nobody does. The last lease is waited for all "
        "the\n"
        "same.\n"
        "\n"
        "  --to NODE        who is to lead\n"
        "  --accept-loss    also when it lags, or lacks what the last leader wrote: that is lost\n"
        "  --wait           shows each step, until it writes\n"
        "  --dry-run        checks, says what would be done, and asks for nothing\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char rebuild_usage[] =
        "pgbaton rebuild [CLUSTER] NODE [options]\n"
        "\n"
        "Asks the monitors to have a node other than the leader copied anew. The old data "
        "directory\n"
        "stays until the new one streams. What diverged or lost its data is rebuilt without being "
        "asked.\n"
        "\n"
        "  --method HOW     auto (default), basebackup, or rewind, for a node that has diverged\n"
        "  --wait           shows how far it is, until the node streams\n"
        "  --yes            asks nothing\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char restart_usage[] =
        "pgbaton restart [CLUSTER] [NODE] [options]\n"
        "\n"
        "Restarts PostgreSQL of a node; without NODE of all, one after the other: the standbys, "
        "then "
        "a\n"
        "switchover, for which the old leader's is started anew. A leader that is named restarts "
        "in\n"
        "place: nothing is written meanwhile, and another takes over if it is not back within\n"
        "primary_start_timeout. A standby that commits wait for is left out first, if others are "
        "there.\n"
        "What breaks off leaves the cluster whole, and can be run again.\n"
        "\n"
        "  --node NODE      as the second word\n"
        "  --pending        only nodes with a parameter that waits for a restart; the leader "
        "first, in "
        "place,\n"
        "                   when it lowers one that standbys need as much of\n"
        "  --no-switchover  all: the leader restarts in place, last\n"
        "  --leader-first   all: ... or first (needed when max_connections, max_wal_senders,\n"
        "                   max_worker_processes, max_prepared_transactions or\n"
        "                   max_locks_per_transaction is lowered)\n"
        "  --wait           of a node: shows each step, until it serves as before (all: always)\n"
        "  --dry-run        says what would be done, and asks for nothing\n"
        "  --yes            asks nothing\n"
        "  -o text|json     text by default; json: an object for each request\n" SOURCE_USAGE;

static const char pause_usage[] =
        "pgbaton pause [CLUSTER] [options]\n"
        "\n"
        "Maintenance: nothing is switched, restarted or rebuilt by itself; switchover and failover "
        "work\n"
        "as ever. The leader writes on while its agent, the monitors or NATS are stopped, as soon "
        "as "
        "it\n"
        "has said so (--wait). PostgreSQL that is stopped stays down until pgbaton resume.\n"
        "\n"
        "  --wait           until the leader's lease does not end any more\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char resume_usage[] =
        "pgbaton resume [CLUSTER] [options]\n"
        "\n"
        "Ends a pause. Nobody else is granted by itself before the leader has said that its lease "
        "ends\n"
        "again: it may write on for ever. If its machine is gone, say so:\n"
        "\n"
        "  --leader-stopped you have made sure that the leader's PostgreSQL is stopped and stays "
        "so;\n"
        "                   if it is not, two nodes may accept writes\n"
        "  --wait           until the leader has said that its lease ends again\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char promote_usage[] =
        "pgbaton promote [CLUSTER] [options]\n"
        "\n"
        "Makes a standby cluster one that accepts writes: its leader is promoted, and follows the "
        "remote\n"
        "cluster no more. Make sure that the remote accepts none: nothing here can stop it, and "
        "what it\n"
        "writes afterwards is not here. There is no way back but a new standby cluster.\n"
        "\n"
        "  --wait           until the leader accepts writes\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char node_remove_usage[] =
        "pgbaton node remove [CLUSTER] NODE [options]\n"
        "\n"
        "Asks the monitors to forget a node that has left or is dead: its replication slot goes, "
        "and "
        "its\n"
        "name is free. Not the leader, nor a node that is heard (stop its agent first) or that "
        "commits\n"
        "wait for. An agent of that name that starts later joins as a new node.\n"
        "\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char config_set_usage[] =
        "pgbaton config set [CLUSTER] NAME=VALUE ... [--unset NAME] [options]\n"
        "\n"
        "Changes PostgreSQL's parameters on all nodes, in one step that the log keeps. The "
        "leader's\n"
        "PostgreSQL is asked first whether it takes them. Each node reads them at once; what needs "
        "a\n"
        "restart is shown as pending (pgbaton describe). A parameter in a node's own agent.yaml, "
        "or "
        "of\n"
        "ALTER SYSTEM, goes before.\n"
        "\n"
        "  --unset NAME     takes a parameter back; may be given more than once\n"
        "  --wait           until every node that runs has read them\n"
        "  --dry-run        checks what can be checked here, says what would change, asks for "
        "nothing\n"
        "  --force          without the leader's check, also while nobody leads: what PostgreSQL "
        "does\n"
        "                   not take keeps it from starting\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char config_show_usage[] = "pgbaton config show [CLUSTER] [options]\n"
                                        "\n"
                                        "PostgreSQL's parameters that the log sets, who has not "
                                        "read them yet, and what waits for a\n"
                                        "restart or is set otherwise on a node.\n"
                                        "\n"
                                        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char config_history_usage[] =
        "pgbaton config history [CLUSTER] [options]\n"
        "\n"
        "Each change of parameters that the log holds: when, who, and from which value to which.\n"
        "\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char reload_usage[] =
        "pgbaton reload [CLUSTER] [NODE] [options]\n"
        "\n"
        "PostgreSQL of one node, or of all, reads its configuration files again (as pg_ctl "
        "reload), "
        "after\n"
        "pgbaton.conf has been written anew. agent.yaml is read when an agent starts, not here.\n"
        "\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char log_status_usage[] =
        "pgbaton log status [CLUSTER] [options]\n"
        "\n"
        "The NATS servers and the stream, as they say themselves; the monitors and agents that are "
        "heard\n"
        "within a few seconds; per cluster whether the log has lost a part of itself, and who has "
        "not\n"
        "reported since; and what is waited for. Works without a leader of the stream, and without "
        "servers.\n"
        "Exit code 0: records come in, and no loss is known; else 1.\n"
        "\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char log_recover_usage[] =
        "pgbaton log recover [CLUSTER] [options]\n"
        "\n"
        "After the log has lost a part of itself nobody is granted a term before every member has "
        "said what\n"
        "it remembers. This is your word that those that have not are gone for good; a loss must "
        "be "
        "known,\n"
        "and none of them heard. What only they know is not minded then: a term above the "
        "remembered ones\n"
        "may have been granted, and commits acknowledged, that are in no copy which is left. It "
        "shortens no\n"
        "lease and no hold-off, and does not accept a loss of commits: pgbaton failover "
        "--accept-loss does.\n"
        "\n"
        "  --yes            asks nothing\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const struct command commands[] = {
        {"describe", "nctoI", OPERAND_CLUSTER, describe_usage, describe_run},
        {"explain", "nctoI", OPERAND_CLUSTER, explain_usage, explain_run},
        {"tail", "nctofxFaIsuNkmvVEr", OPERAND_CLUSTER, tail_usage, tail_run},
        {"role", "nctNI", OPERAND_CLUSTER, role_usage, role_run},
        {"switchover", "nctoMDWAC", OPERAND_CLUSTER, switchover_usage, switchover_run},
        {"failover", "nctoMDWL", OPERAND_CLUSTER, failover_usage, failover_run},
        {"rebuild", "nctoRWY", OPERAND_NODE, rebuild_usage, rebuild_run},
        {"restart", "nctoNDWYOPQ", OPERAND_CLUSTER_NODE, restart_usage, restart_run},
        {"pause", "nctoW", OPERAND_CLUSTER, pause_usage, pause_run},
        {"resume", "nctoWS", OPERAND_CLUSTER, resume_usage, resume_run},
        {"promote", "nctoW", OPERAND_CLUSTER, promote_usage, promote_run},
        {NODE_REMOVE, "ncto", OPERAND_NODE, node_remove_usage, node_remove_run},
        {CONFIG_SET, "nctoWDUK", OPERAND_VALUES, config_set_usage, config_set_run},
        {CONFIG_SHOW, "nctoI", OPERAND_CLUSTER, config_show_usage, config_show_run},
        {CONFIG_HISTORY, "nctoI", OPERAND_CLUSTER, config_history_usage, config_history_run},
        {"reload", "nctoWN", OPERAND_CLUSTER_NODE, reload_usage, reload_run},
        {LOG_STATUS, "ncto", OPERAND_CLUSTER, log_status_usage, log_status_run},
        {LOG_RECOVER, "nctoY", OPERAND_CLUSTER, log_recover_usage, log_recover_run},
        {NULL, NULL, OPERAND_NONE, NULL, NULL},
};

/* Where it is, seen from this program: installed, and in a build that is tried without installing.
 */
static const char *const places[] = {REPLAY_PROGRAM, "../replay/" REPLAY_PROGRAM};

/* This program's own folder, with the slash at its end; empty when it cannot be known. */
static void find_folder(char *ret_path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", ret_path, size - 1);
    ret_path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(ret_path, '/');
    if (slash != NULL) {
        slash[1] = '\0';
    }
}

static int run_replay(char **argv)
{
    static char name[] = REPLAY_PROGRAM;
    char folder[4096];
    char path[sizeof folder + 64];
    argv[0] = name;
    find_folder(folder, sizeof folder);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s%s", folder, places[i]);
        execv(path, argv);
    }
    execvp(REPLAY_PROGRAM, argv);
    fprintf(stderr,
            "pgbaton: cannot run %s: %s\nhint: install it beside pgbaton or put it in PATH\n",
            REPLAY_PROGRAM, strerror(errno));
    return EXIT_NONE;
}

static char node_remove[] = NODE_REMOVE;
static char config_set[] = CONFIG_SET;
static char config_show[] = CONFIG_SHOW;
static char config_history[] = CONFIG_HISTORY;
static char log_status[] = LOG_STATUS;
static char log_recover[] = LOG_RECOVER;
static const struct {
    const char *first;
    const char *second;
    char *name;
} pairs[] = {{"node", "remove", node_remove}, {"config", "set", config_set},
             {"config", "show", config_show}, {"config", "history", config_history},
             {"log", "status", log_status},   {"log", "recover", log_recover}};

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "replay") == 0) {
        return run_replay(argv + 1);
    }
    for (size_t i = 0; argc > 2 && i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(argv[1], pairs[i].first) == 0 && strcmp(argv[2], pairs[i].second) == 0) {
            argv[2] = pairs[i].name;
            return command_dispatch(commands, usage, argc - 1, argv + 1);
        }
    }
    return command_dispatch(commands, usage, argc, argv);
}
