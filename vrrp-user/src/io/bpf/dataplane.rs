//! The programs, loaded, and the interfaces that they are on. Interfaces come and go one at a time while the node
//! runs, with no more privilege than it keeps: what the first ones do without is loaded as soon as these are served.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapData, PerCpuArray, RingBuf},
};
use nix::net::if_::if_indextoname;

use super::{
    BpfError, OBJECT,
    attach::{self, Choice, EgressHook, Filters, Reception},
    clocks,
    counters::CounterTable,
    device::Devices,
    foreign, log, map_error, pinned,
    shared::{self, Slots, VipStates},
    tables::Tables,
    take,
};
use crate::{ids::InterfaceId, io::causes::with_causes};

/// Enough for what loads programs; all of it may be locked in memory.
const STACK: usize = 256 << 10;

/// The programs on one interface. They stay when this is dropped: it takes [`Dataplane::detach`], or a clean-up, to
/// remove them.
#[derive(Debug)]
#[must_use]
pub struct Attachment {
    /// Interface name.
    pub interface: String,
    /// It.
    pub id: InterfaceId,
    /// What judges received frames.
    pub reception: Reception,
    /// Egress hook.
    pub egress: EgressHook,
    /// Frames to virtual MACs are taken.
    is_marked: bool,
    filters: Filters,
}

/// What came of attaching programs to interfaces.
#[derive(Debug)]
pub struct Attached {
    /// The interfaces that have them.
    pub attachments: Vec<Attachment>,
    /// The interface that was refused, if a clsact qdisc was made there, which stays.
    pub qdisc_of_refused: Option<InterfaceId>,
    /// Why it was refused.
    pub result: Result<(), BpfError>,
}

/// How the programs are loaded and attached.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// What is to judge received frames.
    pub choice: Choice,
    /// The programs log every frame that they refuse.
    pub log: bool,
}

/// An interface that is to have programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name now.
    pub interface: String,
    /// It.
    pub id: InterfaceId,
    /// Virtual MACs are used there.
    pub is_marked: bool,
}

/// The loaded programs. Dropping it closes our references; pinned links live on until
/// [`pinned::remove`].
#[derive(Debug)]
pub struct Dataplane {
    ebpf: Arc<Mutex<Ebpf>>,
    pins: PathBuf,
    choice: Choice,
    /// Indices of the interfaces with programs.
    attached: BTreeSet<u32>,
    /// Shared words, for engine and address worker.
    pub slots: Arc<Slots>,
    /// Shared words of the virtual IPs.
    pub vip_states: Arc<VipStates>,
}

impl Dataplane {
    /// Loads the programs, and pins the `SLOTS` map under `pins`. After an error the caller removes the pins.
    ///
    /// # Errors
    /// Without the object, without permission, when the kernel refuses a program; [`BpfError::Clock`]
    /// in a time namespace.
    pub fn load(pins: &Path, wishes: Wishes) -> Result<Self, BpfError> {
        if OBJECT.is_empty() {
            return Err(BpfError::Stub);
        }
        let level = log::level(wishes.log);
        let mut ebpf = EbpfLoader::new()
            .override_global(aya_log::LEVEL, &level, true)
            .load(OBJECT)?;
        clocks::compare(&mut ebpf)?;
        let slots = shared::array_data(&ebpf, "SLOTS")?;
        let pin = pins.join(pinned::SLOTS);
        slots.pin(&pin).map_err(|error| BpfError::Pin {
            path: pin,
            source: io::Error::other(error),
        })?;
        let slots = Arc::new(Slots::map(slots)?);
        let vip_states = Arc::new(VipStates::map(shared::array_data(&ebpf, "VIP_STATES")?)?);
        Ok(Self {
            ebpf: Arc::new(Mutex::new(ebpf)),
            pins: pins.to_owned(),
            choice: wishes.choice,
            attached: BTreeSet::new(),
            slots,
            vip_states,
        })
    }

    /// Loads, in a thread that ends with it, what the interfaces so far do without and a later one may need. To be called
    /// before the process gives up what that takes; who attaches meanwhile waits.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn load_rest(&self) -> io::Result<JoinHandle<()>> {
        let (ebpf, choice) = (Arc::clone(&self.ebpf), self.choice);
        let body = move || {
            if let Err(error) = attach::load(&mut lock(&ebpf), choice) {
                tracing::warn!(
                    "later interfaces may get no programs: {}",
                    with_causes(&error)
                );
            }
        };
        thread::Builder::new()
            .name("programs".to_owned())
            .stack_size(STACK)
            .spawn(body)
    }

    /// Attaches the programs to interfaces and pins their links. An interface that they cannot be attached to is left as
    /// it was, and ends it; those before it have their programs.
    ///
    /// Once the node has given up CAP_SYS_ADMIN, the kernel does not tell whose programs are on an interface: other nodes
    /// have to be looked for in their journals before.
    ///
    /// # Errors
    /// [`BpfError::Foreign`] and [`BpfError::Ours`] beside other programs, [`BpfError::Attach`] when the wanted mode
    /// does not work; what the kernel refuses.
    pub fn attach(&mut self, places: &[Place]) -> Attached {
        let mut attached = Attached {
            attachments: Vec::new(),
            qdisc_of_refused: None,
            result: Ok(()),
        };
        let devices = Devices::read().map_err(BpfError::Interfaces);
        attached.result = devices.and_then(|devices| {
            for place in places {
                let qdisc = &mut attached.qdisc_of_refused;
                let attachment = self.attach_one(place, &devices, qdisc)?;
                attached.attachments.push(attachment);
            }
            Ok(())
        });
        attached
    }

    fn attach_one(
        &mut self,
        place: &Place,
        devices: &Devices,
        qdisc_of_refused: &mut Option<InterfaceId>,
    ) -> Result<Attachment, BpfError> {
        let Place {
            interface,
            id: InterfaceId(index),
            is_marked,
        } = place;
        if self.attached.contains(index) {
            let twice = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(BpfError::Interfaces(twice));
        }
        let mut filters = Filters::default();
        // The gate on the way out comes first: nothing of a virtual IP leaves before it is judged what comes
        // in. In tc the last one attached is the first one asked, so that marking follows the judgement.
        let gate = self.pins.join(format!("egress-{index}"));
        let attached = foreign::refuse_other_nodes(interface, &gate).and_then(|()| {
            let ebpf = &mut *lock(&self.ebpf);
            let egress = attach::egress(ebpf, interface, &gate, &mut filters)?;
            if *is_marked {
                let pin = self.pins.join(format!("mark-{index}"));
                attach::mark(ebpf, interface, &pin, &mut filters)?;
            }
            let at = (interface.as_str(), *index);
            let reception =
                attach::ingress(ebpf, self.choice, devices, at, &self.pins, &mut filters)?;
            Ok((egress, reception))
        });
        match attached {
            Ok((egress, reception)) => {
                self.attached.insert(*index);
                Ok(Attachment {
                    interface: interface.clone(),
                    id: place.id,
                    reception,
                    egress,
                    is_marked: *is_marked,
                    filters,
                })
            }
            Err(error) => {
                // Whatever remains is the clean-up's to remove, by the journal.
                *qdisc_of_refused = filters.added_qdisc.then_some(place.id);
                drop(self.remove(*index, filters));
                Err(error)
            }
        }
    }

    /// Has frames to virtual MACs taken there, from now on or no more.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn set_marked(
        &mut self,
        attachment: &mut Attachment,
        is_marked: bool,
    ) -> Result<(), BpfError> {
        if attachment.is_marked == is_marked {
            return Ok(());
        }
        let pin = self.pins.join(format!("mark-{}", attachment.id.0));
        if is_marked {
            let filters = &mut attachment.filters;
            // It may be called otherwise by now, and another interface as it was.
            let index = attachment.id.0;
            let interface =
                if_indextoname(index).map_err(|error| BpfError::Interfaces(error.into()))?;
            attach::mark_later(
                &mut lock(&self.ebpf),
                &interface.to_string_lossy(),
                attachment.reception.mode,
                &pin,
                filters,
            )?;
        } else {
            unpin(&pin)?;
            attachment
                .filters
                .remove(&mut lock(&self.ebpf), attach::MARK_PROGRAM)?;
        }
        attachment.is_marked = is_marked;
        Ok(())
    }

    /// Detaches the programs from an interface that no virtual router is on any more, or that is gone.
    ///
    /// # Errors
    /// What the kernel refuses; as much as possible was detached all the same.
    pub fn detach(&mut self, attachment: Attachment) -> Result<(), BpfError> {
        self.attached.remove(&attachment.id.0);
        self.remove(attachment.id.0, attachment.filters)
    }

    /// The gate goes last: as long as anything of ours is there, nothing leaves that must not.
    fn remove(&mut self, index: u32, mut filters: Filters) -> Result<(), BpfError> {
        let mut result = Ok(());
        for program in ["xdp", "receive", "mark", "egress"] {
            let unpinned = unpin(&self.pins.join(format!("{program}-{index}")));
            result = result.and(unpinned);
        }
        for program in [
            attach::RECEIVE_PROGRAM,
            attach::MARK_PROGRAM,
            attach::EGRESS_PROGRAM,
        ] {
            let removed = filters.remove(&mut lock(&self.ebpf), program);
            result = result.and(removed);
        }
        result
    }

    /// Takes the maps that describe virtual routers and virtual IPs.
    ///
    /// # Errors
    /// When the object lacks one, or they were taken before.
    pub fn tables(&mut self) -> Result<Tables, BpfError> {
        Tables::take(&mut lock(&self.ebpf))
    }

    /// What forwards the programs' log to ours, for as long as it is polled.
    ///
    /// # Errors
    /// When the object lacks the map.
    pub fn log_records(
        &mut self,
    ) -> Result<impl Future<Output = io::Result<()>> + use<>, BpfError> {
        log::forward(&mut lock(&self.ebpf))
    }

    /// Takes the event ring.
    ///
    /// # Errors
    /// When the object lacks it, or it was taken before.
    pub fn events(&mut self) -> Result<RingBuf<MapData>, BpfError> {
        RingBuf::try_from(take(&mut lock(&self.ebpf), "EVENTS")?).map_err(map_error("EVENTS"))
    }

    /// Takes the counters.
    ///
    /// # Errors
    /// When the object lacks them, or they were taken before.
    pub fn counters(&mut self) -> Result<CounterTable, BpfError> {
        let map = take(&mut lock(&self.ebpf), "COUNTERS")?;
        let counters = PerCpuArray::try_from(map).map_err(map_error("COUNTERS"))?;
        let map = take(&mut lock(&self.ebpf), "SAMPLES")?;
        let samples = Array::try_from(map).map_err(map_error("SAMPLES"))?;
        Ok(CounterTable { counters, samples })
    }
}

fn lock(ebpf: &Mutex<Ebpf>) -> MutexGuard<'_, Ebpf> {
    // A panic ends the process.
    ebpf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes a pin; one that is not there is no error.
fn unpin(pin: &Path) -> Result<(), BpfError> {
    match fs::remove_file(pin) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(BpfError::Pin {
            path: pin.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
