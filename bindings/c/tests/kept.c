/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every kept session of the vectors, and what it does when it came back: kept FILE, which vectors.py
 * wrote, one session or one step of it in a line. */
#include "given.h"

#define MAX_LINE 20000U
#define MAX_WORDS 8U

static char line[MAX_LINE];
static sealwax_session session;
static bytes device;
static bytes slot;
static bytes stored;

static int32_t store(void *context, const uint8_t *kept, size_t kept_len)
{
    (void)context;
    free(stored.at);
    stored.at = kit_copy(kept, kept_len);
    stored.len = kept_len;
    return 0;
}

static int is_same(bytes one, const uint8_t *other, size_t len)
{
    return (one.len == len) && (memcmp(one.at, other, len) == 0);
}

/* session STATUS DEVICE SLOT PEER KEPT BINDING */
static void come_back(char **words)
{
    const bytes peer = unhex(words[4]);
    const bytes kept = unhex(words[5]);
    const bytes binding = unhex(words[6]);
    sealwax_session_description described;
    STATUS(sealwax_session_wipe(&session), SEALWAX_OK);
    free(device.at);
    free(slot.at);
    device = unhex(words[2]);
    slot = unhex(words[3]);
    STATUS(sealwax_session_import(&session, kept.at, kept.len, device.at, slot.at, slot.len,
                                  (peer.len == 0U) ? NULL : peer.at, NULL, 0),
           (int32_t)strtol(words[1], NULL, 10));
    if (binding.len != 0U) {
        STATUS(sealwax_session_describe(&session, 0, &described), SEALWAX_OK);
        CLAIM(is_same(binding, described.binding, sizeof described.binding));
        CLAIM(described.wants_rekey_request == 1U);
    }
    free(peer.at);
    free(kept.at);
    free(binding.at);
}

/* store STATUS BLOCK RANDOM KEPT */
static void keep(char **words)
{
    source from;
    sealwax_random random;
    const bytes kept = unhex(words[4]);
    from.drawn = unhex(words[3]);
    from.used = 0;
    random.fill = draw;
    random.context = &from;
    STATUS(sealwax_session_reserve(&session, (uint32_t)strtoul(words[2], NULL, 10), device.at,
                                   slot.at, slot.len, &random, store, NULL),
           (int32_t)strtol(words[1], NULL, 10));
    CLAIM(is_same(kept, stored.at, stored.len));
    free(from.drawn.at);
    free(kept.at);
}

/* seal STATUS NEW_EPOCH CONTENT PLAINTEXT RECORD */
static void seal(char **words)
{
    uint8_t out[1024];
    size_t out_len = 0;
    const int32_t status = (int32_t)strtol(words[1], NULL, 10);
    const bytes plaintext = unhex(words[4]);
    const bytes record = unhex(words[5]);
    if (words[2][0] == '1') {
        STATUS(sealwax_session_rekey(&session), SEALWAX_OK);
    }
    if (strcmp(words[3], "rekey-request") == 0) {
        STATUS(sealwax_session_request_rekey(&session, 0, out, sizeof out, &out_len), status);
    } else {
        CLAIM(strcmp(words[3], "data") == 0);
        STATUS(sealwax_session_seal(&session, 0, plaintext.at, plaintext.len, NULL, 0, out,
                                    sizeof out, &out_len),
               status);
    }
    if (status == SEALWAX_OK) {
        CLAIM(is_same(record, out, out_len));
    }
    free(plaintext.at);
    free(record.at);
}

/* open STATUS RECORD PLAINTEXT EPOCH COUNTER */
static void open_record(char **words)
{
    uint8_t out[1024];
    size_t out_len = 0;
    sealwax_record opened;
    const int32_t status = (int32_t)strtol(words[1], NULL, 10);
    const bytes record = unhex(words[2]);
    const bytes plaintext = unhex(words[3]);
    STATUS(sealwax_session_open(&session, 0, record.at, record.len, NULL, 0, out, sizeof out,
                                &out_len, &opened),
           status);
    if (status == SEALWAX_OK) {
        CLAIM(is_same(plaintext, out, out_len));
        CLAIM(opened.content == SEALWAX_CONTENT_DATA);
        CLAIM(opened.epoch == (uint32_t)strtoul(words[4], NULL, 10));
        CLAIM(opened.counter == (uint64_t)strtoull(words[5], NULL, 10));
    }
    free(record.at);
    free(plaintext.at);
}

int main(int argc, char **argv)
{
    FILE *file = (argc == 2) ? fopen(argv[1], "r") : NULL;
    unsigned count = 0;
    if (!CLAIM(file != NULL)) {
        return kit_end();
    }
    while (fgets(line, (int)sizeof line, file) != NULL) {
        char *words[MAX_WORDS] = {NULL};
        unsigned word = 0;
        char *at;
        for (at = strtok(line, " \n"); (at != NULL) && (word < MAX_WORDS);
             at = strtok(NULL, " \n")) {
            words[word] = at;
            word++;
        }
        if (!CLAIM(word > 4U)) {
            continue;
        }
        if (strcmp(words[0], "session") == 0) {
            come_back(words);
            count++;
        } else if (strcmp(words[0], "store") == 0) {
            keep(words);
        } else if (strcmp(words[0], "seal") == 0) {
            seal(words);
        } else {
            CLAIM(strcmp(words[0], "open") == 0);
            open_record(words);
        }
    }
    (void)fclose(file);
    STATUS(sealwax_session_wipe(&session), SEALWAX_OK);
    free(device.at);
    free(slot.at);
    free(stored.at);
    CLAIM(count == 24U);
    return kit_end();
}
