// A NAT may give a peer another UDP port at any time (RFC 3948 section 4). The port rides through the
// accelerator in the crypto header; once the packet has proven authentic and fresh the host is told,
// and has the accelerator send there from then on. The packet itself goes its way.
#ifndef _PEER_PORT_P4_
#define _PEER_PORT_P4_

#include "headers.p4"

struct peer_moved_t {
    sa_index_t sa_index;
    bit<32>    epoch;
    bit<16>    port;
}

control PeerPort(in metadata_t meta) {

    apply {
        if (meta.peer_port != 0 && meta.seen_port != meta.peer_port) {
            digest<peer_moved_t>(1, { meta.sa_index, meta.epoch, meta.seen_port });
        }
    }
}

#endif
