//! The keywords of keepalived: which we act on, which we do not, and what that means.

/// What becomes of a keyword of keepalived that we do not act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// Nothing is lost by ignoring it.
    Accepted,
    /// Part of the mail settings: one note for all of them.
    Mail,
    /// Ignored with a warning that says what will not happen; empty where the keyword says it.
    Ignored(&'static str),
    /// Unsafe to ignore: the node does not start. Says why.
    Refused(&'static str),
}

use Support::{Accepted, Ignored, Mail, Refused};

/// Where a keyword stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// Outside of all blocks.
    Top,
    /// `global_defs`.
    Globals,
    /// `vrrp_instance`.
    Instance,
}

impl Context {
    /// What we do about a keyword of keepalived that is not in [`Self::acted_on`].
    pub(super) fn support(self, keyword: &str) -> Option<Support> {
        let special = match self {
            Self::Top => TOP,
            Self::Globals => GLOBALS,
            Self::Instance => INSTANCE,
        };
        let plain = match self {
            Self::Top => TOP_PLAIN,
            Self::Globals => GLOBALS_PLAIN,
            Self::Instance => INSTANCE_PLAIN,
        };
        let special = special
            .iter()
            .find(|(name, _)| *name == keyword)
            .map(|(_, support)| *support);
        special.or_else(|| plain.contains(&keyword).then_some(Ignored("")))
    }

    /// The keywords we act on.
    pub(super) fn acted_on(self) -> &'static [&'static str] {
        match self {
            Self::Top => &["global_defs", "vrrp_instance"],
            Self::Globals => GLOBALS_ACTED_ON,
            Self::Instance => INSTANCE_ACTED_ON,
        }
    }

    /// The keyword that was probably meant.
    pub(super) fn similar(self, word: &str) -> Option<&'static str> {
        let known = self.acted_on().iter().copied();
        known
            .map(|name| (distance(name, word), name))
            .filter(|(distance, name)| *distance <= 1 + name.len() / 8)
            .min()
            .map(|(_, name)| name)
    }
}

/// Whether a word is a keyword that starts a line of its own in an instance.
pub(super) fn is_statement(word: &str) -> bool {
    INSTANCE_ACTED_ON.contains(&word) || matches!(word, "auth_type" | "auth_pass")
}

/// Levenshtein distance; words longer than any keyword are far from all.
fn distance(a: &str, b: &str) -> usize {
    if b.len() > 40 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (pair, y) in row.windows(2).zip(b.bytes()) {
            let &[diagonal, above] = pair else { break };
            left = (diagonal + usize::from(x != y))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

const GLOBALS_ACTED_ON: &[&str] = &[
    "enable_script_security",
    "router_id",
    "script_user",
    "vrrp_garp_master_delay",
    "vrrp_garp_master_refresh",
    "vrrp_garp_master_refresh_repeat",
    "vrrp_garp_master_repeat",
    "vrrp_rt_priority",
    "vrrp_skip_check_adv_addr",
    "vrrp_version",
];

const INSTANCE_ACTED_ON: &[&str] = &[
    "advert_int",
    "authentication",
    "garp_master_delay",
    "garp_master_refresh",
    "garp_master_refresh_repeat",
    "garp_master_repeat",
    "interface",
    "lease",
    "nopreempt",
    "notify",
    "notify_backup",
    "notify_fault",
    "notify_master",
    "notify_stop",
    "preempt",
    "preempt_delay",
    "priority",
    "skip_check_adv_addr",
    "state",
    "v3_checksum_as_v2",
    "version",
    "virtual_ipaddress",
    "virtual_router_id",
];

const TOP: &[(&str, Support)] = &[
    (
        "net_namespace",
        Refused("the node would run in another network namespace than the file says"),
    ),
    (
        "static_ipaddress",
        Refused("these addresses would not be on the machine"),
    ),
    (
        "static_routes",
        Refused("these routes would not be on the machine"),
    ),
    (
        "static_rules",
        Refused("these rules would not be on the machine"),
    ),
    ("virtual_server", Ignored("no load balancing is set up")),
    ("virtual_server_group", Accepted),
    ("vrrp_script", Ignored("the script is not run")),
    (
        "vrrp_sync_group",
        Ignored("its instances fail over one by one"),
    ),
];

const TOP_PLAIN: &[&str] = &[
    "bfd_instance",
    "child_wait_time",
    "garp_group",
    "instance",
    "interface_up_down_delays",
    "linkbeat_interfaces",
    "linkbeat_use_polling",
    "namespace_with_ipsets",
    "net_namespace_ipvs",
    "process_names",
    "SSL",
    "static_track_group",
    "track_file",
    "track_group",
    "track_process",
    "use_pid_dir",
    "vrrp_track_file",
    "vrrp_track_process",
];

const GLOBALS: &[(&str, Support)] = &[
    ("max_auto_priority", Accepted),
    (
        "net_namespace",
        Refused("the node would run in another network namespace than the file says"),
    ),
    ("no_email_faults", Mail),
    ("notification_email", Mail),
    ("notification_email_from", Mail),
    ("smtp_alert", Mail),
    ("smtp_alert_checker", Mail),
    ("smtp_alert_vrrp", Mail),
    ("smtp_connect_timeout", Mail),
    ("smtp_helo_name", Mail),
    ("smtp_server", Mail),
    (
        "vrrp_mcast_group4",
        Refused("adverts would go to 224.0.0.18, and both machines would be master"),
    ),
    (
        "vrrp_strict",
        Ignored("no RFC restriction is enforced, and packets to a virtual IP are accepted"),
    ),
];

const GLOBALS_PLAIN: &[&str] = &[
    "bfd_cpu_affinity",
    "bfd_no_swap",
    "bfd_priority",
    "bfd_process_name",
    "bfd_rlimit_rttime",
    "bfd_rt_priority",
    "checker_cpu_affinity",
    "checker_log_all_failures",
    "checker_no_swap",
    "checker_priority",
    "checker_process_name",
    "checker_rlimit_rttime",
    "checker_rt_priority",
    "config_save_dir",
    "data_use_instance",
    "dbus_service_name",
    "default_interface",
    "disable_local_igmp",
    "dynamic_interfaces",
    "enable_dbus",
    "enable_snmp_checker",
    "enable_snmp_keepalived",
    "enable_snmp_rfc",
    "enable_snmp_rfcv2",
    "enable_snmp_rfcv3",
    "enable_snmp_vrrp",
    "enable_traps",
    "fifo_write_vrrp_states_on_reload",
    "include_check",
    "instance",
    "json_dump_file",
    "json_version",
    "linkbeat_use_polling",
    "log_unknown_vrids",
    "lvs_flush",
    "lvs_flush_on_stop",
    "lvs_netlink_cmd_rcv_bufs",
    "lvs_netlink_cmd_rcv_bufs_force",
    "lvs_netlink_monitor_rcv_bufs",
    "lvs_netlink_monitor_rcv_bufs_force",
    "lvs_notify_fifo",
    "lvs_notify_fifo_script",
    "lvs_sync_daemon",
    "lvs_timeouts",
    "min_auto_priority_delay",
    "nftables",
    "nftables_counters",
    "nftables_ifindex",
    "nftables_ipvs",
    "nftables_priority",
    "no_checker_emails",
    "notify_fifo",
    "notify_fifo_script",
    "process_monitor_rcv_bufs",
    "process_monitor_rcv_bufs_force",
    "process_name",
    "process_names",
    "random_seed",
    "reload_check_config",
    "reload_file",
    "reload_repeat",
    "reload_time_file",
    "rs_init_notifies",
    "shutdown_script",
    "shutdown_script_timeout",
    "snmp_socket",
    "startup_script",
    "startup_script_timeout",
    "state_dump_file",
    "stats_dump_file",
    "tmp_config_directory",
    "umask",
    "use_pid_dir",
    "use_symlink_paths",
    "vmac_addr_prefix",
    "vmac_prefix",
    "vrrp_check_unicast_src",
    "vrrp_cpu_affinity",
    "vrrp_delay_after_boot",
    "vrrp_down_timer_adverts",
    "vrrp_garp_extra_if",
    "vrrp_garp_interval",
    "vrrp_garp_lower_prio_delay",
    "vrrp_garp_lower_prio_repeat",
    "vrrp_gna_interval",
    "vrrp_higher_prio_send_advert",
    "vrrp_ipsets",
    "vrrp_iptables",
    "vrrp_lower_prio_no_advert",
    "vrrp_mcast_group6",
    "vrrp_min_garp",
    "vrrp_netlink_cmd_rcv_bufs",
    "vrrp_netlink_cmd_rcv_bufs_force",
    "vrrp_netlink_monitor_rcv_bufs",
    "vrrp_netlink_monitor_rcv_bufs_force",
    "vrrp_no_swap",
    "vrrp_notify_fifo",
    "vrrp_notify_fifo_script",
    "vrrp_notify_priority_changes",
    "vrrp_owner_ignore_adverts",
    "vrrp_priority",
    "vrrp_process_name",
    "vrrp_rlimit_rttime",
    "vrrp_rx_bufs_multiplier",
    "vrrp_rx_bufs_policy",
    "vrrp_startup_delay",
];

const INSTANCE: &[(&str, Support)] = &[
    ("accept", Accepted),
    (
        "auth_hmac",
        Refused("peers would drop our adverts, and both machines would be master"),
    ),
    ("debug", Accepted),
    (
        "dont_track_primary",
        Ignored("the instance goes to FAULT when its interface is down"),
    ),
    (
        "down_timer_adverts",
        Ignored("a Backup takes over after 3 missed adverts"),
    ),
    ("linkbeat_use_polling", Accepted),
    (
        "mcast_dst_ip",
        Refused("adverts would go to 224.0.0.18, and both machines would be master"),
    ),
    (
        "mcast_src_ip",
        Ignored("adverts are sent from the interface's first address"),
    ),
    ("native_ipv6", Ignored("the virtual addresses decide")),
    ("no_accept", Ignored("packets to a virtual IP are accepted")),
    (
        "no_virtual_ipaddress",
        Refused("an instance without a virtual IP is not supported yet"),
    ),
    ("smtp_alert", Mail),
    ("strict_mode", Ignored("no RFC restriction is enforced")),
    ("track_bfd", Ignored("BFD sessions are not tracked")),
    ("track_file", Ignored("files are not tracked")),
    (
        "track_interface",
        Ignored("only the instance's own interface is tracked"),
    ),
    ("track_process", Ignored("processes are not tracked")),
    (
        "track_script",
        Ignored("scripts are not tracked, the priority stays as it is"),
    ),
    (
        "unicast_peer",
        Refused(
            "adverts would be multicast, which these peers may not get, and both would be master",
        ),
    ),
    (
        "unicast_src_ip",
        Refused(
            "adverts would be multicast, which the peers may not get, and both would be master",
        ),
    ),
    ("use_ipvlan", Ignored("the interface itself is used")),
    (
        "use_vmac",
        Ignored("virtual IPs are answered with the interface's own MAC address"),
    ),
    (
        "use_vmac_addr",
        Ignored("virtual IPs are answered with the interface's own MAC address"),
    ),
    (
        "virtual_ipaddress_excluded",
        Refused("nobody would serve these addresses"),
    ),
    (
        "virtual_routes",
        Refused("these routes would be missing on the master"),
    ),
    (
        "virtual_rules",
        Refused("these rules would be missing on the master"),
    ),
    ("vmac_xmit_base", Accepted),
];

const INSTANCE_PLAIN: &[&str] = &[
    "check_unicast_src",
    "garp_extra_if",
    "garp_interval",
    "garp_lower_prio_delay",
    "garp_lower_prio_repeat",
    "gna_interval",
    "higher_prio_send_advert",
    "kernel_rx_buf_size",
    "lower_prio_no_advert",
    "lvs_sync_daemon_interface",
    "notify_deleted",
    "notify_master_rx_lower_pri",
    "notify_priority_changes",
    "old_unicast_checksum",
    "owner_ignore_adverts",
    "promote_secondaries",
    "timer_expired_backup",
    "track_src_ip",
    "unicast_fault_no_peer",
    "unicast_ttl",
    "vrf",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_is_in_one_table() {
        for context in [Context::Top, Context::Globals, Context::Instance] {
            let (special, plain) = match context {
                Context::Top => (TOP, TOP_PLAIN),
                Context::Globals => (GLOBALS, GLOBALS_PLAIN),
                Context::Instance => (INSTANCE, INSTANCE_PLAIN),
            };
            let mut all: Vec<_> = special.iter().map(|(name, _)| *name).collect();
            all.extend(plain);
            all.extend(context.acted_on());
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{context:?}");
        }
    }

    #[test]
    fn typing_mistakes_are_recognised() {
        let cases = [
            ("priorty", Some("priority")),
            ("virtual_ipadress", Some("virtual_ipaddress")),
            ("virtual_routerid", Some("virtual_router_id")),
            ("nopremt", Some("nopreempt")),
            ("stat", Some("state")),
            ("bogus", None),
            ("", None),
        ];
        for (word, meant) in cases {
            assert_eq!(Context::Instance.similar(word), meant, "{word}");
        }
        assert_eq!(Context::Top.similar("vrrp_instnace"), Some("vrrp_instance"));
    }
}
