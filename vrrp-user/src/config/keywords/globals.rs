//! Keywords of `global_defs`, but for those that an instance has, too.

use std::time::Duration;

use super::{
    super::{common::A_DAY, value},
    Action::Global,
    Context, ReadGlobal, Row,
    Support::{self, Accepted, Ignored, Mail, Refused},
};

pub(super) const ROWS: &[Row] = &[
    read("dynamic_interfaces", |defaults, _, _| {
        defaults.globals.dynamic_interfaces = true;
    }),
    read("enable_script_security", |defaults, _, _| {
        defaults.globals.script_security = true;
    }),
    read("router_id", |defaults, statement, report| {
        let id = value::one(statement, report);
        defaults.globals.router_id = id.map(str::to_owned);
    }),
    read("script_user", |defaults, statement, report| {
        defaults.script_user(statement, report);
    }),
    read("vrrp_rt_priority", |defaults, statement, report| {
        defaults.globals.rt_priority = value::number(statement, 1..=99, report);
    }),
    read("vrrp_startup_delay", |defaults, statement, report| {
        let delay = value::seconds(statement, Duration::ZERO..=A_DAY, report);
        defaults.common.departures.startup_delay = delay.unwrap_or_default();
    }),
    not("max_auto_priority", Accepted),
    not(
        "net_namespace",
        Refused("the node would run in another network namespace than the file says"),
    ),
    not("no_email_faults", Mail),
    not("notification_email", Mail),
    not("notification_email_from", Mail),
    not("smtp_alert", Mail),
    not("smtp_alert_checker", Mail),
    not("smtp_alert_vrrp", Mail),
    not("smtp_connect_timeout", Mail),
    not("smtp_helo_name", Mail),
    not("smtp_server", Mail),
    not(
        "vrrp_mcast_group4",
        Refused("adverts would go to 224.0.0.18, and both machines would be master"),
    )
    .unless(|statement| value::is_one_of(statement, &["224.0.0.18"])),
    not(
        "vrrp_mcast_group6",
        Refused("adverts would go to ff02::12, and both machines would be master"),
    )
    .unless(|statement| value::is_one_of(statement, &["ff02::12"])),
    // Zero is what happens without them; the sample of every distribution has them so.
    not("vrrp_garp_interval", Ignored("")).unless(value::is_zero),
    not("vrrp_gna_interval", Ignored("")).unless(value::is_zero),
];

const fn read(keyword: &'static str, read: ReadGlobal) -> Row {
    Row::new(keyword, Global(read))
}

const fn not(keyword: &'static str, support: Support) -> Row {
    Row::unsupported(Context::Globals, keyword, support)
}

/// Keywords that are ignored, each with a warning that names it.
pub(super) const IGNORED: &[&str] = &[
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
    "vrrp_cpu_affinity",
    "vrrp_delay_after_boot",
    "vrrp_garp_extra_if",
    "vrrp_garp_lower_prio_delay",
    "vrrp_garp_lower_prio_repeat",
    "vrrp_ipsets",
    "vrrp_iptables",
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
];
