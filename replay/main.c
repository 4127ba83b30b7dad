/* SPDX-License-Identifier: PostgreSQL */
/* pgbaton-replay: post-mortems. It reads the log, never writes to it. */
#include "commands.h"

#include <stddef.h>

#define SOURCE_USAGE                                                                               \
    "Without FILE the log is read from NATS.\n"                                                    \
    "  --nats URL       servers, several with commas (PGBATON_NATS; " NATS_DEFAULT ")\n"           \
    "  --cluster NAME   only this cluster (PGBATON_CLUSTER; all)\n"                                \
    "  --timeout TIME   how long silent servers are waited for (5s)\n"

static const char usage[] =
        "pgbaton-replay - post-mortems from the log of a pgbaton cluster\n"
        "\n"
        "  pgbaton-replay verify [FILE]     fold and decide everything again, compare with the "
        "log\n"
        "  pgbaton-replay incidents [FILE]  every change of leadership, one line each\n"
        "  pgbaton-replay timeline [FILE]   what happened, why, and how long each phase took\n"
        "  pgbaton-replay report [FILE]     the same as one page to look at: lanes, events, "
        "phases\n"
        "  pgbaton-replay whatif [FILE]     what other settings would have made of that\n"
        "  pgbaton-replay state [FILE]      the cluster as it was at a point of the log\n"
        "  pgbaton-replay diff A [B]        what of that differs between two points\n"
        "  pgbaton-replay step FILE         go through it record by record, forwards and "
        "backwards\n"
        "  pgbaton-replay capture FILE      write a range of the log to a file\n"
        "  pgbaton-replay anonymize FILE    a copy that may be given away: other names, no "
        "addresses\n"
        "  pgbaton-replay scenario FILE     an incident as a regression test\n"
        "  pgbaton-replay version\n"
        "\n"
        "Each takes --help. Exit codes: 0 done, 1 failed or a difference, 2 wrong command line.\n";

static const char verify_usage[] =
        "pgbaton-replay verify [FILE] [options]\n"
        "\n"
        "Folds the log from its beginning, compares each decision's digest with the state, takes "
        "each\n"
        "effective decision again from the evidence that it carries, and stops at the first\n"
        "difference. Exit codes: 0 verified, 1 a difference or a failure, 2 wrong command line.\n"
        "\n" SOURCE_USAGE;

static const char incidents_usage[] =
        "pgbaton-replay incidents [FILE] [options]\n"
        "\n"
        "Lists the changes of leadership: when the fault was noticed, how long nobody could write, "
        "and\n"
        "what happened. `pgbaton-replay timeline --incident N` tells of one.\n"
        "\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char timeline_usage[] =
        "pgbaton-replay timeline [FILE] [options]\n"
        "\n"
        "Tells what happened and why, and for each change of leadership how long each phase took.\n"
        "\n"
        "  --incident N     only this change of leadership, from the fault to the old leader's "
        "return\n"
        "  --from SEQ       begin at this sequence\n"
        "  --to SEQ         end at this sequence\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

#define POINT_USAGE                                                                                \
    "A point is a sequence (212), a time (2026-03-01T22:30:05, local unless a zone follows; or\n"  \
    "22:30:05, the last time that it was that late), or a time ago (10m).\n"

static const char report_usage[] =
        "pgbaton-replay report [FILE] -o REPORT [options]\n"
        "\n"
        "Writes the log as one page that needs nothing else: a lane for each node with its role, "
        "its\n"
        "lease, its lag and its health, the events on them, what they say and what caused them, "
        "and\n"
        "for each change of leadership how long each phase took. It opens on the last one.\n"
        "\n"
        "  -o REPORT        NAME.html: the page; NAME.svg: a drawing; NAME.json: what both are "
        "made of\n"
        "  --incident N     only this change of leadership, and ten seconds before and behind it\n"
        "  --since POINT    begin here\n"
        "  --until POINT    end here\n"
        "  --from SEQ       begin at this sequence\n"
        "  --to SEQ         end at this sequence\n" SOURCE_USAGE POINT_USAGE;

static const char whatif_usage[] =
        "pgbaton-replay whatif [FILE] --set KEY=VALUE [options]\n"
        "\n"
        "Takes the decisions of each change of leadership again, on the same observations, as if "
        "the\n"
        "settings had been others when it began; who would have been granted the term, when, and "
        "what\n"
        "would have been at risk, beside what really was, and what the log cannot tell.\n"
        "\n"
        "  --set KEY=VALUE  as often as needed: lease_ttl, probe_period, probe_timeout,\n"
        "                   probe_failure_threshold, switch_policy, synchronous, "
        "synchronous_count,\n"
        "                   failover_mode, maximum_lag_on_failover, failover_limit, "
        "failover_window,\n"
        "                   crash_policy, NODE.failover_priority, NODE.nofailover, NODE.nosync\n"
        "  --incident N     only this change of leadership\n"
        "  -o text|json     text by default\n" SOURCE_USAGE;

static const char state_usage[] =
        "pgbaton-replay state [FILE] [options]\n"
        "\n"
        "The cluster as it was at a point of the log, as pgbaton describe shows it: what the log "
        "says.\n"
        "\n"
        "  --at POINT       the end by default\n"
        "  -o text|json     text by default\n" SOURCE_USAGE POINT_USAGE;

static const char diff_usage[] =
        "pgbaton-replay diff A [B] [options]\n"
        "\n"
        "What differs in the cluster between two points of the log; without B, up to its end.\n"
        "\n"
        "  --file FILE      a captured range instead of NATS\n"
        "  -o text|json     text by default\n" SOURCE_USAGE POINT_USAGE;

static const char step_usage[] =
        "pgbaton-replay step FILE [options]\n"
        "\n"
        "Shows a captured log on the terminal, one record at a time: what it says, its cause, "
        "whether it\n"
        "had an effect, of a decision the rule and the evidence, and what it changes. Forwards, "
        "backwards,\n"
        "to a time, to the next incident, to a text: ? lists the keys.\n"
        "\n"
        "  --at POINT       where to begin (the first record)\n"
        "  --incident N     begin with this change of leadership of the cluster\n"
        "  --cluster NAME   of which cluster (PGBATON_CLUSTER; the only one)\n" POINT_USAGE;

static const char capture_usage[] =
        "pgbaton-replay capture FILE [options]\n"
        "\n"
        "Writes the log to FILE, which must not exist (\"-\": standard output). verify and "
        "timeline\n"
        "need the log from its beginning: use --from only to look at records.\n"
        "\n"
        "  --nats URL       servers, several with commas (PGBATON_NATS; " NATS_DEFAULT ")\n"
        "  --cluster NAME   only this cluster (PGBATON_CLUSTER; all)\n"
        "  --from SEQ       begin at this sequence\n"
        "  --to SEQ         end at this sequence\n"
        "  --timeout TIME   how long silent servers are waited for (5s)\n";

static const char anonymize_usage[] =
        "pgbaton-replay anonymize FILE -o FILE [options]\n"
        "\n"
        "Writes a captured log in which each name, address, port, path and free text is replaced, "
        "the\n"
        "same by the same, and all hashes are computed anew. Both are folded side by side: what "
        "had an\n"
        "effect has one, or nothing is written. Times, positions and settings of PostgreSQL that "
        "are\n"
        "numbers stay.\n"
        "\n"
        "  -o FILE          what is written, which must not exist (\"-\": standard output)\n"
        "  --renew          compute digests anew for this version's fold, whatever they were; the "
        "log may\n"
        "                   then tell another story\n"
        "  --cluster NAME   only this cluster (PGBATON_CLUSTER; all)\n";

static const char scenario_usage[] =
        "pgbaton-replay scenario FILE -o FOLDER [options]\n"
        "\n"
        "Writes an incident, anonymous and cut to what it needs, as a folder: log.pgb, "
        "expected.txt (its\n"
        "timeline and the verdict of verify) and README. Put into tests/incidents it is a "
        "regression test:\n"
        "the log is verified, decided again, and told as it is now.\n"
        "\n"
        "  -o FOLDER        what is written, which must not exist\n"
        "  --incident N     which one, as incidents numbers them (the only one)\n"
        "  --short          begin with a snapshot, even where the log is short from its beginning; "
        "a later\n"
        "                   version of the fold may not be able to read it\n"
        "  --cluster NAME   only this cluster (PGBATON_CLUSTER; all)\n";

static const struct command commands[] = {
        {"verify", "nct", OPERAND_FILE, verify_usage, verify_run},
        {"incidents", "ncto", OPERAND_FILE, incidents_usage, incidents_run},
        {"timeline", "nctoFTi", OPERAND_FILE, timeline_usage, timeline_run},
        {"report", "nctGFTisu", OPERAND_FILE, report_usage, report_run},
        {"whatif", "nctoij", OPERAND_FILE, whatif_usage, whatif_run},
        {"state", "nctoB", OPERAND_FILE, state_usage, state_run},
        {"diff", "nctoI", OPERAND_POINTS, diff_usage, diff_run},
        {"step", "cBi", OPERAND_FILE, step_usage, step_run},
        {"capture", "nctFT", OPERAND_FILE, capture_usage, capture_run},
        {"anonymize", "coXZ", OPERAND_FILE, anonymize_usage, anonymize_run},
        {"scenario", "coXiH", OPERAND_FILE, scenario_usage, scenario_run},
        {NULL, NULL, OPERAND_NONE, NULL, NULL},
};

int main(int argc, char **argv)
{
    return command_dispatch(commands, usage, argc, argv);
}
