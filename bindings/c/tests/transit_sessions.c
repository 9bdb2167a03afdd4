/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sessions: records, other keys, limits, restarts, and two threads. */
#include <pthread.h>

#include "transit_kit.h"

/* Records that each of two threads seals. */
#define EACH 2000U

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

/* Two threads seal in one session as fast as they can: no two records have one number. */
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
    records_hold_once_and_in_place();
    requests_are_answered_and_directions_close();
    limits_end_a_session();
    a_responder_says_nothing_before_it_is_answered();
    a_kept_session_goes_on_where_its_block_ended();
    two_threads_never_share_a_number();
    return kit_end();
}
