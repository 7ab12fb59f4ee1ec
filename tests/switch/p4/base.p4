// What the test programs share. A program defines headers_t, metadata_t and its blocks, and ends
// with V1Switch(...). The frame `run_t` on top says what to do and where to send the answer.
#ifndef _BASE_P4_
#define _BASE_P4_

#include <core.p4>
#include <v1model.p4>

header run_t {
    bit<16> number; // tells packets apart
    bit<8>  test;   // which path of the program to take
    bit<8>  port;   // where the answer goes
}

#define METADATA inout metadata_t meta, inout standard_metadata_t standard_metadata

#endif
