/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every vector that vectors.py wrote, through the C face: vectors FILE. */
#include "vector.h"
#include "vectors_hosted.h"

#define MAX_LINE 400000U
#define MAX_WORDS 7U

static unsigned vector_count = 0;
static int complete = 0;
static char line[MAX_LINE];
static uint8_t scratch[SEALWAX_FRONT_MAX_LEN];

/* What format.md 4.7a says where several keys are tried: the later kind in this order wins. */
static int rank(int32_t status)
{
    int place = 3;
    if (status == SEALWAX_ERROR_UNKNOWN_KEY) {
        place = 0;
    } else if (status == SEALWAX_ERROR_BAD_STATE) {
        place = 1;
    } else if (status == SEALWAX_ERROR_DECRYPT) {
        place = 2;
    } else {
        place = 3;
    }
    return place;
}

static int32_t worse(int32_t one, int32_t other) { return (rank(other) > rank(one)) ? other : one; }

static int32_t load(key *to, bytes blob, const key *device)
{
    size_t needed = 0;
    int32_t status;
    uint8_t *copy = kit_buffer(blob.len);
    if (device != NULL) {
        status =
            sealwax_keyset_load_sealed(&to->keyset, to->versions, MAX_VERSIONS, blob.at, blob.len,
                                       device->id, device->secret, NULL, copy, blob.len, &needed);
        if (status == SEALWAX_ERROR_INVALID_ARGUMENT) {
            status = sealwax_identity_load_sealed(&to->keyset, to->versions, MAX_VERSIONS, blob.at,
                                                  blob.len, device->id, device->secret, NULL, copy,
                                                  blob.len, &needed);
        }
    } else {
        status = sealwax_keyset_load(&to->keyset, to->versions, MAX_VERSIONS, blob.at, blob.len,
                                     NULL, &needed);
        if (status == SEALWAX_ERROR_INVALID_ARGUMENT) {
            status = sealwax_identity_load(&to->keyset, to->versions, MAX_VERSIONS, blob.at,
                                           blob.len, NULL, &needed);
        }
    }
    free(copy);
    return status;
}

static int32_t run_token(uint8_t *out, size_t *out_len)
{
    uint32_t version = 0;
    size_t which;
    int32_t status = sealwax_token_version(vector.input.at, vector.input.len, &version);
    unsigned trials = 0;
    if (status != SEALWAX_OK) {
        return status;
    }
    status = SEALWAX_ERROR_UNKNOWN_KEY;
    for (which = 0; which < vector.key_count; which++) {
        const key *with = &vector.keys[which];
        int32_t tried;
        if (with->kind != KEY_KEYSET) {
            continue;
        }
        tried =
            sealwax_token_open(&with->keyset, vector.context, vector.context_len, vector.input.at,
                               vector.input.len, out, vector.input.len, out_len);
        if (tried == SEALWAX_OK) {
            return tried;
        }
        trials += (tried == SEALWAX_ERROR_DECRYPT) ? 1U : 0U;
        status = worse(status, tried);
    }
    /* The limit of format.md 6.4 is the caller's where the caller holds the keysets. */
    return (trials > 16U) ? SEALWAX_ERROR_LIMIT : status;
}

static int32_t begin(sealwax_opening *opening, const key *with, size_t *chunks_at)
{
    sealwax_requirements wanted;
    size_t front_len =
        (vector.input.len < SEALWAX_FRONT_MAX_LEN) ? vector.input.len : SEALWAX_FRONT_MAX_LEN;
    int32_t status;
    (void)memset(&wanted, 0, sizeof wanted);
    wanted.external = vector.context;
    wanted.external_len = vector.context_len;
    wanted.flags = SEALWAX_WITHOUT_DIGEST;
    if (with->kind == KEY_KEYSET) {
        status = sealwax_opening_begin(opening, &with->keyset, &wanted, vector.input.at, front_len,
                                       scratch, sizeof scratch, chunks_at);
    } else if (with->kind == KEY_IDENTITY) {
        status =
            sealwax_opening_begin_with_identity(opening, &with->keyset, &wanted, vector.input.at,
                                                front_len, scratch, sizeof scratch, chunks_at);
    } else {
        status = sealwax_opening_begin_with_device_key(opening, with->id, with->secret, &wanted,
                                                       vector.input.at, front_len, scratch,
                                                       sizeof scratch, chunks_at);
    }
    return status;
}

static int32_t run_envelope(uint8_t *out, size_t *out_len)
{
    static key stranger;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    sealwax_opening_description description;
    size_t chunks_at = 0;
    size_t which;
    uint64_t index = 0;
    int32_t status;
    stranger.kind = KEY_DEVICE;
    status = begin(&opening, &stranger, &chunks_at);
    for (which = 0; (which < vector.key_count) && (status != SEALWAX_OK); which++) {
        int32_t tried = begin(&opening, &vector.keys[which], &chunks_at);
        status = (tried == SEALWAX_OK) ? tried : worse(status, tried);
    }
    if (status != SEALWAX_OK) {
        return status;
    }
    (void)sealwax_opening_describe(&opening, &description);
    *out_len = 0;
    while ((status == SEALWAX_OK) && (chunks_at < vector.input.len)) {
        size_t sealed_len = (size_t)description.chunk_len + SEALWAX_CHUNK_OVERHEAD;
        size_t left = vector.input.len - chunks_at;
        size_t piece_len = 0;
        size_t len = (left < sealed_len) ? left : sealed_len;
        status =
            sealwax_opening_open_chunk(&opening, index, &vector.input.at[chunks_at], len,
                                       &out[*out_len], vector.input.len - *out_len, &piece_len);
        chunks_at += len;
        *out_len += piece_len;
        index++;
    }
    if (status == SEALWAX_OK) {
        status = sealwax_opening_finish_unsigned(&opening);
    }
    (void)sealwax_opening_wipe(&opening);
    return status;
}

static int32_t run_keyset(void)
{
    static key loaded;
    const key *device = NULL;
    size_t which;
    int32_t status;
    int sealed = strcmp(vector.protection, "envelope") == 0;
    (void)memset(&loaded, 0, sizeof loaded);
    /* What is not protected as expected is refused by its first bytes; a stranger's key shows that.
     */
    static key stranger;
    if (sealed) {
        device = &stranger;
    }
    for (which = 0; which < vector.key_count; which++) {
        device = &vector.keys[which];
    }
    status = load(&loaded, vector.input, sealed ? device : NULL);
    if (status == SEALWAX_OK) {
        sealwax_keyset_description description;
        STATUS(sealwax_keyset_describe(&loaded.keyset, &description), SEALWAX_OK);
        check_description(&description);
        (void)sealwax_keyset_wipe(&loaded.keyset);
    }
    return status;
}

#ifdef SEALWAX_HOSTED
/* The same through the hosted profile. */
static int32_t run_hosted(uint8_t *out, size_t *out_len)
{
    const sealwax_key *keys[MAX_KEYS] = {NULL};
    sealwax_options options;
    sealwax_key *made = NULL;
    size_t which;
    int32_t status = SEALWAX_ERROR_UNKNOWN_KEY;
    (void)memset(&options, 0, sizeof options);
    ask_providers();
    for (which = 0; which < vector.hosted_count; which++) {
        keys[which] = vector.hosted[which];
    }
    options.keys = keys;
    options.key_count = vector.hosted_count;
    options.external = vector.context;
    options.external_len = vector.context_len;
    if (strcmp(vector.kind, "envelope") == 0) {
        status = sealwax_open_message(&options, vector.input.at, vector.input.len, out,
                                      vector.input.len, out_len);
    } else if (strcmp(vector.kind, "token") == 0) {
        uint32_t version = 0;
        unsigned trials = 0;
        status = sealwax_token_version(vector.input.at, vector.input.len, &version);
        status = (status == SEALWAX_OK) ? SEALWAX_ERROR_UNKNOWN_KEY : status;
        for (which = 0; (which < vector.hosted_count) && (rank(status) < 3); which++) {
            int32_t tried = sealwax_key_open_token(keys[which], vector.context, vector.context_len,
                                                   vector.input.at, vector.input.len, out,
                                                   vector.input.len, out_len);
            if (tried == SEALWAX_ERROR_INVALID_ARGUMENT) {
                continue;
            }
            trials++;
            status = (tried == SEALWAX_OK) ? tried : worse(status, tried);
            if (tried == SEALWAX_OK) {
                break;
            }
        }
        /* The limit of format.md 6.4 is the caller's where the caller holds the keysets. */
        status = (trials > 16U) ? SEALWAX_ERROR_LIMIT : status;
    } else if (strcmp(vector.kind, "usage") == 0) {
        status = run_usage();
    } else if (strcmp(vector.kind, "share") == 0) {
        status = run_share();
    } else if (strcmp(vector.kind, "backup") == 0) {
        status = run_backup();
    } else if (strcmp(vector.kind, "recipient") == 0) {
        status = sealwax_key_from_recipient((const char *)vector.input.at, vector.input.len, &made);
    } else if (strcmp(vector.kind, "identity") == 0) {
        status = sealwax_key_from_identity((const char *)vector.input.at, vector.input.len, &made);
    } else if (strcmp(vector.protection, "unprotected") == 0) {
        status = sealwax_key_parse_keyset(vector.input.at, vector.input.len, NULL, &made);
    } else {
        sealwax_key *stranger = NULL;
        static const uint8_t nobody[SEALWAX_DEVICE_KEY_LEN] = {0};
        STATUS(sealwax_key_from_device_key(nobody, nobody, &stranger), SEALWAX_OK);
        status = sealwax_key_parse_keyset(vector.input.at, vector.input.len, stranger, &made);
        for (which = 0; (which < vector.hosted_count) && (status != SEALWAX_OK); which++) {
            int32_t tried = sealwax_key_parse_keyset(vector.input.at, vector.input.len,
                                                     vector.hosted[which], &made);
            status = (tried == SEALWAX_OK) ? tried : worse(status, tried);
        }
        sealwax_key_free(stranger);
    }
    CLAIM((made != NULL) || (status != SEALWAX_OK) || (*out_len == vector.plaintext.len));
    if ((made != NULL) && (strcmp(vector.kind, "file") == 0)) {
        check_keyset(made);
    }
    sealwax_key_free(made);
    return status;
}
#endif

/* Whether a status is the expected one, for a reader that sees the payload as a stream
 * (format.md 11.6). */
static int is_expected(int32_t status)
{
    int end = (status == SEALWAX_ERROR_DECRYPT) || (status == SEALWAX_ERROR_TRUNCATED);
    int expects_end =
        (vector.expect == SEALWAX_ERROR_DECRYPT) || (vector.expect == SEALWAX_ERROR_TRUNCATED);
    int same = status == vector.expect;
    if (strcmp(vector.kind, "envelope") == 0) {
        same = same || (end && expects_end);
        /* A header that is longer than a device looks at. */
        same = same || ((status == SEALWAX_ERROR_LIMIT) && vector.is_long);
    }
    return same;
}

static void check(int32_t status, const uint8_t *out, size_t out_len, const char *profile)
{
    if (!CLAIM(is_expected(status))) {
        (void)printf("%s (%s): %s, not %s\n", vector.name, profile, sealwax_status_name(status),
                     sealwax_status_name(vector.expect));
    }
    if ((status == SEALWAX_OK) &&
        ((strcmp(vector.kind, "envelope") == 0) || (strcmp(vector.kind, "token") == 0))) {
        CLAIM((out_len == vector.plaintext.len) &&
              (memcmp(out, vector.plaintext.at, out_len) == 0));
    }
}

static void run(void)
{
    uint8_t *out = kit_buffer(vector.input.len);
    size_t out_len = 0;
    size_t which;
    int32_t status = vector.context_status;
    if (!vector.hosted_only) {
        if (status == SEALWAX_OK) {
            if (strcmp(vector.kind, "token") == 0) {
                status = run_token(out, &out_len);
            } else if (strcmp(vector.kind, "envelope") == 0) {
                status = run_envelope(out, &out_len);
            } else {
                status = run_keyset();
            }
        }
        check(status, out, out_len, "firmware");
    }
#ifdef SEALWAX_HOSTED
    status = vector.context_status;
    vector.is_long = 0;
    out_len = 0;
    if (status == SEALWAX_OK) {
        status = run_hosted(out, &out_len);
    }
    check(status, out, out_len, "hosted");
    for (which = 0; which < vector.hosted_count; which++) {
        sealwax_key_free(vector.hosted[which]);
    }
    for (which = 0; which < vector.provided_count; which++) {
        free(vector.provided[which].provider.at);
        free(vector.provided[which].key_name.at);
        free(vector.provided[which].key.at);
    }
    for (which = 0; which < vector.share_count; which++) {
        free(vector.shares[which].at);
    }
    free(vector.versions);
    free(vector.fingerprint.at);
    free(vector.keyset_file.at);
    free(vector.seen.at);
    free(vector.next.at);
    free(vector.restored.at);
#endif
    free(out);
    free(vector.input.at);
    free(vector.plaintext.at);
    for (which = 0; which < vector.key_count; which++) {
        (void)sealwax_keyset_wipe(&vector.keys[which].keyset);
    }
    (void)memset(&vector, 0, sizeof vector);
}

#ifdef SEALWAX_HOSTED
static uint64_t number(const char *word) { return (uint64_t)strtoull(word, NULL, 10); }

/* A line that the hosted profile alone has a use for: 1 where it was one. */
static int take_hosted_line(char *words[MAX_WORDS])
{
    int taken = 1;
    if (strcmp(words[0], "provided") == 0) {
        provided *next = &vector.provided[vector.provided_count];
        next->provider = unhex(words[1]);
        next->key_name = unhex(words[2]);
        next->key = unhex(words[3]);
        vector.provided_count++;
    } else if (strcmp(words[0], "version") == 0) {
        size_t size = (vector.version_count + 1U) * sizeof *vector.versions;
        sealwax_version_description *next = realloc(vector.versions, size);
        if (next == NULL) {
            abort();
        }
        vector.versions = next;
        next = &next[vector.version_count];
        (void)memset(next, 0, sizeof *next);
        next->id = (uint32_t)number(words[1]);
        next->algorithm = (uint8_t)number(words[2]);
        next->state = (uint8_t)number(words[3]);
        next->created = number(words[4]);
        next->activate_at = number(words[5]);
        next->deactivate_at = number(words[6]);
        vector.version_count++;
    } else if (strcmp(words[0], "fingerprint") == 0) {
        vector.fingerprint = unhex(words[1]);
    } else if (strcmp(words[0], "seen") == 0) {
        vector.seen = unhex(words[1]);
    } else if (strcmp(words[0], "keyset_file") == 0) {
        vector.keyset_file = unhex(words[1]);
    } else if (strcmp(words[0], "used") == 0) {
        sealwax_version_usage *next = &vector.used[vector.used_count];
        next->version = (uint32_t)number(words[1]);
        next->messages = number(words[2]);
        next->bytes = number(words[3]);
        next->failed_opens = number(words[4]);
        vector.used_count++;
    } else if (strcmp(words[0], "backed_up") == 0) {
        vector.backup_revision = number(words[1]);
        vector.backup_at = number(words[2]);
    } else if (strcmp(words[0], "next") == 0) {
        vector.next_revision = number(words[1]);
        vector.next = unhex(words[2]);
    } else if (strcmp(words[0], "with_share") == 0) {
        vector.shares[vector.share_count] = unhex(words[1]);
        vector.share_count++;
    } else if (strcmp(words[0], "restored") == 0) {
        vector.restored = unhex(words[1]);
    } else if (strcmp(words[0], "described") == 0) {
        bytes id = unhex(words[1]);
        (void)memcpy(vector.described.backup, id.at, sizeof vector.described.backup);
        vector.described.threshold = (uint8_t)number(words[2]);
        vector.described.share_count = (uint8_t)number(words[3]);
        vector.described.number = (uint8_t)number(words[4]);
        free(id.at);
    } else if (strcmp(words[0], "text") == 0) {
        (void)snprintf(vector.text, sizeof vector.text, "%s", words[1]);
    } else {
        taken = 0;
    }
    return taken;
}
#endif

static void take_line(char *words[MAX_WORDS])
{
    key *next = &vector.keys[vector.key_count];
    if (strcmp(words[0], "vector") == 0) {
        (void)snprintf(vector.name, sizeof vector.name, "%.127s", words[1]);
        vector.expect = (int32_t)strtol(words[2], NULL, 10);
    } else if ((strcmp(words[0], "keyset") == 0) || (strcmp(words[0], "pairs") == 0)) {
        bytes blob = unhex(words[1]);
        next->kind = (words[0][0] == 'k') ? KEY_KEYSET : KEY_IDENTITY;
        STATUS(load(next, blob, NULL), SEALWAX_OK);
        vector.key_count++;
#ifdef SEALWAX_HOSTED
        STATUS(
            sealwax_key_parse_keyset(blob.at, blob.len, NULL, &vector.hosted[vector.hosted_count]),
            SEALWAX_OK);
        vector.hosted_count++;
#endif
        free(blob.at);
    } else if (strcmp(words[0], "device") == 0) {
        bytes id = unhex(words[1]);
        bytes secret = unhex(words[2]);
        next->kind = KEY_DEVICE;
        (void)memcpy(next->id, id.at, sizeof next->id);
        (void)memcpy(next->secret, secret.at, sizeof next->secret);
        vector.key_count++;
#ifdef SEALWAX_HOSTED
        STATUS(sealwax_key_from_device_key(id.at, secret.at, &vector.hosted[vector.hosted_count]),
               SEALWAX_OK);
        vector.hosted_count++;
#endif
        free(id.at);
        free(secret.at);
#ifdef SEALWAX_HOSTED
    } else if (strcmp(words[0], "passphrase") == 0) {
        bytes id = unhex(words[1]);
        STATUS(sealwax_key_from_passphrase((const char *)id.at, id.len,
                                           &vector.hosted[vector.hosted_count]),
               SEALWAX_OK);
        vector.hosted_count++;
        free(id.at);
#endif
    } else if (strcmp(words[0], "entry") == 0) {
        bytes name = unhex(words[1]);
        bytes value = unhex(words[2]);
        if (vector.context_status == SEALWAX_OK) {
            vector.context_status =
                sealwax_context_insert(vector.context, sizeof vector.context, &vector.context_len,
                                       (const char *)name.at, name.len, value.at, value.len);
        }
        free(name.at);
        free(value.at);
    } else if (strcmp(words[0], "plaintext") == 0) {
        vector.plaintext = unhex(words[1]);
    } else if (strcmp(words[0], "parsed") == 0) {
        (void)snprintf(vector.parsed, sizeof vector.parsed, "%.40s %.20s %.20s %.20s %.20s",
                       words[1], words[2], words[3], words[4], words[5]);
    } else if (strcmp(words[0], "file") == 0) {
        (void)snprintf(vector.kind, sizeof vector.kind, "file");
        (void)snprintf(vector.protection, sizeof vector.protection, "%.15s", words[1]);
        vector.input = unhex(words[2]);
    } else if (strcmp(words[0], "hosted") == 0) {
        vector.hosted_only = 1;
    } else if (strcmp(words[0], "long") == 0) {
        vector.is_long = 1;
    } else if (strcmp(words[0], "end") == 0) {
        vector_count++;
        run();
    } else if (strcmp(words[0], "all") == 0) {
        CLAIM((unsigned long)vector_count == strtoul(words[1], NULL, 10));
        complete = 1;
#ifdef SEALWAX_HOSTED
    } else if (take_hosted_line(words) != 0) {
        /* Done there. */
#endif
    } else {
        (void)snprintf(vector.kind, sizeof vector.kind, "%.15s", words[0]);
        vector.input = unhex(words[1]);
    }
}

int main(int argc, char **argv)
{
    FILE *file = (argc == 2) ? fopen(argv[1], "r") : NULL;
    if (!CLAIM(file != NULL)) {
        return kit_end();
    }
    while (fgets(line, (int)sizeof line, file) != NULL) {
        char *words[MAX_WORDS] = {line, line, line, line, line, line, line};
        size_t word;
        char *at = line;
        line[strcspn(line, "\n")] = '\0';
        for (word = 1; word < MAX_WORDS; word++) {
            at = strchr(at, ' ');
            if (at == NULL) {
                break;
            }
            *at = '\0';
            at++;
            words[word] = at;
        }
        take_line(words);
    }
    (void)fclose(file);
    CLAIM(complete != 0);
    return kit_end();
}
