//! Keywords outside of all blocks.

use super::{
    Action::Opens,
    Context, Row,
    Support::{self, Accepted, Ignored, Refused},
    Takes,
};

pub(super) const ROWS: &[Row] = &[
    Row::new("global_defs", Opens(Context::Globals))
        .takes(Takes::Block)
        .ends_blocks(),
    Row::new("vrrp_instance", Opens(Context::Instance))
        .takes(Takes::NameAndBlock)
        .ends_blocks(),
    not(
        "net_namespace",
        Refused("the node would run in another network namespace than the file says"),
    ),
    not(
        "static_ipaddress",
        Refused("these addresses would not be on the machine"),
    ),
    not(
        "static_routes",
        Refused("these routes would not be on the machine"),
    ),
    not(
        "static_rules",
        Refused("these rules would not be on the machine"),
    ),
    not("virtual_server", Ignored("no load balancing is set up")),
    not("virtual_server_group", Accepted),
    not("vrrp_script", Ignored("the script is not run")).ends_blocks(),
    not(
        "vrrp_sync_group",
        Ignored("its instances fail over one by one"),
    )
    .ends_blocks(),
];

const fn not(keyword: &'static str, support: Support) -> Row {
    Row::unsupported(Context::Top, keyword, support)
}
