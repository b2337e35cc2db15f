//! See [`vrrp_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vrrp_fuzz::config(input));
