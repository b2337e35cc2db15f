//! What peers are known to do, and no fault of ours. Each is shown in the matrix where it was seen.

/// FRR, set up as its documentation says.
pub(crate) const FRR_ANSWERS_ARP: &str = "FRR answers ARP for the virtual IP from its physical \
     interface, as Backup too ([FRR #16696], [FRR #18379]); `arp_ignore=1` below the macvlan, as in the \
     rows called `frr`, cures it";
/// FRR after a crash.
pub(crate) const FRR_KILLED: &str = "a killed FRR leaves its macvlan up: the dead router goes on \
     answering for the virtual IPs beside the new Active until vrrpd is started again";
/// FRR after a start at 10 ms adverts.
pub(crate) const FRR_LOST_START: &str = "FRR's vrrpd became Active while its macvlan stayed down, and \
     was started once more: its orders to zebra, carrier off and on, can cross";
/// FRR as the worst of three, at 10 ms.
pub(crate) const FRR_SKEW: &str = "FRR's skew is whole centiseconds, none at 10 ms adverts: when the \
     Active resigns, a worse FRR is the first to take over, and the better Backup preempts it";
/// keepalived after a crash.
pub(crate) const KEEPALIVED_KILLED: &str = "a killed keepalived leaves the virtual IPs on its \
     interface: the dead router goes on answering for them beside the new Active until keepalived is \
     started again";

/// What is true of the peers in every row, and so is not seen in any: for the document.
pub(crate) const ALWAYS: &str = "\
- keepalived 2.2.7 and FRR 8.4 put a pseudo-header into the checksum of version 3 over IPv4, which
  RFC 9568 leaves out ([keepalived #2324], [FRR #14024]). xvrrp accepts both forms, and sends theirs unless
  `v3_checksum_as_v2` says otherwise; tshark expects theirs as well.
- FRR knows no passwords, and version 2 no interval below a second.
- Rows called `frr` have `arp_ignore=1` on the interface below FRR's macvlan; `frr-plain` is FRR as its
  documentation sets it up.

[keepalived #2324]: https://github.com/acassen/keepalived/issues/2324
[FRR #14024]: https://github.com/FRRouting/frr/issues/14024
[FRR #16696]: https://github.com/FRRouting/frr/issues/16696
[FRR #18379]: https://github.com/FRRouting/frr/issues/18379
";
