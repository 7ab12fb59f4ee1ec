"""IKE version 1 without I/O: `engine.Engine` is the way in, `types` what goes in and out.

Who does what, from the wire upwards:

    reader, attributes, payloads, proposals, messages      bytes to values and back, encryption
    groups, keys, ciphers                                   Diffie-Hellman, SKEYID, KEYMAT, CBC
    phase1, phase2, modes, identities, nat, credentials     what is offered, accepted, detected
    exchange, phase1_exchange, phase1_payloads, main_mode,  the exchanges: one state machine each
    aggressive_mode, quick_mode(_payloads), informational,
    ipsec_sas
    isakmp_sa, phase1_manager, phase2_manager, sa_records,  SAs: begin, rekey, collide, end
    notices
    runtime, timers, engine, key_engine                     output, time, dispatch, debug text
"""
