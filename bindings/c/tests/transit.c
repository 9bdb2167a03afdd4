/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In transit: handshakes of every pattern, sessions, what a wrong call and a wrong message get. */
#include <pthread.h>

#include "kit.h"
#include "fixtures.h"

#define BAD SEALWAX_ERROR_INVALID_ARGUMENT
#define STATE SEALWAX_ERROR_BAD_STATE
#define SHORT SEALWAX_ERROR_BUFFER_TOO_SMALL
#define ROOM 256U

/* One side of a handshake, and the session that comes of it. */
typedef struct side {
    sealwax_party party;
    sealwax_handshake handshake;
    sealwax_session session;
    kit_source source;
    sealwax_random random;
    uint8_t private_key[SEALWAX_PEER_KEY_LEN];
    uint8_t public_key[SEALWAX_PEER_KEY_LEN];
    /* What `accept` saw, and what it says. */
    unsigned asked;
    int32_t verdict;
    uint8_t seen_key[SEALWAX_PEER_KEY_LEN];
    uint8_t seen_context[ROOM];
    size_t seen_len;
    uint8_t replayable;
} side;

static const uint8_t psk[SEALWAX_PSK_LEN] = {7, 7, 7};
static const uint8_t prologue[] = "telemetry/1";
static const uint8_t patterns[] = {SEALWAX_PATTERN_XX, SEALWAX_PATTERN_IK, SEALWAX_PATTERN_KK,
                                   SEALWAX_PATTERN_NNPSK0, SEALWAX_PATTERN_IKPSK2};

static int32_t accept(void *context, const sealwax_peer *peer)
{
    side *at = context;
    at->asked++;
    at->replayable = peer->replayable;
    at->seen_len = peer->context_len;
    if (peer->key != NULL) {
        (void)memcpy(at->seen_key, peer->key, sizeof at->seen_key);
    }
    if ((peer->context_len != 0U) && (peer->context_len <= ROOM)) {
        (void)memcpy(at->seen_context, peer->context, peer->context_len);
    }
    return at->verdict;
}

static int has_psk(uint8_t pattern)
{
    return (pattern == SEALWAX_PATTERN_NNPSK0) || (pattern == SEALWAX_PATTERN_IKPSK2);
}

static void set_up(side *at, uint8_t role, uint8_t pattern, uint8_t mode, uint8_t hybrid)
{
    (void)memset(at, 0, sizeof *at);
    at->source.state = 0x9e3779b9U + role;
    at->source.calls = -1;
    at->random.fill = kit_fill;
    at->random.context = &at->source;
    (void)kit_fill(&at->source, at->private_key, sizeof at->private_key);
    STATUS(sealwax_peer_key(at->private_key, at->public_key), SEALWAX_OK);
    at->party.role = role;
    at->party.pattern = pattern;
    at->party.mode = mode;
    at->party.hybrid = hybrid;
    at->party.prologue = prologue;
    at->party.prologue_len = sizeof prologue;
    at->party.accept = accept;
    at->party.accept_context = at;
    if (pattern != SEALWAX_PATTERN_NNPSK0) {
        at->party.private_key = at->private_key;
    }
    if (has_psk(pattern)) {
        at->party.psk = psk;
    }
}

/* Two sides that fit each other, begun. */
static void pair(side *one, side *two, uint8_t pattern, uint8_t mode, uint8_t hybrid)
{
    set_up(one, SEALWAX_ROLE_INITIATOR, pattern, mode, hybrid);
    set_up(two, SEALWAX_ROLE_RESPONDER, pattern, mode, hybrid);
    if ((pattern != SEALWAX_PATTERN_XX) && (pattern != SEALWAX_PATTERN_NNPSK0)) {
        one->party.peers = two->public_key;
        one->party.peer_count = 1;
    }
    if (pattern == SEALWAX_PATTERN_KK) {
        two->party.peers = one->public_key;
        two->party.peer_count = 1;
    }
    STATUS(sealwax_handshake_begin(&one->handshake, &one->party), SEALWAX_OK);
    STATUS(sealwax_handshake_begin(&two->handshake, &two->party), SEALWAX_OK);
}

static uint8_t next_of(const side *at)
{
    sealwax_handshake_description described;
    STATUS(sealwax_handshake_describe(&at->handshake, &described), SEALWAX_OK);
    return described.next;
}

/* A message of `from`, in a buffer of its own length; at most one buffer is out. */
static uint8_t *message_of(side *from, size_t *len)
{
    uint8_t *out;
    STATUS(sealwax_handshake_write(&from->handshake, &from->party, &from->random, NULL, 0, NULL, 0,
                                   len),
           SHORT);
    out = kit_buffer(*len);
    STATUS(sealwax_handshake_write(&from->handshake, &from->party, &from->random, NULL, 0, out,
                                   *len, len),
           SEALWAX_OK);
    return out;
}

static int32_t hear(side *at, const uint8_t *message, size_t len)
{
    uint8_t context[ROOM];
    uint8_t is_duplicate = 9;
    size_t context_len = 9;
    const int32_t status =
        sealwax_handshake_read(&at->handshake, &at->party, message, len, context, sizeof context,
                               &context_len, &is_duplicate);
    CLAIM((status == SEALWAX_OK) || (context_len == 0U) || (status == SHORT));
    return status;
}

static void finish(side *one, side *two, const sealwax_limits *limits)
{
    STATUS(sealwax_handshake_finish(&one->handshake, limits, 1000, &one->session), SEALWAX_OK);
    STATUS(sealwax_handshake_finish(&two->handshake, limits, 5, &two->session), SEALWAX_OK);
}

static void shake(side *one, side *two)
{
    side *from = one;
    side *to = two;
    unsigned messages = 0;
    while (next_of(from) == SEALWAX_NEXT_WRITE) {
        side *turn = from;
        size_t len = 0;
        uint8_t *message = message_of(from, &len);
        CLAIM(len <= SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN);
        STATUS(hear(to, message, len), SEALWAX_OK);
        free(message);
        from = to;
        to = turn;
        messages++;
    }
    CLAIM(messages == ((one->party.pattern == SEALWAX_PATTERN_XX) ? 3U : 2U));
    CLAIM(next_of(one) == SEALWAX_NEXT_FINISH);
    CLAIM(next_of(two) == SEALWAX_NEXT_FINISH);
}

static void wipe(side *at)
{
    static const sealwax_handshake no_handshake = SEALWAX_HANDSHAKE_INIT;
    static const sealwax_session no_session = SEALWAX_SESSION_INIT;
    STATUS(sealwax_handshake_wipe(&at->handshake), SEALWAX_OK);
    STATUS(sealwax_session_wipe(&at->session), SEALWAX_OK);
    CLAIM(memcmp(&at->handshake, &no_handshake, sizeof no_handshake) == 0);
    CLAIM(memcmp(&at->session, &no_session, sizeof no_session) == 0);
}

/* One record from one side to the other, which must hold. */
static void say(side *from, side *to, const char *text)
{
    const size_t len = strlen(text);
    uint8_t *record = kit_buffer(len + SEALWAX_RECORD_OVERHEAD);
    uint8_t *out = kit_buffer(len);
    size_t record_len = 0;
    size_t out_len = 0;
    sealwax_record opened;
    STATUS(sealwax_session_seal(&from->session, 2000, (const uint8_t *)text, len, prologue, 4,
                                record, len + SEALWAX_RECORD_OVERHEAD, &record_len),
           SEALWAX_OK);
    CLAIM(record_len == len + SEALWAX_RECORD_OVERHEAD);
    STATUS(sealwax_session_open(&to->session, 2000, record, record_len, prologue, 4, out, len,
                                &out_len, &opened),
           SEALWAX_OK);
    CLAIM((out_len == len) && (memcmp(out, text, len) == 0));
    CLAIM(opened.content == SEALWAX_CONTENT_DATA);
    free(record);
    free(out);
}

static void every_pattern_ends_in_a_session(void)
{
    side one;
    side two;
    size_t at;
    for (at = 0; at < 4U * sizeof patterns; at++) {
        const uint8_t pattern = patterns[at % sizeof patterns];
        const uint8_t hybrid = (uint8_t)((at / sizeof patterns) % 2U);
        const uint8_t mode = (at < 2U * sizeof patterns) ? SEALWAX_MODE_STREAM
                                                         : SEALWAX_MODE_DATAGRAM;
        sealwax_session_description first;
        sealwax_session_description second;
        pair(&one, &two, pattern, mode, hybrid);
        one.party.suite = two.party.suite = (uint8_t)(at % 3U);
        STATUS(sealwax_handshake_wipe(&one.handshake), SEALWAX_OK);
        STATUS(sealwax_handshake_wipe(&two.handshake), SEALWAX_OK);
        STATUS(sealwax_handshake_begin(&one.handshake, &one.party), SEALWAX_OK);
        STATUS(sealwax_handshake_begin(&two.handshake, &two.party), SEALWAX_OK);
        shake(&one, &two);
        if (pattern != SEALWAX_PATTERN_NNPSK0) {
            sealwax_handshake_description described;
            CLAIM(memcmp(one.seen_key, two.public_key, 32) == 0);
            CLAIM(memcmp(two.seen_key, one.public_key, 32) == 0);
            STATUS(sealwax_handshake_describe(&two.handshake, &described), SEALWAX_OK);
            CLAIM(described.has_peer_key == 1U);
            CLAIM(memcmp(described.peer_key, one.public_key, 32) == 0);
        }
        finish(&one, &two, NULL);
        CLAIM(next_of(&one) == SEALWAX_NEXT_NOTHING);
        say(&one, &two, "a first word");
        say(&two, &one, "and an answer");
        say(&one, &two, "");
        STATUS(sealwax_session_rekey(&one.session), SEALWAX_OK);
        say(&one, &two, "under another key");
        STATUS(sealwax_session_describe(&one.session, 2000, &first), SEALWAX_OK);
        STATUS(sealwax_session_describe(&two.session, 2000, &second), SEALWAX_OK);
        CLAIM(memcmp(first.binding, second.binding, sizeof first.binding) == 0);
        CLAIM((first.sending_epoch == 1U) && (second.receiving_epoch == 1U));
        CLAIM((first.role == SEALWAX_ROLE_INITIATOR) && (second.role == SEALWAX_ROLE_RESPONDER));
        CLAIM((first.wants_handshake == 0U) && (first.wants_rekey_request == 0U));
        wipe(&one);
        wipe(&two);
    }
}

static void contexts_travel_and_accept_decides(void)
{
    uint8_t context[ROOM];
    uint8_t out[ROOM];
    uint8_t *message;
    uint8_t is_duplicate = 0;
    size_t context_len = 0;
    size_t len = 0;
    size_t out_len = 0;
    side one;
    side two;
    STATUS(sealwax_context_insert(context, sizeof context, &context_len, "device", 6,
                                  (const uint8_t *)"board-7", 7),
           SEALWAX_OK);
    pair(&one, &two, SEALWAX_PATTERN_IKPSK2, SEALWAX_MODE_DATAGRAM, 0);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, context, context_len,
                                   NULL, 0, &len),
           SHORT);
    message = kit_buffer(len);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, context, context_len,
                                   message, len - 1U, &out_len),
           SHORT);
    CLAIM(out_len == len);
    CLAIM(kit_untouched_or_wiped(message, len));
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, context, context_len,
                                   message, len, &out_len),
           SEALWAX_OK);
    CLAIM(out_len == len);
    /* Room for one byte less changes nothing and asks nobody. */
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, message, len, out, context_len - 1U,
                                  &out_len, &is_duplicate),
           SHORT);
    CLAIM((out_len == context_len) && (two.asked == 0U));
    two.verdict = 1;
    STATUS(hear(&two, message, len), SEALWAX_ERROR_UNKNOWN_KEY);
    CLAIM((two.asked == 1U) && (two.replayable == 1U));
    CLAIM(next_of(&two) == SEALWAX_NEXT_READ);
    two.verdict = 0;
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, message, len, out, context_len,
                                  &out_len, &is_duplicate),
           SEALWAX_OK);
    CLAIM((out_len == context_len) && (memcmp(out, context, context_len) == 0));
    CLAIM((two.seen_len == context_len) && (memcmp(two.seen_context, context, context_len) == 0));
    CLAIM(is_duplicate == 0U);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, message, len, out, context_len,
                                  &out_len, &is_duplicate),
           SEALWAX_OK);
    CLAIM((is_duplicate == 1U) && (out_len == 0U));
    free(message);
    wipe(&one);
    wipe(&two);

    /* Pinned: another key is not asked about. */
    pair(&one, &two, SEALWAX_PATTERN_XX, SEALWAX_MODE_STREAM, 0);
    two.party.peers = device_key;
    two.party.peer_count = 1;
    message = message_of(&one, &len);
    STATUS(hear(&two, message, len), SEALWAX_OK);
    free(message);
    message = message_of(&two, &len);
    STATUS(hear(&one, message, len), SEALWAX_OK);
    free(message);
    message = message_of(&one, &len);
    two.asked = 0;
    STATUS(hear(&two, message, len), SEALWAX_ERROR_UNKNOWN_KEY);
    CLAIM((two.asked == 0U) && (next_of(&two) == SEALWAX_NEXT_FAILED));
    STATUS(hear(&two, message, len), STATE);
    free(message);
    wipe(&one);
    wipe(&two);
}

static void an_identity_takes_part_while_its_state_lets_it(void)
{
    sealwax_key_version room[1];
    sealwax_keyset identity = SEALWAX_KEYSET_INIT;
    size_t needed = 0;
    uint8_t public_key[SEALWAX_PEER_KEY_LEN];
    side one;
    side two;
    STATUS(sealwax_identity_load(&identity, room, 1, identity_blob, sizeof identity_blob, NULL,
                                 &needed),
           SEALWAX_OK);
    STATUS(sealwax_identity_public_key(&identity, public_key), SEALWAX_OK);
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_STREAM, 0);
    one.party.peers = public_key;
    two.party.private_key = NULL;
    two.party.identity = &identity;
    shake(&one, &two);
    finish(&one, &two, NULL);
    say(&one, &two, "to a keyset");
    STATUS(sealwax_keyset_wipe(&identity), SEALWAX_OK);
    STATUS(sealwax_handshake_wipe(&two.handshake), SEALWAX_OK);
    STATUS(sealwax_handshake_begin(&two.handshake, &two.party), STATE);
    wipe(&one);
    wipe(&two);
}

static void bad_messages_change_nothing_in_datagram_mode(void)
{
    size_t at;
    side one;
    side two;
    for (at = 0; at < sizeof patterns; at++) {
        side *from = &one;
        side *to = &two;
        pair(&one, &two, patterns[at], SEALWAX_MODE_DATAGRAM, 0);
        while (next_of(from) == SEALWAX_NEXT_WRITE) {
            side *turn = from;
            size_t len = 0;
            size_t cut;
            uint8_t *message = message_of(from, &len);
            for (cut = 0; cut < len; cut++) {
                uint8_t *bad = kit_copy(message, cut);
                const int32_t status = hear(to, bad, cut);
                CLAIM((status == SEALWAX_ERROR_FORMAT) || (status == SEALWAX_ERROR_DECRYPT));
                free(bad);
            }
            for (cut = 0; cut < len; cut++) {
                uint8_t *bad = kit_copy(message, len);
                int32_t status;
                bad[cut] ^= 0x10U;
                /* Message 1 of XX is not authenticated: a changed key in it is another key. */
                if ((patterns[at] != SEALWAX_PATTERN_XX) || (from != &one) || (cut < 6U) ||
                    (next_of(to) != SEALWAX_NEXT_READ) || (message[0] != 0x20U)) {
                    status = hear(to, bad, len);
                    CLAIM((status == SEALWAX_ERROR_FORMAT) || (status == SEALWAX_ERROR_DECRYPT));
                }
                free(bad);
            }
            STATUS(hear(to, message, len), SEALWAX_OK);
            free(message);
            from = to;
            to = turn;
        }
        finish(&one, &two, NULL);
        say(&one, &two, "after all of it");
        wipe(&one);
        wipe(&two);
    }
}

static void a_random_source_that_fails_ends_the_call(void)
{
    size_t at;
    int calls;
    side one;
    side two;
    for (at = 0; at < 2U * sizeof patterns; at++) {
        const uint8_t hybrid = (uint8_t)(at / sizeof patterns);
        int32_t status = SEALWAX_ERROR_RANDOM;
        for (calls = 0; status == SEALWAX_ERROR_RANDOM; calls++) {
            uint8_t out[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
            size_t len = 0;
            pair(&one, &two, patterns[at % sizeof patterns], SEALWAX_MODE_STREAM, hybrid);
            (void)memset(out, 0xcc, sizeof out);
            one.source.calls = calls;
            status = sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, out,
                                             sizeof out, &len);
            CLAIM((status == SEALWAX_OK) || (kit_untouched_or_wiped(out, sizeof out)));
            CLAIM((status == SEALWAX_OK) || (len == 0U));
            wipe(&one);
            wipe(&two);
        }
        STATUS(status, SEALWAX_OK);
        CLAIM(calls > 1);
        status = SEALWAX_ERROR_RANDOM;
        for (calls = 0; status == SEALWAX_ERROR_RANDOM; calls++) {
            uint8_t out[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
            size_t len = 0;
            uint8_t *message;
            pair(&one, &two, patterns[at % sizeof patterns], SEALWAX_MODE_STREAM, hybrid);
            message = message_of(&one, &len);
            STATUS(hear(&two, message, len), SEALWAX_OK);
            free(message);
            two.source.calls = calls;
            (void)memset(out, 0xcc, sizeof out);
            status = sealwax_handshake_write(&two.handshake, &two.party, &two.random, NULL, 0, out,
                                             sizeof out, &len);
            CLAIM((status == SEALWAX_OK) || (kit_untouched_or_wiped(out, sizeof out)));
            wipe(&one);
            wipe(&two);
        }
        STATUS(status, SEALWAX_OK);
        CLAIM(calls > 1);
    }
}

static void records_hold_once_and_in_place(void)
{
    uint8_t record[100];
    uint8_t copy[100];
    uint8_t out[100];
    size_t len = 0;
    size_t out_len = 0;
    size_t cut;
    sealwax_record opened;
    side one;
    side two;
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_DATAGRAM, 0);
    shake(&one, &two);
    finish(&one, &two, NULL);
    say(&one, &two, "confirmed");

    (void)memcpy(&record[SEALWAX_RECORD_HEADER_LEN], "in place", 8);
    STATUS(sealwax_session_seal(&one.session, 2000, &record[SEALWAX_RECORD_HEADER_LEN], 8, NULL, 0,
                                record, 8U + SEALWAX_RECORD_OVERHEAD - 1U, &len),
           SHORT);
    CLAIM((len == 37U) && (memcmp(&record[SEALWAX_RECORD_HEADER_LEN], "in place", 8) == 0));
    STATUS(sealwax_session_seal(&one.session, 2000, &record[SEALWAX_RECORD_HEADER_LEN], 8, NULL, 0,
                                record, sizeof record, &len),
           SEALWAX_OK);
    CLAIM(len == 37U);
    (void)memcpy(copy, record, len);
    for (cut = 0; cut < len; cut++) {
        const int32_t status = sealwax_session_open(&two.session, 2000, copy, cut, NULL, 0, out,
                                                    sizeof out, &out_len, &opened);
        CLAIM((status == SEALWAX_ERROR_FORMAT) || (status == SEALWAX_ERROR_DECRYPT));
        CLAIM(out_len == 0U);
    }
    for (cut = 0; cut < len; cut++) {
        int32_t status;
        copy[cut] ^= 1U;
        status = sealwax_session_open(&two.session, 2000, copy, len, NULL, 0, out, sizeof out,
                                      &out_len, &opened);
        CLAIM((status == SEALWAX_ERROR_FORMAT) || (status == SEALWAX_ERROR_DECRYPT));
        copy[cut] ^= 1U;
    }
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0, out, 7, &out_len,
                                &opened),
           SHORT);
    CLAIM(out_len == 8U);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0,
                                &record[SEALWAX_RECORD_HEADER_LEN], 7, &out_len, &opened),
           SHORT);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0,
                                &record[SEALWAX_RECORD_HEADER_LEN], 8, &out_len, &opened),
           SEALWAX_OK);
    CLAIM((out_len == 8U) && (memcmp(&record[SEALWAX_RECORD_HEADER_LEN], "in place", 8) == 0));
    CLAIM((opened.counter == 1U) && (opened.epoch == 0U));
    STATUS(sealwax_session_open(&two.session, 2000, copy, len, NULL, 0, out, sizeof out, &out_len,
                                &opened),
           SEALWAX_ERROR_DECRYPT);

    STATUS(sealwax_session_seal_padded(&one.session, 2000, image, 3, 16, NULL, 0, record,
                                       16U + SEALWAX_RECORD_OVERHEAD, &len),
           SEALWAX_OK);
    CLAIM(len == 16U + SEALWAX_RECORD_OVERHEAD);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0, out, 16, &out_len,
                                &opened),
           SEALWAX_OK);
    CLAIM((out_len == 3U) && (memcmp(out, image, 3) == 0));
    STATUS(sealwax_session_seal_empty(&one.session, 2000, record, SEALWAX_RECORD_OVERHEAD - 1U,
                                      &len),
           SHORT);
    CLAIM(len == SEALWAX_RECORD_OVERHEAD);
    STATUS(sealwax_session_seal_empty(&one.session, 2000, record, SEALWAX_RECORD_OVERHEAD, &len),
           SEALWAX_OK);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0, NULL, 0, &out_len,
                                &opened),
           SEALWAX_OK);
    CLAIM((out_len == 0U) && (opened.content == SEALWAX_CONTENT_EMPTY));
    wipe(&one);
    wipe(&two);
}

static void requests_are_answered_and_directions_close(void)
{
    uint8_t record[64];
    uint8_t out[8];
    size_t len = 0;
    size_t out_len = 0;
    sealwax_record opened;
    sealwax_session_description described;
    side one;
    side two;
    pair(&one, &two, SEALWAX_PATTERN_XX, SEALWAX_MODE_STREAM, 0);
    shake(&one, &two);
    finish(&one, &two, NULL);
    say(&one, &two, "hello");
    STATUS(sealwax_session_request_rekey(&one.session, 2000, record, SEALWAX_REKEY_REQUEST_LEN - 1U,
                                         &len),
           SHORT);
    STATUS(sealwax_session_request_rekey(&one.session, 2000, record, sizeof record, &len),
           SEALWAX_OK);
    CLAIM(len == SEALWAX_REKEY_REQUEST_LEN);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0, out, sizeof out,
                                &out_len, &opened),
           SEALWAX_OK);
    CLAIM((opened.content == SEALWAX_CONTENT_REKEY_REQUEST) && (out_len == 0U));
    say(&two, &one, "under another key");
    STATUS(sealwax_session_describe(&two.session, 2000, &described), SEALWAX_OK);
    CLAIM(described.sending_epoch == 1U);

    STATUS(sealwax_session_close(&one.session, 2000, record, SEALWAX_RECORD_OVERHEAD, &len),
           SEALWAX_OK);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0, NULL, 0, &out_len,
                                &opened),
           SEALWAX_OK);
    CLAIM(opened.content == SEALWAX_CONTENT_CLOSE);
    STATUS(sealwax_session_seal(&one.session, 2000, image, 1, NULL, 0, record, sizeof record, &len),
           STATE);
    say(&two, &one, "still heard");
    STATUS(sealwax_session_describe(&one.session, 2000, &described), SEALWAX_OK);
    CLAIM((described.is_sending_closed == 1U) && (described.is_receiving_closed == 0U));
    STATUS(sealwax_session_describe(&two.session, 2000, &described), SEALWAX_OK);
    CLAIM((described.is_sending_closed == 0U) && (described.is_receiving_closed == 1U));
    wipe(&one);
    wipe(&two);
}

static void limits_end_a_session(void)
{
    sealwax_limits limits;
    sealwax_session_description described;
    uint8_t record[64];
    size_t len = 0;
    side one;
    side two;
    (void)memset(&limits, 0, sizeof limits);
    limits.epoch_records = 2;
    limits.epoch_ms = 5000;
    limits.handshake_ms = 10000;
    limits.end_ms = 20000;
    limits.window = 64;
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_DATAGRAM, 0);
    shake(&one, &two);
    limits.reserved = 1;
    STATUS(sealwax_handshake_finish(&one.handshake, &limits, 1000, &one.session), BAD);
    limits.reserved = 0;
    limits.epoch_records = (1U << 23) + 1U;
    STATUS(sealwax_handshake_finish(&one.handshake, &limits, 1000, &one.session), BAD);
    limits.epoch_records = 2;
    limits.window = 63;
    STATUS(sealwax_handshake_finish(&one.handshake, &limits, 1000, &one.session), BAD);
    limits.window = 64;
    finish(&one, &two, &limits);
    say(&one, &two, "1");
    say(&one, &two, "2");
    say(&one, &two, "3");
    STATUS(sealwax_session_describe(&one.session, 2000, &described), SEALWAX_OK);
    CLAIM((described.sending_epoch == 1U) && (described.wants_handshake == 0U));
    STATUS(sealwax_session_describe(&one.session, 12000, &described), SEALWAX_OK);
    CLAIM(described.wants_handshake == 1U);
    STATUS(sealwax_session_seal(&one.session, 22000, image, 1, NULL, 0, record, sizeof record,
                                &len),
           SEALWAX_ERROR_LIMIT);
    wipe(&one);
    wipe(&two);
}

static void a_responder_says_nothing_before_it_is_answered(void)
{
    uint8_t record[64];
    size_t len = 0;
    sealwax_session_description described;
    side one;
    side two;
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_DATAGRAM, 0);
    shake(&one, &two);
    finish(&one, &two, NULL);
    STATUS(sealwax_session_describe(&one.session, 2000, &described), SEALWAX_OK);
    CLAIM(described.is_confirmed == 1U);
    STATUS(sealwax_session_describe(&two.session, 2000, &described), SEALWAX_OK);
    CLAIM(described.is_confirmed == 0U);
    STATUS(sealwax_session_seal(&two.session, 2000, image, 1, NULL, 0, record, sizeof record, &len),
           STATE);
    STATUS(sealwax_session_tick(&two.session, 2000), SEALWAX_OK);
    say(&one, &two, "here");
    say(&two, &one, "there");
    wipe(&one);
    wipe(&two);
    STATUS(sealwax_session_tick(&one.session, 2000), STATE);
    STATUS(sealwax_session_tick(NULL, 2000), BAD);
}

typedef struct storage {
    uint8_t kept[SEALWAX_KEPT_SESSION_LEN];
    unsigned writes;
    int32_t answer;
} storage;

static int32_t store(void *context, const uint8_t *kept, size_t kept_len)
{
    storage *at = context;
    if (at->answer == 0) {
        (void)memcpy(at->kept, kept, kept_len);
        at->writes++;
    }
    return at->answer;
}

static void a_kept_session_goes_on_where_its_block_ended(void)
{
    static const uint8_t slot[] = "slot 1";
    static const uint8_t other[] = "slot 2";
    storage flash = {{0}, 0, 0};
    uint8_t record[64];
    uint8_t out[64];
    uint8_t again[64];
    size_t len = 0;
    sealwax_limits limits;
    size_t out_len = 0;
    size_t cut;
    unsigned at;
    sealwax_record opened;
    sealwax_session_description described;
    side one;
    side two;
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_DATAGRAM, 0);
    shake(&one, &two);
    (void)memset(&limits, 0, sizeof limits);
    limits.is_kept = 2;
    STATUS(sealwax_handshake_finish(&one.handshake, &limits, 1000, &one.session), BAD);
    limits.is_kept = 1;
    STATUS(sealwax_handshake_finish(&one.handshake, &limits, 1000, &one.session), SEALWAX_OK);
    STATUS(sealwax_handshake_finish(&two.handshake, NULL, 5, &two.session), SEALWAX_OK);
    /* Nothing goes out, and nothing comes in, before the session is stored. */
    STATUS(sealwax_session_seal(&one.session, 1000, image, 5, NULL, 0, record, sizeof record, &len),
           SEALWAX_ERROR_LIMIT);
    STATUS(sealwax_session_seal_empty(&one.session, 1000, record, sizeof record, &len),
           SEALWAX_ERROR_LIMIT);
    STATUS(sealwax_session_reserve(&two.session, 4, device_key, slot, 6, &two.random, store,
                                   &flash),
           STATE);
    STATUS(sealwax_session_reserve(&one.session, 0, device_key, slot, 6, &one.random, store,
                                   &flash),
           BAD);
    STATUS(sealwax_session_reserve(&one.session, 4, NULL, slot, 6, &one.random, store, &flash),
           BAD);
    STATUS(sealwax_session_reserve(&one.session, 4, device_key, slot, 256, &one.random, store,
                                   &flash),
           BAD);
    STATUS(sealwax_session_reserve(&one.session, 4, device_key, slot, 6, NULL, store, &flash), BAD);
    STATUS(sealwax_session_reserve(&one.session, 4, device_key, slot, 6, &one.random, NULL, &flash),
           BAD);
    flash.answer = 1;
    STATUS(sealwax_session_reserve(&one.session, 4, device_key, slot, 6, &one.random, store,
                                   &flash),
           SEALWAX_ERROR_IO);
    flash.answer = 0;
    one.source.calls = 0;
    STATUS(sealwax_session_reserve(&one.session, 4, device_key, slot, 6, &one.random, store,
                                   &flash),
           SEALWAX_ERROR_RANDOM);
    CLAIM(flash.writes == 0U);
    one.source.calls = -1;
    STATUS(sealwax_session_reserve(&one.session, 4, device_key, slot, 6, &one.random, store,
                                   &flash),
           SEALWAX_OK);
    for (at = 0; at < 4U; at++) {
        say(&one, &two, "of the first block");
    }
    STATUS(sealwax_session_seal(&one.session, 2000, image, 1, NULL, 0, record, sizeof record, &len),
           SEALWAX_ERROR_LIMIT);

    /* The device starts again. */
    STATUS(sealwax_session_wipe(&one.session), SEALWAX_OK);
    for (cut = 0; cut < sizeof flash.kept; cut++) {
        STATUS(sealwax_session_import(&one.session, flash.kept, cut, device_key, slot, 6,
                                      two.public_key, NULL, 0),
               SEALWAX_ERROR_TRUNCATED);
    }
    STATUS(sealwax_session_import(&one.session, flash.kept, sizeof flash.kept, psk, slot, 6,
                                  two.public_key, NULL, 0),
           SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_session_import(&one.session, flash.kept, sizeof flash.kept, device_key, other, 6,
                                  two.public_key, NULL, 0),
           SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_session_import(&one.session, flash.kept, sizeof flash.kept, device_key, slot, 6,
                                  one.public_key, NULL, 0),
           SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_session_import(&one.session, NULL, sizeof flash.kept, device_key, slot, 6,
                                  two.public_key, NULL, 0),
           BAD);
    STATUS(sealwax_session_import(&one.session, flash.kept, sizeof flash.kept, device_key, slot, 6,
                                  two.public_key, NULL, 0),
           SEALWAX_OK);
    STATUS(sealwax_session_import(&one.session, flash.kept, sizeof flash.kept, device_key, slot, 6,
                                  two.public_key, NULL, 0),
           STATE);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, record, sizeof record, &len),
           SEALWAX_ERROR_LIMIT);
    STATUS(sealwax_session_reserve(&one.session, 8, device_key, slot, 6, &one.random, store,
                                   &flash),
           SEALWAX_OK);
    STATUS(sealwax_session_describe(&one.session, 0, &described), SEALWAX_OK);
    CLAIM(described.wants_rekey_request == 1U);
    STATUS(sealwax_session_request_rekey(&one.session, 0, record, sizeof record, &len), SEALWAX_OK);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0, out, sizeof out,
                                &out_len, &opened),
           SEALWAX_OK);
    /* The peer's other keys are past the block: the record comes again once that is reserved. */
    STATUS(sealwax_session_seal(&two.session, 2000, image, 5, NULL, 0, record, sizeof record, &len),
           SEALWAX_OK);
    STATUS(sealwax_session_open(&one.session, 0, record, len, NULL, 0, out, 5, &out_len, &opened),
           SEALWAX_ERROR_LIMIT);
    CLAIM(out_len == 0U);
    (void)memcpy(again, record, len);
    STATUS(sealwax_session_open(&one.session, 0, record, len, NULL, 0,
                                &record[SEALWAX_RECORD_HEADER_LEN], 5, &out_len, &opened),
           SEALWAX_ERROR_LIMIT);
    CLAIM(memcmp(again, record, len) == 0);
    STATUS(sealwax_session_reserve(&one.session, 8, device_key, slot, 6, &one.random, store,
                                   &flash),
           SEALWAX_OK);
    STATUS(sealwax_session_open(&one.session, 0, record, len, NULL, 0, out, 5, &out_len, &opened),
           SEALWAX_OK);
    CLAIM((out_len == 5U) && (memcmp(out, image, 5) == 0));
    say(&two, &one, "heard again");
    STATUS(sealwax_session_describe(&one.session, 0, &described), SEALWAX_OK);
    CLAIM(described.wants_rekey_request == 0U);
    say(&one, &two, "and so are you");

    /* Its end writes over what was kept. */
    STATUS(sealwax_session_end(&one.session, 0, NULL, &flash, record, sizeof record, &len), BAD);
    STATUS(sealwax_session_end(&one.session, 0, store, &flash, record, 28, &len), SHORT);
    flash.answer = 1;
    STATUS(sealwax_session_end(&one.session, 0, store, &flash, record, sizeof record, &len),
           SEALWAX_ERROR_IO);
    flash.answer = 0;
    STATUS(sealwax_session_end(&one.session, 0, store, &flash, record, sizeof record, &len),
           SEALWAX_OK);
    STATUS(sealwax_session_open(&two.session, 2000, record, len, NULL, 0, NULL, 0, &out_len,
                                &opened),
           SEALWAX_OK);
    CLAIM(opened.content == SEALWAX_CONTENT_CLOSE);
    STATUS(sealwax_session_end(&one.session, 0, store, &flash, record, sizeof record, &len), STATE);
    STATUS(sealwax_session_wipe(&one.session), SEALWAX_OK);
    STATUS(sealwax_session_import(&one.session, flash.kept, sizeof flash.kept, device_key, slot, 6,
                                  two.public_key, NULL, 0),
           SEALWAX_ERROR_FORMAT);
    wipe(&one);
    wipe(&two);
}

static void a_wrong_call_is_refused_and_does_nothing(void)
{
    sealwax_party party;
    uint8_t buffer[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
    uint8_t is_duplicate = 0;
    size_t len = 0;
    size_t at;
    sealwax_random hollow = {NULL, NULL};
    sealwax_handshake_description described;
    sealwax_session_description session_described;
    sealwax_record opened;
    side one;
    side two;
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_DATAGRAM, 0);
    STATUS(sealwax_peer_key(NULL, buffer), BAD);
    STATUS(sealwax_peer_key(buffer, NULL), BAD);
    STATUS(sealwax_peer_key(buffer, &buffer[31]), BAD);

    /* Twice, and before. */
    STATUS(sealwax_handshake_begin(&one.handshake, &one.party), STATE);
    STATUS(sealwax_handshake_begin(NULL, &one.party), BAD);
    STATUS(sealwax_handshake_wipe(NULL), SEALWAX_OK);
    STATUS(sealwax_session_wipe(NULL), SEALWAX_OK);
    STATUS(sealwax_handshake_wipe(&one.handshake), SEALWAX_OK);
    STATUS(sealwax_handshake_wipe(&one.handshake), SEALWAX_OK);
    STATUS(sealwax_handshake_describe(&one.handshake, &described), STATE);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, buffer,
                                   sizeof buffer, &len),
           STATE);
    STATUS(hear(&one, buffer, 10), STATE);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, &one.session), STATE);
    STATUS(sealwax_handshake_begin(&one.handshake, NULL), BAD);

    /* Parties that do not fit together. */
    for (at = 0; at < 16U; at++) {
        party = one.party;
        switch (at) {
        case 0: party.role = 0; break;
        case 1: party.role = 3; break;
        case 2: party.pattern = 0; break;
        case 3: party.pattern = 6; break;
        case 4: party.mode = 0; break;
        case 5: party.suite = 3; break;
        case 6: party.hybrid = 2; break;
        case 7: party.reserved[2] = 1; break;
        case 8: party.psk = psk; break;
        case 9: party.private_key = NULL; break;
        case 10: party.peer_count = SEALWAX_MAX_PEERS + 1U; break;
        case 11: party.peers = NULL; break;
        case 12: party.prologue = NULL; break;
        case 13: party.prologue_len = SIZE_MAX; break;
        case 14: party.pattern = SEALWAX_PATTERN_NNPSK0; break;
        default: party.peer_count = 0; party.accept = NULL; break;
        }
        STATUS(sealwax_handshake_begin(&one.handshake, &party), BAD);
    }
    STATUS(sealwax_handshake_begin(&one.handshake, &one.party), SEALWAX_OK);

    /* NULL, lengths, overlap, another party. */
    STATUS(sealwax_handshake_write(NULL, &one.party, &one.random, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_handshake_write(&one.handshake, NULL, &one.random, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, NULL, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &hollow, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 1, buffer, 999,
                                   &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, buffer, SIZE_MAX,
                                   buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, NULL, 999,
                                   &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, buffer,
                                   SIZE_MAX, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0, buffer, 999,
                                   NULL),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0,
                                   (uint8_t *)&one.handshake, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&one.handshake, &one.party, &one.random, NULL, 0,
                                   one.private_key, 999, &len),
           BAD);
    party = one.party;
    party.mode = SEALWAX_MODE_STREAM;
    STATUS(sealwax_handshake_write(&one.handshake, &party, &one.random, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_handshake_write(&two.handshake, &two.party, &two.random, NULL, 0, buffer, 999,
                                   &len),
           STATE);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 10, buffer, 999, &len,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, buffer, SIZE_MAX, buffer, 999, &len,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, buffer, 100, &buffer[50], 999, &len,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 0, buffer, 999, &len, NULL),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 0, buffer, 999, NULL,
                                  &is_duplicate),
           BAD);
    STATUS(sealwax_handshake_read(&two.handshake, &two.party, NULL, 0, buffer, 999, &len,
                                  &is_duplicate),
           SEALWAX_ERROR_FORMAT);
    STATUS(hear(&one, buffer, 100), STATE);
    STATUS(sealwax_handshake_describe(&one.handshake, NULL), BAD);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, &one.session), STATE);

    /* Sessions that are none, and theirs. */
    STATUS(sealwax_session_seal(&one.session, 0, NULL, 0, NULL, 0, buffer, 999, &len), STATE);
    STATUS(sealwax_session_rekey(&one.session), STATE);
    STATUS(sealwax_session_describe(&one.session, 0, &session_described), STATE);
    shake(&one, &two);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, NULL), BAD);
    finish(&one, &two, NULL);
    STATUS(sealwax_handshake_finish(&one.handshake, NULL, 0, &two.session), STATE);
    say(&one, &two, "a word");
    STATUS(sealwax_session_seal(NULL, 0, NULL, 0, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, NULL, 1, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, SIZE_MAX, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, &buffer[SEALWAX_RECORD_HEADER_LEN], SIZE_MAX, NULL,
                                0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_session_seal(&one.session, 0, &buffer[12], 20, NULL, 0, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 1, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, image, 257, buffer, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, NULL, 999, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, buffer, SIZE_MAX, &len), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, buffer, 999, NULL), BAD);
    STATUS(sealwax_session_seal(&one.session, 0, image, 1, NULL, 0, NULL, 0, &len), SHORT);
    STATUS(sealwax_session_seal_padded(&one.session, 0, image, 1, 0, NULL, 0, buffer, 999, &len),
           BAD);
    STATUS(sealwax_session_seal_padded(&one.session, 0, image, 1, SIZE_MAX, NULL, 0, buffer, 999,
                                       &len),
           SEALWAX_ERROR_LIMIT);
    STATUS(sealwax_session_open(&two.session, 0, NULL, 30, NULL, 0, buffer, 999, &len, &opened),
           BAD);
    STATUS(sealwax_session_open(&two.session, 0, image, SIZE_MAX, NULL, 0, buffer, 999, &len,
                                &opened),
           BAD);
    STATUS(sealwax_session_open(&two.session, 0, buffer, 100, NULL, 0, &buffer[14], 999, &len,
                                &opened),
           BAD);
    STATUS(sealwax_session_open(&two.session, 0, image, 40, NULL, 0, buffer, 999, &len, NULL), BAD);
    STATUS(sealwax_session_open(&two.session, 0, image, 40, NULL, 0, buffer, 999, NULL, &opened),
           BAD);
    STATUS(sealwax_session_close(&one.session, 0, NULL, 0, &len), SHORT);
    STATUS(sealwax_session_close(&one.session, 0, NULL, 30, &len), BAD);
    STATUS(sealwax_session_request_rekey(&one.session, 0, buffer, 999, NULL), BAD);
    STATUS(sealwax_session_rekey(NULL), BAD);
    STATUS(sealwax_session_describe(&one.session, 0, NULL), BAD);
    say(&one, &two, "nothing of it did anything");
    wipe(&one);
    wipe(&two);
    STATUS(sealwax_session_seal(&one.session, 0, NULL, 0, NULL, 0, buffer, 999, &len), STATE);
    CLAIM(sealwax_handshake_size() == sizeof(sealwax_handshake));
    CLAIM(sealwax_session_size() == sizeof(sealwax_session));
}

/* Two threads seal in one session as fast as they can: no two records have one number. */

#define EACH 2000U

typedef struct worker {
    side *at;
    uint64_t counters[EACH];
    unsigned sealed;
    unsigned refused;
    unsigned other;
} worker;

static void *seal_many(void *argument)
{
    worker *work = argument;
    unsigned at;
    for (at = 0; at < EACH; at++) {
        uint8_t record[64];
        size_t len = 0;
        const int32_t status = sealwax_session_seal(&work->at->session, 2000, image, 20, NULL, 0,
                                                    record, sizeof record, &len);
        if (status == SEALWAX_OK) {
            uint64_t counter = 0;
            unsigned byte;
            for (byte = 5; byte < 13U; byte++) {
                counter = (counter << 8) | record[byte];
            }
            work->counters[work->sealed] = counter;
            work->sealed++;
        } else if (status == STATE) {
            work->refused++;
        } else {
            work->other++;
        }
    }
    return NULL;
}

static void two_threads_never_share_a_number(void)
{
    static worker workers[2];
    static uint8_t seen[2U * EACH + 2U];
    pthread_t threads[2];
    unsigned at;
    unsigned other;
    side one;
    side two;
    pair(&one, &two, SEALWAX_PATTERN_IK, SEALWAX_MODE_DATAGRAM, 0);
    shake(&one, &two);
    finish(&one, &two, NULL);
    for (at = 0; at < 2U; at++) {
        workers[at].at = &one;
        CLAIM(pthread_create(&threads[at], NULL, seal_many, &workers[at]) == 0);
    }
    for (at = 0; at < 2U; at++) {
        CLAIM(pthread_join(threads[at], NULL) == 0);
        CLAIM((workers[at].other == 0U) && (workers[at].sealed + workers[at].refused == EACH));
        for (other = 0; other < workers[at].sealed; other++) {
            const uint64_t counter = workers[at].counters[other];
            CLAIM((counter < sizeof seen) && (seen[counter] == 0U));
            seen[counter % sizeof seen] = 1U;
        }
    }
    wipe(&one);
    wipe(&two);
}

int main(void)
{
    every_pattern_ends_in_a_session();
    contexts_travel_and_accept_decides();
    an_identity_takes_part_while_its_state_lets_it();
    bad_messages_change_nothing_in_datagram_mode();
    a_random_source_that_fails_ends_the_call();
    records_hold_once_and_in_place();
    requests_are_answered_and_directions_close();
    limits_end_a_session();
    a_responder_says_nothing_before_it_is_answered();
    a_kept_session_goes_on_where_its_block_ended();
    a_wrong_call_is_refused_and_does_nothing();
    two_threads_never_share_a_number();
    return kit_end();
}
