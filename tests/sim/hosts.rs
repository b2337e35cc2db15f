//! What the hosts of the LAN believe: that the virtual IP is where it was announced last. They hear every
//! announcement, and ask nobody.

/// Where hosts send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Believed {
    #[default]
    Nobody,
    Node(usize),
    /// A host that uses the virtual IP as its own.
    Stranger,
}

/// The hosts, and what each router could know of whom they believe.
#[derive(Debug)]
pub(crate) struct Hosts {
    pub(crate) believed: Believed,
    /// When that one announced itself.
    pub(crate) since: u64,
    routers: Vec<Router>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Router {
    /// It gave way to a better router, and no advert was handed over since.
    silent: bool,
    /// The stranger's last claim reached it while it was Active.
    told: bool,
}

impl Hosts {
    pub(crate) fn new(routers: usize) -> Self {
        Self {
            believed: Believed::Nobody,
            since: 0,
            routers: vec![Router::default(); routers],
        }
    }

    pub(crate) fn announced(&mut self, now: u64, by: Believed) {
        self.believed = by;
        self.since = now;
        if by == Believed::Stranger {
            self.routers
                .iter_mut()
                .for_each(|router| router.told = false);
        }
    }

    pub(crate) fn started(&mut self, router: usize) {
        self.routers[router] = Router::default();
    }

    pub(crate) fn gave_way(&mut self, router: usize) {
        self.routers[router].silent = true;
    }

    pub(crate) fn advertised(&mut self, router: usize) {
        self.routers[router].silent = false;
    }

    pub(crate) fn told(&mut self, router: usize) {
        self.routers[router].told = true;
    }

    pub(crate) fn is_silent(&self, router: usize) -> bool {
        self.routers[router].silent
    }

    pub(crate) fn is_told(&self, router: usize) -> bool {
        self.routers[router].told
    }
}
