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
    not("bfd_cpu_affinity", Ignored("")),
    not("bfd_no_swap", Ignored("")),
    not("bfd_priority", Ignored("")),
    not("bfd_process_name", Ignored("")),
    not("bfd_rlimit_rttime", Ignored("")),
    not("bfd_rt_priority", Ignored("")),
    not("checker_cpu_affinity", Ignored("")),
    not("checker_log_all_failures", Ignored("")),
    not("checker_no_swap", Ignored("")),
    not("checker_priority", Ignored("")),
    not("checker_process_name", Ignored("")),
    not("checker_rlimit_rttime", Ignored("")),
    not("checker_rt_priority", Ignored("")),
    not("config_save_dir", Ignored("")),
    not("data_use_instance", Ignored("")),
    not("dbus_service_name", Ignored("")),
    not("default_interface", Ignored("")),
    not("disable_local_igmp", Ignored("")),
    not("enable_dbus", Ignored("")),
    not("enable_snmp_checker", Ignored("")),
    not("enable_snmp_keepalived", Ignored("")),
    not("enable_snmp_rfc", Ignored("")),
    not("enable_snmp_rfcv2", Ignored("")),
    not("enable_snmp_rfcv3", Ignored("")),
    not("enable_snmp_vrrp", Ignored("")),
    not("enable_traps", Ignored("")),
    not("fifo_write_vrrp_states_on_reload", Ignored("")),
    not("include_check", Ignored("")),
    not("instance", Ignored("")),
    not("json_dump_file", Ignored("")),
    not("json_version", Ignored("")),
    not("linkbeat_use_polling", Ignored("")),
    not("log_unknown_vrids", Ignored("")),
    not("lvs_flush", Ignored("")),
    not("lvs_flush_on_stop", Ignored("")),
    not("lvs_netlink_cmd_rcv_bufs", Ignored("")),
    not("lvs_netlink_cmd_rcv_bufs_force", Ignored("")),
    not("lvs_netlink_monitor_rcv_bufs", Ignored("")),
    not("lvs_netlink_monitor_rcv_bufs_force", Ignored("")),
    not("lvs_notify_fifo", Ignored("")),
    not("lvs_notify_fifo_script", Ignored("")),
    not("lvs_sync_daemon", Ignored("")),
    not("lvs_timeouts", Ignored("")),
    not("min_auto_priority_delay", Ignored("")),
    not("nftables", Ignored("")),
    not("nftables_counters", Ignored("")),
    not("nftables_ifindex", Ignored("")),
    not("nftables_ipvs", Ignored("")),
    not("nftables_priority", Ignored("")),
    not("no_checker_emails", Ignored("")),
    not("notify_fifo", Ignored("")),
    not("notify_fifo_script", Ignored("")),
    not("process_monitor_rcv_bufs", Ignored("")),
    not("process_monitor_rcv_bufs_force", Ignored("")),
    not("process_name", Ignored("")),
    not("process_names", Ignored("")),
    not("random_seed", Ignored("")),
    not("reload_check_config", Ignored("")),
    not("reload_file", Ignored("")),
    not("reload_repeat", Ignored("")),
    not("reload_time_file", Ignored("")),
    not("rs_init_notifies", Ignored("")),
    not("shutdown_script", Ignored("")),
    not("shutdown_script_timeout", Ignored("")),
    not("snmp_socket", Ignored("")),
    not("startup_script", Ignored("")),
    not("startup_script_timeout", Ignored("")),
    not("state_dump_file", Ignored("")),
    not("stats_dump_file", Ignored("")),
    not("tmp_config_directory", Ignored("")),
    not("umask", Ignored("")),
    not("use_pid_dir", Ignored("")),
    not("use_symlink_paths", Ignored("")),
    not("vmac_addr_prefix", Ignored("")),
    not("vmac_prefix", Ignored("")),
    not("vrrp_cpu_affinity", Ignored("")),
    not("vrrp_delay_after_boot", Ignored("")),
    not("vrrp_garp_extra_if", Ignored("")),
    not("vrrp_garp_lower_prio_delay", Ignored("")),
    not("vrrp_garp_lower_prio_repeat", Ignored("")),
    not("vrrp_ipsets", Ignored("")),
    not("vrrp_iptables", Ignored("")),
    not("vrrp_min_garp", Ignored("")),
    not("vrrp_netlink_cmd_rcv_bufs", Ignored("")),
    not("vrrp_netlink_cmd_rcv_bufs_force", Ignored("")),
    not("vrrp_netlink_monitor_rcv_bufs", Ignored("")),
    not("vrrp_netlink_monitor_rcv_bufs_force", Ignored("")),
    not("vrrp_no_swap", Ignored("")),
    not("vrrp_notify_fifo", Ignored("")),
    not("vrrp_notify_fifo_script", Ignored("")),
    not("vrrp_notify_priority_changes", Ignored("")),
    not("vrrp_owner_ignore_adverts", Ignored("")),
    not("vrrp_priority", Ignored("")),
    not("vrrp_process_name", Ignored("")),
    not("vrrp_rlimit_rttime", Ignored("")),
    not("vrrp_rx_bufs_multiplier", Ignored("")),
    not("vrrp_rx_bufs_policy", Ignored("")),
];

const fn read(keyword: &'static str, read: ReadGlobal) -> Row {
    Row::new(keyword, Global(read))
}

const fn not(keyword: &'static str, support: Support) -> Row {
    Row::unsupported(Context::Globals, keyword, support)
}
