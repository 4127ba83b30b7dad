/* SPDX-License-Identifier: PostgreSQL */
/* The words of PostgreSQL's and pgbaton's own messages: nothing else is left of a free text. */
#include "alias_text.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BYTES_MAX 32

/* In lower case, sorted. */
/* clang-format off */
static const char *const words[] = {
        "a", "a-f", "a-z", "absolute", "accept", "accepting", "accepts", "access", "action",
        "active", "add", "added", "address", "after", "again", "agent", "agents", "aggregate",
        "ahead", "algorithm", "align", "all", "allocate", "allocation", "allowed", "already",
        "alter", "am", "amount", "an", "and", "another", "answer", "any", "apply", "archive",
        "archived", "are", "argument", "arguments", "array", "as", "asked", "asks", "associated",
        "at", "attach", "attribute", "authentication", "available", "away", "back", "background",
        "backup", "base", "be", "because", "been", "before", "begin", "behind", "being", "beside",
        "between", "big", "binary", "bind", "binding", "bit", "block", "blocks", "bootstrap",
        "buffer", "bugs", "busy", "but", "by", "byte", "bytes", "cache", "called", "can", "can't",
        "canceling", "cannot", "caption", "carriage", "case", "cast", "certificate",
        "certificate's", "change", "changed", "changes", "channel", "character", "check",
        "checkpoint", "checkpoint's", "checksum", "child", "choose", "chunk", "clause", "client",
        "clients", "close", "closed", "cluster", "coalesce", "code", "collation", "column",
        "columns", "command", "command-line", "commit", "commits", "complete", "compress",
        "compressed", "compression", "conf", "configuration", "conflict", "connect", "connection",
        "connections", "consistent", "constraint", "containing", "contains", "contents", "context",
        "continue", "control", "convert", "copied", "copy", "could", "count", "crash", "crc",
        "create", "created", "creating", "current", "data", "database", "datadir", "db", "decision",
        "decoding", "default", "defaults", "delay", "delete", "denied", "detail", "determine",
        "device", "did", "didn't", "different", "directory", "disk", "distinct", "do", "does",
        "doesn't", "done", "down", "drop", "dropped", "due", "duplicate", "during", "each",
        "earlier", "effective", "either", "election", "else", "empty", "enable", "enabled",
        "encode", "encoding", "encryption", "end", "ended", "ends", "entries", "entry",
        "environment", "eof", "errno", "error", "event", "every", "exactly", "exceeded", "exceeds",
        "execute", "executed", "exist", "exists", "exit", "exited", "expected", "expression",
        "extension", "failed", "failover", "false", "family", "fatal", "fetch", "field", "fields",
        "file", "filename", "files", "find", "finished", "fired", "first", "flag", "flush",
        "follow", "following", "follows", "for", "foreign", "foreign-data", "fork", "format",
        "found", "free", "from", "fsync", "full", "function", "functions", "gb", "ge", "generate",
        "generated", "get", "gin", "given", "gives", "global", "gone", "got", "grant", "granted",
        "greater", "group", "gssapi", "guard", "has", "hash", "have", "header", "heals", "held",
        "here", "hint", "history", "holds", "host", "hot", "i", "icu", "id", "identifier",
        "identifiers", "identify", "identity", "if", "image", "immutable", "implement", "in",
        "incarnation", "include", "incorrect", "increase", "index", "info", "information", "initdb",
        "initial", "initialize", "input", "insert", "instead", "insufficient", "int", "integer",
        "internal", "into", "invalid", "ioctl", "ip", "is", "isn't", "it", "it's", "its", "itself",
        "join", "kb", "kept", "key", "killed", "kind", "known", "large", "last", "later", "latest",
        "launcher", "ldap", "leader", "leader's", "lease", "least", "left", "length", "less",
        "level", "library", "line", "link", "list", "load", "local", "locale", "locate", "location",
        "lock", "locked", "locks", "log", "logical", "logs", "long", "longer", "look", "lookup",
        "lost", "lower", "lsn", "malformed", "many", "map", "mapping", "marked", "match",
        "materialized", "maximum", "may", "mb", "means", "member", "memory", "message", "method",
        "might", "min", "minimal", "minimum", "missing", "mode", "modified", "modulus", "monitor",
        "more", "most", "ms", "must", "name", "named", "names", "nats", "need", "needs", "never",
        "new", "newline", "next", "no", "nobody", "node", "node's", "non-empty", "nonce", "none",
        "not", "nothing", "now", "null", "number", "object", "objects", "of", "off", "offset",
        "oid", "oids", "old", "on", "once", "one", "one-dimensional", "online", "only", "open",
        "operating", "operator", "option", "or", "order", "ordering", "origin", "other", "out",
        "output", "over", "own", "owned", "owner", "packet", "page", "pages", "panic", "parameter",
        "parameters", "parent", "parse", "part", "partition", "password", "path", "peer", "pending",
        "per", "perform", "permission", "permissions", "perror", "pg_basebackup", "pg_control",
        "pg_controldata", "pg_ctl", "pg_hba", "pg_rewind", "pg_stat_replication", "pg_wal",
        "pgbaton", "pgbaton-agent", "pgbaton-guard", "physical", "pid", "pipe", "pipeline", "place",
        "point", "point-in-time", "pointer", "port", "position", "postgres", "postgresql",
        "postgresql's", "postmaster", "power", "pqcancel", "precision", "previous", "primary",
        "private", "privileges", "process", "processes", "processing", "program", "progress",
        "promise", "promote", "promoted", "protocol", "publication", "publisher", "put", "query",
        "queue", "quota", "radius", "random", "range", "rate", "reached", "read", "read-only",
        "reading", "reason", "rebuild", "rebuilt", "receive", "received", "receiver", "record",
        "records", "recover", "recovery", "redo", "reference", "referenced", "references",
        "refused", "regular", "relation", "remaining", "remote", "removal", "remove", "removed",
        "removing", "rename", "renewed", "replica", "replication", "report", "reported", "request",
        "requested", "required", "requires", "reserved", "reset", "resource", "response", "restart",
        "restarted", "restore", "result", "return", "returned", "returns", "rewind", "right",
        "role", "root", "route", "row", "rows", "run", "running", "runs", "s", "said", "salt",
        "same", "sasl", "says", "schema", "scram", "search", "secondary", "seconds", "seek",
        "segment", "segments", "select", "send", "sending", "sent", "seq", "sequence", "server",
        "server's", "servers", "serves", "service", "session", "set", "sets", "setsockopt",
        "setting", "settings", "shared", "shell", "should", "show", "shut", "shutdown", "shutting",
        "side", "signal", "signature", "single", "single-user", "size", "slot", "slots", "sm",
        "snapshot", "so", "socket", "source", "space", "specified", "specifies", "specify", "split",
        "ssl", "standby", "start", "started", "starting", "starts", "startup", "stat", "state",
        "statement", "statistics", "status", "stdout", "still", "stop", "stopped", "stopping",
        "store", "stored", "stream", "streaming", "string", "subscription", "such", "superuser",
        "superusers", "support", "supported", "switchover", "symbolic", "sync", "synchronous",
        "system", "table", "tables", "tablespace", "take", "taken", "takes", "tar", "target", "tb",
        "tcp", "temporarily", "temporary", "term", "terminated", "terminating", "text", "than",
        "that", "the", "them", "then", "there", "they", "this", "those", "time", "timed",
        "timeline", "timeout", "tls", "to", "too", "top", "transaction", "transactions", "transfer",
        "translate", "tried", "trigger", "triggers", "true", "truncate", "try", "trying", "tuple",
        "tuplestore", "two", "two-phase", "type", "types", "unavailable", "unexpected", "unknown",
        "unreachable", "unrecognized", "unsafe", "until", "up", "update", "uri", "url", "use",
        "used", "user", "user's", "using", "vacuumed", "valid", "value", "values", "variadic",
        "version", "view", "wait", "waiting", "waits", "wal", "walreceiver", "wanted", "warning",
        "was", "watchdog", "were", "what", "when", "where", "which", "while", "whole", "whose",
        "will", "window", "with", "without", "won't", "worker", "working", "would", "wrapper",
        "writable", "write", "write-ahead", "writer", "writes", "written", "wrong", "wrote", "xid",
        "xml", "yaml", "yes", "yet", "you", "zero", "zstd",
};
/* clang-format on */

static int compare(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

bool alias_is_plain_word(const char *text, size_t size)
{
    char word[WORD_BYTES_MAX];
    if (size == 0 || size >= sizeof word) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const bool capital = text[i] >= 'A' && text[i] <= 'Z';
        word[i] = capital ? (char)(text[i] - 'A' + 'a') : text[i];
    }
    word[size] = '\0';
    return bsearch(word, words, sizeof words / sizeof words[0], sizeof words[0], compare) != NULL;
}
