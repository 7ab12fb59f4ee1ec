// Anti-replay (RFC 4303 section 3.4.3; guide chapter 1): windows of up to 1024 packets, or none.
//
//   bitmap, bit n: sequence number highest - n has been seen; bit 0 is always set in live state
//   epoch:         which SA of this row the state belongs to; another one starts afresh
//
// Asked twice: before decryption nothing changes, it only spares the accelerator work; after
// authentication the number is entered. An extended number is the accelerator's word then; before,
// its high half is inferred from window and low half (RFC 4303 appendix A2.2).
#ifndef _REPLAY_P4_
#define _REPLAY_P4_

#include "headers.p4"

control Replay(inout metadata_t meta) {

    @id(0x16000001)
    register<bit<32>>(SA_TABLE_SIZE) replay_epoch;
    @id(0x16000002)
    register<bit<64>>(SA_TABLE_SIZE) replay_highest;
    @id(0x16000003)
    register<bit<REPLAY_BITS>>(SA_TABLE_SIZE) replay_bitmap;

    bit<32> state_epoch;
    bit<64> highest;
    bit<REPLAY_BITS> bitmap;
    bit<REPLAY_BITS> shifted;
    bit<64> distance;
    bit<1> ahead = 0;

    // Number 0 is never sent: fresh state has it as its highest, seen.
    @hidden
    action start_afresh() {
        highest = 0;
        bitmap = 1;
    }

    @hidden
    action load() {
        replay_epoch.read(state_epoch, (bit<32>)meta.sa_index);
        replay_highest.read(highest, (bit<32>)meta.sa_index);
        replay_bitmap.read(bitmap, (bit<32>)meta.sa_index);
    }

    @hidden
    action store() {
        replay_epoch.write((bit<32>)meta.sa_index, meta.epoch);
        replay_highest.write((bit<32>)meta.sa_index, highest);
        replay_bitmap.write((bit<32>)meta.sa_index, bitmap);
    }

    apply {
        load();
        if (state_epoch != meta.epoch || bitmap == 0) {
            start_afresh();
        }

        if (meta.origin != ORIGIN_DECRYPTED && meta.esn == 1) {
            bit<32> high = highest[63:32];
            bit<32> low = meta.sequence[31:0];
            bit<32> left = highest[31:0] - (bit<32>)meta.window + 1;
            meta.sequence = high ++ low;
            if (highest[31:0] >= (bit<32>)meta.window - 1) {
                if (low < left) {              // case A: the window lies within one high half
                    meta.sequence = (high + 1) ++ low;
                }
            } else if (low >= left) {          // case B: it spans two; none is before the first
                if (high == 0) {
                    meta.sequence = 0;
                } else {
                    meta.sequence = (high - 1) ++ low;
                }
            }
        }

        if (meta.sequence > highest) {
            ahead = 1;
            distance = meta.sequence - highest;
            shifted = bitmap;
        } else {
            distance = highest - meta.sequence;
            shifted = 1;
        }

        // shifted << distance: amounts are limited to 8 bits, so the rest is concatenation.
        if (distance >= REPLAY_BITS) {
            shifted = 0;
        } else {
            shifted = shifted << distance[7:0];
            if (distance[8:8] == 1) {
                shifted = shifted[REPLAY_BITS - 257:0] ++ 256w0;
            }
            if (distance[9:9] == 1) {
                shifted = shifted[REPLAY_BITS - 513:0] ++ 512w0;
            }
        }

        if (ahead == 1) {
            highest = meta.sequence;
            bitmap = shifted | 1;
        } else if (distance >= (bit<64>)meta.window || meta.sequence == 0) {
            meta.reason = REASON_TOO_OLD;
        } else if ((bitmap & shifted) != 0) {
            meta.reason = REASON_REPLAYED;
        } else {
            bitmap = bitmap | shifted;
        }

        if (meta.reason != REASON_NONE) {
            meta.value = meta.spi;
        } else if (meta.origin == ORIGIN_DECRYPTED) {
            store();
        }
    }
}

#endif
