/* SPDX-License-Identifier: PostgreSQL */
/* The link between agents with TLS: who is believed to be whom, and what is said otherwise. */
#include "test_peer_world.h"

#include "../../agent/peer_tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#define DAY_S 86400L

/* A CA, or what one has signed. */
struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char certificate_path[96];
    char key_path[96];
};

static char folder[64];
static struct identity ca;
static struct identity other_ca;
static struct identity node_a;
static struct identity node_b;
static struct identity node_c;
static struct identity expired_b;
static struct identity foreign_b;
static struct identity named_b; /* by its common name alone */

static void write_files(struct identity *id, const char *name)
{
    snprintf(id->certificate_path, sizeof(id->certificate_path), "%s/%s.crt", folder, name);
    snprintf(id->key_path, sizeof(id->key_path), "%s/%s.key", folder, name);
    FILE *file = fopen(id->certificate_path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, id->certificate), 1);
    assert_int_equal(fclose(file), 0);
    file = fopen(id->key_path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, id->key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* alternative: "DNS:node-a", or NULL; issuer NULL: signs itself. */
static void make_identity(struct identity *id, const char *file, const char *name,
                          const char *alternative, const struct identity *issuer)
{
    static long serial = 1;
    long end_s = strncmp(file, "expired", 7) == 0 ? -DAY_S : DAY_S;
    id->key = EVP_EC_gen("P-256");
    id->certificate = X509_new();
    X509 *x = id->certificate;
    X509_NAME *subject = X509_get_subject_name(x);
    assert_int_equal(X509_set_version(x, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -2 * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), end_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_pubkey(x, id->key);
    X509_set_issuer_name(x, issuer != NULL ? X509_get_subject_name(issuer->certificate) : subject);
    if (issuer == NULL) {
        extend(x, NID_basic_constraints, "critical,CA:TRUE");
    } else if (alternative != NULL) {
        extend(x, NID_subject_alt_name, alternative);
    }
    assert_true(X509_sign(x, issuer != NULL ? issuer->key : id->key, EVP_sha256()) > 0);
    write_files(id, file);
}

static int make_identities(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pgbaton-peer-tls-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_identity(&ca, "ca", "the CA", NULL, NULL);
    make_identity(&other_ca, "other_ca", "another CA", NULL, NULL);
    make_identity(&node_a, "a", "a host", "DNS:node-a,DNS:a.example", &ca);
    make_identity(&node_b, "b", "a host", "DNS:node-b", &ca);
    make_identity(&node_c, "c", "a host", "DNS:node-c", &ca);
    make_identity(&expired_b, "expired_b", "a host", "DNS:node-b", &ca);
    make_identity(&foreign_b, "foreign_b", "a host", "DNS:node-b", &other_ca);
    make_identity(&named_b, "named_b", "node-b", NULL, &ca);
    return 0;
}

static int remove_identities(void **state)
{
    struct identity *all[] = {&ca,     &other_ca,  &node_a,    &node_b,
                              &node_c, &expired_b, &foreign_b, &named_b};
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        unlink(all[i]->certificate_path);
        unlink(all[i]->key_path);
        EVP_PKEY_free(all[i]->key);
        X509_free(all[i]->certificate);
    }
    rmdir(folder);
    return 0;
}

static void bear(struct side *side, const struct identity *id, const struct identity *authority)
{
    side->certificate = id->certificate_path;
    side->key = id->key_path;
    side->ca = authority->certificate_path;
}

static void meet(void)
{
    side_open(&w.a);
    side_open(&w.b);
    side_meets(&w.a, "node-b", "127.0.0.1", w.b.port);
}

static void test_peer_tls_asks_and_answers(void **state)
{
    (void)state;
    bear(&w.a, &node_a, &ca);
    bear(&w.b, &node_b, &ca);
    meet();
    for (int i = 0; i < 20; i++) {
        assert_true(world_talks(5000));
    }
    side_close(&w.b);
    bear(&w.b, &named_b, &ca);
    side_open(&w.b);
    assert_true(world_talks(10000));
    assert_int_equal(world_said("ERROR"), 0);
}

/* Nobody gets through; a says why_a, b says why_b (NULL: whatever). */
static void assert_refused(const char *why_a, const char *why_b)
{
    meet();
    assert_true(world_says("node-b cannot be asked for a promise", 10000));
    if (world_said(why_a) == 0 || (why_b != NULL && world_said(why_b) == 0)) {
        world_show();
        fail_msg("wanted '%s' and '%s'", why_a, why_b != NULL ? why_b : "");
    }
    assert_int_equal(w.a.count, 0);
    assert_int_equal(w.b.count, 0);
}

static void test_peer_tls_refuses_a_server_of_another_ca(void **state)
{
    (void)state;
    bear(&w.a, &node_a, &ca);
    bear(&w.b, &foreign_b, &ca);
    assert_refused("its certificate is not accepted: unable to get local issuer certificate",
                   "the other side refuses: tlsv1 alert unknown ca");
}

static void test_peer_tls_refuses_a_client_of_another_ca(void **state)
{
    (void)state;
    bear(&w.a, &node_a, &ca);
    bear(&w.b, &node_b, &other_ca);
    assert_refused("the other side", "its certificate is not accepted: ");
}

static void test_peer_tls_refuses_an_expired_certificate(void **state)
{
    (void)state;
    bear(&w.a, &node_a, &ca);
    bear(&w.b, &expired_b, &ca);
    assert_refused("its certificate is not accepted: certificate has expired",
                   "the other side refuses: sslv3 alert certificate expired");
}

static void test_peer_tls_refuses_another_nodes_certificate(void **state)
{
    (void)state;
    bear(&w.a, &node_a, &ca);
    w.b.node = "node-c";
    bear(&w.b, &node_c, &ca);
    assert_refused("its certificate is not accepted: hostname mismatch", NULL);
}

static void test_peer_tls_refuses_who_speaks_as_another(void **state)
{
    (void)state;
    w.a.node = "node-c";
    bear(&w.a, &node_c, &ca);
    bear(&w.b, &node_b, &ca);
    meet();
    assert_true(world_talks(5000));
    struct promise_message m = message_of(PROMISE_ASKED, "node-a", "node-b", 77);
    peer_send(w.a.net, &m);
    assert_true(world_says("it speaks as a node that it is not", 2000));
    assert_int_not_equal(w.b.last.number, 77);
}

static void test_peer_tls_refuses_a_plain_client(void **state)
{
    (void)state;
    bear(&w.b, &node_b, &ca);
    assert_refused("if tls is set in its agent.yaml, this node needs it, too",
                   "it does not speak TLS: set tls in its agent.yaml");
}

static void test_peer_tls_refuses_a_plain_server(void **state)
{
    (void)state;
    bear(&w.a, &node_a, &ca);
    assert_refused("is tls set in its agent.yaml", "it speaks TLS, and this node does not");
}

static void assert_unusable(const char *text)
{
    struct failure failure = {0};
    assert_int_equal(side_try(&w.a, &failure), RESULT_INVALID);
    if (strstr(failure.text, text) == NULL || failure.hint[0] == '\0') {
        world_show();
        fail_msg("got '%s' hint '%s'", failure.text, failure.hint);
    }
}

static void test_peer_tls_names_the_file_that_is_wrong(void **state)
{
    (void)state;
    bear(&w.a, &node_a, &ca);
    w.a.certificate = "/nonexistent.crt";
    assert_unusable("tls.certificate /nonexistent.crt cannot be used: No such file");
    bear(&w.a, &node_a, &ca);
    w.a.key = node_b.key_path;
    assert_unusable("cannot be used: key values mismatch");
    w.a.key = node_a.certificate_path;
    assert_unusable("tls.key ");
    bear(&w.a, &node_a, &ca);
    w.a.ca = node_a.key_path;
    assert_unusable("tls.ca ");
    bear(&w.a, &node_b, &ca);
    assert_unusable("is not node-a's");
}

/* Half a handshake, then silence; and bytes that are no TLS. */
static void test_peer_tls_closes_who_does_not_shake_hands(void **state)
{
    (void)state;
    bear(&w.b, &node_b, &ca);
    side_open(&w.b);
    int silent = client_connect();
    assert_int_equal(send(silent, "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL), 6);
    int nonsense = client_connect();
    assert_int_equal(send(nonsense, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    assert_true(client_is_dropped(nonsense, 2000));
    assert_false(client_is_closed(silent));
    assert_true(client_is_dropped(silent, 8000));
    close(silent);
    close(nonsense);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            in_world(test_peer_tls_asks_and_answers),
            in_world(test_peer_tls_refuses_a_server_of_another_ca),
            in_world(test_peer_tls_refuses_a_client_of_another_ca),
            in_world(test_peer_tls_refuses_an_expired_certificate),
            in_world(test_peer_tls_refuses_another_nodes_certificate),
            in_world(test_peer_tls_refuses_who_speaks_as_another),
            in_world(test_peer_tls_refuses_a_plain_client),
            in_world(test_peer_tls_refuses_a_plain_server),
            in_world(test_peer_tls_names_the_file_that_is_wrong),
            in_world(test_peer_tls_closes_who_does_not_shake_hands),
    };
    return cmocka_run_group_tests(tests, make_identities, remove_identities);
}
