//! `xvrrp run`: puts the node together, and takes it apart again in the opposite order.

use std::{
    collections::BTreeMap, io, panic, path::Path, process, thread::JoinHandle, time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use caps::Capability;
use tokio::runtime::Runtime;
use vrrp_ebpf::abi::vip_state;
use vrrp_user::{
    config::{self, Config, Diagnostic, Parsed, Severity},
    io::{
        bpf::{
            Attachment, Dataplane, EgressHook, VlanTags, Wishes,
            pinned::{self, InstancePins},
        },
        cleanup,
        control::{self, ControlError, Interface, Inventory, Setup, Signals},
        engine::{
            self, EngineHandle, Plan, Realtime, Resources, realtime::BoostedPriority,
            resignation::Resignations,
        },
        journal::{AddressRecord, EgressRecord, InterfaceRecord, Journal, MacRecord},
        machine::{self, Purpose, Refusal},
        membership::Memberships,
        netns, privilege, rivals,
        runtime_dir::{self, InstanceName, Lock, RuntimeDir, RuntimeDirError},
        unicast_filter::{self, Promiscuous},
    },
    ui,
};

use crate::{
    cli::Run,
    exit::{self, Misconfigured, Misused},
};

/// How long an engine may take to end that has nothing left to do.
const ENGINE_END: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// Runs the node until it is stopped.
pub(crate) fn run(arguments: &Run) -> anyhow::Result<()> {
    let config = configuration(arguments)?;
    let runtime = crate::control_runtime()?;
    let result = run_on(&runtime, arguments, &config);
    // A script that hangs before it has started is not waited for.
    runtime.shutdown_background();
    result
}

fn run_on(runtime: &Runtime, arguments: &Run, config: &Config) -> anyhow::Result<()> {
    let name = &arguments.instance.name;
    tracing::info!(
        "xvrrp {} starts as instance {name}, {} virtual routers",
        env!("CARGO_PKG_VERSION"),
        config.instances.len()
    );
    let directory = RuntimeDir::create(Path::new(runtime_dir::BASE), name)
        .map_err(|error| exit::with_privilege_hint(error, "a node"))?;
    let lock = directory.lock().map_err(with_name_hint)?;
    let pins = InstancePins::new(name.as_str());
    resign_in_a_panic(name, &pins)?;
    // Outlives the cleanup: on kernels without tcx the egress gate goes with it, which has to hold
    // back what the kernel sends from the virtual IPs until they are removed.
    let mut dataplane = None;
    let lacking = privilege::lacking().context("cannot read our capabilities")?;
    let result = runtime.block_on(node(
        arguments,
        config,
        &directory,
        &lock,
        &pins,
        &mut dataplane,
    ));
    let result = result.map_err(|error| with_lacking_capabilities(error, &lacking));
    // Whoever superseded us owns what we leave, and cleans up after it.
    if matches!(
        result.as_ref().map_err(|error| error.downcast_ref()),
        Err(Some(ControlError::Superseded))
    ) {
        // The egress gate included.
        std::mem::forget(dataplane);
        return result;
    }
    let cleaned = runtime
        .block_on(cleanup::leftovers(&directory, &lock, &pins))
        .map_err(anyhow::Error::from)
        .and_then(|_| Ok(directory.remove_all(lock)?));
    drop(dataplane);
    // Why the node ended comes before what could not be removed.
    result?;
    cleaned.context("cannot clean up")
}

/// A panic, of whichever thread, ends the process, for a node without one of its threads must not look alive; and
/// before that takes the ownership words and tells the Backups, as long as we are able to.
fn resign_in_a_panic(name: &InstanceName, pins: &InstancePins) -> anyhow::Result<()> {
    let directory = RuntimeDir::create(Path::new(runtime_dir::BASE), name)?;
    let pins = pins.clone();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Where the complaint goes may be full, and nobody can be told whether this worked.
        drop(cleanup::resign(&directory, &pins));
        before(info);
        process::abort();
    }));
    Ok(())
}

/// Two nodes of one machine meet here, whichever network namespaces they are in.
fn with_name_hint(error: RuntimeDirError) -> anyhow::Error {
    match error {
        RuntimeDirError::Locked { .. } => anyhow!(
            "{error}; another node on this machine, in whichever network namespace, needs a name of its own: \
             --instance NAME"
        ),
        error => error.into(),
    }
}

/// A refusal says which permission is missing.
fn with_lacking_capabilities(error: anyhow::Error, lacking: &[Capability]) -> anyhow::Error {
    let refused = |cause: &io::Error| cause.kind() == io::ErrorKind::PermissionDenied;
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    if lacking.is_empty() || !causes.any(refused) {
        return error;
    }
    let names = Vec::from_iter(lacking.iter().map(ToString::to_string)).join(", ");
    error.context(format!("this process lacks {names}, which a node needs"))
}

/// Reads the configuration and tells what is wrong with it.
fn configuration(arguments: &Run) -> anyhow::Result<Config> {
    if let Some(router) = arguments.quick.router() {
        let parsed = router.parse();
        tell(&parsed.diagnostics);
        let wrong = Misused("the command line has errors, nothing is started; see --help");
        return Ok(parsed.config.ok_or(wrong)?);
    }
    let parsed = config::load(&arguments.file);
    tell(&parsed.diagnostics);
    let wrong = Misconfigured("the configuration has errors, nothing is started");
    Ok(parsed.config.ok_or(wrong)?)
}

/// Logs what was found, each as loud as it is bad.
fn tell(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Note => tracing::debug!("{diagnostic}"),
            Severity::Warning => tracing::warn!("{diagnostic}"),
            Severity::Error => tracing::error!("{diagnostic}"),
        }
    }
}

/// Starts everything, runs the control plane, and waits for the engine. What is in the system then
/// is in the journal, for the caller to remove; the programs' own handle stays in `kept_dataplane`.
async fn node(
    arguments: &Run,
    config: &Config,
    directory: &RuntimeDir,
    lock: &Lock,
    pins: &InstancePins,
    kept_dataplane: &mut Option<Dataplane>,
) -> anyhow::Result<()> {
    let mut signals = Signals::install().context("cannot install signal handlers")?;
    let removed = cleanup::leftovers(directory, lock, pins)
        .await
        .context("cannot remove what an earlier run left")?;
    if !removed.is_empty() {
        tracing::warn!("removed what an earlier run left: {removed}");
    }
    let inventory = Inventory::read()
        .await
        .context("cannot read the interfaces")?;
    let found = machine::check(config, &inventory, Purpose::Run);
    tell(&found.diagnostics);
    let refused = "the configuration cannot run on this machine, nothing is started";
    match found.refusal {
        None => {}
        Some(Refusal::Absent) => bail!(refused),
        Some(Refusal::Wrong) => return Err(Misconfigured(refused).into()),
    }
    let mut plan = Plan::new(&config.instances, |name| inventory.find(name))?;
    fit(config, &mut plan, &inventory);
    let interfaces = interfaces(&plan, &inventory);
    let marked: Vec<u32> = plan.virtual_macs().map(|(index, _)| index).collect();
    if signals.stop_requested().await {
        return given_up();
    }
    let mut journal = journal(config, &plan, &inventory, &interfaces)?;
    journal.claim().store(directory)?;
    rivals::check(directory, &journal)?;
    // Until the engine starts, a virtual IP that is on its interface is somebody else's: a start
    // that fails has to leave it there.
    let ours = spare_present(&mut journal, &inventory);
    journal.store(directory)?;
    journal.bpffs_mounted = pinned::prepare(pins.directory())?;
    journal.store(directory)?;
    let promiscuous = receive_virtual_macs(&mut journal, directory)?;
    let log_frames = arguments.verbosity > 1;
    // Refused, the engine will be, too, and will say so.
    let boost = (!arguments.no_realtime).then(|| BoostedPriority::begin().ok());
    let dataplane = kept_dataplane.insert(Dataplane::attach(
        pins.directory(),
        &interfaces,
        Wishes {
            choice: arguments.xdp_mode.into(),
            marked: &marked,
            log: log_frames,
        },
    )?);
    if log_frames {
        tokio::spawn(dataplane.log_records()?);
    }
    note_attachments(&mut journal, &dataplane.attachments);
    journal.store(directory)?;

    let _memberships =
        Memberships::join(&plan.groups()).context("cannot join a multicast group")?;
    let counters = Box::new(dataplane.counters()?);
    if signals.stop_requested().await {
        return given_up();
    }
    journal.addresses = ours;
    journal.store(directory)?;
    let resignations = Resignations::new(&plan, &journal);
    let (engine, thread) = start_engine(arguments, config, plan, dataplane)?;
    drop(boost);
    privilege::drop_capabilities(journal.bpffs_mounted)?;
    let vip_states = std::sync::Arc::clone(&dataplane.vip_states);
    let result = control::run(Setup {
        has_vip: Box::new(move |vip| vip_states.get(vip) & vip_state::READY != 0),
        config,
        directory,
        engine,
        signals,
        pins: pins.directory(),
        resignations,
        interfaces: attached(&interfaces, &dataplane.attachments, &promiscuous),
        counters,
        show: ui::status::render,
        revalidate: arguments
            .quick
            .router()
            .is_none()
            .then(|| revalidate(arguments)),
    })
    .await;
    // What is wrong with the control plane comes first.
    let ended = await_end(thread, ENGINE_END).await;
    result?;
    ended
}

/// Waits for an engine that has been told to end. One that hangs must not keep us from taking its words.
async fn await_end(thread: JoinHandle<()>, limit: Duration) -> anyhow::Result<()> {
    let mut poll = tokio::time::interval(POLL);
    let ended = async {
        while !thread.is_finished() {
            poll.tick().await;
        }
    };
    if tokio::time::timeout(limit, ended).await.is_err() {
        bail!("the engine thread hangs");
    }
    // A panic would have ended the process.
    drop(thread.join());
    Ok(())
}

/// A stop during the start is a clean end.
fn given_up() -> anyhow::Result<()> {
    tracing::info!("Stopping before the start was complete");
    Ok(())
}

fn start_engine(
    arguments: &Run,
    config: &Config,
    plan: Plan,
    dataplane: &mut Dataplane,
) -> anyhow::Result<(EngineHandle, JoinHandle<()>)> {
    let resources = Resources {
        slots: std::sync::Arc::clone(&dataplane.slots),
        vip_states: std::sync::Arc::clone(&dataplane.vip_states),
        tables: dataplane.tables()?,
        events: dataplane.events()?,
    };
    let realtime = match config.globals.rt_priority {
        _ if arguments.no_realtime => Realtime::Off,
        Some(priority) => Realtime::Priority(priority),
        None => Realtime::Best,
    };
    engine::spawn(plan, resources, realtime).context("cannot start the engine")
}

/// Leaves out of the adverts what has no room in them on their interface, as keepalived does.
fn fit(config: &Config, plan: &mut Plan, inventory: &Inventory) {
    for (instance, router) in config.instances.iter().zip(&mut plan.routers) {
        let Some(mtu) = inventory.mtu(&instance.interface) else {
            continue;
        };
        let (listed, room) = (instance.advertised().count(), instance.fitting(mtu));
        router.fit(room);
        if room < listed {
            tracing::warn!(
                "{}: warning: ({}) Number of VIPs ({listed}) exceeds maximum/space available in packet \
                 (max {room} addresses) - excess moved to eVIPs: served, but not advertised; list them in \
                 `virtual_ipaddress_excluded`, on every router",
                instance.place,
                instance.name
            );
        }
    }
}

/// Every interface that needs programs, once, by name and index.
fn interfaces(plan: &Plan, inventory: &Inventory) -> Vec<(String, u32)> {
    let indices = plan.routers.iter().flat_map(|router| router.interfaces());
    let named = indices.filter_map(|index| Some((index, inventory.name(index)?.to_owned())));
    let unique: BTreeMap<u32, String> = named.collect();
    unique
        .into_iter()
        .map(|(index, name)| (name, index))
        .collect()
}

/// What is going to be put into the system. How egress will be attached is not known yet: a filter
/// is looked for, a qdisc is left alone.
fn journal(
    config: &Config,
    plan: &Plan,
    inventory: &Inventory,
    interfaces: &[(String, u32)],
) -> anyhow::Result<Journal> {
    let mut journal = Journal::new(netns::current().context("cannot name our network namespace")?);
    let record = |(name, index): &(String, u32)| InterfaceRecord {
        index: *index,
        name: name.clone(),
        egress: EgressRecord::ForeignClsact,
    };
    journal.interfaces = interfaces.iter().map(record).collect();
    let macs = plan.virtual_macs();
    journal.macs = macs.map(|(index, mac)| MacRecord { index, mac }).collect();
    for (instance, router) in config.instances.iter().zip(&plan.routers) {
        for vip in &instance.vips {
            let elsewhere = vip.device.as_ref().and_then(|name| inventory.find(name));
            let index = elsewhere.map_or(router.ifindex, |(index, _)| index);
            let is_usable = inventory.is_usable(index, vip.address);
            let is_present = inventory.is_present(index, vip.address);
            if instance.is_owner() && is_present && !is_usable {
                tracing::warn!(
                    "({}) duplicate address detection of {} is under way or has failed: xvrrp puts it back \
                     without; configure it with `nodad`",
                    instance.name,
                    vip.address
                );
            }
            if is_present && !instance.is_owner() {
                tracing::warn!(
                    "({}) {} is on its interface already: taken for what a killed node left, and removed; if keepalived runs here, stop it",
                    instance.name,
                    vip.address
                );
            }
            journal.addresses.push(AddressRecord {
                instance: instance.name.clone(),
                index,
                address: vip.address,
                prefix: vip.prefix,
                preexisting: instance.is_owner() && is_present,
            });
        }
    }
    Ok(journal)
}

/// Has the interfaces receive frames to virtual MACs. What was there before is not ours to remove, not
/// even if this fails.
//= C59: RFC 9568 section 8.1.2
fn receive_virtual_macs(
    journal: &mut Journal,
    directory: &RuntimeDir,
) -> anyhow::Result<Promiscuous> {
    if journal.macs.is_empty() {
        return Ok(Promiscuous::default());
    }
    let added = unicast_filter::add(&mut journal.macs);
    journal.store(directory)?;
    added.context("cannot receive frames to virtual MACs")
}

/// Marks every virtual IP that is on its interface as not ours to remove; returns the records as
/// they are to be once the engine runs.
fn spare_present(journal: &mut Journal, inventory: &Inventory) -> Vec<AddressRecord> {
    let ours = journal.addresses.clone();
    for record in &mut journal.addresses {
        record.preexisting = inventory.is_present(record.index, record.address);
    }
    ours
}

fn note_attachments(journal: &mut Journal, attachments: &[Attachment]) {
    for (record, attachment) in journal.interfaces.iter_mut().zip(attachments) {
        tell_reception(attachment);
        record.egress = match attachment.egress {
            EgressHook::Tcx => EgressRecord::Link,
            EgressHook::Clsact { added: true } => EgressRecord::OwnClsact,
            EgressHook::Clsact { added: false } => EgressRecord::ForeignClsact,
        };
    }
}

/// Says where received frames are judged, and whether their VLAN tags are seen there.
fn tell_reception(attachment: &Attachment) {
    let Attachment {
        interface,
        reception,
        egress,
    } = attachment;
    match &reception.reason {
        None => tracing::info!("{interface}: XDP {}, egress by {egress}", reception.mode),
        Some(reason) => tracing::info!(
            "{interface}: {} instead of XDP ({reason}), egress by {egress}",
            reception.mode
        ),
    }
    let VlanTags::Hidden { remedy, vlans } = &reception.vlan_tags else {
        return;
    };
    let hidden = "XDP does not see the VLAN tags that were taken off";
    if vlans.is_empty() {
        tracing::info!(
            "{interface}: {hidden}: where tagged frames may arrive, use {remedy}, or --xdp-mode tc"
        );
    } else {
        tracing::warn!(
            "{interface}: {hidden}, so that adverts of {} count here if the VRID is the same: use {remedy}, \
             or --xdp-mode tc",
            vlans.join(" and ")
        );
    }
}

fn attached(
    interfaces: &[(String, u32)],
    attachments: &[Attachment],
    promiscuous: &Promiscuous,
) -> Vec<Interface> {
    let pairs = interfaces.iter().zip(attachments);
    pairs
        .map(|((name, index), attachment)| Interface {
            name: name.clone(),
            renamed_to: None,
            index: *index,
            reception: attachment.reception.clone(),
            promiscuous: promiscuous.contains(*index),
        })
        .collect()
}

/// What SIGHUP does: reads the file again without using it.
fn revalidate(arguments: &Run) -> Box<dyn Fn() -> Result<String, String>> {
    let file = arguments.file.clone();
    Box::new(move || {
        let Parsed {
            config,
            diagnostics,
        } = config::load(&file);
        let errors = diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error);
        match config {
            Some(config) => Ok(format!(
                "{} is valid: {} virtual routers",
                file.display(),
                config.instances.len()
            )),
            None => Err(errors
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn an_engine_that_hangs_is_not_waited_for() {
        let (end, ending) = mpsc::channel::<()>();
        let engine = thread::spawn(move || ending.recv().unwrap_or_default());
        let error = await_end(engine, POLL).await.unwrap_err().to_string();
        assert_eq!(error, "the engine thread hangs");
        drop(end);
        let ended = await_end(thread::spawn(|| ()), ENGINE_END).await;
        assert!(ended.is_ok(), "{ended:?}");
    }

    #[test]
    fn a_refusal_names_what_is_lacking_and_other_errors_do_not() {
        let told = |error: anyhow::Error, lacking: &[Capability]| {
            format!(
                "{:#}",
                with_lacking_capabilities(error.context("cannot start"), lacking)
            )
        };
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied).into();
        assert_eq!(
            told(refused(), &[Capability::CAP_NET_RAW]),
            "this process lacks CAP_NET_RAW, which a node needs: cannot start: permission denied"
        );
        assert_eq!(told(refused(), &[]), "cannot start: permission denied");
        let other = told(anyhow!("no such thing"), &[Capability::CAP_NET_RAW]);
        assert_eq!(other, "cannot start: no such thing");
    }
}
