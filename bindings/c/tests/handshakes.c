/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every handshake of the vectors, both sides, from the random bytes that the file gives:
 * handshakes FILE, which vectors.py wrote, one handshake in a line. */
#include "given.h"

#define MAX_LINE 20000U
#define MAX_MESSAGES 3U
#define WORDS_BEFORE 12U

typedef struct side {
    sealwax_party party;
    sealwax_random random;
    source source;
    sealwax_handshake handshake;
    sealwax_session session;
    uint8_t peer_key[SEALWAX_PEER_KEY_LEN];
} side;

static char line[MAX_LINE];
static side sides[2];
static bytes contexts[MAX_MESSAGES];
static bytes messages[MAX_MESSAGES];

/* Fills both sides from the words of a line: pattern, suite, mode, hybrid, prologue, psk, the static
 * keys, and what each side draws. */
static void prepare(char **words, bytes *held)
{
    unsigned at;
    for (at = 0; at < 6U; at++) {
        held[at] = unhex(words[4U + at]);
    }
    for (at = 0; at < 2U; at++) {
        side *one = &sides[at];
        (void)memset(one, 0, sizeof *one);
        one->party.role = (uint8_t)((at == 0U) ? SEALWAX_ROLE_INITIATOR : SEALWAX_ROLE_RESPONDER);
        one->party.pattern = (uint8_t)strtol(words[0], NULL, 10);
        one->party.suite = (uint8_t)((words[1][0] == '1') ? SEALWAX_SUITE_COBBLESTONE_256
                                                          : SEALWAX_SUITE_CHACHA20_POLY1305);
        one->party.mode = (uint8_t)strtol(words[2], NULL, 10);
        one->party.hybrid = (uint8_t)strtol(words[3], NULL, 10);
        one->party.prologue = held[0].at;
        one->party.prologue_len = held[0].len;
        one->party.psk = (held[1].len == 0U) ? NULL : held[1].at;
        if (held[2].len != 0U) {
            STATUS(sealwax_peer_key(held[3U - at].at, one->peer_key), SEALWAX_OK);
            one->party.private_key = held[2U + at].at;
            one->party.peers = one->peer_key;
            one->party.peer_count = 1;
        }
        one->source.drawn = held[4U + at];
        one->random.fill = draw;
        one->random.context = &one->source;
    }
}

static void begin(void)
{
    unsigned at;
    for (at = 0; at < 2U; at++) {
        STATUS(sealwax_handshake_wipe(&sides[at].handshake), SEALWAX_OK);
        STATUS(sealwax_handshake_begin(&sides[at].handshake, &sides[at].party), SEALWAX_OK);
        sides[at].source.used = 0;
    }
}

/* A message is read to its context; in datagram mode each change of it is refused before. */
static void hear(side *reader, bytes message, bytes context, int is_open)
{
    uint8_t out[SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN];
    size_t out_len = 0;
    size_t at;
    uint8_t is_duplicate = 0;
    for (at = 0; (reader->party.mode == SEALWAX_MODE_DATAGRAM) && (at < message.len); at += 17U) {
        if (is_open != 0) {
            break;
        }
        message.at[at] ^= 4U;
        CLAIM(sealwax_handshake_read(&reader->handshake, &reader->party, message.at, message.len,
                                     out, sizeof out, &out_len, &is_duplicate) != SEALWAX_OK);
        message.at[at] ^= 4U;
    }
    STATUS(sealwax_handshake_read(&reader->handshake, &reader->party, message.at, message.len, out,
                                  sizeof out, &out_len, &is_duplicate),
           SEALWAX_OK);
    CLAIM((is_duplicate == 0U) && (out_len == context.len) &&
          (memcmp(out, context.at, context.len) == 0));
}

static void say(side *writer, bytes message, bytes context)
{
    uint8_t out[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
    size_t out_len = 0;
    STATUS(sealwax_handshake_write(&writer->handshake, &writer->party, &writer->random, context.at,
                                   context.len, out, sizeof out, &out_len),
           SEALWAX_OK);
    CLAIM((out_len == message.len) && (memcmp(out, message.at, out_len) == 0));
}

static void carry(side *from, side *to)
{
    uint8_t record[64];
    uint8_t out[64];
    size_t record_len = 0;
    size_t out_len = 0;
    sealwax_record opened;
    STATUS(sealwax_session_seal(&from->session, 1, (const uint8_t *)"said", 4, NULL, 0, record,
                                sizeof record, &record_len),
           SEALWAX_OK);
    STATUS(sealwax_session_open(&to->session, 1, record, record_len, NULL, 0, out, sizeof out,
                                &out_len, &opened),
           SEALWAX_OK);
    CLAIM((out_len == 4U) && (memcmp(out, "said", 4) == 0));
}

static void finish(side *one, bytes binding)
{
    sealwax_session_description described;
    STATUS(sealwax_handshake_finish(&one->handshake, NULL, 0, &one->session), SEALWAX_OK);
    STATUS(sealwax_session_describe(&one->session, 0, &described), SEALWAX_OK);
    CLAIM(memcmp(described.binding, binding.at, sizeof described.binding) == 0);
    CLAIM(one->source.used == one->source.drawn.len);
}

static void run(char **words, unsigned message_count)
{
    bytes held[6];
    const bytes binding = unhex(words[10]);
    /* The library draws ML-KEM's bytes from its backend: with X-Wing, what a responder answers is
     * only read. */
    const int makes_second = (words[3][0] == '0');
    unsigned at;
    prepare(words, held);
    begin();
    for (at = 0; at < message_count; at++) {
        side *writer = &sides[at % 2U];
        side *reader = &sides[1U - (at % 2U)];
        /* Nothing authenticates the first message of XX. */
        const int is_open = (at == 0U) && (writer->party.pattern == SEALWAX_PATTERN_XX);
        contexts[at] = unhex(words[WORDS_BEFORE + 2U * at]);
        messages[at] = unhex(words[WORDS_BEFORE + 2U * at + 1U]);
        if ((at % 2U == 0U) || makes_second) {
            say(writer, messages[at], contexts[at]);
        }
        if ((at % 2U == 1U) || makes_second || (at == 0U)) {
            hear(reader, messages[at], contexts[at], is_open);
        }
    }
    finish(&sides[0], binding);
    if (makes_second) {
        finish(&sides[1], binding);
        carry(&sides[0], &sides[1]);
        carry(&sides[1], &sides[0]);
    }
    for (at = 0; at < message_count; at++) {
        free(contexts[at].at);
        free(messages[at].at);
    }
    for (at = 0; at < 6U; at++) {
        free(held[at].at);
    }
    for (at = 0; at < 2U; at++) {
        STATUS(sealwax_handshake_wipe(&sides[at].handshake), SEALWAX_OK);
        STATUS(sealwax_session_wipe(&sides[at].session), SEALWAX_OK);
    }
    free(binding.at);
}

int main(int argc, char **argv)
{
    FILE *file = (argc == 2) ? fopen(argv[1], "r") : NULL;
    unsigned count = 0;
    if (!CLAIM(file != NULL)) {
        return kit_end();
    }
    while (fgets(line, (int)sizeof line, file) != NULL) {
        char *words[WORDS_BEFORE + 2U * MAX_MESSAGES];
        unsigned word = 0;
        char *at;
        for (at = strtok(line, " \n"); (at != NULL) && (word < WORDS_BEFORE + 2U * MAX_MESSAGES);
             at = strtok(NULL, " \n")) {
            words[word] = at;
            word++;
        }
        if (CLAIM(word > WORDS_BEFORE)) {
            run(words, (word - WORDS_BEFORE) / 2U);
        }
        count++;
    }
    (void)fclose(file);
    CLAIM(count == 20U);
    return kit_end();
}
